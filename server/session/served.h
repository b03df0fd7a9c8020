// What a session serves at one moment, and one request to it.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>

#include "absl/status/status.h"
#include "engine/base/cancellation.h"
#include "engine/network/deployment.h"
#include "torpor/v1/common.pb.h"
#include "torpor/v1/inference.pb.h"
#include "torpor/v1/power.pb.h"

namespace torpor {

// One generation of a session: model and mode. Immutable.
struct Served {
  std::shared_ptr<const Deployment> deployment;
  // Counts mode and model changes from 1.
  int64_t generation = 0;
  // As the session shows it.
  v1::PowerMode mode;
  // Mean synaptic power a sample at full power from calibration, units of Vdd^2 Gmax; 0: not
  // calibrated.
  double full_power = 0;
};

// What a stream's network remembers from chunk to chunk: null before the first. Used by the
// session's compute thread alone, which takes the chunks of a stream in their order.
struct StreamMemory {
  std::unique_ptr<StreamState> state;
  // `seq` of a chunk that was refused: the stream takes no more until it is reset.
  std::optional<int64_t> missing;
};

// One request of n samples, or one chunk of a stream, on its way through a session's queue. The
// submitter owns it and keeps it alive, with all that it points to, until Done. Fields are written
// before Submit and not touched until Done.
class InferenceWork {
 public:
  virtual ~InferenceWork() = default;
  // Called exactly once for each accepted Submit, on a compute thread, which must not be held up:
  // OK with `response` filled in and the generation that served it, or an error and a null
  // `served`.
  virtual void Done(const absl::Status& status, const std::shared_ptr<const Served>& served) = 0;

  // Checked by Session::CheckInput. Null for a chunk.
  const v1::Tensor* input = nullptr;
  // 1 for a chunk.
  int samples = 0;
  // In the place of `input`, with what its stream remembers, which is forgotten first where
  // `reset`.
  const v1::SpikeTrain* chunk = nullptr;
  StreamMemory* stream = nullptr;
  bool reset = false;
  // By which a chunk is named in errors.
  int64_t seq = 0;
  // Filled in: what the stream remembered does not fit the generation, so it began at rest.
  bool state_lost = false;
  // Sample i draws its noise from key sample_key + i.
  uint64_t sample_key = 0;
  // 0: any.
  int64_t require_generation = 0;
  // Looked at when the work leaves the queue and between blocks; may be null.
  const Cancellation* cancellation = nullptr;
  // Filled in; reused messages keep their memory.
  v1::InferResponse* response = nullptr;
  // Set by Submit.
  std::chrono::steady_clock::time_point queued_at;
};

}  // namespace torpor
