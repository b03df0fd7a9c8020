#include "engine/base/status.h"
#include "engine/job/kinds.h"
#include "engine/power/mode_bench.h"

namespace torpor {

absl::Status RunEvaluate(const JobContext& context, v1::WorkResult& result) {
  const v1::EvaluateSpec& spec = context.order->spec().evaluate();
  TORPOR_RETURN_IF_ERROR(context.reporter->Started(context.attempt, 0));
  TORPOR_ASSIGN_OR_RETURN(std::unique_ptr<Model> model, LoadInputModel(context));
  TORPOR_RETURN_IF_ERROR(CheckJobData(context, spec.dataset()));
  TORPOR_ASSIGN_OR_RETURN(
      Dataset data, LoadJobData(context, *model, spec.dataset(), spec.split(), spec.samples()));
  TORPOR_RETURN_IF_ERROR(context.cancellation->Check());

  const v1::Realisation& realisation = context.order->realisation();
  const NoisePlan noise = PlanOf(spec.noise());
  const double passes = 2 + (HasNoiseUnit(*model) ? noise.passes() : 0);
  FractionReporter fractions(context.reporter);
  absl::Status reported;
  double done = 0;
  const auto after_pass = [&] { reported.Update(fractions.Report(++done / passes)); };
  TORPOR_ASSIGN_OR_RETURN(const ModeBench bench,
                          ModeBench::Create(*model, realisation, data, context.pool,
                                            *context.cancellation, after_pass));
  TORPOR_ASSIGN_OR_RETURN(const v1::PowerSweepRow row,
                          bench.Measure(context.order->power_mode(), noise));
  TORPOR_RETURN_IF_ERROR(reported);

  std::map<std::string, double> metrics;
  AddPowerMetrics(row, metrics);
  CopyMetrics(metrics, result.mutable_metrics());
  *result.mutable_provenance() = JobProvenance(context, realisation.seed());
  result.mutable_provenance()->set_samples(data.size());
  return absl::OkStatus();
}

}  // namespace torpor
