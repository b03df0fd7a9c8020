#include "engine/lif/spike_losses.h"

#include <vector>

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

double SilentDistanceSquared(const VanRossum& loss, const LifSpikes& target, int units) {
  const double square = loss.decay * loss.decay;
  // [steps]: decay^k, and the sum of decay^2i over i < k.
  std::vector<double> decayed = {1}, series = {0};
  for (int k = 0; k < target.steps(); ++k) {
    decayed.push_back(decayed.back() * loss.decay);
    series.push_back(1 + square * series.back());
  }
  // Of each unit: f* at its last spike.
  std::vector<double> filtered(static_cast<size_t>(units));
  std::vector<int> last(static_cast<size_t>(units));
  double sum = 0;
  for (int n = 0; n < target.steps(); ++n) {
    for (const uint32_t i : target.At(n)) {
      const auto gap = static_cast<size_t>(n - last[i]);
      sum += filtered[i] * filtered[i] * series[gap];
      filtered[i] = filtered[i] * decayed[gap] + 1;
      last[i] = n;
    }
  }
  for (size_t i = 0; i < filtered.size(); ++i) {
    sum += filtered[i] * filtered[i] * series[static_cast<size_t>(target.steps() - last[i])];
  }
  return sum / loss.tau;
}

}  // namespace torpor
