#include "engine/lif/readout.h"

#include <algorithm>
#include <cstddef>

#include "engine/base/status.h"

namespace torpor {

std::vector<float> MeanKernel(const LifNeuron& neuron, LifOrder order, int steps) {
  // From drive to the first P that it moves.
  const int delay = order == LifOrder::kDelayed ? 2 : 0;
  std::vector<float> kernel(static_cast<size_t>(steps), 0.0f);
  double q = 1;
  double p = 0;
  double sum = 0;
  for (int t = steps - 1 - delay; t >= 0; --t) {
    p = static_cast<double>(neuron.beta) * p + q;
    q *= static_cast<double>(neuron.alpha);
    sum += p;
    kernel[static_cast<size_t>(t)] = static_cast<float>(sum / steps);
  }
  return kernel;
}

void RunningMean::Reset(int units) {
  steps_ = 0;
  q_.assign(static_cast<size_t>(units), 0.0f);
  p_.assign(static_cast<size_t>(units), 0.0f);
  sum_.assign(static_cast<size_t>(units), 0.0);
}

void RunningMean::RestartMean() {
  steps_ = 0;
  std::fill(sum_.begin(), sum_.end(), 0.0);
}

void RunningMean::ScaleDrive(float by) {
  for (float& x : q_) x *= by;
  for (float& x : p_) x *= by;
  for (double& x : sum_) x *= static_cast<double>(by);
}

void RunningMean::Step(const LifNeuron& neuron, LifOrder order, std::span<const float> drive,
                       std::span<float> mean) {
  TORPOR_CHECK(drive.size() == q_.size() && mean.size() == q_.size());
  ++steps_;
  for (size_t i = 0; i < q_.size(); ++i) {
    if (order == LifOrder::kImmediate) {
      q_[i] = neuron.alpha * q_[i] + drive[i];
      p_[i] = neuron.beta * p_[i] + q_[i];
      sum_[i] += p_[i];
    } else {
      sum_[i] += p_[i];
      p_[i] = neuron.beta * p_[i] + q_[i];
      q_[i] = neuron.alpha * q_[i] + drive[i];
    }
    mean[i] = static_cast<float>(sum_[i] / steps_);
  }
}

}  // namespace torpor
