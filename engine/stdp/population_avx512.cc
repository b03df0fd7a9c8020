#include <utility>

#include "engine/stdp/population_kernel.h"

#if defined(__x86_64__) && defined(__GNUC__)
// GCC 12 takes these headers' own undefined vectors for mistakes (its bug 105593).
#if !defined(__clang__)
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif
#include <immintrin.h>

// For all of this file's own functions, and for none of a header.
#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx512f,avx512vl,avx512dq,avx512bw"))), \
                             apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx512f,avx512vl,avx512dq,avx512bw")
#endif

namespace torpor {
namespace {

#include "engine/stdp/population_kernel.inc"

struct Vectors512 {
  static constexpr int kLanes = 16;
  // Of 32 registers; two a block.
  static constexpr int kMostBlocks = 13;
  typedef float Floats __attribute__((vector_size(64), may_alias));
  typedef int32_t Ints __attribute__((vector_size(64), may_alias));
  typedef uint16_t Shorts __attribute__((vector_size(64), may_alias));
  static Shorts Widen8(const char* at) {
    return (Shorts)_mm512_cvtepu8_epi16(_mm256_load_si256((const __m256i*)at));
  }
  static Ints Widen16(const char* at) {
    return (Ints)_mm512_cvtepu16_epi32(_mm256_load_si256((const __m256i*)at));
  }
  // Bit k: a[k] >= b[k].
  static uint32_t AtLeast(Floats a, Floats b) {
    return _mm512_cmp_ps_mask((__m512)a, (__m512)b, _CMP_GE_OQ);
  }
};

}  // namespace

namespace internal {
const PopulationKernel kPopulationAvx512 = KernelOf<Vectors512>();
}  // namespace internal
}  // namespace torpor

#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif
#endif
