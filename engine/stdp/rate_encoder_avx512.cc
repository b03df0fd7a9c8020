#include <bit>
#include <cstring>

#include "engine/stdp/rate_encoder_kernel.h"

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

#include "engine/stdp/rate_encoder_kernel.inc"

struct Lanes512 {
  typedef uint64_t Word __attribute__((vector_size(64), may_alias));
  static constexpr int kLanes = 8;
  static Word All(uint32_t x) { return (Word)_mm512_set1_epi64(x); }
  static Word Widen(const uint32_t* from) {
    return (Word)_mm512_cvtepu32_epi64(_mm256_loadu_si256((const __m256i*)from));
  }
  static Word Multiply(Word a, Word b) { return (Word)_mm512_mul_epu32((__m512i)a, (__m512i)b); }
  static Word Xor(Word a, Word b, Word c) {
    return (Word)_mm512_ternarylogic_epi64((__m512i)a, (__m512i)b, (__m512i)c, 0x96);
  }
  static __m512i Repeat(const uint16_t* limits) {
    const __m512i wide = _mm512_cvtepu16_epi64(_mm_loadu_si128((const __m128i*)limits));
    const __m512i twice = _mm512_or_si512(wide, _mm512_slli_epi64(wide, 16));
    return _mm512_or_si512(twice, _mm512_slli_epi64(twice, 32));
  }
  static void Compare(Word numbers, __m512i limits, int part, uint8_t* bits, int64_t stride) {
    const __m512i spikes = _mm512_movm_epi16(_mm512_cmple_epu16_mask((__m512i)numbers, limits));
    for (int q = 0; q < 4; ++q) {
      const __m512i quarter = _mm512_set1_epi64(int64_t{1} << 16 * q);
      PutBits(static_cast<uint8_t>(_mm512_test_epi64_mask(spikes, quarter)), part, kLanes,
              bits + q * stride);
    }
  }
};

uint32_t* ListBySixteen(const uint8_t* bits, int active, const uint32_t* inputs, uint32_t* out) {
  static_assert(kListSlack >= 16);
  for (int first = 0; first < active; first += 16) {
    uint16_t word;
    std::memcpy(&word, bits + first / 8, sizeof(word));
    if (active - first < 16) word = static_cast<uint16_t>(word & ((1 << (active - first)) - 1));
    _mm512_storeu_si512(out, _mm512_maskz_compress_epi32(word, _mm512_loadu_si512(inputs + first)));
    out += _mm_popcnt_u32(word);
  }
  return out;
}

}  // namespace

namespace internal {
const EncoderKernel kEncoderAvx512 = {Draw<Lanes512>, ListBySixteen};
}  // namespace internal

}  // namespace torpor

#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif
#endif
