// Which inputs spike at which step of one sample.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace torpor {

struct SpikeTrain {
  // [steps + 1]: step t's spikes are inputs[begin[t]..begin[t + 1]), ascending.
  std::vector<size_t> begin;
  std::vector<uint32_t> inputs;

  int steps() const { return static_cast<int>(begin.size()) - 1; }
  std::span<const uint32_t> At(int step) const {
    const size_t t = static_cast<size_t>(step);
    return {inputs.data() + begin[t], inputs.data() + begin[t + 1]};
  }
};

}  // namespace torpor
