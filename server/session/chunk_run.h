// One chunk of a stream of spikes.
#pragma once

#include "absl/status/status.h"
#include "engine/network/deployment.h"
#include "server/session/served.h"

namespace torpor {

// FAILED_PRECONDITION with reason CHUNK_MISSING: chunk `seq` of the stream was refused.
absl::Status ChunkMissing(int64_t seq);

// A chunk's turn: `accepted` unless OK, ChunkMissing while one before it is, else as RunChunk.
// After any error the stream is at rest and takes nothing until a chunk with `reset`. `result` is
// looked at only where `accepted` is OK.
absl::Status TakeChunk(const absl::Status& accepted, const Deployment& deployment,
                       InferenceWork& work, SampleResult* result);

// Goes on with the work's stream on `deployment`, and writes scores and activity into `result` and
// the output's spikes into the work's response. Where the stream begins, is reset, or remembers
// what does not fit, it begins at rest. INVALID_ARGUMENT names fields below "chunk", or that the
// network takes no streams; the stream then remembers what it did before.
absl::Status RunChunk(const Deployment& deployment, InferenceWork& work, SampleResult& result);

}  // namespace torpor
