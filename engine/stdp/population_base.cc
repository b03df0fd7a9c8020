#include <cstring>
#include <utility>

#include "engine/stdp/population_kernel.h"

namespace torpor {
namespace {

#include "engine/stdp/population_kernel.inc"

// Vectors of 128 bits, which any x86-64 and most others have.
struct Vectors128 {
  static constexpr int kLanes = 4;
  // Of 16 registers; eight a block.
  static constexpr int kMostBlocks = 1;
  typedef float Floats __attribute__((vector_size(16), may_alias));
  typedef int32_t Ints __attribute__((vector_size(16), may_alias));
  typedef uint16_t Shorts __attribute__((vector_size(16), may_alias));
  static Shorts Widen8(const char* at) {
    typedef uint8_t Bytes __attribute__((vector_size(8)));
    Bytes bytes;
    std::memcpy(&bytes, at, sizeof(bytes));
    return __builtin_convertvector(bytes, Shorts);
  }
  static Ints Widen16(const char* at) {
    typedef uint16_t Halves __attribute__((vector_size(8)));
    Halves halves;
    std::memcpy(&halves, at, sizeof(halves));
    return __builtin_convertvector(halves, Ints);
  }
  // Bit k: a[k] >= b[k].
  static uint32_t AtLeast(Floats a, Floats b) {
    const Ints one = (a >= b) & Ints{1, 2, 4, 8};
    return static_cast<uint32_t>(one[0] | one[1] | one[2] | one[3]);
  }
};

}  // namespace

namespace internal {
const PopulationKernel kPopulationBase = KernelOf<Vectors128>();
}  // namespace internal

const PopulationKernel& PopulationKernelOf(Instructions with) {
#if defined(__x86_64__) && defined(__GNUC__)
  if (with == Instructions::kAvx512) return internal::kPopulationAvx512;
  if (with == Instructions::kAvx2) return internal::kPopulationAvx2;
#endif
  (void)with;
  return internal::kPopulationBase;
}

}  // namespace torpor
