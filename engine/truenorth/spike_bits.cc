#include "engine/truenorth/spike_bits.h"

#include <algorithm>
#include <cstddef>
#include <cstring>

#if defined(__x86_64__) && defined(__GNUC__)
// GCC 12 takes these headers' own undefined vectors for mistakes (its bug 105593).
#if !defined(__clang__)
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif
#include <immintrin.h>
#define TORPOR_X86 1
#endif

namespace torpor {
namespace {

uint64_t PlainWord(const uint8_t* bytes, size_t count, const std::array<uint8_t, 32>& table) {
  uint64_t word = 0;
  for (size_t i = 0; i < count; ++i) {
    word |= uint64_t{(table[bytes[i] >> 3] >> (bytes[i] & 7)) & 1u} << i;
  }
  return word;
}

#ifdef TORPOR_X86
// Two look-ups of 16 bytes find the table's byte, a third one the bit to test in it.
TORPOR_AVX512 void Avx512Words(const uint8_t* bytes, size_t words,
                               const std::array<uint8_t, 32>& table, uint64_t* out,
                               int64_t stride) {
  const __m512i low =
      _mm512_broadcast_i32x4(_mm_loadu_si128(reinterpret_cast<const __m128i*>(table.data())));
  const __m512i high =
      _mm512_broadcast_i32x4(_mm_loadu_si128(reinterpret_cast<const __m128i*>(table.data() + 16)));
  const __m512i bits = _mm512_set1_epi64(static_cast<int64_t>(0x8040201008040201));
  for (size_t w = 0; w < words; ++w, out += stride) {
    const __m512i p = _mm512_loadu_si512(bytes + 64 * w);
    const __m512i at = _mm512_and_si512(_mm512_srli_epi16(p, 3), _mm512_set1_epi8(15));
    const __m512i entry = _mm512_mask_blend_epi8(
        _mm512_movepi8_mask(p), _mm512_shuffle_epi8(low, at), _mm512_shuffle_epi8(high, at));
    const __m512i bit = _mm512_shuffle_epi8(bits, _mm512_and_si512(p, _mm512_set1_epi8(7)));
    *out = _mm512_test_epi8_mask(entry, bit);
  }
}

TORPOR_AVX2 [[gnu::always_inline]] inline uint64_t Avx2Half(const uint8_t* bytes, __m256i low,
                                                            __m256i high) {
  const __m256i bits = _mm256_set1_epi64x(static_cast<int64_t>(0x8040201008040201));
  const __m256i p = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(bytes));
  const __m256i at = _mm256_and_si256(_mm256_srli_epi16(p, 3), _mm256_set1_epi8(15));
  const __m256i entry =
      _mm256_blendv_epi8(_mm256_shuffle_epi8(low, at), _mm256_shuffle_epi8(high, at), p);
  const __m256i bit = _mm256_shuffle_epi8(bits, _mm256_and_si256(p, _mm256_set1_epi8(7)));
  const __m256i found = _mm256_cmpeq_epi8(_mm256_and_si256(entry, bit), bit);
  return static_cast<uint32_t>(_mm256_movemask_epi8(found));
}

TORPOR_AVX2 void Avx2Words(const uint8_t* bytes, size_t words, const std::array<uint8_t, 32>& table,
                           uint64_t* out, int64_t stride) {
  const __m256i low =
      _mm256_broadcastsi128_si256(_mm_loadu_si128(reinterpret_cast<const __m128i*>(table.data())));
  const __m256i high = _mm256_broadcastsi128_si256(
      _mm_loadu_si128(reinterpret_cast<const __m128i*>(table.data() + 16)));
  for (size_t w = 0; w < words; ++w, out += stride) {
    *out = Avx2Half(bytes + 64 * w, low, high) | Avx2Half(bytes + 64 * w + 32, low, high) << 32;
  }
}
#endif

void Words(const uint8_t* bytes, size_t words, const std::array<uint8_t, 32>& table, uint64_t* out,
           int64_t stride, Instructions with) {
#ifdef TORPOR_X86
  if (with == Instructions::kAvx512) return Avx512Words(bytes, words, table, out, stride);
  if (with == Instructions::kAvx2) return Avx2Words(bytes, words, table, out, stride);
#endif
  (void)with;
  for (size_t w = 0; w < words; ++w, out += stride) *out = PlainWord(bytes + 64 * w, 64, table);
}

}  // namespace

void SpikeBits(std::span<const uint8_t> bytes, const std::array<uint8_t, 32>& table,
               uint64_t* words, int64_t stride, Instructions with) {
  const size_t whole = bytes.size() / 64;
  Words(bytes.data(), whole, table, words, stride, with);
  const size_t rest = bytes.size() % 64;
  if (rest == 0) return;
  uint8_t last[64] = {};
  std::memcpy(last, bytes.data() + 64 * whole, rest);
  uint64_t* word = words + static_cast<int64_t>(whole) * stride;
  Words(last, 1, table, word, stride, with);
  // A byte of 0 may spike by the table; what is no pixel never does.
  *word &= (uint64_t{1} << rest) - 1;
}

}  // namespace torpor
