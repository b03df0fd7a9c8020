#include "engine/rate/deployment.h"

#include <algorithm>
#include <new>
#include <utility>

#include "engine/base/random.h"
#include "engine/base/status.h"
#include "engine/energy/profiles.h"
#include "engine/rate/kernels.h"
#include "engine/scaling/synaptic_power.h"

namespace torpor {
namespace {

constexpr int64_t kLargestBlock = 256;
// Multiply-accumulates of one block.
constexpr int64_t kBlockWork = 1'000'000'000;
// Values between two layers of one block of images.
constexpr int64_t kBlockImages = 131072;

float* Reserve(std::vector<float>& buffer, size_t values) {
  if (buffer.size() < values) buffer.resize(values);
  return buffer.data();
}

// Samples of a narrow layer that are multiplied, metered and driven while they are in the nearest
// cache; a wide layer takes all of a block at once, since its weights are the larger part.
constexpr Eigen::Index kNarrowRows = 8;

// Whether to run these samples one by one, reading the weights of their non-zero inputs alone,
// rather than as one product that reads each weight once for several samples. Either gives the same
// bits. The rule is the crossing of measured times of a 784 x 1000 layer: 0.5 + 37 x density us a
// sample against 13.6 us (Zen 4, AVX-512).
bool RunSingly(std::span<const SampleTask> tasks, const RateLayerShape& shape) {
  if (tasks.size() == 1) return true;
  if (shape.kind != RateLayerKind::kDense || shape.units < kNarrowUnits) return false;
  const int64_t bound =
      static_cast<int64_t>(tasks.size() * tasks[0].input.values.size()) * 35 / 100;
  int64_t non_zero = 0;
  for (size_t i = 0; i < tasks.size() && non_zero <= bound; ++i) {
    non_zero += CountNonZero(tasks[i].input.values);
  }
  return non_zero <= bound;
}

// The inputs as one matrix: in place where samples lie one after another, else copied into
// `buffer`.
ConstMatrixView Gather(std::span<const SampleTask> tasks, int features, float* buffer) {
  const Eigen::Index n = static_cast<Eigen::Index>(tasks.size());
  const Eigen::OuterStride<> stride(features);
  const float* first = tasks[0].input.values.data();
  bool contiguous = true;
  for (size_t i = 1; i < tasks.size() && contiguous; ++i) {
    contiguous = tasks[i].input.values.data() == first + i * static_cast<size_t>(features);
  }
  if (contiguous) return ConstMatrixView(first, n, features, stride);
  for (size_t i = 0; i < tasks.size(); ++i) {
    const std::span<const float> values = tasks[i].input.values;
    std::copy(values.begin(), values.end(), buffer + i * static_cast<size_t>(features));
  }
  return ConstMatrixView(buffer, n, features, stride);
}

}  // namespace

RateDeployment::RateDeployment(std::shared_ptr<const FrozenWeights> weights,
                               std::vector<RateLayerDrive> drives, uint64_t noise_seed,
                               v1::PowerMode mode, ReadOut read_out, bool metered,
                               DigitalOutput output)
    : weights_(std::move(weights)),
      drives_(std::move(drives)),
      own_power_(drives_.size()),
      noise_seed_(noise_seed),
      mode_(std::move(mode)),
      read_out_(read_out),
      metered_(metered),
      output_(output) {
  TORPOR_CHECK(drives_.size() == weights_->layers.size());
  int64_t work = 0;
  bool images = false;
  for (size_t l = 0; l < drives_.size(); ++l) {
    const FrozenLayer& layer = weights_->layers[l];
    if (!drives_[l].floor_power.empty()) {
      own_power_[l].column_power = drives_[l].floor_power;
      for (size_t j = 0; j < layer.column_power.size(); ++j) {
        own_power_[l].column_power[j] += drives_[l].weight_power * layer.column_power[j];
      }
      own_power_[l].metered_power.assign(own_power_[l].column_power.begin(),
                                         own_power_[l].column_power.end());
    }
    footprint_.layers.push_back({.name = layer.shape.name,
                                 .synapses = layer.shape.synapses(),
                                 .biases = static_cast<int64_t>(layer.bias.size()),
                                 .weight_bits = 32,
                                 .density = layer.density,
                                 .rows = layer.shape.fan_in,
                                 .columns = layer.shape.units,
                                 .places = layer.shape.has_weights() ? layer.shape.places : 0,
                                 .largest_weight = layer.largest_weight,
                                 .full_scale_input = drives_[l].full_scale_input,
                                 .off_counted = drives_[l].off_counted});
    widest_ = std::max({widest_, static_cast<size_t>(layer.shape.outputs),
                        static_cast<size_t>(layer.shape.inputs)});
    work += LayerWork(layer);
    images = images || layer.shape.kind != RateLayerKind::kDense;
  }
  block_ = static_cast<int>(std::clamp<int64_t>(kBlockWork / work, 1, kLargestBlock));
  // Images are worked on one by one, so that a longer block would only leave the cache.
  if (images) {
    block_ = std::clamp(static_cast<int>(kBlockImages / static_cast<int64_t>(widest_)), 1, block_);
  }
  footprint_.profile = kRateProfile;
  SetConstantCounts();
}

void RateDeployment::SetConstantCounts() {
  constant_.resize(drives_.size());
  for (size_t l = 0; l < drives_.size(); ++l) {
    const RateLayerShape& shape = weights_->layers[l].shape;
    LayerActivity& counts = constant_[l];
    const bool moves = shape.kind != RateLayerKind::kFlatten;
    const int64_t values = (l == 0 ? shape.inputs : 0) + (moves ? shape.inputs + shape.outputs : 0);
    counts.bits_moved = static_cast<double>(kValueBits * values);
    counts.conversions = shape.has_weights() ? static_cast<double>(shape.outputs) : 0.0;
    counts.writes = 0;
    if (shape.has_weights()) continue;
    counts.synaptic_power = 0;
    counts.synaptic_events = 0;
    counts.reads = 0;
    counts.off_power = 0;
  }
}

absl::Status RateDeployment::Run(std::span<const SampleTask> tasks, std::span<SampleResult> results,
                                 const Cancellation& cancellation) const {
  TORPOR_CHECK(tasks.size() == results.size());
  for (size_t i = 0; i < tasks.size(); ++i) {
    TORPOR_CHECK(static_cast<int>(tasks[i].input.values.size()) == features());
    TORPOR_CHECK(static_cast<int>(results[i].scores.size()) == read_out_.classes);
  }
  const WorkspacePool::Lease workspace = weights_->workspaces.Take();
  for (size_t first = 0; first < tasks.size();) {
    TORPOR_RETURN_IF_ERROR(cancellation.Check());
    const size_t count = std::min<size_t>(tasks.size() - first, static_cast<size_t>(block_));
    if (RunSingly(tasks.subspan(first, count), weights_->layers.front().shape)) {
      for (size_t i = first; i < first + count; ++i) {
        TORPOR_RETURN_IF_ERROR(RunOne(tasks[i], results[i], cancellation, *workspace));
      }
    } else {
      TORPOR_RETURN_IF_ERROR(RunBlock(tasks.subspan(first, count), results.subspan(first, count),
                                      cancellation, *workspace));
    }
    first += count;
  }
  return absl::OkStatus();
}

absl::Status RateDeployment::RunOne(const SampleTask& task, SampleResult& result,
                                    const Cancellation& cancellation, Workspace& workspace) const {
  result.activity.layers.resize(drives_.size());
  float* here = Reserve(workspace.here, widest_);
  float* there = Reserve(workspace.there, widest_);
  std::span<const float> u = task.input.values;
  const auto stride = [](size_t n) { return Eigen::OuterStride<>(static_cast<Eigen::Index>(n)); };
  for (size_t l = 0; l < drives_.size(); ++l) {
    const FrozenLayer& layer = weights_->layers[l];
    const bool last = l + 1 == drives_.size();
    const std::span<float> s =
        last ? result.scores : std::span<float>(here, static_cast<size_t>(layer.shape.outputs));
    Meter(l, u, result);
    if (layer.shape.kind == RateLayerKind::kDense) {
      LayerProduct(layer, u, s);
    } else {
      TORPOR_RETURN_IF_ERROR(LayerProduct(
          layer, ConstMatrixView(u.data(), 1, layer.shape.inputs, stride(u.size())), workspace,
          cancellation, MatrixView(s.data(), 1, layer.shape.outputs, stride(s.size()))));
    }
    Drive(l, task.key, workspace.noise, s);
    if (last) {
      Finish(s);
      break;
    }
    Activate(layer.shape.activation, s, s);
    u = s;
    std::swap(here, there);
  }
  return absl::OkStatus();
}

absl::Status RateDeployment::RunBlock(std::span<const SampleTask> tasks,
                                      std::span<SampleResult> results,
                                      const Cancellation& cancellation,
                                      Workspace& workspace) const {
  const Eigen::Index n = static_cast<Eigen::Index>(tasks.size());
  float* here = Reserve(workspace.here, tasks.size() * widest_);
  float* there = Reserve(workspace.there, tasks.size() * widest_);
  ConstMatrixView inputs = Gather(tasks, features(), here);
  for (size_t l = 0; l < drives_.size(); ++l) {
    const FrozenLayer& layer = weights_->layers[l];
    const bool last = l + 1 == drives_.size();
    const Eigen::Index outputs = layer.shape.outputs;
    const bool wide = layer.shape.kind == RateLayerKind::kDense && outputs >= kNarrowUnits;
    const Eigen::Index piece = wide ? n : kNarrowRows;
    for (Eigen::Index first = 0; first < n; first += piece) {
      const Eigen::Index rows = std::min(piece, n - first);
      const ConstMatrixView u(inputs.data() + first * inputs.outerStride(), rows, inputs.cols(),
                              Eigen::OuterStride<>(inputs.outerStride()));
      MatrixView sums(there + first * outputs, rows, outputs, Eigen::OuterStride<>(outputs));
      TORPOR_RETURN_IF_ERROR(LayerProduct(layer, u, workspace, cancellation, sums));
      for (Eigen::Index i = 0; i < rows; ++i) {
        const size_t at = static_cast<size_t>(first + i);
        if (l == 0) results[at].activity.layers.resize(drives_.size());
        Meter(l, {u.row(i).data(), static_cast<size_t>(u.cols())}, results[at]);
        const std::span<float> s(sums.row(i).data(), static_cast<size_t>(outputs));
        Drive(l, tasks[at].key, workspace.noise, s);
        if (last) {
          Finish(s);
          std::copy(s.begin(), s.end(), results[at].scores.begin());
        } else {
          Activate(layer.shape.activation, s, s);
        }
      }
    }
    new (&inputs) ConstMatrixView(there, n, outputs, Eigen::OuterStride<>(outputs));
    std::swap(here, there);
  }
  return absl::OkStatus();
}

void RateDeployment::Finish(std::span<float> scores) const {
  if (output_.gain == 1 && output_.shift == 0) return;
  const float gain = static_cast<float>(output_.gain);
  const float shift = static_cast<float>(output_.shift);
  for (float& score : scores) score = gain * score + shift;
}

void RateDeployment::Meter(size_t l, std::span<const float> u, SampleResult& result) const {
  const FrozenLayer& layer = weights_->layers[l];
  LayerActivity& activity = result.activity.layers[l];
  if (!metered_) {
    activity = LayerActivity();
    return;
  }
  activity = constant_[l];
  if (!layer.shape.has_weights()) {
    if (l == 0 && result.recorder != nullptr) StartRecord(*result.recorder);
    return;
  }
  const RateLayerDrive& drive = drives_[l];
  const bool own = !drive.floor_power.empty();
  const InputPower drawn = MeterInputs(u, own ? own_power_[l].metered_power : layer.metered_power);
  activity.synaptic_power = (own ? 1 : drive.weight_power) * drawn.weight_power + drive.bias_power;
  const double units = layer.shape.units;
  const double events =
      layer.conv ? SumWhereNonZero(u, layer.uses) : static_cast<double>(drawn.non_zero) * units;
  activity.synaptic_events = events;
  activity.reads = events / units;
  if (own) {
    activity.off_power = 0;
  } else {
    const double squares =
        layer.conv ? MeterInputs(u, layer.uses).weight_power : drawn.squares * units;
    activity.off_power = drive.off_power * squares + drive.off_bias_power;
  }
  Recorder* recorder = result.recorder;
  if (recorder == nullptr) return;
  if (l == 0) StartRecord(*recorder);
  Eigen::VectorXd& squares = recorder->squared_inputs[l];
  for (size_t j = 0; j < u.size(); ++j) {
    squares[static_cast<int64_t>(j)] += static_cast<double>(u[j]) * u[j];
  }
}

void RateDeployment::StartRecord(Recorder& recorder) const {
  ++recorder.samples;
  if (!recorder.squared_inputs.empty()) return;
  for (const FrozenLayer& layer : weights_->layers) {
    recorder.squared_inputs.push_back(
        Eigen::VectorXd::Zero(layer.shape.has_weights() ? layer.shape.inputs : 0));
  }
}

void RateDeployment::Drive(size_t l, RunKey key, std::vector<float>& noise,
                           std::span<float> s) const {
  if (!weights_->layers[l].shape.has_weights()) return;
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
    const RateLayerDrive& drive = drives_[l];
    const bool own = !drive.floor_power.empty();
    const std::vector<double>& column_power =
        own ? own_power_[l].column_power : weights_->layers[l].column_power;
    const Eigen::VectorXd& squares = recorder.squared_inputs[l];
    TORPOR_CHECK(squares.size() == static_cast<int64_t>(column_power.size()));
    const double weight_power =
        squares.dot(Eigen::Map<const Eigen::VectorXd>(column_power.data(), squares.size()));
    power += (own ? 1 : drive.weight_power) * weight_power / static_cast<double>(recorder.samples) +
             drive.bias_power;
  }
  return power;
}

}  // namespace torpor
