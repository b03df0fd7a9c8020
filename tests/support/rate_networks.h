// Rate networks for tests: definitions, models and plain training.
#pragma once

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "engine/base/random.h"
#include "engine/base/status.h"
#include "engine/families.h"
#include "engine/network/model.h"

namespace torpor::testing {

struct LayerOf {
  int units;
  v1::Activation::Kind activation;
};

inline v1::Network RateNetworkOf(int inputs, const std::vector<LayerOf>& layers) {
  v1::Network network;
  network.mutable_rate()->mutable_input()->add_shape(inputs);
  for (const LayerOf& each : layers) {
    v1::RateLayer& layer = *network.mutable_rate()->add_layers();
    layer.mutable_dense()->set_units(each.units);
    layer.set_activation(each.activation);
  }
  return network;
}

inline std::unique_ptr<Model> ModelOf(int inputs, const std::vector<LayerOf>& layers,
                                      uint64_t seed = 1) {
  auto model = BuildModel(RateNetworkOf(inputs, layers), seed);
  TORPOR_CHECK(model.ok());
  return *std::move(model);
}

// Epochs first..end-1 of training, in the order that (seed, epoch) gives.
inline absl::Status TrainEpochs(Trainer& trainer, const Dataset& data, int batch, uint64_t seed,
                                int first, int end, StepReport* last = nullptr) {
  Matrix inputs(batch, data.features());
  std::vector<int32_t> labels(static_cast<size_t>(batch));
  for (int epoch = first; epoch < end; ++epoch) {
    StepReport report;
    const std::vector<uint32_t> order =
        Permutation(seed, RandomPurpose::kShuffle, static_cast<uint64_t>(epoch),
                    static_cast<uint32_t>(data.size()));
    for (size_t at = 0; at < order.size(); at += static_cast<size_t>(batch)) {
      const size_t count = std::min(static_cast<size_t>(batch), order.size() - at);
      for (size_t i = 0; i < count; ++i) {
        data.CopySample(order[at + i], {inputs.row(static_cast<Eigen::Index>(i)).data(),
                                        static_cast<size_t>(inputs.cols())});
        labels[i] = data.label(order[at + i]);
      }
      TORPOR_RETURN_IF_ERROR(
          trainer.Step({.inputs = Rows(inputs, 0, static_cast<Eigen::Index>(count)),
                        .labels = std::span(labels).first(count)},
                       report));
    }
    if (last != nullptr) *last = report;
  }
  return absl::OkStatus();
}

// Scores of samples [n x classes]; sample i has key first_key + i.
inline Matrix ScoresOf(const Deployment& deployment, const Matrix& inputs, uint64_t first_key = 0,
                       std::vector<Activity>* activities = nullptr) {
  const size_t n = static_cast<size_t>(inputs.rows());
  const size_t classes = static_cast<size_t>(deployment.read_out().classes);
  Matrix scores(inputs.rows(), deployment.read_out().classes);
  std::vector<SampleTask> tasks(n);
  std::vector<SampleResult> results(n);
  for (size_t i = 0; i < n; ++i) {
    const Eigen::Index row = static_cast<Eigen::Index>(i);
    tasks[i].input.values = {inputs.row(row).data(), static_cast<size_t>(inputs.cols())};
    tasks[i].key.sample = first_key + i;
    results[i].scores = {scores.row(row).data(), classes};
  }
  const Cancellation cancellation;
  TORPOR_CHECK(deployment.Run(tasks, results, cancellation).ok());
  if (activities != nullptr) {
    activities->clear();
    for (const SampleResult& result : results) activities->push_back(result.activity);
  }
  return scores;
}

inline std::shared_ptr<const Deployment> DeployOf(const Model& model, double epsilon,
                                                  v1::BiasPolicy::Kind bias,
                                                  const v1::Realisation& chip = {}) {
  v1::PowerMode mode;
  mode.set_epsilon(epsilon);
  mode.set_bias(bias);
  auto deployment = model.Deploy(mode, chip);
  TORPOR_CHECK(deployment.ok());
  return *std::move(deployment);
}

}  // namespace torpor::testing
