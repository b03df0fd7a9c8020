#include "engine/base/status.h"
#include "engine/job/kinds.h"
#include "engine/power/search.h"

namespace torpor {

absl::Status RunPowerSearch(const JobContext& context, v1::WorkResult& result) {
  const v1::PowerSearchSpec& spec = context.order->spec().power_search();
  TORPOR_ASSIGN_OR_RETURN(JobInput input,
                          BeginJob(context, spec.dataset(), spec.split(), spec.samples()));
  const v1::Realisation& realisation = RealisationOf(context, spec);

  MeasurementReporter reporter(context.reporter);
  PowerProgress progress;
  progress.on_row = [&](int, int, const v1::PowerSweepRow& row) { reporter.Row(row); };
  progress.on_fraction = [&](double fraction) { reporter.Fraction(fraction); };
  absl::StatusOr<SearchResult> search = SearchPower(*input.model, spec, realisation, input.data,
                                                    context.pool, *context.cancellation, progress);
  if (!search.ok()) return WithFieldPrefix(search.status(), "spec.power_search.");
  TORPOR_RETURN_IF_ERROR(reporter.status());

  std::map<std::string, double> metrics;
  const v1::PowerSweepRow& found = search->rows.back();
  AddPowerMetrics(found, metrics);
  CopyMetrics(metrics, result.mutable_metrics());
  *result.mutable_found_mode() = std::move(search->found);
  for (v1::PowerSweepRow& row : search->rows) *result.add_rows() = std::move(row);
  *result.mutable_provenance() = JobProvenance(context, realisation.seed(), input.data.size());
  return absl::OkStatus();
}

}  // namespace torpor
