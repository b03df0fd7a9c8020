// The inner loop of RateEncoder, once for each instruction set.
#pragma once

#include <array>
#include <cstdint>

#include "engine/base/simd.h"
#include "engine/stdp/noise.h"

namespace torpor {

// Philox4x32-10's block with the counter (input, draw, high) is eight 16-bit numbers: those of one
// input at eight steps.
inline constexpr int kStepsADraw = 8;
// Inputs are drawn so many at once; lists are filled up to whole groups.
inline constexpr int kDrawGroup = 8;

struct SpikeDraw {
  NoiseKey key;
  uint32_t draw = 0;
  // [groups * kDrawGroup]
  const uint32_t* inputs = nullptr;
  // An input spikes at a number up to its limit.
  const uint16_t* limits = nullptr;
  int groups = 0;
  // Step s of the draw: bit i of byte g, at bits[s * stride + g], is input kDrawGroup g + i.
  uint8_t* bits = nullptr;
  int64_t stride = 0;
};

// What `list_inputs` may write past the last input.
inline constexpr int kListSlack = 16;

struct EncoderKernel {
  void (*draw_spikes)(const SpikeDraw& draw);
  // Writes the inputs (of `active` listed) whose bit is set, in order; returns the end. `bits` and
  // `inputs` can be read up to whole words of 64.
  uint32_t* (*list_inputs)(const uint8_t* bits, int active, const uint32_t* inputs, uint32_t* out);
};

// `with` must be one that the CPU has.
const EncoderKernel& EncoderKernelOf(Instructions with);

namespace internal {
extern const EncoderKernel kEncoderBase;
extern const EncoderKernel kEncoderAvx2;
extern const EncoderKernel kEncoderAvx512;
}  // namespace internal

}  // namespace torpor
