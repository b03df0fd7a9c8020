// A grid of binary cores at one power mode.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "engine/network/deployment.h"
#include "engine/truenorth/grid.h"
#include "engine/truenorth/grid_kernels.h"
#include "engine/truenorth/grid_run.h"
#include "engine/truenorth/rate_code.h"
#include "torpor/v1/network.pb.h"

namespace torpor {

// What a deployment needs besides the grids.
struct TrueNorthDrive {
  // Effective: `steps` and `copies` are set; `margin` unset means that every tick is taken.
  v1::PowerMode mode;
  // Classes, activation, loss and temperature. Scores are spikes of the class, summed over copies
  // and ticks: exact integers, so that votes tie as the hardware's do. A sample that stopped early
  // counts as if it had gone on at its rate.
  ReadOut read_out;
  // Of Bernoulli spikes (Realisation.seed).
  uint64_t seed = 0;
};

// Copies of one grid see the same spikes of the pixels and vote together. Inputs are bytes; values
// are in [0, 1] and are read as bytes (ReadPixels). Spikes are counted in integers, so a sample's
// result has the same bits whatever it is run with, by every kernel and on any CPU.
//
// With a margin, a sample stops after the tick at which its first class leads its second one by
// that many summed spikes (over copies); the rate code is still that of all the mode's ticks.
//
// Activity, by layer, over ticks taken and copies in force: synaptic_events = spikes on axons times
// their sites that are on; synaptic_power = the same weighted by |c s|; reads = bits_moved = spikes
// on axons; spikes = neurons' spikes; core_ticks; no writes, no conversions. Recorders take each
// layer's input lines' spikes, mean over copies.
//
// Immutable; Run is serial and may be called from any thread.
class TrueNorthDeployment final : public Deployment {
 public:
  // All grids share one plan; `grids` are the copies on the hardware, of which the first
  // mode.copies() are switched on. Requires 1 <= mode.copies() <= grids.size().
  TrueNorthDeployment(const std::vector<BinaryGrid>& grids, TrueNorthDrive drive);
  // The same from kernels made before, to be shared by deployments of one hardware.
  TrueNorthDeployment(std::shared_ptr<const GridKernels> kernels, TrueNorthDrive drive);

  const Footprint& footprint() const override { return footprint_; }
  const ReadOut& read_out() const override { return drive_.read_out; }
  int features() const override { return kernels_->plan().features; }
  bool reads_bytes() const override { return true; }
  int block_samples() const override { return GridBlockSamples(kernels_->plan(), run_mode_); }
  const v1::PowerMode& mode() const override { return drive_.mode; }
  absl::Status Run(std::span<const SampleTask> tasks, std::span<SampleResult> results,
                   const Cancellation& cancellation) const override;
  // By the recorded spikes of lines and their sites' weights, times the mode's share of the
  // definition's ticks; an early stop is not foreseen.
  double NominalSynapticPower(const Recorder& recorder) const override;

 private:
  std::shared_ptr<const GridKernels> kernels_;
  TrueNorthDrive drive_;
  GridMode run_mode_;
  RateCode code_;
  Footprint footprint_;
};

}  // namespace torpor
