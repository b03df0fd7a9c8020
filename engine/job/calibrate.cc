#include "engine/base/status.h"
#include "engine/job/kinds.h"

namespace torpor {

absl::Status RunCalibrate(const JobContext& context, v1::WorkResult& result) {
  const v1::CalibrateSpec& spec = context.order->spec().calibrate();
  TORPOR_RETURN_IF_ERROR(context.reporter->Started(context.attempt, 0));
  TORPOR_ASSIGN_OR_RETURN(std::unique_ptr<Model> model, LoadInputModel(context));
  TORPOR_RETURN_IF_ERROR(CheckJobData(context, spec.dataset()));
  TORPOR_ASSIGN_OR_RETURN(
      Dataset data, LoadJobData(context, *model, spec.dataset(), v1::Split::TRAIN, spec.samples()));
  TORPOR_RETURN_IF_ERROR(model->Calibrate(data, spec.dataset(), context.order->dataset_digest(),
                                          context.pool, *context.cancellation));
  TORPOR_RETURN_IF_ERROR(SaveResultModel(context, *model, result));

  (*result.mutable_metrics())["full_power"] = model->calibration().full_power();
  *result.mutable_provenance() = JobProvenance(context, 0);
  result.mutable_provenance()->set_samples(data.size());
  return absl::OkStatus();
}

}  // namespace torpor
