#include <utility>

#include "engine/lif/lif_kernel.h"
#include "engine/lif/tile.h"

namespace torpor {
namespace {

#include "engine/lif/lif_kernel.inc"

// Vectors of 128 bits, which any x86-64 and most others have.
struct Vectors128 {
  using Narrower = Single;
  static constexpr int kLanes = 4;
  static constexpr int kScanBlocks = 1;
  // Of 16 registers.
  static constexpr int kColumnVectors = 12;
  typedef float Floats __attribute__((vector_size(16)));
  typedef float Aligned __attribute__((vector_size(16), may_alias));
  typedef float Unaligned __attribute__((vector_size(16), may_alias, aligned(4)));
  typedef int32_t Ints __attribute__((vector_size(16)));
  // Bit k: x[k] > 0.
  static uint32_t Above0(Floats x) {
    const Ints one = (x > 0.0f) & Ints{1, 2, 4, 8};
    return static_cast<uint32_t>(one[0] | one[1] | one[2] | one[3]);
  }
};

}  // namespace

namespace internal {
const LifKernel kLifBase = KernelOf<Vectors128>();
}  // namespace internal

const LifKernel& LifKernelOf(Instructions with) {
#if defined(__x86_64__) && defined(__GNUC__)
  if (with == Instructions::kAvx512) return internal::kLifAvx512;
  if (with == Instructions::kAvx2) return internal::kLifAvx2;
#endif
  (void)with;
  return internal::kLifBase;
}

}  // namespace torpor
