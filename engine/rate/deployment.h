// A rate network at one power mode.
#pragma once

#include <memory>
#include <vector>

#include "engine/network/deployment.h"
#include "engine/rate/weights.h"

namespace torpor {

// What a power mode makes of one layer; of a layer without weights, nothing.
struct RateLayerDrive {
  // Scale of the signal: of the weights, or of what drives them.
  double epsilon = 1;
  // Bias of the scaled layer [units], or empty.
  std::vector<float> bias;
  // Standard deviation of the noise added to each pre-activation; 0 for none.
  float noise = 0;
  // Synaptic power (eq. 3 for what really flows), units of Vdd^2 Gmax: factor on (u o u) .
  // column_power; what each u^2 draws beside it, from devices that are off [inputs] or empty; and
  // the biases' own a sample, at all places.
  double weight_power = 1;
  std::vector<double> floor_power;
  double bias_power = 0;
  // What off devices would draw where the above leaves them out: factor on u^2 of each use of an
  // input, and the biases' own. `off_counted`: the above holds them.
  double off_power = 1;
  double off_bias_power = 0;
  bool off_counted = false;
  // Input that an array drives with its full read voltage: the largest that was seen at full power
  // where a layer's inputs have no bound, else 1.
  double full_scale_input = 1;
};

// What is done to the scores digitally, after all noise: scores = gain s + shift.
struct DigitalOutput {
  double gain = 1;
  double shift = 0;
};

// Bits of a value on its way between layers: what 8-bit converters give.
inline constexpr int kValueBits = 8;

// Counts of a sample, by layer: synaptic power and events; rows of its array that carry something
// (`reads`, at each place), column sums (`conversions`), values that are read from and written to
// buffers (`bits_moved`, of kValueBits each), and what off devices would draw. Nothing is written.
// Cores, ticks and spikes do not exist, so that they stay uncounted.
//
// Holds the model's frozen weights by reference count and its own epsilons and biases: it neither
// keeps the model alive nor sees later training. Immutable; Run is serial and may be called from
// any thread.
class RateDeployment final : public Deployment {
 public:
  // Without `metered` nothing is counted or recorded: what benchmarks compare metering with.
  RateDeployment(std::shared_ptr<const FrozenWeights> weights, std::vector<RateLayerDrive> drives,
                 uint64_t noise_seed, v1::PowerMode mode, ReadOut read_out, bool metered = true,
                 DigitalOutput output = {});

  const Footprint& footprint() const override { return footprint_; }
  const ReadOut& read_out() const override { return read_out_; }
  int features() const override { return weights_->layers.front().shape.inputs; }
  const v1::PowerMode& mode() const override { return mode_; }
  absl::Status Run(std::span<const SampleTask> tasks, std::span<SampleResult> results,
                   const Cancellation& cancellation) const override;
  double NominalSynapticPower(const Recorder& recorder) const override;

 private:
  absl::Status RunOne(const SampleTask& task, SampleResult& result,
                      const Cancellation& cancellation, Workspace& workspace) const;
  absl::Status RunBlock(std::span<const SampleTask> tasks, std::span<SampleResult> results,
                        const Cancellation& cancellation, Workspace& workspace) const;
  void Finish(std::span<float> scores) const;
  // Fills in what every sample moves and converts, whatever its values.
  void SetConstantCounts();
  // Counts what layer l draws from inputs u.
  void Meter(size_t l, std::span<const float> u, SampleResult& result) const;
  // Counts one more sample.
  void StartRecord(Recorder& recorder) const;
  // s becomes epsilon s + c + noise.
  void Drive(size_t l, RunKey key, std::vector<float>& noise, std::span<float> s) const;

  std::shared_ptr<const FrozenWeights> weights_;
  std::vector<RateLayerDrive> drives_;
  // By layer with floor power: what each u^2 draws in all, and the same rounded to float.
  struct OwnPower {
    std::vector<double> column_power;
    std::vector<float> metered_power;
  };
  std::vector<OwnPower> own_power_;
  // What every sample's activity has, by layer.
  std::vector<LayerActivity> constant_;
  uint64_t noise_seed_;
  v1::PowerMode mode_;
  ReadOut read_out_;
  bool metered_;
  DigitalOutput output_;
  Footprint footprint_;
  // The most values that one sample has in any layer.
  size_t widest_ = 0;
  // Samples of a block: fixed by the network alone, so that one block stays far below 50 ms.
  int block_ = 1;
};

}  // namespace torpor
