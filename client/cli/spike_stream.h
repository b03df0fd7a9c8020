// A stream of chunks of spikes through a session: InferenceService.StreamInfer, one chunk at a
// time.
#pragma once

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "client/cli/context.h"
#include "grpcpp/grpcpp.h"
#include "torpor/v1/inference.grpc.pb.h"

namespace torpor::cli {

// The most steps that a chunk has (inference.proto).
inline constexpr int kMostChunkSteps = 4096;

// Not thread-safe. Cancelled when it goes out of scope before Close. Every answer is waited for as
// long as options.timeout, then the stream is cancelled: DEADLINE_EXCEEDED.
class SpikeStream {
 public:
  // `context` outlives the stream.
  explicit SpikeStream(Context& context);
  ~SpikeStream();

  // Before all else. `session`: `sessions/{id}`.
  absl::Status Open(const std::string& session);
  // What the last layer answers to the next steps, which go on from where the chunk before ended;
  // `reset` puts the network to rest first. Changes of the power mode are noted to the user.
  // After an error the stream is of no more use.
  absl::StatusOr<v1::InferResponse> Send(const v1::SpikeTrain& chunk, bool reset);
  // The last Send began at rest, since what the stream remembered did not fit a new model.
  bool state_lost() const { return state_lost_; }
  // Ends the stream.
  void Close();

 private:
  // Until the operation that was begun is over; whether it worked. Cancels the call at `until_`.
  bool Wait();
  bool Write(const v1::StreamInferRequest& request);
  bool Read(v1::StreamInferResponse& reply);
  // Why the server ended the stream; never OK, since an answer was waited for.
  absl::Status Ended();

  Context& context_;
  grpc::ClientContext call_;
  // One operation at a time.
  grpc::CompletionQueue queue_;
  std::unique_ptr<v1::InferenceService::Stub> stub_;
  std::unique_ptr<grpc::ClientAsyncReaderWriter<v1::StreamInferRequest, v1::StreamInferResponse>>
      stream_;
  // When the answer has to be there.
  absl::Time until_;
  bool expired_ = false;
  bool state_lost_ = false;
  int64_t seq_ = 0;
};

}  // namespace torpor::cli
