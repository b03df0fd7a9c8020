#include "engine/network/deployment.h"

#include <algorithm>

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

}  // namespace torpor
