#include "engine/truenorth/bit_sliced_kernel.h"

#if defined(__x86_64__) && defined(__GNUC__)
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

#include "engine/truenorth/bit_sliced_kernel.inc"

// Any function of three bits is one instruction; its table is the immediate value.
struct Lanes512 {
  typedef uint64_t Word __attribute__((vector_size(64), may_alias));
  template <int kTable>
  static Word Apply(Word a, Word b, Word c) {
    return (Word)_mm512_ternarylogic_epi64((__m512i)a, (__m512i)b, (__m512i)c, kTable);
  }
  static Word Sum(Word a, Word b, Word c) { return Apply<0x96>(a, b, c); }
  static Word Carry(Word a, Word b, Word c) { return Apply<0xE8>(a, b, c); }
  static Word CarryOfInverted(Word a, Word b, Word c) { return Apply<0x71>(a, b, c); }
};

struct Lanes256 {
  typedef uint64_t Word __attribute__((vector_size(32), may_alias));
  template <int kTable>
  static Word Apply(Word a, Word b, Word c) {
    return (Word)_mm256_ternarylogic_epi64((__m256i)a, (__m256i)b, (__m256i)c, kTable);
  }
  static Word Sum(Word a, Word b, Word c) { return Apply<0x96>(a, b, c); }
  static Word Carry(Word a, Word b, Word c) { return Apply<0xE8>(a, b, c); }
  static Word CarryOfInverted(Word a, Word b, Word c) { return Apply<0x71>(a, b, c); }
};

// Half a line costs half.
constexpr int kHalf = kLineWords / 2;

void RunCoreOfEither(const SlicedCore& core, const Line* below, int words, Line* gathered,
                     Line* out) {
  (words > kHalf ? RunCore<Lanes512> : RunCore<Lanes256>)(core, below, words, gathered, out);
}

void RunTallyOfEither(const SlicedBit* bits, int bit_count, const Line* lines, int words,
                      int plane_count, Line* planes) {
  (words > kHalf ? RunTally<Lanes512> : RunTally<Lanes256>)(bits, bit_count, lines, words,
                                                            plane_count, planes);
}

}  // namespace

namespace internal {
const SlicedKernel kSlicedAvx512 = {RunCoreOfEither, RunTallyOfEither, Transpose<Lanes512>,
                                    AddField};
}  // namespace internal
}  // namespace torpor

#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif
#endif
