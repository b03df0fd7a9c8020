#include "engine/truenorth/popcount_kernel.h"

#include <bit>

#include "engine/base/simd.h"

#if defined(__x86_64__) && defined(__GNUC__)
// GCC 12 takes these headers' own undefined vectors for mistakes (its bug 105593).
#if !defined(__clang__)
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif
#include <immintrin.h>
#define TORPOR_X86 1
#define TORPOR_AVX512_POPCOUNT                                                   \
  __attribute__((                                                                \
      target("avx2,fma,bmi2,avx512f,avx512vl,avx512dq,avx512bw,avx512vpopcntdq," \
             "avx512vnni")))
#endif

namespace torpor {
namespace {

void BaseFire(const PopcountGroup* groups, int count, const uint64_t* x, uint8_t* fires) {
  for (int g = 0; g < count; ++g) {
    unsigned bits = 0;
    for (int j = 0; j < kGroupNeurons; ++j) {
      const uint64_t drive = groups[g].drive[j];
      int32_t membrane = static_cast<int32_t>(drive >> 32);
      for (int t = 0; t < kTypes; ++t) {
        membrane +=
            static_cast<int8_t>(drive >> 8 * t) * std::popcount(x[t] & groups[g].sites[t][j]);
      }
      bits |= (membrane >= 0 ? 1u : 0u) << j;
    }
    fires[g] = static_cast<uint8_t>(bits);
  }
}

void BaseCount(const uint64_t* spikes, int words, const uint64_t* masks, int groups,
               uint32_t* out) {
  for (int g = 0; g < groups; ++g, out += 8) {
    for (int i = 0; i < 8; ++i) out[i] = 0;
    for (int w = 0; w < words; ++w, masks += 8) {
      if (spikes[w] == 0) continue;
      for (int i = 0; i < 8; ++i) {
        out[i] += static_cast<uint32_t>(std::popcount(spikes[w] & masks[i]));
      }
    }
  }
}

// Every fourth bit, moved together in four steps (Hacker's Delight, section 7-2).
void BaseByType(const uint64_t* axons, uint64_t* x) {
  for (int t = 0; t < kTypes; ++t) {
    uint64_t all = 0;
    for (int w = 0; w < kTypes; ++w) {
      uint64_t bits = (axons[w] >> t) & 0x1111111111111111;
      bits = (bits | bits >> 3) & 0x0303030303030303;
      bits = (bits | bits >> 6) & 0x000F000F000F000F;
      bits = (bits | bits >> 12) & 0x000000FF000000FF;
      bits = (bits | bits >> 24) & 0xFFFF;
      all |= bits << 16 * w;
    }
    x[t] = all;
  }
}

constexpr PopcountKernel kBase = {BaseFire, BaseCount, BaseByType};

#ifdef TORPOR_X86

// Set bits of each byte, by a table of half bytes.
TORPOR_AVX2 [[gnu::always_inline]] inline __m256i ByteCounts(__m256i v) {
  const __m256i table =
      _mm256_broadcastsi128_si256(_mm_setr_epi8(0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4));
  const __m256i low = _mm256_and_si256(v, _mm256_set1_epi8(15));
  const __m256i high = _mm256_and_si256(_mm256_srli_epi16(v, 4), _mm256_set1_epi8(15));
  return _mm256_add_epi8(_mm256_shuffle_epi8(table, low), _mm256_shuffle_epi8(table, high));
}

TORPOR_AVX2 [[gnu::always_inline]] inline __m256i Load256(const void* at) {
  return _mm256_load_si256(static_cast<const __m256i*>(at));
}

TORPOR_AVX2 void Avx2Fire(const PopcountGroup* groups, int count, const uint64_t* x,
                          uint8_t* fires) {
  __m256i spikes[kTypes];
  for (int t = 0; t < kTypes; ++t) spikes[t] = _mm256_set1_epi64x(static_cast<int64_t>(x[t]));
  for (int g = 0; g < count; ++g) {
    unsigned bits = 0;
    for (int half = 0; half < kGroupNeurons; half += 4) {
      __m256i counts[kTypes];
      for (int t = 0; t < kTypes; ++t) {
        const __m256i on = _mm256_and_si256(spikes[t], Load256(&groups[g].sites[t][half]));
        counts[t] = _mm256_sad_epu8(ByteCounts(on), _mm256_setzero_si256());
      }
      // One byte a type, multiplied and added in two steps, moved to where the leak is.
      const __m256i packed = _mm256_or_si256(
          _mm256_or_si256(counts[0], _mm256_slli_epi64(counts[1], 8)),
          _mm256_or_si256(_mm256_slli_epi64(counts[2], 16), _mm256_slli_epi64(counts[3], 24)));
      const __m256i drive = Load256(&groups[g].drive[half]);
      const __m256i sum =
          _mm256_madd_epi16(_mm256_maddubs_epi16(packed, drive), _mm256_set1_epi16(1));
      const __m256i membrane = _mm256_add_epi32(_mm256_slli_epi64(sum, 32), drive);
      const int negative = _mm256_movemask_pd(_mm256_castsi256_pd(membrane));
      bits |= static_cast<unsigned>(~negative & 15) << half;
    }
    fires[g] = static_cast<uint8_t>(bits);
  }
}

TORPOR_AVX2 void Avx2Count(const uint64_t* spikes, int words, const uint64_t* masks, int groups,
                           uint32_t* out) {
  for (int g = 0; g < groups; ++g, masks += 8 * words) {
    for (int half = 0; half < 8; half += 4) {
      __m256i sum = _mm256_setzero_si256();
      for (int w = 0; w < words; ++w) {
        const __m256i on = _mm256_and_si256(_mm256_set1_epi64x(static_cast<int64_t>(spikes[w])),
                                            Load256(masks + 8 * w + half));
        sum = _mm256_add_epi64(sum, _mm256_sad_epu8(ByteCounts(on), _mm256_setzero_si256()));
      }
      alignas(32) uint64_t sums[4];
      _mm256_store_si256(reinterpret_cast<__m256i*>(sums), sum);
      for (int i = 0; i < 4; ++i) *out++ = static_cast<uint32_t>(sums[i]);
    }
  }
}

constexpr PopcountKernel kAvx2 = {Avx2Fire, Avx2Count, BaseByType};

TORPOR_AVX512 [[gnu::always_inline]] inline __m512i ByteCounts(__m512i v) {
  const __m512i table =
      _mm512_broadcast_i32x4(_mm_setr_epi8(0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4));
  const __m512i low = _mm512_and_si512(v, _mm512_set1_epi8(15));
  const __m512i high = _mm512_and_si512(_mm512_srli_epi16(v, 4), _mm512_set1_epi8(15));
  return _mm512_add_epi8(_mm512_shuffle_epi8(table, low), _mm512_shuffle_epi8(table, high));
}

// Counts of the types, at most 64, in bytes 0..3 of each neuron.
TORPOR_AVX512 [[gnu::always_inline]] inline __m512i OneByteEach(const __m512i* counts) {
  constexpr int kOr = 0xFE;
  const __m512i three = _mm512_ternarylogic_epi64(counts[0], _mm512_slli_epi64(counts[1], 8),
                                                  _mm512_slli_epi64(counts[2], 16), kOr);
  return _mm512_or_si512(three, _mm512_slli_epi64(counts[3], 24));
}

// From sums in the lower halves, leaks in the upper ones.
TORPOR_AVX512 [[gnu::always_inline]] inline uint8_t FiresOf(__m512i sum, __m512i drive) {
  const __m512i membrane = _mm512_add_epi64(_mm512_slli_epi64(sum, 32), drive);
  return static_cast<uint8_t>(~static_cast<unsigned>(_mm512_movepi64_mask(membrane)));
}

TORPOR_AVX512 void Avx512Fire(const PopcountGroup* groups, int count, const uint64_t* x,
                              uint8_t* fires) {
  __m512i spikes[kTypes];
  for (int t = 0; t < kTypes; ++t) spikes[t] = _mm512_set1_epi64(static_cast<int64_t>(x[t]));
  for (int g = 0; g < count; ++g) {
    __m512i counts[kTypes];
    for (int t = 0; t < kTypes; ++t) {
      const __m512i on = _mm512_and_si512(spikes[t], _mm512_load_si512(groups[g].sites[t]));
      counts[t] = _mm512_sad_epu8(ByteCounts(on), _mm512_setzero_si512());
    }
    const __m512i drive = _mm512_load_si512(groups[g].drive);
    const __m512i sum =
        _mm512_madd_epi16(_mm512_maddubs_epi16(OneByteEach(counts), drive), _mm512_set1_epi16(1));
    fires[g] = FiresOf(sum, drive);
  }
}

TORPOR_AVX512 void Avx512Count(const uint64_t* spikes, int words, const uint64_t* masks, int groups,
                               uint32_t* out) {
  for (int g = 0; g < groups; ++g, masks += 8 * words, out += 8) {
    __m512i sum = _mm512_setzero_si512();
    for (int w = 0; w < words; ++w) {
      const __m512i on = _mm512_and_si512(_mm512_set1_epi64(static_cast<int64_t>(spikes[w])),
                                          _mm512_load_si512(masks + 8 * w));
      sum = _mm512_add_epi64(sum, _mm512_sad_epu8(ByteCounts(on), _mm512_setzero_si512()));
    }
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(out), _mm512_cvtepi64_epi32(sum));
  }
}

constexpr PopcountKernel kAvx512 = {Avx512Fire, Avx512Count, BaseByType};

TORPOR_AVX512_POPCOUNT void PopcountFire(const PopcountGroup* groups, int count, const uint64_t* x,
                                         uint8_t* fires) {
  __m512i spikes[kTypes];
  for (int t = 0; t < kTypes; ++t) spikes[t] = _mm512_set1_epi64(static_cast<int64_t>(x[t]));
  for (int g = 0; g < count; ++g) {
    __m512i counts[kTypes];
    for (int t = 0; t < kTypes; ++t) {
      counts[t] =
          _mm512_popcnt_epi64(_mm512_and_si512(spikes[t], _mm512_load_si512(groups[g].sites[t])));
    }
    const __m512i drive = _mm512_load_si512(groups[g].drive);
    fires[g] =
        FiresOf(_mm512_dpbusd_epi32(_mm512_setzero_si512(), OneByteEach(counts), drive), drive);
  }
}

TORPOR_AVX512_POPCOUNT void PopcountCount(const uint64_t* spikes, int words, const uint64_t* masks,
                                          int groups, uint32_t* out) {
  for (int g = 0; g < groups; ++g, masks += 8 * words, out += 8) {
    __m512i sum = _mm512_setzero_si512();
    for (int w = 0; w < words; ++w) {
      const __m512i on = _mm512_and_si512(_mm512_set1_epi64(static_cast<int64_t>(spikes[w])),
                                          _mm512_load_si512(masks + 8 * w));
      sum = _mm512_add_epi64(sum, _mm512_popcnt_epi64(on));
    }
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(out), _mm512_cvtepi64_epi32(sum));
  }
}

TORPOR_AVX512_POPCOUNT void PextByType(const uint64_t* axons, uint64_t* x) {
  for (int t = 0; t < kTypes; ++t) {
    const uint64_t every_fourth = uint64_t{0x1111111111111111} << t;
    x[t] = _pext_u64(axons[0], every_fourth) | _pext_u64(axons[1], every_fourth) << 16 |
           _pext_u64(axons[2], every_fourth) << 32 | _pext_u64(axons[3], every_fourth) << 48;
  }
}

constexpr PopcountKernel kAvx512Popcount = {PopcountFire, PopcountCount, PextByType};

#endif

}  // namespace

PopcountSet BestPopcountSet() {
#ifdef TORPOR_X86
  switch (BestInstructions()) {
    case Instructions::kAvx512:
      return __builtin_cpu_supports("avx512vpopcntdq") && __builtin_cpu_supports("avx512vnni") &&
                     __builtin_cpu_supports("bmi2")
                 ? PopcountSet::kAvx512Popcount
                 : PopcountSet::kAvx512;
    case Instructions::kAvx2:
      return PopcountSet::kAvx2;
    case Instructions::kBase:
      break;
  }
#endif
  return PopcountSet::kBase;
}

std::vector<PopcountSet> PopcountSets() {
  std::vector<PopcountSet> sets;
  for (const PopcountSet set : {PopcountSet::kBase, PopcountSet::kAvx2, PopcountSet::kAvx512,
                                PopcountSet::kAvx512Popcount}) {
    if (set <= BestPopcountSet()) sets.push_back(set);
  }
  return sets;
}

const PopcountKernel& PopcountKernelOf(PopcountSet set) {
#ifdef TORPOR_X86
  switch (set) {
    case PopcountSet::kAvx2:
      return kAvx2;
    case PopcountSet::kAvx512:
      return kAvx512;
    case PopcountSet::kAvx512Popcount:
      return kAvx512Popcount;
    case PopcountSet::kBase:
      break;
  }
#endif
  (void)set;
  return kBase;
}

}  // namespace torpor
