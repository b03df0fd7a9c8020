// The inner loops of BitSlicedGrid, once for each instruction set.
//
// A line is a word of 512 bits, one a lane, that says in which lanes this axon (pixel, neuron)
// spikes. Lanes go round the first W of its eight 64-bit words, so that few lanes take part of a
// line: lane l is bit l / W of word l % W. A 64 x 64 transposition of each of the eight columns of
// 64 lines turns them into 512 slots of one 64-bit word each, one a lane, and back.
#pragma once

#include <cstdint>

#include "engine/base/simd.h"

namespace torpor {

inline constexpr int kLanes = 512;
inline constexpr int kLineWords = kLanes / 64;
inline constexpr int kGroup = 16;

// Words of a line that so many lanes take: a power of 2.
constexpr int LaneWords(int lanes) { return lanes > 256 ? 8 : lanes > 128 ? 4 : 2; }
// For all words, slots are in the order of lanes.
constexpr int SlotOf(int lane, int words) {
  // Without a division, which would take longer than all the rest.
  const int within = lane & (words - 1);
  return (lane - within) * (words == 8 ? 1 : words == 4 ? 2 : 4) + within;
}

struct alignas(64) Line {
  uint64_t words[kLineWords];
};

// Lines that a core's axons listen to, put side by side: offsets below are in bytes from the first
// of them. The last two are constant.
inline constexpr int kZeroLine = 256;
inline constexpr int kOnesLine = 257;
inline constexpr int kGatheredLines = 258;

// With P the spikes on positive sites and N on negative ones, each weighted by |s|, and n the sum
// of |s| of negative sites: S = P + (n - N), and the neuron fires where S >= threshold.
struct SlicedNeuron {
  // Among the layer's neurons.
  uint32_t line = 0;
  // Its first offset. Offsets of sites +2, -2, +1, -1 in this order, each filled up to whole groups
  // with the zero line, for negative sites with that of ones.
  uint32_t first = 0;
  uint8_t groups[4] = {};
  // At most 1023, which no S reaches.
  uint16_t threshold = 0;
};

struct SlicedCore {
  // Lines of the level below [axons].
  const int32_t* sources;
  int axons;
  const SlicedNeuron* neurons;
  int neuron_count;
  const uint16_t* offsets;
};

// One bit of a tally's weights: offsets of the lines that have it, in bytes, filled up to whole
// groups with a zero line.
struct SlicedBit {
  int bit;
  const uint32_t* offsets;
  int groups;
};

struct SlicedKernel {
  // Neurons of a core, in the first `words` words of each line and perhaps others. `gathered` has
  // kGatheredLines, the last two set.
  void (*run_core)(const SlicedCore& core, const Line* below, int words, Line* gathered, Line* out);
  // Bit k of the weighted sum over lines in planes[k], k < plane_count; plane_count holds any sum.
  void (*run_tally)(const SlicedBit* bits, int bit_count, const Line* lines, int words,
                    int plane_count, Line* planes);
  // Of each 64-bit word of 64 lines: bit b of line i becomes bit i of line b.
  void (*transpose)(Line* lines);
  // Bits shift..shift+bits-1 of each slot of 64 transposed lines are added to sums[slot].
  void (*add_field)(const Line* lines, int shift, int bits, uint64_t* sums);
};

// `with` must be one that the CPU has.
const SlicedKernel& SlicedKernelOf(Instructions with);

namespace internal {
extern const SlicedKernel kSlicedBase;
extern const SlicedKernel kSlicedAvx2;
extern const SlicedKernel kSlicedAvx512;
}  // namespace internal

}  // namespace torpor
