#include "absl/time/clock.h"
#include "engine/base/status.h"
#include "engine/job/kinds.h"
#include "engine/power/evaluate.h"

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

  const absl::Time begin = absl::Now();
  // The sweep goes on after a row that could not be reported; the first such error fails the job
  // afterwards.
  absl::Status reported;
  const auto on_row = [&](int done, int total, const v1::PowerSweepRow& row) {
    reported.Update(context.reporter->Row(row));
    v1::Progress progress;
    progress.set_fraction(static_cast<double>(done) / total);
    *progress.mutable_eta() = ToProtoDuration((absl::Now() - begin) * (total - done) / done);
    reported.Update(context.reporter->Progress(std::move(progress)));
  };
  TORPOR_ASSIGN_OR_RETURN(
      std::vector<v1::PowerSweepRow> rows,
      SweepPower(*model, spec, realisation, data, context.pool, *context.cancellation, on_row));
  TORPOR_RETURN_IF_ERROR(reported);

  for (v1::PowerSweepRow& row : rows) *result.add_rows() = std::move(row);
  *result.mutable_provenance() = JobProvenance(context, realisation.seed());
  result.mutable_provenance()->set_samples(data.size());
  return absl::OkStatus();
}

}  // namespace torpor
