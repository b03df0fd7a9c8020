// Accuracy under additive column noise: what a small signal costs (metric noise_accuracy).
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "engine/base/cancellation.h"
#include "engine/base/status.h"
#include "engine/base/thread_pool.h"
#include "engine/data/dataset.h"
#include "engine/network/model.h"
#include "torpor/v1/job.pb.h"

namespace torpor {

// A NoiseSpec with its defaults: levels 0.01 and 0.03, 5 seeds. No levels: nothing is measured.
struct NoisePlan {
  // As Realisation.column_noise.
  std::vector<double> levels;
  int seeds = 5;
  int passes() const { return static_cast<int>(levels.size()) * seeds; }
};
NoisePlan PlanOf(const v1::NoiseSpec& spec);
// The same for a model: without levels unless the spec names some, where noise is not usual
// (Model::noise_is_usual).
NoisePlan PlanFor(const v1::NoiseSpec& spec, const Model& model);

// Adds what is wrong with a specification: at most 100 levels in (0, 10], seeds in 1..1000 (0: the
// default). `path` ends with a dot, e.g. "spec.evaluate.noise.".
void CheckNoise(const v1::NoiseSpec& spec, const std::string& path, Violations& violations);

// Seed of the k-th noise of a realisation. Levels and modes share these seeds, so that what they
// differ in is not the luck of the draw.
uint64_t NoiseSeed(uint64_t realisation_seed, int k);

// One entry for each level: the accuracy of `mode` with that column noise in place of the
// realisation's own, mean over the plan's seeds, with Student's interval (Wilson's for one seed).
// The noise's unit is the calibrated deviation of pre-activations: a model without calibration has
// none, and the answer is empty. `after_pass` is called after each pass over the data. The same
// bits for any number of threads.
absl::StatusOr<std::vector<v1::NoiseAccuracy>> MeasureNoise(
    const Model& model, const v1::PowerMode& mode, const v1::Realisation& realisation,
    const NoisePlan& plan, const Dataset& data, ThreadPool* pool, const Cancellation& cancellation,
    const std::function<void()>& after_pass = nullptr);

// Whether MeasureNoise has a unit of noise for this model: it is calibrated, and the columns of its
// hardware carry noise.
bool HasNoiseUnit(const Model& model);

}  // namespace torpor
