#include "engine/lif/training_counts.h"

#include <array>

#include "engine/base/status.h"
#include "engine/lif/stages.h"

namespace torpor {
namespace {

constexpr char kCounted[] = "training/counted";

// Counts of a const or a changeable layer, in the order in which they are stored.
template <typename Layer>
auto MembersOf(Layer& layer) {
  return std::array{&layer.synaptic_operations, &layer.output_spikes, &layer.gradient_operations};
}

// Those of a run, likewise: samples, updates, and each layer's.
template <typename Layers, typename Count>
auto MembersOf(Count& samples, Count& updates, Layers& layers) {
  std::vector<Count*> members = {&samples, &updates};
  for (auto& layer : layers) {
    for (Count* member : MembersOf(layer)) members.push_back(member);
  }
  return members;
}

}  // namespace

LifLearnCounts CountLearning(const LifPlan& plan, const LifNetworkPass& pass) {
  LifLearnCounts counts;
  for (size_t l = 0; l < plan.layers.size(); ++l) {
    const LifLayerCounts forward = pass.Counts(l);
    counts.layers.push_back({.synaptic_operations = forward.synaptic_operations,
                             .output_spikes = forward.output_spikes,
                             .gradient_operations = pass.GradientOperations(l)});
  }
  return counts;
}

LifTrainingCounts::LifTrainingCounts(const LifPlan* plan) : plan_(plan) {
  sum_.layers.resize(plan->layers.size());
}

void LifTrainingCounts::Add(const LifLearnCounts& sample) {
  TORPOR_CHECK(sample.layers.size() == sum_.layers.size());
  for (size_t l = 0; l < sum_.layers.size(); ++l) {
    const auto sums = MembersOf(sum_.layers[l]);
    const auto adds = MembersOf(sample.layers[l]);
    for (size_t i = 0; i < sums.size(); ++i) *sums[i] += *adds[i];
  }
  ++samples_;
}

Activity LifTrainingCounts::ToActivity(int weight_bits) const {
  const double samples = static_cast<double>(samples_);
  const double updates = static_cast<double>(updates_);
  const double steps = plan_->steps;
  Activity activity;
  for (const LifStage& stage : StagesOf(*plan_)) {
    const LifLayerPlan& layer = plan_->layers[stage.layer];
    const LifLearnCounts::Layer& counted = sum_.layers[stage.layer];
    const bool recurrent = layer.recurrent != nullptr;
    const double loops = recurrent ? static_cast<double>(layer.recurrent->weights()) : 0;
    const double synapses = static_cast<double>(layer.synapses->weights()) + loops;
    // The error of a layer that integrates is the same in all steps, and its kernel is fixed.
    const double error_steps = stage.spikes ? steps : 1;
    const double adjoint_steps = stage.spikes ? steps : 0;
    const bool first = activity.layers.empty();
    // Errors reach the layer below, and a recurrent layer's own spikes of the step before.
    const double errors =
        (first ? 0 : error_steps * static_cast<double>(layer.synapses->Connections())) +
        (steps - 1) * loops;
    const double events = static_cast<double>(counted.synaptic_operations) + samples * errors;
    const double clocked_errors = first && !recurrent ? 0 : error_steps;
    activity.layers.push_back(
        {.synaptic_power = Quantity(),
         .synaptic_events = events,
         .spikes = static_cast<double>(counted.output_spikes),
         .core_ticks = 0,
         .reads = events,
         .writes = static_cast<double>(counted.gradient_operations) + synapses * updates,
         .bits_moved = events * weight_bits,
         .conversions = 0,
         .off_power = 0,
         .neuron_updates = samples * (steps + adjoint_steps) * layer.synapses->outputs(),
         .synapse_steps = synapses * samples * (steps + clocked_errors),
         .synapse_writes = synapses * (samples * error_steps + updates)});
  }
  return activity;
}

void LifTrainingCounts::Save(ArchiveWriter& archive) const {
  std::vector<double> values;
  for (const int64_t* member : MembersOf(samples_, updates_, sum_.layers)) {
    values.push_back(static_cast<double>(*member));
  }
  archive.AddDoubles(kCounted, {static_cast<int64_t>(values.size())}, values);
}

absl::Status LifTrainingCounts::Load(const ArchiveReader& archive) {
  const std::vector<int64_t*> members = MembersOf(samples_, updates_, sum_.layers);
  TORPOR_ASSIGN_OR_RETURN(const std::vector<double> values,
                          archive.Doubles(kCounted, {static_cast<int64_t>(members.size())}));
  for (size_t i = 0; i < members.size(); ++i) *members[i] = static_cast<int64_t>(values[i]);
  return absl::OkStatus();
}

}  // namespace torpor
