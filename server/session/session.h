// A live session: a model, the generation that it serves, and its queue.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "engine/network/model.h"
#include "server/session/meter.h"
#include "server/session/micro_batcher.h"
#include "server/session/served.h"
#include "torpor/v1/session.pb.h"
#include "torpor/v1/store.pb.h"

namespace torpor {

// What a session's requests must look like; the same for all its life.
struct InputShape {
  std::vector<int64_t> sample;
  int features = 0;
  // Samples a request.
  int max_samples = 4096;
};

// OK and the number of samples, or INVALID_ARGUMENT for the field `input`: dtype, shape, byte
// count. Whether the numbers are finite is looked at by the compute thread.
absl::StatusOr<int> CheckInput(const v1::Tensor& input, const InputShape& shape);

// Thread-safe. Submit, served, input_shape and View take short locks only and may be called from a
// gRPC reaction; the rest is for the registry, which serialises changes by `change_mutex`.
class Session {
 public:
  // `stored` and `row` as they are in the catalogue; `served` is the first generation to serve.
  Session(const MicroBatcher::Options& options, int max_samples, std::unique_ptr<Model> model,
          v1::StoredSession stored, v1::Session view, std::shared_ptr<const Served> served);

  const std::string& name() const { return name_; }
  const InputShape& input_shape() const { return input_shape_; }
  // Puts checked work into the queue; see MicroBatcher::Submit. The work must have passed
  // CheckInput.
  absl::Status Submit(InferenceWork* work) { return batcher_.Submit(work); }
  std::shared_ptr<const Served> served() const;
  // The public message with the meter as it is now.
  v1::Session View() const;

  // One change of the session at a time: held while a deployment is prepared and made durable,
  // never while samples run.
  std::mutex& change_mutex() { return change_mutex_; }
  // The following require change_mutex.
  const Model& model() const { return *model_; }
  const v1::StoredSession& stored() const { return stored_; }
  // Puts a durable change in force: the row, its public view, and, unless null, the new generation
  // and the new model.
  void Apply(v1::StoredSession stored, v1::Session view, std::shared_ptr<const Served> served,
             std::unique_ptr<Model> model);
  // The session is deleted: no more changes.
  bool ended() const { return ended_; }
  void MarkEnded() { ended_ = true; }

  // Refuses new work with `reason` and waits for what is queued.
  void Drain(const absl::Status& reason) { batcher_.Drain(reason); }

 private:
  const std::string name_;
  InputShape input_shape_;

  std::mutex change_mutex_;
  std::unique_ptr<Model> model_;
  v1::StoredSession stored_;
  bool ended_ = false;

  // A short mutex and not std::atomic<std::shared_ptr>: libstdc++ 12 reads that one with an unlock
  // that the thread sanitizer cannot follow, and it is a spin lock inside anyway.
  mutable std::mutex state_mutex_;
  v1::Session view_;
  std::shared_ptr<const Served> served_;

  PowerMeter meter_;
  MicroBatcher batcher_;  // last: its thread uses all of the above
};

}  // namespace torpor
