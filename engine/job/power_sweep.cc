#include "engine/power/sweep.h"

#include "engine/base/status.h"
#include "engine/job/kinds.h"

namespace torpor {

absl::Status RunPowerSweep(const JobContext& context, v1::WorkResult& result) {
  const v1::PowerSweepSpec& spec = context.order->spec().power_sweep();
  TORPOR_RETURN_IF_ERROR(context.reporter->Started(context.attempt, 0));
  TORPOR_ASSIGN_OR_RETURN(std::unique_ptr<Model> model, LoadInputModel(context));
  TORPOR_RETURN_IF_ERROR(CheckJobData(context, spec.dataset()));
  TORPOR_ASSIGN_OR_RETURN(
      Dataset data, LoadJobData(context, *model, spec.dataset(), spec.split(), spec.samples()));
  const v1::Realisation& realisation =
      spec.has_realisation() ? spec.realisation() : context.order->realisation();

  FractionReporter fractions(context.reporter);
  // The sweep goes on after an event that could not be written; the first such error fails the job
  // afterwards.
  absl::Status reported;
  PowerProgress progress;
  progress.on_row = [&](int, int, const v1::PowerSweepRow& row) {
    reported.Update(context.reporter->Row(row));
  };
  progress.on_fraction = [&](double fraction) { reported.Update(fractions.Report(fraction)); };
  TORPOR_ASSIGN_OR_RETURN(
      std::vector<v1::PowerSweepRow> rows,
      SweepPower(*model, spec, realisation, data, context.pool, *context.cancellation, progress));
  TORPOR_RETURN_IF_ERROR(reported);

  for (v1::PowerSweepRow& row : rows) *result.add_rows() = std::move(row);
  *result.mutable_provenance() = JobProvenance(context, realisation.seed());
  result.mutable_provenance()->set_samples(data.size());
  return absl::OkStatus();
}

}  // namespace torpor
