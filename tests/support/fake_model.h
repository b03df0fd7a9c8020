// A tiny model without matrices, for tests of what stands around models.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "engine/base/status.h"
#include "engine/network/model.h"

namespace torpor::testing {

// What fakes of one test do; shared by all deployments made after it was set.
struct FakeBehaviour {
  // Called by every Run, e.g. to wait. May be empty.
  std::function<void()> on_run;
};

// Scores of a sample: {epsilon * sum(inputs), -epsilon * sum(inputs)}; synaptic power: epsilon *
// sum(inputs^2).
class FakeDeployment final : public Deployment {
 public:
  FakeDeployment(v1::PowerMode mode, int features, const FakeBehaviour* behaviour)
      : mode_(std::move(mode)), features_(features), behaviour_(behaviour) {
    read_out_.classes = 2;
    footprint_.layers.push_back({.name = "fake", .synapses = features});
  }
  const Footprint& footprint() const override { return footprint_; }
  const ReadOut& read_out() const override { return read_out_; }
  int features() const override { return features_; }
  const v1::PowerMode& mode() const override { return mode_; }
  absl::Status Run(std::span<const SampleTask> tasks, std::span<SampleResult> results,
                   const Cancellation& cancellation) const override {
    if (behaviour_ != nullptr && behaviour_->on_run) behaviour_->on_run();
    TORPOR_RETURN_IF_ERROR(cancellation.Check());
    for (size_t i = 0; i < tasks.size(); ++i) {
      float sum = 0;
      double power = 0;
      for (float v : tasks[i].input.values) {
        sum += v;
        power += double{v} * v;
      }
      const float epsilon = static_cast<float>(mode_.epsilon());
      results[i].scores[0] = epsilon * sum;
      results[i].scores[1] = -epsilon * sum;
      LayerActivity layer;
      layer.synaptic_power = mode_.epsilon() * power;
      results[i].activity.layers.push_back(layer);
    }
    return absl::OkStatus();
  }
  double NominalSynapticPower(const Recorder& recorder) const override {
    return mode_.epsilon() * static_cast<double>(recorder.samples);
  }

 private:
  v1::PowerMode mode_;
  int features_;
  const FakeBehaviour* behaviour_;
  ReadOut read_out_;
  Footprint footprint_;
};

}  // namespace torpor::testing
