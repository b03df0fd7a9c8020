// Fuzz target of definitions of networks with traces, with a training and a power mode: what is
// accepted and small is built, run, trained and stored.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/base/status.h"
#include "engine/base/thread_pool.h"
#include "engine/energy/memory_estimate.h"
#include "engine/energy/memory_profiles.h"
#include "engine/energy/profiles.h"
#include "engine/families.h"
#include "engine/lif/definition.h"
#include "engine/network/validation.h"
#include "tests/fuzz/messages.h"

namespace torpor::fuzz {

inline void CheckLifShapes(const LifDefinition& definition) {
  TORPOR_CHECK(definition.steps >= 1 && definition.steps <= kMaxLifSteps);
  TORPOR_CHECK(definition.inputs >= 1 && definition.features() <= kMaxInputElements);
  int values = definition.inputs;
  for (const LifLayerShape& layer : definition.layers) {
    TORPOR_CHECK(layer.inputs == values && layer.outputs >= 1);
    values = layer.outputs;
    TORPOR_CHECK(layer.synapses() <= kMaxSynapses);
    const LifNeuron& neuron = layer.neuron;
    for (const float decay : {neuron.alpha, neuron.beta, neuron.gamma}) {
      TORPOR_CHECK(decay >= 0 && decay < 1);
    }
    TORPOR_CHECK(neuron.threshold > 0 && std::isfinite(neuron.threshold));
    TORPOR_CHECK(neuron.delta >= 0 && std::isfinite(neuron.delta));
    const float range = static_cast<float>(layer.initial_range);
    TORPOR_CHECK(range > 0 && std::isfinite(range));
  }
  TORPOR_CHECK(definition.classes() >= 1);
}

// About the operations of a sample with all inputs active.
inline double WorkOf(const LifDefinition& definition) {
  double work = definition.features();
  for (const LifLayerShape& layer : definition.layers) {
    const double places =
        layer.kind == LifLayerKind::kConv2d ? static_cast<double>(layer.output_image.plane()) : 1;
    work += definition.steps *
            (static_cast<double>(layer.synapses()) * places + layer.inputs + layer.outputs);
  }
  return work;
}

// Intensities and spikes, some of each.
inline std::vector<float> LifSample(const Model& model) {
  std::vector<float> values(static_cast<size_t>(model.features()));
  for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i % 7) / 6;
  return values;
}

inline void RunLifSample(const Model& model, const Deployment& deployment, bool trained) {
  TORPOR_CHECK(deployment.features() == model.features() && deployment.block_samples() >= 1);
  const std::vector<float> values = LifSample(model);
  std::vector<float> scores(static_cast<size_t>(model.classes()));
  const SampleTask task = {.input = {.values = values}, .key = {.sample = 5}};
  SampleResult result;
  result.scores = scores;
  TORPOR_CHECK(deployment.Run({&task, 1}, {&result, 1}, Cancellation()).ok());
  TORPOR_CHECK(result.steps_used >= 1 && result.steps_used <= deployment.mode().steps());
  // A learning rate beyond all sense may make weights that are.
  if (trained) return;
  for (const float score : scores) TORPOR_CHECK(std::isfinite(score));
  TORPOR_CHECK(std::isfinite(result.activity.Total(&LayerActivity::synaptic_power).value()));
}

inline void StoreLif(const Model& model) {
  const std::string archive = SerializeModel(model);
  const auto again = ParseModel(archive, BuildModel);
  TORPOR_CHECK(again.ok() && SerializeModel(**again) == archive);
  for (const std::optional<int> bits : {std::optional<int>(), std::optional<int>(3)}) {
    const auto arrays = model.WeightArrays(bits);
    TORPOR_CHECK(arrays.ok());
    const auto memory = EstimateMemory(*arrays, {}, FindProfile(kMemoryProfile).value());
    TORPOR_CHECK(memory.ok());
    for (const v1::MemoryEstimate& total : memory->totals()) {
      TORPOR_CHECK(std::isfinite(total.forward_uj()) && total.storage_bits() >= 0);
    }
  }
}

// One step on a batch of two.
inline void TrainLif(Model& model, const v1::TrainSpec& spec, int steps) {
  static ThreadPool* const pool = new ThreadPool(1);
  const auto trainer = model.NewTrainer(spec, pool);
  if (!trainer.ok()) {
    TORPOR_CHECK(trainer.status().code() == absl::StatusCode::kInvalidArgument);
    TORPOR_CHECK(!trainer.status().message().empty());
    return;
  }
  const std::vector<float> sample = LifSample(model);
  Matrix inputs(2, model.features());
  for (Eigen::Index i = 0; i < inputs.cols(); ++i) {
    inputs(0, i) = sample[static_cast<size_t>(i)];
    inputs(1, i) = 1 - sample[static_cast<size_t>(i)];
  }
  const std::vector<int32_t> labels = {0, model.classes() - 1};
  std::vector<uint8_t> targets(2 * static_cast<size_t>(steps) *
                               static_cast<size_t>(model.classes()));
  for (size_t i = 0; i < targets.size(); i += 3) targets[i] = 1;
  const Batch batch = {.inputs = View(std::as_const(inputs)),
                       .labels = labels,
                       .progress = 0.25,
                       .targets = targets};
  const std::string before = SerializeModel(model);
  StepReport report;
  const absl::Status status = (*trainer)->Step(batch, report);
  if (!status.ok()) {
    TORPOR_CHECK(ReasonOf(status) == "DIVERGED" && SerializeModel(model) == before);
    return;
  }
  TORPOR_CHECK(report.samples == 2 && std::isfinite(report.loss));
}

// A Network, a TrainSpec and a PowerMode, each behind its length; the last two may lack.
inline int FuzzLif(const uint8_t* data, size_t size) {
  constexpr double kMostWork = 300'000;
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  v1::Network network;
  if (!TakeMessage(rest, network) || !network.has_lif()) return 0;
  v1::TrainSpec spec;
  v1::PowerMode mode;
  if (TakeMessage(rest, spec)) TakeMessage(rest, mode);
  const auto definition = ResolveLif(network);
  if (!definition.ok()) {
    TORPOR_CHECK(definition.status().code() == absl::StatusCode::kInvalidArgument);
    TORPOR_CHECK(!definition.status().message().empty());
    return 0;
  }
  CheckLifShapes(*definition);
  DescribeLif(*definition);
  if (WorkOf(*definition) > kMostWork) return 1;
  const auto model = BuildModel(network, 3);
  TORPOR_CHECK(model.ok());
  const auto full = (*model)->Deploy({}, {});
  TORPOR_CHECK(full.ok());
  RunLifSample(**model, **full, false);
  StoreLif(**model);
  const auto deployment = (*model)->Deploy(mode, {});
  if (deployment.ok()) RunLifSample(**model, **deployment, false);
  TrainLif(**model, spec, definition->steps);
  const auto trained = (*model)->Deploy(mode, {});
  TORPOR_CHECK(trained.ok() == deployment.ok());
  if (trained.ok()) RunLifSample(**model, **trained, true);
  return 1;
}

}  // namespace torpor::fuzz
