// A model at one power mode on one piece of simulated hardware.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
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

// The next steps of an open-ended stream of spikes: who spikes at which step of the chunk.
struct SpikeChunk {
  int steps = 0;
  // As long as each other; ascending steps in [0, steps), ascending inputs within a step, each at
  // most once in it (CheckChunk).
  std::span<const int32_t> step;
  std::span<const int32_t> index;
};

// INVALID_ARGUMENT with a path below `path` ("steps", "step[3]", "index[3]") for what is out of
// range or order. `inputs` is what indices are below; at most `most_steps` steps.
absl::Status CheckChunk(const SpikeChunk& chunk, int inputs, int most_steps,
                        const std::string& path);

// What a network remembers from one chunk of a stream to the next. Owned by the stream: a
// deployment never holds it, so streams cannot see each other. Used by one call at a time.
class StreamState {
 public:
  virtual ~StreamState() = default;
};

struct ChunkResult {
  // [classes], of this chunk alone.
  std::span<float> scores;
  Activity activity;
  // Spikes of the last layer, as SpikeChunk.
  std::vector<int32_t> step;
  std::vector<int32_t> index;
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
  // Inputs of one step for families that take streams of spikes; 0 for the others.
  virtual int stream_inputs() const { return 0; }
  // Steps of a sample at full power, by which a stream's are compared with samples; 0 for the
  // others.
  virtual int sample_steps() const { return 0; }
  // At rest. Null for families that take no streams.
  virtual std::unique_ptr<StreamState> NewStream() const { return nullptr; }
  // Whether a state that another deployment made fits this one.
  virtual bool Continues(const StreamState& state) const {
    (void)state;
    return false;
  }
  // Goes on from `state`, which Continues, and leaves it at the chunk's end. Chunks of a stream
  // have the bits of the stream in one piece. `chunk` passed CheckChunk. For families that take
  // streams. CANCELLED and DEADLINE_EXCEEDED come within a part of a second or one step; `state` is
  // then somewhere within the chunk.
  virtual absl::Status RunChunk(const SpikeChunk& chunk, RunKey key, StreamState& state,
                                ChunkResult& result, const Cancellation& cancellation) const;
  // Mean synaptic power a sample if each layer saw inputs with these squares (sums over
  // `recorder.samples`), units of Vdd^2 Gmax: with a full-power recording this is the nominal power
  // of NASP.
  virtual double NominalSynapticPower(const Recorder& recorder) const = 0;
};

}  // namespace torpor
