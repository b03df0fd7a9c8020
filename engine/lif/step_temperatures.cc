#include "engine/lif/step_temperatures.h"

#include <algorithm>
#include <cstdint>
#include <utility>

#include "engine/learn/metrics.h"
#include "engine/learn/temperature.h"
#include "engine/lif/plan_of.h"
#include "engine/lif/sample_encoder.h"
#include "engine/lif/stream_pass.h"

namespace torpor {
namespace {

// Temperatures are fitted to a per cent or two with these; fewer where they have many steps.
constexpr int64_t kMostSamples = 4000;
constexpr int64_t kMostValues = int64_t{1} << 24;
// One task of a thread.
constexpr int64_t kBlock = 64;

// [steps] of [samples x classes], of samples spread evenly over `data`.
std::vector<Matrix> ScoresByStep(const LifDefinition& definition, const LifParameters& weights,
                                 const Dataset& data, ThreadPool* pool) {
  const LifPlan plan = PlanOf(definition, {}, /*by_events=*/true);
  const std::vector<LifWeights> views = ViewsOf(definition, weights);
  const int64_t values = int64_t{definition.steps} * definition.classes();
  const int64_t samples =
      std::min(data.size(), std::clamp<int64_t>(kMostValues / values, 1, kMostSamples));
  std::vector<Matrix> scores(static_cast<size_t>(definition.steps),
                             Matrix(samples, definition.classes()));
  const int64_t blocks = (samples + kBlock - 1) / kBlock;
  pool->ParallelFor(static_cast<int>(blocks), [&](int block) {
    LifSampleEncoder encoder(definition, /*seed=*/0);
    LifStreamPass pass(&plan);
    std::vector<float> sample(static_cast<size_t>(data.features()));
    for (int64_t i = block * kBlock; i < std::min(samples, (block + 1) * kBlock); ++i) {
      const int64_t at = i * data.size() / samples;
      data.CopySample(at, sample);
      LifStreamState state;
      pass.Run(views,
               encoder.Encode({.values = sample}, static_cast<uint64_t>(at), definition.steps),
               definition.steps, state);
      for (size_t n = 0; n < scores.size(); ++n) {
        scores[n].row(i) = pass.scores().row(static_cast<Eigen::Index>(n));
      }
    }
  });
  return scores;
}

Matrix SharesOf(const Matrix& scores, double temperature) {
  const auto classes = static_cast<size_t>(scores.cols());
  const ReadOut read_out = {.activation = v1::Activation::LINEAR,
                            .loss = v1::Loss::CE,
                            .classes = static_cast<int>(classes),
                            .temperature = temperature};
  Matrix shares(scores.rows(), scores.cols());
  std::vector<double> of_one(classes);
  for (Eigen::Index i = 0; i < scores.rows(); ++i) {
    Outputs(read_out, {scores.row(i).data(), classes}, of_one);
    for (size_t c = 0; c < classes; ++c) {
      shares(i, static_cast<Eigen::Index>(c)) = static_cast<float>(of_one[c]);
    }
  }
  return shares;
}

}  // namespace

std::vector<double> AssumedStepTemperatures(const LifDefinition& definition, double full) {
  std::vector<double> temperatures(static_cast<size_t>(definition.steps), full);
  if (definition.integrates) return temperatures;
  for (int n = 0; n < definition.steps; ++n) {
    temperatures[static_cast<size_t>(n)] *= static_cast<double>(n + 1) / definition.steps;
  }
  return temperatures;
}

std::vector<double> MeasuredStepTemperatures(const LifDefinition& definition,
                                             const LifParameters& weights, const Dataset& data,
                                             double full, ThreadPool* pool) {
  std::vector<double> temperatures = AssumedStepTemperatures(definition, full);
  const std::vector<Matrix> scores = ScoresByStep(definition, weights, data, pool);
  const Matrix shares = SharesOf(scores.back(), full);
  pool->ParallelFor(definition.steps - 1, [&](int n) {
    const Matrix& now = scores[static_cast<size_t>(n)];
    // Before anything has reached the last layer, any temperature will do.
    if ((now.array() == 0).all()) return;
    temperatures[static_cast<size_t>(n)] = FitTemperature(View(now), View(shares));
  });
  return temperatures;
}

}  // namespace torpor
