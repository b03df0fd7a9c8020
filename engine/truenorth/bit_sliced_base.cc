#include "engine/truenorth/bit_sliced_kernel.h"

namespace torpor {
namespace {

#include "engine/truenorth/bit_sliced_kernel.inc"

struct Lanes128 {
  typedef uint64_t Word __attribute__((vector_size(16), may_alias));
  static Word Sum(Word a, Word b, Word c) { return a ^ b ^ c; }
  static Word Carry(Word a, Word b, Word c) { return (b & c) | (a & (b ^ c)); }
  static Word CarryOfInverted(Word a, Word b, Word c) { return ~(b | c) | (a & (b ^ c)); }
};

}  // namespace

namespace internal {
const SlicedKernel kSlicedBase = {RunCore<Lanes128>, RunTally<Lanes128>, Transpose<Lanes128>,
                                  AddField};
}  // namespace internal

const SlicedKernel& SlicedKernelOf(Instructions with) {
#if defined(__x86_64__) && defined(__GNUC__)
  if (with == Instructions::kAvx512) return internal::kSlicedAvx512;
  if (with == Instructions::kAvx2) return internal::kSlicedAvx2;
#endif
  (void)with;
  return internal::kSlicedBase;
}

}  // namespace torpor
