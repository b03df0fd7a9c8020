#include "engine/network/deployment.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "engine/base/status.h"

namespace torpor {
namespace {

// Enough for an efficient matrix product.
constexpr int64_t kBlockSamples = 64;
// Multiply-accumulates of a block: large networks take fewer samples.
constexpr int64_t kBlockWork = 100'000'000;

}  // namespace

int Deployment::block_samples() const {
  int64_t work = 1;
  for (const LayerFootprint& layer : footprint().layers) work += layer.synapses;
  return static_cast<int>(std::clamp<int64_t>(kBlockWork / work, 1, kBlockSamples));
}

absl::Status Deployment::RunChunk(const SpikeChunk& /*chunk*/, RunKey /*key*/,
                                  StreamState& /*state*/, ChunkResult& /*result*/,
                                  const Cancellation& /*cancellation*/) const {
  TORPOR_CHECK(false && "a family that takes no streams");
}

absl::Status CheckChunk(const SpikeChunk& chunk, int inputs, int most_steps,
                        const std::string& path) {
  if (chunk.steps < 1 || chunk.steps > most_steps) {
    return FieldError(absl::StrCat(path, "steps"),
                      absl::StrCat("must be in 1..", most_steps, ", got ", chunk.steps));
  }
  if (chunk.step.size() != chunk.index.size()) {
    return FieldError(absl::StrCat(path, "index"),
                      absl::StrCat("must be as many as `step`, ", chunk.step.size(), ", got ",
                                   chunk.index.size()));
  }
  for (size_t i = 0; i < chunk.step.size(); ++i) {
    const auto at = [&](const char* field) { return absl::StrCat(path, field, "[", i, "]"); };
    if (chunk.step[i] < 0 || chunk.step[i] >= chunk.steps) {
      return FieldError(at("step"),
                        absl::StrCat("must be in 0..", chunk.steps - 1, ", got ", chunk.step[i]));
    }
    if (chunk.index[i] < 0 || chunk.index[i] >= inputs) {
      return FieldError(at("index"),
                        absl::StrCat("must be in 0..", inputs - 1, ", got ", chunk.index[i]));
    }
    if (i == 0) continue;
    if (chunk.step[i] < chunk.step[i - 1]) {
      return FieldError(at("step"), absl::StrCat("must not be before the spike before it, at ",
                                                 chunk.step[i - 1], ", got ", chunk.step[i]));
    }
    if (chunk.step[i] == chunk.step[i - 1] && chunk.index[i] <= chunk.index[i - 1]) {
      return FieldError(at("index"), absl::StrCat("must be above that of the spike before it, ",
                                                  chunk.index[i - 1], ", in the same step; got ",
                                                  chunk.index[i]));
    }
  }
  return absl::OkStatus();
}

}  // namespace torpor
