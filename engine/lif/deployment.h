// A network with traces at one power mode.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "engine/base/lease_pool.h"
#include "engine/lif/definition.h"
#include "engine/lif/network_pass.h"
#include "engine/lif/sample_encoder.h"
#include "engine/lif/stages.h"
#include "engine/lif/stream_pass.h"
#include "engine/lif/weights.h"
#include "engine/network/deployment.h"

namespace torpor {

// What a deployment runs on: everything as it is in the mode.
struct LifDrive {
  // Thresholds and resets scaled where the mode says so.
  LifDefinition definition;
  // Stored and scaled.
  LifParameters weights;
  // [layers]: what the mode multiplied the weights by; empty: all 1.
  std::vector<float> scales;
  // Of a stored weight.
  int weight_bits = 32;
  // Steps of a sample.
  int steps = 0;
  // Every lever at its value in force; `margin` unset means that every step is taken.
  v1::PowerMode mode;
  // What scores are multiplied by, digitally.
  float gain = 1;
  ReadOut read_out;
  // [steps]: what scores of a sample that stopped after step n are multiplied by, so that the
  // read-out's temperature is theirs too.
  std::vector<float> stop_scales;
  // Of input spikes (Realisation.seed).
  uint64_t seed = 0;
};

// Scores are those of LifReadOut. Of a sample that its margin stopped early they are brought to the
// scale of all the mode's steps (stop_scales), so that they read as probabilities alike; the margin
// itself is of the scores until then as they are. A sample's result is a function of the sample,
// its key and the seed: the same bits whatever it is run with.
//
// Activity has a layer for each with weights. synaptic_power: of each event at input j the squares
// of what it counts (1, or less behind pools) times the |weights| that it meets (Merkel, eq. 3,
// with spikes for u); of currents u the squares of u in every step. Recorders take those squares
// by input, and after them those of the layer's own spikes where it is recurrent. The rest is what
// the passes count (counts.h): a recurrent layer's spikes of the last step reach nobody any more.
//
// Streams are of the input's spikes, whatever code the definition has for samples; their inputs are
// numbered as the values of one step of a sample, images [channel, row, column]. A stream that
// comes from a deployment with other scales goes on with its drive of before scaled alike, so a
// switch to a HOMOGENEOUS mode changes no spike but for rounding, none at all where epsilons are
// powers of 2.
//
// Immutable; Run is serial and may be called from any thread.
class LifDeployment final : public Deployment {
 public:
  explicit LifDeployment(LifDrive drive);

  const Footprint& footprint() const override { return footprint_; }
  const ReadOut& read_out() const override { return drive_.read_out; }
  int features() const override { return drive_.definition.features(); }
  bool reads_bytes() const override { return true; }
  int block_samples() const override;
  const v1::PowerMode& mode() const override { return drive_.mode; }
  absl::Status Run(std::span<const SampleTask> tasks, std::span<SampleResult> results,
                   const Cancellation& cancellation) const override;
  int stream_inputs() const override { return drive_.definition.inputs; }
  int sample_steps() const override { return drive_.definition.steps; }
  std::unique_ptr<StreamState> NewStream() const override;
  bool Continues(const StreamState& state) const override;
  absl::Status RunChunk(const SpikeChunk& chunk, RunKey key, StreamState& state,
                        ChunkResult& result, const Cancellation& cancellation) const override;
  double NominalSynapticPower(const Recorder& recorder) const override;

 private:
  // What a running sample needs; used again by the next.
  struct Workspace {
    std::unique_ptr<LifSampleEncoder> encoder;
    std::unique_ptr<LifNetworkPass> whole;
    std::unique_ptr<LifStreamPass> pieces;
    LifStreamState state;
    LifSpikes step;
  };
  // What one layer with weights is charged by.
  struct Meter {
    LifStage stage;
    // Square of what an event counts.
    double square = 1;
    // [inputs, then units where recurrent]: sum of the |weights| of one.
    std::vector<double> power;
    int64_t inputs = 0;
    int64_t units = 0;
    int64_t synapses = 0;
    // Synaptic operations of a step in which all inputs and units spike.
    int64_t connections = 0;
    // Of the weights.
    float scale = 1;
  };

  // Of a chunk: as many as have room, and end well within 50 ms.
  int StepsAtOnce() const;
  void MakeMeters();
  void DescribeFootprint();
  void RunWhole(const LifInput& input, Workspace& workspace, SampleResult& result) const;
  void RunUntilMargin(const LifInput& input, Workspace& workspace, SampleResult& result) const;
  // Sum of each event's squares by the |weights| that it meets; adds the squares to `record` unless
  // null.
  static double PowerOf(const Meter& meter, const LifInput& input, const LifHeard& heard, int steps,
                        Eigen::VectorXd* record);
  // Of all layers in the last run of `pass`.
  void ChargeAll(const LifPass& pass, int steps, Activity& activity, Recorder* recorder) const;

  LifDrive drive_;
  LifPlan plan_;
  // The same, never by dense products: for pieces.
  LifPlan event_plan_;
  // Of drive_.weights, for both plans.
  std::vector<LifWeights> views_;
  std::vector<Meter> meters_;
  Footprint footprint_;
  mutable LeasePool<Workspace> workspaces_;
};

}  // namespace torpor
