#include <utility>

#include "engine/stdp/population_kernel.h"

#if defined(__x86_64__) && defined(__GNUC__)
#include <immintrin.h>

// For all of this file's own functions, and for none of a header.
#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx2")
#endif

namespace torpor {
namespace {

#include "engine/stdp/population_kernel.inc"

struct Vectors256 {
  static constexpr int kLanes = 8;
  // Of 16 registers; four a block.
  static constexpr int kMostBlocks = 3;
  typedef float Floats __attribute__((vector_size(32), may_alias));
  typedef int32_t Ints __attribute__((vector_size(32), may_alias));
  typedef uint16_t Shorts __attribute__((vector_size(32), may_alias));
  static Shorts Widen8(const char* at) {
    return (Shorts)_mm256_cvtepu8_epi16(_mm_load_si128((const __m128i*)at));
  }
  static Ints Widen16(const char* at) {
    return (Ints)_mm256_cvtepu16_epi32(_mm_load_si128((const __m128i*)at));
  }
  // Bit k: a[k] >= b[k].
  static uint32_t AtLeast(Floats a, Floats b) {
    return static_cast<uint32_t>(_mm256_movemask_ps((__m256)(a >= b)));
  }
};

}  // namespace

namespace internal {
const PopulationKernel kPopulationAvx2 = KernelOf<Vectors256>();
}  // namespace internal
}  // namespace torpor

#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif
#endif
