// A model at one power mode on one piece of simulated hardware.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "Eigen/Core"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "engine/base/cancellation.h"
#include "engine/energy/activity.h"
#include "engine/learn/metrics.h"
#include "torpor/v1/power.pb.h"

namespace torpor {

// One sample's input: one of the two, the other is empty.
struct InputView {
  // [features], finite.
  std::span<const float> values;
  // [features], each stands for the value byte / 255. For a Deployment that reads_bytes().
  std::span<const uint8_t> bytes = {};
};

// Names the random numbers of one sample: the same key on the same realisation draws the same
// noise.
struct RunKey {
  uint64_t sample = 0;
};

// Collects what a run does not return: the sum over samples of each layer's squared inputs [inputs
// of layer l]. Used by one Run call at a time.
struct Recorder {
  std::vector<Eigen::VectorXd> squared_inputs;
  int64_t samples = 0;
  // Adds another recorder's sums.
  void Merge(const Recorder& other);
};

struct SampleTask {
  InputView input;
  RunKey key;
};

struct SampleResult {
  // [classes], owned by the caller: pre-activations of the last layer; for spiking families what
  // stands in their place (see the family).
  std::span<float> scores;
  Activity activity;
  // Steps (ticks) that the sample took; 0 for families without.
  int32_t steps_used = 0;
  // May be null; samples of one call may share it.
  Recorder* recorder = nullptr;
};

// A model at one power mode on one realisation. Immutable; Run may be called from any thread.
class Deployment {
 public:
  virtual ~Deployment() = default;
  virtual const Footprint& footprint() const = 0;
  virtual const ReadOut& read_out() const = 0;
  // Values of one input sample.
  virtual int features() const = 0;
  // Whether inputs may be given as bytes. Results have the same bits as from the values that the
  // bytes stand for.
  virtual bool reads_bytes() const { return false; }
  // How many samples a caller who has many should hand to one Run call: enough to be efficient, so
  // few that a call ends well within 50 ms. >= 1. Unless overridden, by the work of dense products.
  virtual int block_samples() const;
  // The mode with every lever at its value in force.
  virtual const v1::PowerMode& mode() const = 0;
  // tasks.size() == results.size(); every input has features() values or bytes and every scores
  // span classes. Serial: callers parallelise over blocks of samples. Outputs of a sample do not
  // depend on its neighbours beyond 1e-5 relative.
  virtual absl::Status Run(std::span<const SampleTask> tasks, std::span<SampleResult> results,
                           const Cancellation& cancellation) const = 0;
  // Mean synaptic power a sample if each layer saw inputs with these squares (sums over
  // `recorder.samples`), units of Vdd^2 Gmax: with a full-power recording this is the nominal power
  // of NASP.
  virtual double NominalSynapticPower(const Recorder& recorder) const = 0;
};

}  // namespace torpor
