#include "server/session/chunk_run.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/base/status.h"

namespace torpor {
namespace {

// Of one chunk. How long they take is the network's matter; who no longer waits for them ends them
// (Deployment::RunChunk).
constexpr int kMostSteps = 4096;

}  // namespace

absl::Status ChunkMissing(int64_t seq) {
  return WithHelp(WithReason(absl::FailedPreconditionError(absl::StrCat(
                                 "a chunk before this one is missing: item ", seq,
                                 " was refused, and the stream does not go on over the hole")),
                             "CHUNK_MISSING", {{"seq", absl::StrCat(seq)}}),
                  "send a chunk with `reset`: the network then begins at rest");
}

absl::Status TakeChunk(const absl::Status& accepted, const Deployment& deployment,
                       InferenceWork& work, SampleResult* result) {
  StreamMemory& stream = *work.stream;
  if (work.reset) stream.missing.reset();
  if (stream.missing.has_value()) return ChunkMissing(*stream.missing);
  absl::Status status = accepted;
  if (status.ok()) status = RunChunk(deployment, work, *result);
  if (!status.ok()) {
    stream.state.reset();
    stream.missing = work.seq;
  }
  return status;
}

absl::Status RunChunk(const Deployment& deployment, InferenceWork& work, SampleResult& result) {
  if (deployment.stream_inputs() == 0) {
    return FieldError("chunk",
                      "this session's network takes no streams of spikes, only the family lif "
                      "does; send samples as `input`");
  }
  const v1::SpikeTrain& message = *work.chunk;
  const SpikeChunk chunk = {
      .steps = message.steps(),
      .step = {message.step().data(), static_cast<size_t>(message.step_size())},
      .index = {message.index().data(), static_cast<size_t>(message.index_size())}};
  TORPOR_RETURN_IF_ERROR(CheckChunk(chunk, deployment.stream_inputs(), kMostSteps, "chunk."));
  std::unique_ptr<StreamState>& state = work.stream->state;
  work.state_lost = !work.reset && state != nullptr && !deployment.Continues(*state);
  if (work.reset || state == nullptr || work.state_lost) state = deployment.NewStream();

  ChunkResult happened;
  happened.scores = result.scores;
  const Cancellation never;
  TORPOR_RETURN_IF_ERROR(
      deployment.RunChunk(chunk, {.sample = work.sample_key}, *state, happened,
                          work.cancellation != nullptr ? *work.cancellation : never));
  result.activity = std::move(happened.activity);
  result.steps_used = chunk.steps;
  v1::SpikeTrain& spikes = *work.response->mutable_spikes();
  spikes.set_steps(chunk.steps);
  spikes.mutable_step()->Assign(happened.step.begin(), happened.step.end());
  spikes.mutable_index()->Assign(happened.index.begin(), happened.index.end());
  return absl::OkStatus();
}

}  // namespace torpor
