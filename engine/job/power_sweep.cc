#include "engine/power/sweep.h"

#include "engine/base/status.h"
#include "engine/job/kinds.h"

namespace torpor {

absl::Status RunPowerSweep(const JobContext& context, v1::WorkResult& result) {
  const v1::PowerSweepSpec& spec = context.order->spec().power_sweep();
  TORPOR_ASSIGN_OR_RETURN(JobInput input,
                          BeginJob(context, spec.dataset(), spec.split(), spec.samples()));
  const v1::Realisation& realisation = RealisationOf(context, spec);

  MeasurementReporter reporter(context.reporter);
  PowerProgress progress;
  progress.on_row = [&](int, int, const v1::PowerSweepRow& row) { reporter.Row(row); };
  progress.on_fraction = [&](double fraction) { reporter.Fraction(fraction); };
  TORPOR_ASSIGN_OR_RETURN(std::vector<v1::PowerSweepRow> rows,
                          SweepPower(*input.model, spec, realisation, input.data, context.pool,
                                     *context.cancellation, progress));
  TORPOR_RETURN_IF_ERROR(reporter.status());

  for (v1::PowerSweepRow& row : rows) *result.add_rows() = std::move(row);
  *result.mutable_provenance() = JobProvenance(context, realisation.seed(), input.data.size());
  return absl::OkStatus();
}

}  // namespace torpor
