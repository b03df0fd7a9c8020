#include "engine/base/status.h"
#include "engine/job/kinds.h"

namespace torpor {

absl::Status RunCalibrate(const JobContext& context, v1::WorkResult& result) {
  const v1::CalibrateSpec& spec = context.order->spec().calibrate();
  TORPOR_ASSIGN_OR_RETURN(JobInput input,
                          BeginJob(context, spec.dataset(), v1::Split::TRAIN, spec.samples()));
  TORPOR_RETURN_IF_ERROR(input.model->Calibrate(input.data, spec.dataset(),
                                                context.order->dataset_digest(), context.pool,
                                                *context.cancellation));
  TORPOR_RETURN_IF_ERROR(SaveResultModel(context, *input.model, result));

  (*result.mutable_metrics())["full_power"] = input.model->calibration().full_power();
  *result.mutable_provenance() = JobProvenance(context, 0, input.data.size());
  return absl::OkStatus();
}

}  // namespace torpor
