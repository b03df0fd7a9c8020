#include <utility>

#include "engine/lif/lif_kernel.h"
#include "engine/lif/tile.h"

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

#include "engine/lif/lif_kernel.inc"

struct Vectors512 {
  using Narrower = Narrow8;
  static constexpr int kLanes = 16;
  static constexpr int kScanBlocks = 4;
  // Of 32 registers.
  static constexpr int kColumnVectors = 16;
  typedef float Floats __attribute__((vector_size(64)));
  typedef float Aligned __attribute__((vector_size(64), may_alias));
  typedef float Unaligned __attribute__((vector_size(64), may_alias, aligned(4)));
  // Bit k: x[k] > 0.
  static uint32_t Above0(Floats x) {
    return _mm512_cmp_ps_mask((__m512)x, _mm512_setzero_ps(), _CMP_GT_OQ);
  }
};

}  // namespace

namespace internal {
const LifKernel kLifAvx512 = KernelOf<Vectors512>();
}  // namespace internal
}  // namespace torpor

#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif
#endif
