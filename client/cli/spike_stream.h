// A stream of chunks of spikes through a session: InferenceService.StreamInfer, one chunk at a
// time.
#pragma once

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "client/cli/context.h"
#include "torpor/v1/inference.grpc.pb.h"

namespace torpor::cli {

// The most steps that a chunk has (inference.proto).
inline constexpr int kMostChunkSteps = 4096;

// Not thread-safe. Cancelled when it goes out of scope before Close.
class SpikeStream {
 public:
  // `context` outlives the stream.
  explicit SpikeStream(Context& context);
  ~SpikeStream();

  // Before all else. `session`: `sessions/{id}`.
  absl::Status Open(const std::string& session);
  // What the last layer answers to the next steps, which go on from where the chunk before ended;
  // `reset` puts the network to rest first. Changes of the power mode are noted to the user.
  absl::StatusOr<v1::InferResponse> Send(const v1::SpikeTrain& chunk, bool reset);
  // Ends the stream.
  void Close();

 private:
  // Why the server ended the stream; never OK, since an answer was waited for.
  absl::Status Ended();

  Context& context_;
  grpc::ClientContext call_;
  std::unique_ptr<v1::InferenceService::Stub> stub_;
  std::unique_ptr<grpc::ClientReaderWriter<v1::StreamInferRequest, v1::StreamInferResponse>>
      stream_;
  int64_t seq_ = 0;
};

}  // namespace torpor::cli
