// Reading scores of fewer steps as probabilities.
#pragma once

#include <vector>

#include "engine/base/thread_pool.h"
#include "engine/data/dataset.h"
#include "engine/lif/definition.h"
#include "engine/lif/weights.h"

namespace torpor {

// [steps]: of scores after step n, where nothing is known but `full`, the temperature of scores of
// all steps: counts of fewer steps are smaller in proportion, time means are of the same size.
std::vector<double> AssumedStepTemperatures(const LifDefinition& definition, double full);

// [steps]: at which the softmax of scores after step n is nearest, by cross-entropy, to that of all
// steps at `full`, which is the last of them. Membranes need time to rise and classes to part, and
// how much depends on the network, its code and its data, so this is measured: on a part of `data`,
// a few thousand samples, the first with key 0. Labels play no part. The same bits for any number
// of threads.
std::vector<double> MeasuredStepTemperatures(const LifDefinition& definition,
                                             const LifParameters& weights, const Dataset& data,
                                             double full, ThreadPool* pool);

}  // namespace torpor
