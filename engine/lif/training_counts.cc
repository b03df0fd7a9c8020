#include "engine/lif/training_counts.h"

#include "engine/base/status.h"

namespace torpor {
namespace {

constexpr char kCounted[] = "training/counted";

std::vector<int64_t*> MembersOf(LifLearnCounts::Layer& layer) {
  return {&layer.forward.input_events,   &layer.forward.synaptic_operations,
          &layer.forward.neuron_updates, &layer.forward.output_spikes,
          &layer.back.error_operations,  &layer.back.gradient_operations,
          &layer.back.neuron_updates};
}

}  // namespace

LifLearnCounts CountLearning(const LifPlan& plan, const LifNetworkPass& pass) {
  LifLearnCounts counts;
  for (size_t l = 0; l < plan.layers.size(); ++l) {
    counts.layers.push_back({.forward = pass.Counts(l), .back = pass.BackwardCounts(l)});
  }
  return counts;
}

LifTrainingCounts::LifTrainingCounts(const LifPlan* plan) : plan_(plan) {
  sum_.layers.resize(plan->layers.size());
}

void LifTrainingCounts::Add(const LifLearnCounts& sample) {
  TORPOR_CHECK(sample.layers.size() == sum_.layers.size());
  for (size_t l = 0; l < sum_.layers.size(); ++l) {
    LifLearnCounts::Layer more = sample.layers[l];
    const std::vector<int64_t*> sums = MembersOf(sum_.layers[l]);
    const std::vector<int64_t*> adds = MembersOf(more);
    for (size_t i = 0; i < sums.size(); ++i) *sums[i] += *adds[i];
  }
  ++samples_;
}

Activity LifTrainingCounts::ToActivity(int weight_bits) const {
  const double samples = static_cast<double>(samples_);
  const double updates = static_cast<double>(updates_);
  Activity activity;
  for (size_t l = 0; l < plan_->layers.size(); ++l) {
    const LifLayerPlan& layer = plan_->layers[l];
    if (layer.synapses == nullptr) continue;
    const auto& [forward, back] = sum_.layers[l];
    const double synapses = static_cast<double>(
        layer.synapses->weights() + (layer.recurrent == nullptr ? 0 : layer.recurrent->weights()));
    const double events = static_cast<double>(forward.synaptic_operations + back.error_operations);
    // The error of a layer that integrates is the same in all steps.
    const bool integrates = plan_->integrates && l + 1 == plan_->layers.size();
    const double rows = integrates ? 1 : plan_->steps;
    const double back_rows = back.error_operations > 0 ? rows : 0;
    activity.layers.push_back(
        {.synaptic_power = Quantity(),
         .synaptic_events = events,
         .spikes = static_cast<double>(forward.output_spikes),
         .core_ticks = 0,
         .reads = events,
         .writes = static_cast<double>(back.gradient_operations) + synapses * updates,
         .bits_moved = events * weight_bits,
         .conversions = 0,
         .off_power = 0,
         .neuron_updates = static_cast<double>(forward.neuron_updates + back.neuron_updates),
         .synapse_steps = synapses * samples * (plan_->steps + back_rows),
         .synapse_writes = synapses * (samples * rows + updates)});
  }
  return activity;
}

std::vector<int64_t*> LifTrainingCounts::Members() {
  std::vector<int64_t*> members = {&samples_, &updates_};
  for (LifLearnCounts::Layer& layer : sum_.layers) {
    for (int64_t* member : MembersOf(layer)) members.push_back(member);
  }
  return members;
}

void LifTrainingCounts::Save(ArchiveWriter& archive) const {
  LifTrainingCounts copy = *this;
  std::vector<double> values;
  for (const int64_t* member : copy.Members()) values.push_back(static_cast<double>(*member));
  archive.AddDoubles(kCounted, {static_cast<int64_t>(values.size())}, values);
}

absl::Status LifTrainingCounts::Load(const ArchiveReader& archive) {
  const std::vector<int64_t*> members = Members();
  TORPOR_ASSIGN_OR_RETURN(const std::vector<double> values,
                          archive.Doubles(kCounted, {static_cast<int64_t>(members.size())}));
  for (size_t i = 0; i < members.size(); ++i) *members[i] = static_cast<int64_t>(values[i]);
  return absl::OkStatus();
}

}  // namespace torpor
