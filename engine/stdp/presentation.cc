#include "engine/stdp/presentation.h"

#include <algorithm>

#include "engine/base/status.h"

namespace torpor {

StdpCounts Presentation::Present(const WeightRows& rows, const SpikeTrain& train, uint64_t sample,
                                 std::span<int32_t> counts) {
  return Present(rows, train, sample, counts,
                 [](int /*steps*/, std::span<const int32_t> /*counts*/) { return false; });
}

StdpCounts Presentation::Present(const WeightRows& rows, const SpikeTrain& train, uint64_t sample,
                                 std::span<int32_t> counts, Stop stop) {
  TORPOR_CHECK(rows.inputs() == parameters_.inputs && rows.neurons() == parameters_.neurons);
  TORPOR_CHECK(counts.size() == static_cast<size_t>(parameters_.neurons));
  std::fill(counts.begin(), counts.end(), 0);
  population_.Reset(sample);
  std::span<const uint32_t> arriving;
  int t = 0;
  while (t < train.steps()) {
    const std::span<const uint32_t> emitted = population_.Step(rows, arriving, false);
    arriving = train.At(t++);
    for (const uint32_t j : emitted) ++counts[j];
    if (!emitted.empty() && stop(t, counts)) break;
  }
  StdpCounts happened = population_.counts();
  happened.input_spikes = static_cast<int64_t>(train.begin[static_cast<size_t>(t)]);
  return happened;
}

}  // namespace torpor
