// The inner loops of PopcountGrid, once for each instruction set.
//
// A core's axons are permuted so that bit k of word t is axon 4 k + t: the axons of word t are
// those of type t, for which a neuron has one strength. Then I = sum_t s_t pop(x_t & c_t) + b.
#pragma once

#include <cstdint>
#include <vector>

namespace torpor {

// Instructions made use of; each needs those before it.
enum class PopcountSet {
  kBase,
  // AVX2.
  kAvx2,
  // AVX-512 F, VL, DQ, BW.
  kAvx512,
  // And VPOPCNTDQ, VNNI.
  kAvx512Popcount,
};
// Those that this CPU has, best last.
std::vector<PopcountSet> PopcountSets();
PopcountSet BestPopcountSet();

inline constexpr int kGroupNeurons = 8;
inline constexpr int kTypes = 4;

// Eight neurons side by side, in as few bytes as the nearest cache likes.
struct alignas(64) PopcountGroup {
  // Connected sites of the axons of each type.
  uint64_t sites[kTypes][kGroupNeurons] = {};
  // In bytes 0..3 the strengths of the types; in the upper 32 bits b - 1, saturated to where more
  // makes no difference, so that a neuron fires unless their sum is negative.
  uint64_t drive[kGroupNeurons] = {};
};

struct PopcountKernel {
  // Bit j of fires[g] says whether neuron j of group g fires on spikes x [types].
  void (*fire)(const PopcountGroup* groups, int count, const uint64_t* x, uint8_t* fires);
  // out[g * 8 + i] = sum over words w of pop(spikes[w] & masks[(g * words + w) * 8 + i]).
  void (*count)(const uint64_t* spikes, int words, const uint64_t* masks, int groups,
                uint32_t* out);
  // From axons in order (4 words) to axons by type.
  void (*by_type)(const uint64_t* axons, uint64_t* x);
};

// `set` must be one that the CPU has.
const PopcountKernel& PopcountKernelOf(PopcountSet set);

}  // namespace torpor
