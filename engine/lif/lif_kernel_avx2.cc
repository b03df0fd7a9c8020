#include <utility>

#include "engine/lif/lif_kernel.h"
#include "engine/lif/tile.h"

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

#include "engine/lif/lif_kernel.inc"

struct Vectors256 {
  using Narrower = Narrow4;
  static constexpr int kLanes = 8;
  static constexpr int kScanBlocks = 1;
  // Of 16 registers.
  static constexpr int kColumnVectors = 13;
  typedef float Floats __attribute__((vector_size(32)));
  typedef float Aligned __attribute__((vector_size(32), may_alias));
  typedef float Unaligned __attribute__((vector_size(32), may_alias, aligned(4)));
  // Bit k: x[k] > 0.
  static uint32_t Above0(Floats x) {
    return static_cast<uint32_t>(_mm256_movemask_ps((__m256)(x > 0.0f)));
  }
};

}  // namespace

namespace internal {
const LifKernel kLifAvx2 = KernelOf<Vectors256>();
}  // namespace internal
}  // namespace torpor

#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif
#endif
