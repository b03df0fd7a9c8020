#include "engine/lif/spike_losses.h"

#include "engine/base/status.h"

namespace torpor {

float VanRossumLoss(const VanRossum& loss, const LifSpikes& spikes, const LifSpikes& target,
                    float scale, MatrixView errors) {
  const auto steps = static_cast<int>(errors.rows());
  TORPOR_CHECK(spikes.steps() == steps && target.steps() == steps);
  errors.setZero();
  for (int n = 0; n < steps; ++n) {
    for (const uint32_t i : spikes.At(n)) errors(n, i) += 1;
    for (const uint32_t i : target.At(n)) errors(n, i) -= 1;
  }
  return VanRossumLoss<float>(loss, steps, static_cast<int>(errors.cols()), scale, errors.data(),
                              errors.outerStride());
}

}  // namespace torpor
