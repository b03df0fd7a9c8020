// What each neuron answers to: labels are given to neurons after they learned without any.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "engine/base/cancellation.h"
#include "engine/base/thread_pool.h"
#include "engine/data/dataset.h"
#include "engine/stdp/labels.h"
#include "engine/stdp/parameters.h"
#include "engine/stdp/plan.h"

namespace torpor {

// Of samples that were shown to a network that does not learn.
struct StdpResponses {
  // A neuron that emitted in one sample.
  struct Emitted {
    uint32_t neuron = 0;
    int32_t spikes = 0;
  };
  // [neurons x classes]: spikes, summed over the samples of each class.
  std::vector<int64_t> spikes;
  // [classes]
  std::vector<int64_t> samples;
  // [inputs]: spikes that reached the neurons.
  std::vector<int64_t> input_spikes;
  // By sample.
  std::vector<std::vector<Emitted>> emitted;
};

// INVALID_ARGUMENT with path "dataset" where samples have another number of values, labels are
// beyond the plan's classes, or a class has no sample: nothing could stand for it.
absl::Status CheckLabelled(const StdpPlan& plan, const Dataset& data);

// Sample i is shown with key i, at all steps, with float32 or stored weights as the plan says. Sums
// are of integers, so the same for any number of threads. Errors are CheckLabelled's.
absl::StatusOr<StdpResponses> RecordResponses(const StdpPlan& plan, const StdpWeights& weights,
                                              const Dataset& data, ThreadPool* pool,
                                              const Cancellation& cancellation);

// Scores of the classes from spike counts [neurons], by the plan's read-out.
void StdpScores(v1::StdpReadOut::Kind read_out, const NeuronLabels& labels,
                std::span<const int32_t> counts, std::span<float> scores);

// The temperature at which softmax of the recorded samples' scores is calibrated best.
double ReadOutTemperature(v1::StdpReadOut::Kind read_out, const NeuronLabels& labels,
                          const StdpResponses& responses, const Dataset& data);

}  // namespace torpor
