// Deploying a session's model on its realisation.
#pragma once

#include <memory>

#include "absl/status/statusor.h"
#include "engine/network/model.h"

namespace torpor {

// Whether the realisation's column noise has to wait: its unit is the spread of the calibrated
// network's pre-activations, and a network that was never trained has none.
bool NoiseAwaitsCalibration(const Model& model, const v1::Realisation& realisation);

// The model at `mode` on `realisation`; noise that awaits calibration is left out until a trained
// or calibrated model is installed, so that a session can name its hardware before its first
// training. Errors as Model::Deploy.
absl::StatusOr<std::shared_ptr<const Deployment>> DeployOn(const Model& model,
                                                           const v1::PowerMode& mode,
                                                           const v1::Realisation& realisation);

}  // namespace torpor
