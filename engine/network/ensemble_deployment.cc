#include "engine/network/ensemble_deployment.h"

#include <algorithm>
#include <utility>

#include "engine/base/status.h"
#include "engine/network/ensemble.h"

namespace torpor {
namespace {

// Counts of a layer that is switched off: known to be zero.
LayerActivity NoActivity() {
  LayerActivity none;
  ForEachQuantity([&](const char*, Quantity LayerActivity::*quantity) { none.*quantity = 0; });
  return none;
}

}  // namespace

EnsembleDeployment::EnsembleDeployment(std::vector<std::shared_ptr<const Deployment>> members,
                                       int voting, v1::PowerMode mode)
    : members_(std::move(members)), voting_(static_cast<size_t>(voting)), mode_(std::move(mode)) {
  TORPOR_CHECK(voting_ >= 1 && voting_ <= members_.size());
  read_out_ = members_.front()->read_out();
  read_out_.temperature = 0;
  footprint_.profile = members_.front()->footprint().profile;
  for (size_t m = 0; m < members_.size(); ++m) {
    if (m < voting_) read_out_.temperature += members_[m]->read_out().temperature;
    first_layer_.push_back(footprint_.layers.size());
    for (LayerFootprint layer : members_[m]->footprint().layers) {
      layer.name = MemberLayerName(m, layer.name);
      footprint_.layers.push_back(std::move(layer));
    }
    // Members of different families have no profile in common.
    if (members_[m]->footprint().profile != footprint_.profile) footprint_.profile.clear();
  }
}

bool EnsembleDeployment::reads_bytes() const {
  return std::all_of(members_.begin(), members_.begin() + static_cast<std::ptrdiff_t>(voting_),
                     [](const auto& member) { return member->reads_bytes(); });
}

// Members take their turns within one call.
int EnsembleDeployment::block_samples() const {
  int samples = members_.front()->block_samples();
  for (size_t m = 1; m < voting_; ++m) {
    samples = std::min(samples, members_[m]->block_samples());
  }
  return std::max(1, samples / static_cast<int>(voting_));
}

absl::Status EnsembleDeployment::Run(std::span<const SampleTask> tasks,
                                     std::span<SampleResult> results,
                                     const Cancellation& cancellation) const {
  if (tasks.empty()) return absl::OkStatus();
  const size_t n = tasks.size();
  const size_t classes = static_cast<size_t>(read_out_.classes);
  // Added in double and rounded once.
  std::vector<double> sums(n * classes, 0.0);
  std::vector<float> scores(n * classes);
  std::vector<SampleResult> own(n);
  for (size_t i = 0; i < n; ++i) {
    results[i].activity.layers.assign(footprint_.layers.size(), NoActivity());
    results[i].steps_used = 0;
  }
  // Samples of a call may share a recorder; a member's recordings go to its own layers.
  std::vector<Recorder*> recorders;
  for (const SampleResult& result : results) {
    if (result.recorder == nullptr) continue;
    if (std::find(recorders.begin(), recorders.end(), result.recorder) == recorders.end()) {
      recorders.push_back(result.recorder);
    }
  }
  for (Recorder* recorder : recorders) {
    if (recorder->squared_inputs.empty()) recorder->squared_inputs.resize(footprint_.layers.size());
  }
  for (size_t m = 0; m < voting_; ++m) {
    std::vector<Recorder> parts(recorders.size());
    for (size_t i = 0; i < n; ++i) {
      own[i].scores = {scores.data() + i * classes, classes};
      own[i].activity.layers.clear();
      const auto at = std::find(recorders.begin(), recorders.end(), results[i].recorder);
      own[i].recorder =
          at == recorders.end() ? nullptr : &parts[static_cast<size_t>(at - recorders.begin())];
    }
    TORPOR_RETURN_IF_ERROR(members_[m]->Run(tasks, own, cancellation));
    for (size_t i = 0; i < n * classes; ++i) sums[i] += scores[i];
    for (size_t i = 0; i < n; ++i) {
      std::copy(own[i].activity.layers.begin(), own[i].activity.layers.end(),
                results[i].activity.layers.begin() + static_cast<int64_t>(first_layer_[m]));
      results[i].steps_used = std::max(results[i].steps_used, own[i].steps_used);
    }
    for (size_t r = 0; r < recorders.size(); ++r) {
      for (size_t l = 0; l < parts[r].squared_inputs.size(); ++l) {
        Eigen::VectorXd& sum = recorders[r]->squared_inputs[first_layer_[m] + l];
        if (sum.size() == 0) {
          sum = std::move(parts[r].squared_inputs[l]);
        } else {
          sum += parts[r].squared_inputs[l];
        }
      }
      if (m == 0) recorders[r]->samples += parts[r].samples;
    }
  }
  for (size_t i = 0; i < n; ++i) {
    TORPOR_CHECK(results[i].scores.size() == classes);
    for (size_t c = 0; c < classes; ++c) {
      results[i].scores[c] = static_cast<float>(sums[i * classes + c]);
    }
  }
  return absl::OkStatus();
}

double EnsembleDeployment::NominalSynapticPower(const Recorder& recorder) const {
  double power = 0;
  for (size_t m = 0; m < voting_; ++m) {
    const auto first = recorder.squared_inputs.begin() + static_cast<int64_t>(first_layer_[m]);
    const Recorder part = {
        {first, first + static_cast<int64_t>(members_[m]->footprint().layers.size())},
        recorder.samples};
    power += members_[m]->NominalSynapticPower(part);
  }
  return power;
}

}  // namespace torpor
