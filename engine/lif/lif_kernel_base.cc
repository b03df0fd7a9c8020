#include <utility>

#include "engine/lif/lif_kernel.h"
#include "engine/lif/tile.h"

namespace torpor {
namespace {

#include "engine/lif/lif_kernel.inc"

// Vectors of 128 bits, which any x86-64 and most others have.
struct Vectors128 {
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
  // The first `count` < kLanes floats, then zeros.
  static Floats LoadTail(const float* from, int count) {
    return Floats{from[0], count > 1 ? from[1] : 0.0f, count > 2 ? from[2] : 0.0f, 0.0f};
  }
  static void StoreTail(float* to, int count, Floats x) {
    to[0] = x[0];
    if (count > 1) to[1] = x[1];
    if (count > 2) to[2] = x[2];
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
