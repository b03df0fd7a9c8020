#include <bit>
#include <cstring>

#include "engine/stdp/rate_encoder_kernel.h"

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

#include "engine/stdp/rate_encoder_kernel.inc"

struct Lanes256 {
  typedef uint64_t Word __attribute__((vector_size(32), may_alias));
  static constexpr int kLanes = 4;
  static Word All(uint32_t x) { return (Word)_mm256_set1_epi64x(x); }
  static Word Widen(const uint32_t* from) {
    return (Word)_mm256_cvtepu32_epi64(_mm_loadu_si128((const __m128i*)from));
  }
  static Word Multiply(Word a, Word b) { return (Word)_mm256_mul_epu32((__m256i)a, (__m256i)b); }
  static Word Xor(Word a, Word b, Word c) { return a ^ b ^ c; }
  static __m256i Repeat(const uint16_t* limits) {
    const __m256i wide = _mm256_cvtepu16_epi64(_mm_loadl_epi64((const __m128i*)limits));
    const __m256i twice = _mm256_or_si256(wide, _mm256_slli_epi64(wide, 16));
    return _mm256_or_si256(twice, _mm256_slli_epi64(twice, 32));
  }
  static void Compare(Word numbers, __m256i limits, int part, uint8_t* bits, int64_t stride) {
    const __m256i r = (__m256i)numbers;
    const __m256i spikes = _mm256_cmpeq_epi16(_mm256_min_epu16(r, limits), r);
    const __m256i quarters[4] = {_mm256_slli_epi64(spikes, 48), _mm256_slli_epi64(spikes, 32),
                                 _mm256_slli_epi64(spikes, 16), spikes};
    for (int q = 0; q < 4; ++q) {
      PutBits(static_cast<uint8_t>(_mm256_movemask_pd((__m256d)quarters[q])), part, kLanes,
              bits + q * stride);
    }
  }
};

}  // namespace

namespace internal {
const EncoderKernel kEncoderAvx2 = {Draw<Lanes256>, ListInputs};
}  // namespace internal

}  // namespace torpor

#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif
#endif
