#include "engine/rate/calibrate.h"

#include <algorithm>
#include <utility>

#include "engine/base/status.h"
#include "engine/rate/kernels.h"

namespace torpor {
namespace {

constexpr int64_t kLargestBlock = 256;
// Multiply-accumulates of one block: far below 50 ms, the longest wait for a cancellation.
constexpr int64_t kBlockWork = 1'000'000'000;
// Blocks whose sums are held at once.
constexpr int64_t kWave = 16;

std::vector<LayerSums> BlockSums(const FrozenWeights& weights, const Dataset& data, int64_t first,
                                 int64_t count) {
  std::vector<LayerSums> sums;
  Matrix inputs(count, data.features());
  data.CopyRange(first, count, View(inputs));
  Matrix s;
  for (const FrozenLayer& layer : weights.layers) {
    s.resize(count, layer.shape.units);
    LayerProduct(layer, View(std::as_const(inputs)), View(s));
    for (int64_t p = 0; p < count; ++p) {
      ScaleAndShift(1, layer.bias, 0, {}, {&s(p, 0), static_cast<size_t>(s.cols())});
    }
    sums.push_back(LayerSums::OfBlock(View(std::as_const(s)), View(std::as_const(inputs))));
    const std::span<float> all(s.data(), static_cast<size_t>(s.size()));
    Activate(layer.shape.activation, all, all);
    std::swap(inputs, s);
  }
  return sums;
}

}  // namespace

absl::StatusOr<std::vector<LayerStatistics>> CalibrateRate(const FrozenWeights& weights,
                                                           const Dataset& data, ThreadPool* pool,
                                                           const Cancellation& cancellation) {
  int64_t work = 0;
  for (const FrozenLayer& layer : weights.layers)
    work += int64_t{layer.shape.inputs} * layer.shape.units;
  const int64_t block = std::clamp<int64_t>(kBlockWork / work, 1, kLargestBlock);
  const int64_t blocks = (data.size() + block - 1) / block;
  std::vector<LayerSums> total(weights.layers.size());
  for (int64_t wave = 0; wave < blocks; wave += kWave) {
    const int64_t held = std::min(kWave, blocks - wave);
    std::vector<std::vector<LayerSums>> sums(static_cast<size_t>(held));
    pool->ParallelFor(static_cast<int>(held), [&](int i) {
      if (!cancellation.Check().ok()) return;
      const int64_t first = (wave + i) * block;
      sums[static_cast<size_t>(i)] =
          BlockSums(weights, data, first, std::min(block, data.size() - first));
    });
    TORPOR_RETURN_IF_ERROR(cancellation.Check());
    for (const std::vector<LayerSums>& each : sums) {
      // A block that was skipped says that the computation was asked to stop.
      if (each.empty()) return absl::CancelledError("cancelled");
      for (size_t l = 0; l < total.size(); ++l) total[l].Merge(each[l]);
    }
  }
  std::vector<LayerStatistics> statistics;
  for (const LayerSums& sums : total) statistics.push_back(sums.Statistics());
  return statistics;
}

}  // namespace torpor
