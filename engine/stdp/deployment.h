// A competitive network at one power mode.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "engine/base/lease_pool.h"
#include "engine/network/deployment.h"
#include "engine/stdp/labels.h"
#include "engine/stdp/plan.h"
#include "engine/stdp/presentation.h"
#include "engine/stdp/rate_encoder.h"
#include "engine/stdp/weight_rows.h"

namespace torpor {

// What a deployment runs on: everything as it is in the mode.
struct StdpDrive {
  // Scaled where the mode says so; its steps are those of the mode.
  StdpParameters parameters;
  // [inputs x neurons] and [neurons], scaled and stored as `quantization` says.
  StdpWeights weights;
  v1::Quantization quantization;
  // Every lever at its value in force; `margin` unset means that every step is taken.
  v1::PowerMode mode;
  std::shared_ptr<const NeuronLabels> labels;
  v1::StdpReadOut::Kind read_out_kind = v1::StdpReadOut::ACTIVITY;
  // Classes, activation, loss and temperature.
  ReadOut read_out;
  // Of input spikes and of which neuron wins (Realisation.seed).
  uint64_t seed = 0;
};

// Inputs are bytes; values are in [0, 1] and are read as bytes (ReadPixels). A sample's result is a
// function of the sample, its key and the seed: the same bits whatever it is run with.
//
// With a margin, a sample stops after the step at which the neurons of its first class lead those
// of its second by that many spikes; its scores then count as if it had gone on at its rate.
//
// Activity is that of counted.h, over steps taken; synaptic_power = the weights that arriving
// spikes met, summed. The weights of inhibition are constants of the hardware and no part of it.
// Recorders take the spikes of each input.
//
// Immutable; Run is serial and may be called from any thread.
class StdpDeployment final : public Deployment {
 public:
  StdpDeployment(std::shared_ptr<const StdpPlan> plan, StdpDrive drive);

  const Footprint& footprint() const override { return footprint_; }
  const ReadOut& read_out() const override { return drive_.read_out; }
  int features() const override { return drive_.parameters.inputs; }
  bool reads_bytes() const override { return true; }
  int block_samples() const override;
  const v1::PowerMode& mode() const override { return drive_.mode; }
  absl::Status Run(std::span<const SampleTask> tasks, std::span<SampleResult> results,
                   const Cancellation& cancellation) const override;
  double NominalSynapticPower(const Recorder& recorder) const override;

 private:
  // What a running sample needs; used again by the next.
  struct Workspace {
    std::unique_ptr<RateEncoder> encoder;
    std::unique_ptr<Presentation> presentation;
    SpikeTrain train;
    std::vector<uint8_t> pixels;
    std::vector<int32_t> counts;
    std::vector<int32_t> by_class;
  };

  void DescribeFootprint();
  void RunSample(const SampleTask& task, Workspace& workspace, SampleResult& result) const;
  StdpCounts Present(uint64_t sample, Workspace& workspace) const;
  Activity ActivityOf(const StdpCounts& counts, const SpikeTrain& train) const;

  std::shared_ptr<const StdpPlan> plan_;
  StdpDrive drive_;
  WeightRows rows_;
  // [inputs]: the sum of an input's weights.
  std::vector<double> row_power_;
  Footprint footprint_;
  mutable LeasePool<Workspace> workspaces_;
};

}  // namespace torpor
