#include "engine/stdp/deployment.h"

#include <algorithm>
#include <utility>

#include "engine/base/status.h"
#include "engine/data/pixels.h"
#include "engine/energy/profiles.h"
#include "engine/stdp/counted.h"
#include "engine/stdp/responses.h"
#include "engine/stdp/stored_weights.h"

namespace torpor {
namespace {

// Of a block that is handed to one Run call: additions of about 50 ms.
constexpr int64_t kBlockWork = 500'000'000;
constexpr int64_t kMostSamples = 256;
// Additions of an input that spikes at 128 Hz, a hundredth of which arrive in a step.
constexpr int64_t kSparsity = 64;

// How far the class with most spikes leads the next one.
int64_t Lead(const NeuronLabels& labels, std::span<const int32_t> counts,
             std::vector<int32_t>& by_class) {
  std::fill(by_class.begin(), by_class.end(), 0);
  for (size_t j = 0; j < counts.size(); ++j) {
    const int32_t label = labels.assigned[j];
    if (label != NeuronLabels::kUnassigned) by_class[static_cast<size_t>(label)] += counts[j];
  }
  int32_t first = 0;
  int32_t second = 0;
  for (const int32_t spikes : by_class) {
    if (spikes > first) {
      second = first;
      first = spikes;
    } else {
      second = std::max(second, spikes);
    }
  }
  return first - second;
}

int BitsOf(bool given, int bits) { return given ? bits : 32; }

}  // namespace

StdpDeployment::StdpDeployment(std::shared_ptr<const StdpPlan> plan, StdpDrive drive)
    : plan_(std::move(plan)),
      drive_(std::move(drive)),
      rows_(RowsOf(*plan_, drive_.weights.weights, drive_.quantization)),
      row_power_(static_cast<size_t>(drive_.parameters.inputs)) {
  const size_t neurons = static_cast<size_t>(drive_.parameters.neurons);
  for (size_t i = 0; i < row_power_.size(); ++i) {
    const float* row = drive_.weights.weights.data() + i * neurons;
    for (size_t j = 0; j < neurons; ++j) row_power_[i] += static_cast<double>(row[j]);
  }
  DescribeFootprint();
}

void StdpDeployment::DescribeFootprint() {
  const StdpParameters& p = drive_.parameters;
  const v1::Quantization& stored = drive_.quantization;
  const std::vector<float>& weights = drive_.weights.weights;
  const auto zeros = std::count(weights.begin(), weights.end(), 0.0f);
  const int weight_bits = BitsOf(stored.has_weight_bits(), stored.weight_bits());
  const int state_bits = BitsOf(stored.has_neuron_bits(), stored.neuron_bits());
  footprint_.layers.push_back(
      {.name = "excitatory",
       .synapses = plan_->synapses(),
       .biases = p.neurons,
       .weight_bits = weight_bits,
       .state_bits = state_bits,
       .density = 1 - static_cast<double>(zeros) / static_cast<double>(weights.size())});
  const int64_t neurons = p.neurons;
  footprint_.layers.push_back({.name = "inhibition",
                               .synapses = p.inhibitory.has_value() ? 2 * neurons * neurons : 0,
                               .biases = p.inhibitory.has_value() ? neurons : 0,
                               .weight_bits = weight_bits,
                               .state_bits = state_bits});
  footprint_.profile = kEventDrivenProfile;
}

int StdpDeployment::block_samples() const {
  const int64_t work = plan_->synapses() * drive_.parameters.steps / kSparsity +
                       int64_t{drive_.parameters.neurons} * drive_.parameters.steps;
  return static_cast<int>(
      std::clamp<int64_t>(kBlockWork / std::max<int64_t>(work, 1), 1, kMostSamples));
}

absl::Status StdpDeployment::Run(std::span<const SampleTask> tasks, std::span<SampleResult> results,
                                 const Cancellation& cancellation) const {
  TORPOR_CHECK(tasks.size() == results.size());
  const LeasePool<Workspace>::Lease lease = workspaces_.Take();
  Workspace& workspace = *lease;
  const StdpParameters& p = drive_.parameters;
  if (workspace.encoder == nullptr) {
    workspace.encoder = std::make_unique<RateEncoder>(p.steps, p.spike_chance, drive_.seed);
    workspace.presentation = std::make_unique<Presentation>(
        p, drive_.weights.theta, StdpStateFormats(drive_.quantization), drive_.seed);
    workspace.counts.resize(static_cast<size_t>(p.neurons));
    workspace.by_class.resize(static_cast<size_t>(drive_.read_out.classes));
  }
  for (size_t i = 0; i < tasks.size(); ++i) {
    TORPOR_RETURN_IF_ERROR(cancellation.Check());
    RunSample(tasks[i], workspace, results[i]);
  }
  return absl::OkStatus();
}

void StdpDeployment::RunSample(const SampleTask& task, Workspace& workspace,
                               SampleResult& result) const {
  const InputView& input = task.input;
  std::span<const uint8_t> pixels = input.bytes;
  if (pixels.empty()) {
    workspace.pixels.resize(input.values.size());
    ReadPixels(input.values, workspace.pixels);
    pixels = workspace.pixels;
  }
  TORPOR_CHECK(static_cast<int>(pixels.size()) == features());
  TORPOR_CHECK(static_cast<int>(result.scores.size()) == drive_.read_out.classes);
  workspace.encoder->Encode(pixels, task.key.sample, workspace.train);
  const StdpCounts counts = Present(task.key.sample, workspace);
  StdpScores(drive_.read_out_kind, *drive_.labels, workspace.counts, result.scores);
  const int steps = drive_.parameters.steps;
  if (counts.steps < steps && drive_.read_out_kind != v1::StdpReadOut::PROPORTION) {
    const float more = static_cast<float>(steps) / static_cast<float>(counts.steps);
    for (float& score : result.scores) score *= more;
  }
  result.steps_used = static_cast<int32_t>(counts.steps);
  result.activity = ActivityOf(counts, workspace.train);
  if (result.recorder == nullptr) return;
  Recorder& recorder = *result.recorder;
  if (recorder.squared_inputs.empty()) {
    recorder.squared_inputs.push_back(Eigen::VectorXd::Zero(features()));
  }
  const size_t arrived = workspace.train.begin[static_cast<size_t>(counts.steps - 1)];
  for (size_t s = 0; s < arrived; ++s) {
    recorder.squared_inputs[0][static_cast<Eigen::Index>(workspace.train.inputs[s])] += 1;
  }
  ++recorder.samples;
}

StdpCounts StdpDeployment::Present(uint64_t sample, Workspace& workspace) const {
  if (!drive_.mode.has_margin()) {
    return workspace.presentation->Present(rows_, workspace.train, sample, workspace.counts);
  }
  return workspace.presentation->Present(
      rows_, workspace.train, sample, workspace.counts,
      [&](int /*steps*/, std::span<const int32_t> counts) {
        return static_cast<double>(Lead(*drive_.labels, counts, workspace.by_class)) >=
               drive_.mode.margin();
      });
}

Activity StdpDeployment::ActivityOf(const StdpCounts& counts, const SpikeTrain& train) const {
  Activity activity = CountedActivity(drive_.parameters, counts, footprint_.layers[0].weight_bits);
  double power = 0;
  const size_t arrived = train.begin[static_cast<size_t>(counts.steps - 1)];
  for (size_t s = 0; s < arrived; ++s) power += row_power_[train.inputs[s]];
  activity.layers[0].synaptic_power = power;
  return activity;
}

double StdpDeployment::NominalSynapticPower(const Recorder& recorder) const {
  TORPOR_CHECK(recorder.samples > 0 && recorder.squared_inputs.size() == 1);
  const Eigen::VectorXd& spikes = recorder.squared_inputs[0];
  double power = 0;
  for (Eigen::Index i = 0; i < spikes.size(); ++i) {
    power += spikes[i] * row_power_[static_cast<size_t>(i)];
  }
  return power / static_cast<double>(recorder.samples) * drive_.parameters.steps /
         plan_->parameters.steps;
}

}  // namespace torpor
