#include "server/session/deploy.h"

namespace torpor {

bool NoiseAwaitsCalibration(const Model& model, const v1::Realisation& realisation) {
  return realisation.column_noise() > 0 && model.calibration().dataset_digest().empty();
}

absl::StatusOr<std::shared_ptr<const Deployment>> DeployOn(const Model& model,
                                                           const v1::PowerMode& mode,
                                                           const v1::Realisation& realisation) {
  if (!NoiseAwaitsCalibration(model, realisation)) return model.Deploy(mode, realisation);
  v1::Realisation quiet = realisation;
  quiet.clear_column_noise();
  return model.Deploy(mode, quiet);
}

}  // namespace torpor
