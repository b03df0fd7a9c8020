#include "engine/truenorth/bit_sliced_kernel.h"

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

#include "engine/truenorth/bit_sliced_kernel.inc"

struct Lanes256 {
  typedef uint64_t Word __attribute__((vector_size(32), may_alias));
  static Word Sum(Word a, Word b, Word c) { return a ^ b ^ c; }
  static Word Carry(Word a, Word b, Word c) { return (b & c) | (a & (b ^ c)); }
  static Word CarryOfInverted(Word a, Word b, Word c) { return ~(b | c) | (a & (b ^ c)); }
};

}  // namespace

namespace internal {
const SlicedKernel kSlicedAvx2 = {RunCore<Lanes256>, RunTally<Lanes256>, Transpose<Lanes256>,
                                  AddField};
}  // namespace internal
}  // namespace torpor

#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif
#endif
