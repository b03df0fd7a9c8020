#include "engine/base/status.h"
#include "engine/job/kinds.h"
#include "engine/power/mode_bench.h"

namespace torpor {

absl::Status RunEvaluate(const JobContext& context, v1::WorkResult& result) {
  const v1::EvaluateSpec& spec = context.order->spec().evaluate();
  TORPOR_ASSIGN_OR_RETURN(JobInput input,
                          BeginJob(context, spec.dataset(), spec.split(), spec.samples()));
  TORPOR_RETURN_IF_ERROR(context.cancellation->Check());

  const v1::Realisation& realisation = context.order->realisation();
  const NoisePlan noise = PlanFor(spec.noise(), *input.model);
  const double passes = 2 + (HasNoiseUnit(*input.model) ? noise.passes() : 0);
  MeasurementReporter reporter(context.reporter);
  double done = 0;
  const auto after_pass = [&] { reporter.Fraction(++done / passes); };
  TORPOR_ASSIGN_OR_RETURN(
      const ModeBench bench,
      ModeBench::Create(*input.model, realisation, input.data, context.pool, *context.cancellation,
                        after_pass, spec.has_energy_profile() ? &spec.energy_profile() : nullptr));
  TORPOR_ASSIGN_OR_RETURN(const v1::PowerSweepRow row,
                          bench.Measure(context.order->power_mode(), noise));
  TORPOR_RETURN_IF_ERROR(reporter.status());

  std::map<std::string, double> metrics;
  AddPowerMetrics(row, metrics);
  CopyMetrics(metrics, result.mutable_metrics());
  *result.add_rows() = row;
  *result.mutable_provenance() = JobProvenance(context, realisation.seed(), input.data.size());
  return absl::OkStatus();
}

}  // namespace torpor
