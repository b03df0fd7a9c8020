#include "engine/base/status.h"
#include "engine/job/kinds.h"
#include "engine/power/search.h"

namespace torpor {

absl::Status RunPowerSearch(const JobContext& context, v1::WorkResult& result) {
  const v1::PowerSearchSpec& spec = context.order->spec().power_search();
  TORPOR_RETURN_IF_ERROR(context.reporter->Started(context.attempt, 0));
  TORPOR_ASSIGN_OR_RETURN(std::unique_ptr<Model> model, LoadInputModel(context));
  TORPOR_RETURN_IF_ERROR(CheckJobData(context, spec.dataset()));
  TORPOR_ASSIGN_OR_RETURN(
      Dataset data, LoadJobData(context, *model, spec.dataset(), spec.split(), spec.samples()));
  const v1::Realisation& realisation =
      spec.has_realisation() ? spec.realisation() : context.order->realisation();

  FractionReporter fractions(context.reporter);
  absl::Status reported;
  PowerProgress progress;
  progress.on_row = [&](int, int, const v1::PowerSweepRow& row) {
    reported.Update(context.reporter->Row(row));
  };
  progress.on_fraction = [&](double fraction) { reported.Update(fractions.Report(fraction)); };
  absl::StatusOr<SearchResult> search =
      SearchPower(*model, spec, realisation, data, context.pool, *context.cancellation, progress);
  if (!search.ok()) return WithFieldPrefix(search.status(), "spec.power_search.");
  TORPOR_RETURN_IF_ERROR(reported);

  std::map<std::string, double> metrics;
  const v1::PowerSweepRow& found = search->rows.back();
  AddPowerMetrics(found, metrics);
  CopyMetrics(metrics, result.mutable_metrics());
  *result.mutable_found_mode() = std::move(search->found);
  for (v1::PowerSweepRow& row : search->rows) *result.add_rows() = std::move(row);
  *result.mutable_provenance() = JobProvenance(context, realisation.seed());
  result.mutable_provenance()->set_samples(data.size());
  return absl::OkStatus();
}

}  // namespace torpor
