#include "engine/lif/deployment.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <utility>

#include "engine/base/status.h"
#include "engine/energy/profiles.h"
#include "engine/lif/plan_of.h"

namespace torpor {
namespace {

// Of a block that is handed to one Run call, and of a chunk's steps that run between two looks at
// the cancellation: synaptic operations of about 50 ms.
constexpr int64_t kBlockWork = 100'000'000;
constexpr int64_t kMostSamples = 256;
// Of a chunk's steps that run at once: what a layer's neurons go through is kept for all of them.
constexpr int64_t kChunkValues = int64_t{1} << 24;
// A spike in so many inputs and steps, as latency codes have.
constexpr int64_t kSparsity = 100;

struct StreamOfSpikes final : StreamState {
  LifStreamState state;
  // Of each layer with weights: units, and the scale of the weights that it has run with.
  std::vector<int> units;
  std::vector<float> scales;
};

std::span<const float> LastRow(const ConstMatrixView& scores) {
  return {scores.data() + (scores.rows() - 1) * scores.outerStride(),
          static_cast<size_t>(scores.cols())};
}

// Steps begin..end-1 of the chunk, whose spikes from `next` on have not been taken yet, numbered as
// inside the family.
void TakeSteps(const SpikeChunk& chunk, int begin, int end, const LifImage& image, size_t& next,
               LifSpikes& spikes) {
  spikes.Clear();
  for (int n = begin; n < end; ++n) {
    const size_t first = spikes.index.size();
    for (; next < chunk.step.size() && chunk.step[next] == n; ++next) {
      spikes.index.push_back(UnitOf(image, static_cast<uint32_t>(chunk.index[next])));
    }
    // Ascending, as samples are encoded, so that sums are in the same order.
    std::sort(spikes.index.begin() + static_cast<std::ptrdiff_t>(first), spikes.index.end());
    spikes.EndStep();
  }
}

// Step `n` alone.
void TakeStep(const LifSpikes& spikes, int n, LifSpikes& step) {
  step.Clear();
  const std::span<const uint32_t> at = spikes.At(n);
  step.index.assign(at.begin(), at.end());
  step.EndStep();
}

}  // namespace

LifDeployment::LifDeployment(LifDrive drive)
    : drive_(std::move(drive)),
      plan_(PlanOf(drive_.definition, {})),
      event_plan_(PlanOf(drive_.definition, {}, /*by_events=*/true)),
      views_(ViewsOf(drive_.definition, drive_.weights)) {
  plan_.steps = event_plan_.steps = drive_.steps;
  MakeMeters();
  DescribeFootprint();
}

void LifDeployment::MakeMeters() {
  for (LifStage& stage : StagesOf(plan_)) {
    const LifLayerPlan& layer = plan_.layers[stage.layer];
    Meter meter;
    meter.square = static_cast<double>(stage.scale) * static_cast<double>(stage.scale);
    meter.inputs = layer.synapses->inputs();
    meter.units = layer.synapses->outputs();
    meter.synapses = layer.synapses->weights();
    meter.connections = layer.synapses->Connections();
    if (!drive_.scales.empty()) meter.scale = drive_.scales[stage.layer];
    // The adjoint of ones gives every input the sum of its |weights|, places and all.
    const auto add = [&](const LifSynapses& synapses, std::span<const float> weights) {
      std::vector<float> magnitude(weights.begin(), weights.end());
      for (float& weight : magnitude) weight = std::fabs(weight);
      const Matrix ones = Matrix::Ones(1, synapses.outputs());
      Matrix sums = Matrix::Zero(1, synapses.inputs());
      synapses.InputErrors(magnitude, View(ones), View(sums));
      for (Eigen::Index j = 0; j < sums.cols(); ++j) {
        meter.power.push_back(static_cast<double>(sums(0, j)));
      }
    };
    add(*layer.synapses, views_[stage.layer].input);
    if (layer.recurrent != nullptr) {
      add(*layer.recurrent, views_[stage.layer].recurrent);
      meter.synapses += layer.recurrent->weights();
      meter.connections += layer.recurrent->Connections();
    }
    meter.stage = std::move(stage);
    meters_.push_back(std::move(meter));
  }
}

void LifDeployment::DescribeFootprint() {
  const int state_bits = drive_.definition.quantization.has_membrane_bits()
                             ? drive_.definition.quantization.membrane_bits()
                             : 32;
  for (size_t l = 0; l < drive_.definition.layers.size(); ++l) {
    const LifLayerShape& shape = drive_.definition.layers[l];
    if (!shape.has_weights()) continue;
    int64_t zeros = 0;
    for (const auto* weights : {&drive_.weights[l].input, &drive_.weights[l].recurrent}) {
      zeros += std::count(weights->begin(), weights->end(), 0.0f);
    }
    footprint_.layers.push_back(
        {.name = shape.name,
         .synapses = shape.synapses(),
         .biases = 0,
         .weight_bits = drive_.weight_bits,
         .state_bits = state_bits,
         .density = 1 - static_cast<double>(zeros) / static_cast<double>(shape.synapses())});
  }
  footprint_.profile = kEventDrivenProfile;
}

int LifDeployment::block_samples() const {
  int64_t work = 1;
  for (const Meter& meter : meters_) {
    work += meter.synapses * drive_.steps / kSparsity + meter.units * drive_.steps;
  }
  return static_cast<int>(std::clamp<int64_t>(kBlockWork / work, 1, kMostSamples));
}

absl::Status LifDeployment::Run(std::span<const SampleTask> tasks, std::span<SampleResult> results,
                                const Cancellation& cancellation) const {
  TORPOR_CHECK(tasks.size() == results.size());
  const LeasePool<Workspace>::Lease lease = workspaces_.Take();
  Workspace& workspace = *lease;
  if (workspace.encoder == nullptr) {
    workspace.encoder = std::make_unique<LifSampleEncoder>(drive_.definition, drive_.seed);
  }
  const bool pieces = drive_.mode.has_margin();
  if (pieces && workspace.pieces == nullptr) {
    workspace.pieces = std::make_unique<LifStreamPass>(&event_plan_);
  }
  if (!pieces && workspace.whole == nullptr) {
    workspace.whole = std::make_unique<LifNetworkPass>(&plan_);
  }
  for (size_t i = 0; i < tasks.size(); ++i) {
    TORPOR_RETURN_IF_ERROR(cancellation.Check());
    const LifInput input =
        workspace.encoder->Encode(tasks[i].input, tasks[i].key.sample, drive_.steps);
    if (pieces) {
      RunUntilMargin(input, workspace, results[i]);
    } else {
      RunWhole(input, workspace, results[i]);
    }
    for (float& score : results[i].scores) score *= drive_.gain;
    if (results[i].recorder != nullptr) ++results[i].recorder->samples;
  }
  return absl::OkStatus();
}

void LifDeployment::RunWhole(const LifInput& input, Workspace& workspace,
                             SampleResult& result) const {
  LifNetworkPass& pass = *workspace.whole;
  pass.Forward(views_, input);
  std::copy(pass.scores().begin(), pass.scores().end(), result.scores.begin());
  result.steps_used = drive_.steps;
  ChargeAll(pass, drive_.steps, result.activity, result.recorder);
}

void LifDeployment::RunUntilMargin(const LifInput& input, Workspace& workspace,
                                   SampleResult& result) const {
  LifStreamPass& pass = *workspace.pieces;
  workspace.state = {};
  result.activity.layers.clear();
  int n = 0;
  while (n < drive_.steps) {
    LifInput step = input;
    if (input.spikes != nullptr) {
      TakeStep(*input.spikes, n, workspace.step);
      step.spikes = &workspace.step;
    }
    pass.Run(views_, step, 1, workspace.state);
    ++n;
    Activity piece;
    ChargeAll(pass, 1, piece, result.recorder);
    result.activity.Add(piece);
    if (static_cast<double>(Margin(LastRow(pass.scores()))) >= drive_.mode.margin()) break;
  }
  std::ranges::copy(LastRow(pass.scores()), result.scores.begin());
  for (float& score : result.scores) score *= drive_.stop_scales[static_cast<size_t>(n) - 1];
  result.steps_used = n;
}

void LifDeployment::ChargeAll(const LifPass& pass, int steps, Activity& activity,
                              Recorder* recorder) const {
  activity.layers.resize(meters_.size());
  if (recorder != nullptr && recorder->squared_inputs.empty()) {
    for (const Meter& meter : meters_) {
      recorder->squared_inputs.push_back(
          Eigen::VectorXd::Zero(static_cast<Eigen::Index>(meter.power.size())));
    }
  }
  for (size_t m = 0; m < meters_.size(); ++m) {
    const Meter& meter = meters_[m];
    const size_t layer = meter.stage.layer;
    const double power = PowerOf(meter, pass.Seen(layer), pass.Heard(layer), steps,
                                 recorder == nullptr ? nullptr : &recorder->squared_inputs[m]);
    const LifLayerCounts counts = pass.Counts(layer);
    const double events = static_cast<double>(counts.synaptic_operations);
    activity.layers[m] = {
        .synaptic_power = power,
        .synaptic_events = events,
        .spikes = static_cast<double>(counts.output_spikes),
        .core_ticks = 0,
        .reads = events,
        .writes = 0,
        .bits_moved = events * drive_.weight_bits,
        .conversions = 0,
        .off_power = 0,
        .neuron_updates = static_cast<double>(counts.neuron_updates),
        .synapse_steps = static_cast<double>(meter.synapses) * steps,
        .synapse_writes = 0,
    };
  }
}

double LifDeployment::PowerOf(const Meter& meter, const LifInput& input, const LifHeard& heard,
                              int steps, Eigen::VectorXd* record) {
  double power = 0;
  const auto charge = [&](size_t place, double square) {
    power += square * meter.power[place];
    if (record != nullptr) (*record)[static_cast<Eigen::Index>(place)] += square;
  };
  if (input.spikes != nullptr) {
    for (const uint32_t j : input.spikes->index) charge(j, meter.square);
  } else {
    for (size_t j = 0; j < input.currents.size(); ++j) {
      const double u = static_cast<double>(input.currents[j]);
      if (u != 0) charge(j, meter.square * u * u * steps);
    }
  }
  for (const auto& own : {heard.before, heard.within}) {
    for (const uint32_t i : own) charge(static_cast<size_t>(meter.inputs) + i, 1);
  }
  return power;
}

std::unique_ptr<StreamState> LifDeployment::NewStream() const {
  auto stream = std::make_unique<StreamOfSpikes>();
  for (const Meter& meter : meters_) {
    stream->units.push_back(static_cast<int>(meter.units));
    stream->scales.push_back(meter.scale);
  }
  return stream;
}

bool LifDeployment::Continues(const StreamState& state) const {
  const auto* stream = dynamic_cast<const StreamOfSpikes*>(&state);
  if (stream == nullptr || stream->units.size() != meters_.size()) {
    return false;
  }
  for (size_t m = 0; m < meters_.size(); ++m) {
    if (stream->units[m] != meters_[m].units) return false;
  }
  return true;
}

int LifDeployment::StepsAtOnce() const {
  int64_t largest = 1;
  // Of a step in which all spike.
  int64_t work = 1;
  for (const Meter& meter : meters_) {
    largest = std::max(largest, meter.units);
    work += meter.connections + meter.units;
  }
  const int64_t most = std::min({kChunkValues / largest, kBlockWork / work,
                                 kMaxLifSampleValues / drive_.definition.step_values()});
  return static_cast<int>(std::max<int64_t>(most, 1));
}

absl::Status LifDeployment::RunChunk(const SpikeChunk& chunk, RunKey /*key*/, StreamState& state,
                                     ChunkResult& result, const Cancellation& cancellation) const {
  auto& stream = static_cast<StreamOfSpikes&>(state);
  const LeasePool<Workspace>::Lease lease = workspaces_.Take();
  Workspace& workspace = *lease;
  if (workspace.pieces == nullptr) {
    workspace.pieces = std::make_unique<LifStreamPass>(&event_plan_);
  }
  LifSpikes& spikes = workspace.step;
  LifStreamPass& pass = *workspace.pieces;
  const LifImage image = ImageBelow(drive_.definition, 0);
  for (size_t m = 0; m < meters_.size(); ++m) {
    if (stream.scales[m] == meters_[m].scale) continue;
    const double by = static_cast<double>(meters_[m].scale) / static_cast<double>(stream.scales[m]);
    stream.state.ScaleWeights(m, static_cast<float>(by));
    stream.scales[m] = meters_[m].scale;
  }
  // Scores are those of the chunk alone.
  stream.state.mean.RestartMean();
  std::ranges::fill(stream.state.counts, 0.0f);
  result.activity.layers.clear();
  const int at_once = StepsAtOnce();
  size_t next = 0;
  for (int begin = 0; begin < chunk.steps; begin += at_once) {
    TORPOR_RETURN_IF_ERROR(cancellation.Check());
    const int end = std::min(begin + at_once, chunk.steps);
    TakeSteps(chunk, begin, end, image, next, spikes);
    const LifInput input = {.spikes = &spikes, .currents = {}};
    pass.Run(views_, input, end - begin, stream.state);
    Activity piece;
    ChargeAll(pass, end - begin, piece, nullptr);
    result.activity.Add(piece);
    const LifSpikes& out = pass.spikes(plan_.layers.size() - 1);
    for (int n = 0; n < out.steps(); ++n) {
      for (const uint32_t i : out.At(n)) {
        result.step.push_back(begin + n);
        result.index.push_back(static_cast<int32_t>(i));
      }
    }
  }
  std::ranges::copy(LastRow(pass.scores()), result.scores.begin());
  for (float& score : result.scores) score *= drive_.gain;
  return absl::OkStatus();
}

double LifDeployment::NominalSynapticPower(const Recorder& recorder) const {
  TORPOR_CHECK(recorder.samples > 0 && recorder.squared_inputs.size() == meters_.size());
  double power = 0;
  for (size_t m = 0; m < meters_.size(); ++m) {
    for (size_t j = 0; j < meters_[m].power.size(); ++j) {
      power += recorder.squared_inputs[m][static_cast<Eigen::Index>(j)] * meters_[m].power[j];
    }
  }
  return power / static_cast<double>(recorder.samples) * drive_.steps / drive_.definition.steps;
}

}  // namespace torpor
