// What a neuron that learned without labels stands for, and what a sample's spikes say.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace torpor {

struct NeuronLabels {
  int classes = 0;
  // [neurons]: the class of the highest mean response; kUnassigned if the neuron never fired.
  std::vector<int32_t> assigned;
  // [neurons x classes]: mean response to each class over the sum of all of them; 0 if it never
  // fired.
  std::vector<float> proportions;

  static constexpr int32_t kUnassigned = -1;
};

// `responses` [neurons x classes]: spikes summed over the samples of each class; `samples`
// [classes]: their numbers, where a class without samples has no response. Ties go to the lowest
// class.
NeuronLabels AssignLabels(std::span<const int64_t> responses, std::span<const int64_t> samples);

// ACTIVITY (Diehl and Cook, 2015, section 2.6): mean spike count of the neurons assigned to each
// class; 0 for a class without neurons. `counts` [neurons], `scores` [classes].
void ActivityScores(const NeuronLabels& labels, std::span<const int32_t> counts,
                    std::span<float> scores);

// PROPORTION: spike counts weighted by each neuron's class proportions, over all spikes, so that
// the scores of a sample with labelled spikes add up to 1.
void ProportionScores(const NeuronLabels& labels, std::span<const int32_t> counts,
                      std::span<float> scores);

}  // namespace torpor
