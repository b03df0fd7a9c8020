// The inner loops of Population, once for each instruction set.
//
// All sets give the same bits: sums go row by row in the order given, each neuron's on its own, and
// no multiplication is contracted with an addition.
#pragma once

#include <cstdint>

#include "engine/base/simd.h"
#include "engine/stdp/rounder.h"
#include "engine/stdp/weight_rows.h"

namespace torpor {

// Rows of one-byte codes whose sum fits 16 bits, and of two-byte codes whose sum fits 31.
inline constexpr int kMostRows8 = 257;
inline constexpr int kMostRows16 = 32768;

// sums[j] = the sum of rows[k][j] over k in the order of `rows`, whose length is `count`.
template <typename Sum>
struct RowSum {
  const void* weights = nullptr;
  // Of a row.
  int64_t stride_bytes = 0;
  const uint32_t* rows = nullptr;
  int count = 0;
  // A multiple of kNeuronBlock.
  int padded = 0;
  // [padded], aligned to 64 bytes.
  Sum* sums = nullptr;
};

// One step of all neurons: decay, input, rounding, and who reaches the threshold.
struct NeuronStep {
  // All [padded], aligned to 64 bytes.
  float* v = nullptr;
  // The first step at which a neuron takes input again.
  const int32_t* ready_at = nullptr;
  // threshold + theta; infinite in the padding.
  const float* level = nullptr;
  // One of them; the codes' in 2^-fraction_bits.
  const float* sums = nullptr;
  const uint16_t* sums8 = nullptr;
  const int32_t* sums16 = nullptr;
  // Null: none this step.
  const float* inhibition = nullptr;
  // Null: floats.
  const Rounder* rounder = nullptr;
  // What is added before floor, in steps of the rounder.
  const float* noise = nullptr;
  float scale = 1;
  float decay = 1;
  int32_t now = 0;
  int padded = 0;
  // [padded / kNeuronBlock], bit k of word b: neuron 32 b + k.
  uint32_t* crossings = nullptr;
};

struct PopulationKernel {
  void (*sum_floats)(const RowSum<float>& sum);
  // At most kMostRows8 rows.
  void (*sum_codes8)(const RowSum<uint16_t>& sum);
  // At most kMostRows16 rows.
  void (*sum_codes16)(const RowSum<int32_t>& sum);
  // Whether any neuron crosses.
  bool (*update)(const NeuronStep& step);
};

// `with` must be one that the CPU has.
const PopulationKernel& PopulationKernelOf(Instructions with);

namespace internal {
extern const PopulationKernel kPopulationBase;
extern const PopulationKernel kPopulationAvx2;
extern const PopulationKernel kPopulationAvx512;
}  // namespace internal

}  // namespace torpor
