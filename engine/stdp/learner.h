// A network that learns from one sample at a time.
#pragma once

#include <cstdint>
#include <span>
#include <variant>
#include <vector>

#include "absl/functional/function_ref.h"
#include "engine/base/simd.h"
#include "engine/stdp/gated_rule.h"
#include "engine/stdp/learning.h"
#include "engine/stdp/pairwise_rule.h"
#include "engine/stdp/plastic_weights.h"
#include "engine/stdp/population.h"
#include "engine/stdp/sample_spikes.h"
#include "engine/stdp/spike_train.h"
#include "engine/stdp/windowed_rule.h"

namespace torpor {

// Holds the weights in the form that it computes on; Weights() copies them out. Not thread-safe.
class Learner {
 public:
  Learner(const StdpParameters& parameters, const StdpWeights& weights,
          const LearningSettings& settings, const StateFormats& formats, uint64_t seed,
          Instructions with = BestInstructions());

  // One sample with learning rate nu1 (of a post-synaptic spike): theta decays, the sample's steps
  // run, what spiked is normalised. `train` has parameters.steps steps; `counts` [neurons] is set
  // to the spikes that each neuron emitted. A function of the state, the arguments and the seeds.
  StdpCounts Present(const SpikeTrain& train, uint64_t sample, float nu1,
                     std::span<int32_t> counts);
  // The same, told of the neurons that emit in each step.
  using Watch = absl::FunctionRef<void(int step, std::span<const uint32_t> emitted)>;
  StdpCounts Present(const SpikeTrain& train, uint64_t sample, float nu1, std::span<int32_t> counts,
                     Watch watch);

  // What is learned, as it stands: to show samples without a copy, valid until the next Present.
  const WeightRows& rows() const { return weights_.rows(); }
  std::span<const float> theta() const { return population_.theta(); }
  // A learner made of them goes on as this one would.
  StdpWeights Weights() const;

 private:
  int64_t Learn(std::span<const uint32_t> input, std::span<const uint32_t> emitted, int step,
                float nu1);

  const StdpParameters parameters_;
  const float norm_;
  std::variant<PairwiseRule, WindowedRule, GatedRule> rule_;
  PlasticWeights weights_;
  Population population_;
  SampleSpikes spikes_;
  std::vector<double> sums_;
};

}  // namespace torpor
