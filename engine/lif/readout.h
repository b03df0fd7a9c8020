// Scores of a layer that integrates: the time mean of P, which has no threshold.
#pragma once

#include <span>
#include <vector>

#include "engine/lif/neuron.h"

namespace torpor {

// P is linear in its spikes, so the mean over `steps` steps of what one spike at step t brings is a
// fixed number: k[t] = (1 / steps) sum over n of P[n], for one unit of drive at t (schaefer,
// section 7). Scores are the sum over spikes of k[t] times their weights. [steps].
std::vector<float> MeanKernel(const LifNeuron& neuron, LifOrder order, int steps);

// The same step by step, for streams and for stopping early. Not thread-safe.
class RunningMean {
 public:
  // At rest.
  void Reset(int units);
  // Begins a new mean; Q and P go on.
  void RestartMean();
  // To what it would be had all drive until now been `by` times what it was.
  void ScaleDrive(float by);
  // Takes the drive [units] of the next step; brings `mean` [units] to the mean of P over all steps
  // until now.
  void Step(const LifNeuron& neuron, LifOrder order, std::span<const float> drive,
            std::span<float> mean);
  int steps() const { return steps_; }

 private:
  int steps_ = 0;
  // [units]; the sum of P over steps in double, since streams may be long.
  std::vector<float> q_, p_;
  std::vector<double> sum_;
};

}  // namespace torpor
