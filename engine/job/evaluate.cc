#include "engine/power/evaluate.h"
#include "engine/base/status.h"
#include "engine/job/kinds.h"

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
  TORPOR_ASSIGN_OR_RETURN(std::shared_ptr<const Deployment> full,
                          model->Deploy(v1::PowerMode(), realisation));
  TORPOR_ASSIGN_OR_RETURN(std::shared_ptr<const Deployment> deployment,
                          model->Deploy(context.order->power_mode(), realisation));
  TORPOR_ASSIGN_OR_RETURN(FullPowerReference reference,
                          MeasureFullPower(*full, data, context.pool, *context.cancellation));
  v1::Progress halfway;
  halfway.set_fraction(0.5);
  TORPOR_RETURN_IF_ERROR(context.reporter->Progress(halfway));
  TORPOR_ASSIGN_OR_RETURN(v1::PowerSweepRow row, EvaluateMode(*deployment, reference, data,
                                                              context.pool, *context.cancellation));

  std::map<std::string, double> metrics;
  AddAccuracyMetrics(row, "", metrics);
  metrics["ece"] = row.ece();
  metrics["agreement"] = row.agreement();
  metrics["agreement_low"] = row.agreement_low();
  metrics["agreement_high"] = row.agreement_high();
  metrics["nasp"] = row.nasp();
  metrics["nasp_nominal"] = row.nasp_nominal();
  CopyMetrics(metrics, result.mutable_metrics());
  *result.mutable_provenance() = JobProvenance(context, realisation.seed());
  result.mutable_provenance()->set_samples(data.size());
  return absl::OkStatus();
}

}  // namespace torpor
