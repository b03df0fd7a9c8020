// Spikes of one sample, by step.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace torpor {

// Who spikes in each of `steps` steps. A plain list of events: memory and time go with the spikes,
// not with neurons times steps.
struct LifSpikes {
  int steps() const { return static_cast<int>(begin.size()) - 1; }
  int64_t size() const { return static_cast<int64_t>(index.size()); }
  // Those of step n, in the order in which they were added.
  std::span<const uint32_t> At(int n) const {
    const auto from = static_cast<size_t>(begin[static_cast<size_t>(n)]);
    const auto to = static_cast<size_t>(begin[static_cast<size_t>(n) + 1]);
    return {index.data() + from, to - from};
  }
  // No steps.
  void Clear() {
    begin.assign(1, 0);
    index.clear();
  }
  // Ends the step whose spikes were appended to `index`.
  void EndStep() { begin.push_back(static_cast<int32_t>(index.size())); }

  // [steps + 1]: where each step's spikes begin in `index`, then their number.
  std::vector<int32_t> begin = {0};
  // Of the layer's units. A unit may stand more than once in a step where spikes were pooled.
  std::vector<uint32_t> index;
};

}  // namespace torpor
