#include "engine/rate/deployment.h"

#include <algorithm>
#include <utility>

#include "engine/base/random.h"
#include "engine/base/status.h"
#include "engine/rate/kernels.h"
#include "engine/scaling/synaptic_power.h"

namespace torpor {
namespace {

// Batches below this run sample by sample: reading the rows of non-zero inputs beats packing all
// weights.
constexpr size_t kSmallBatch = 4;
constexpr int64_t kLargestBlock = 128;
// Multiply-accumulates of one block.
constexpr int64_t kBlockWork = 1'000'000'000;

}  // namespace

RateDeployment::RateDeployment(std::shared_ptr<const FrozenWeights> weights,
                               std::vector<RateLayerDrive> drives, uint64_t noise_seed,
                               v1::PowerMode mode, ReadOut read_out)
    : weights_(std::move(weights)),
      drives_(std::move(drives)),
      noise_seed_(noise_seed),
      mode_(std::move(mode)),
      read_out_(read_out) {
  TORPOR_CHECK(drives_.size() == weights_->layers.size());
  int64_t work = 0;
  for (size_t l = 0; l < drives_.size(); ++l) {
    const FrozenLayer& layer = weights_->layers[l];
    bias_power_.push_back(BiasPower(drives_[l].bias));
    footprint_.layers.push_back({.name = layer.shape.name,
                                 .synapses = layer.weight_t.size(),
                                 .biases = static_cast<int64_t>(layer.bias.size()),
                                 .weight_bits = 32,
                                 .density = layer.density});
    widest_ = std::max(widest_, layer.shape.units);
    work += layer.weight_t.size();
  }
  block_ = static_cast<int>(std::clamp<int64_t>(kBlockWork / work, 1, kLargestBlock));
}

absl::Status RateDeployment::Run(std::span<const SampleTask> tasks, std::span<SampleResult> results,
                                 const Cancellation& cancellation) const {
  TORPOR_CHECK(tasks.size() == results.size());
  for (size_t i = 0; i < tasks.size(); ++i) {
    TORPOR_CHECK(static_cast<int>(tasks[i].input.values.size()) == features());
    TORPOR_CHECK(static_cast<int>(results[i].scores.size()) == read_out_.classes);
  }
  for (size_t first = 0; first < tasks.size();) {
    TORPOR_RETURN_IF_ERROR(cancellation.Check());
    const size_t count = std::min<size_t>(tasks.size() - first, static_cast<size_t>(block_));
    if (count < kSmallBatch) {
      for (size_t i = first; i < first + count; ++i) RunOne(tasks[i], results[i]);
    } else {
      RunBlock(tasks.subspan(first, count), results.subspan(first, count));
    }
    first += count;
  }
  return absl::OkStatus();
}

void RateDeployment::RunOne(const SampleTask& task, SampleResult& result) const {
  result.activity.layers.assign(drives_.size(), LayerActivity());
  std::vector<float> buffers(2 * static_cast<size_t>(widest_));
  std::vector<float> noise;
  std::span<const float> u = task.input.values;
  float* here = buffers.data();
  float* there = here + widest_;
  for (size_t l = 0; l < drives_.size(); ++l) {
    const FrozenLayer& layer = weights_->layers[l];
    const bool last = l + 1 == drives_.size();
    const std::span<float> s =
        last ? result.scores : std::span<float>(here, static_cast<size_t>(layer.shape.units));
    Meter(l, u, result);
    SparseProduct(View(layer.weight_t), u, s);
    Drive(l, task.key, s, noise);
    if (last) break;
    Activate(layer.shape.activation, s, s);
    u = s;
    std::swap(here, there);
  }
}

void RateDeployment::RunBlock(std::span<const SampleTask> tasks,
                              std::span<SampleResult> results) const {
  const int64_t n = static_cast<int64_t>(tasks.size());
  Matrix inputs(n, features());
  for (int64_t i = 0; i < n; ++i) {
    const std::span<const float> values = tasks[static_cast<size_t>(i)].input.values;
    std::copy(values.begin(), values.end(), &inputs(i, 0));
    results[static_cast<size_t>(i)].activity.layers.assign(drives_.size(), LayerActivity());
  }
  Matrix sums;
  std::vector<float> noise;
  for (size_t l = 0; l < drives_.size(); ++l) {
    const FrozenLayer& layer = weights_->layers[l];
    const bool last = l + 1 == drives_.size();
    const size_t width = static_cast<size_t>(layer.shape.units);
    sums.resize(n, layer.shape.units);
    GemmAb(View(std::as_const(inputs)), View(layer.weight_t), 0, View(sums));
    for (int64_t i = 0; i < n; ++i) {
      SampleResult& result = results[static_cast<size_t>(i)];
      Meter(l, {&inputs(i, 0), static_cast<size_t>(inputs.cols())}, result);
      const std::span<float> s(&sums(i, 0), width);
      Drive(l, tasks[static_cast<size_t>(i)].key, s, noise);
      if (last) {
        std::copy(s.begin(), s.end(), result.scores.begin());
      } else {
        Activate(layer.shape.activation, s, s);
      }
    }
    std::swap(inputs, sums);
  }
}

void RateDeployment::Meter(size_t l, std::span<const float> u, SampleResult& result) const {
  const FrozenLayer& layer = weights_->layers[l];
  LayerActivity& activity = result.activity.layers[l];
  activity.synaptic_power =
      drives_[l].epsilon * WeightPower(u, layer.column_power) + bias_power_[l];
  activity.synaptic_events =
      static_cast<double>(CountNonZero(u)) * static_cast<double>(layer.shape.units);
  Recorder* recorder = result.recorder;
  if (recorder == nullptr) return;
  if (recorder->squared_inputs.empty()) {
    for (const FrozenLayer& each : weights_->layers) {
      recorder->squared_inputs.push_back(Eigen::VectorXd::Zero(each.shape.inputs));
    }
  }
  Eigen::VectorXd& squares = recorder->squared_inputs[l];
  for (size_t j = 0; j < u.size(); ++j) {
    squares[static_cast<int64_t>(j)] += static_cast<double>(u[j]) * u[j];
  }
  if (l == 0) ++recorder->samples;
}

void RateDeployment::Drive(size_t l, RunKey key, std::span<float> s,
                           std::vector<float>& noise) const {
  const RateLayerDrive& drive = drives_[l];
  std::span<const float> normals;
  if (drive.noise > 0) {
    noise.resize(s.size());
    RandomStream(noise_seed_, RandomPurpose::kColumnNoise, static_cast<uint32_t>(l), key.sample)
        .FillNormal(noise);
    normals = noise;
  }
  ScaleAndShift(static_cast<float>(drive.epsilon), drive.bias, drive.noise, normals, s);
}

double RateDeployment::NominalSynapticPower(const Recorder& recorder) const {
  TORPOR_CHECK(recorder.samples > 0 && recorder.squared_inputs.size() == drives_.size());
  double power = 0;
  for (size_t l = 0; l < drives_.size(); ++l) {
    const std::vector<double>& column_power = weights_->layers[l].column_power;
    const Eigen::VectorXd& squares = recorder.squared_inputs[l];
    TORPOR_CHECK(squares.size() == static_cast<int64_t>(column_power.size()));
    const double weight_power =
        squares.dot(Eigen::Map<const Eigen::VectorXd>(column_power.data(), squares.size()));
    power +=
        drives_[l].epsilon * weight_power / static_cast<double>(recorder.samples) + bias_power_[l];
  }
  return power;
}

}  // namespace torpor
