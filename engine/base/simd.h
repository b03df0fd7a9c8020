// Vector instructions chosen when the program runs, so that one build serves any x86-64.
#pragma once

// Before a function of plain loops: compiles it for AVX-512, AVX2 with FMA and the base instruction
// set; the loader takes the best one that the CPU has. Sanitizers start after the loader has made
// that choice, hence none there.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && !defined(TORPOR_SANITIZED)
#define TORPOR_SIMD __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define TORPOR_SIMD
#endif

// For kernels whose shape depends on the number of registers: one function a set, the one that
// BestInstructions names is called. Where a set does not exist, the attribute is empty and the set
// is never named.
#if defined(__x86_64__) && defined(__GNUC__)
#define TORPOR_AVX512 __attribute__((target("avx2,fma,avx512f,avx512vl,avx512dq,avx512bw")))
#define TORPOR_AVX2 __attribute__((target("avx2,fma")))
#else
#define TORPOR_AVX512
#define TORPOR_AVX2
#endif

namespace torpor {

enum class Instructions { kBase, kAvx2, kAvx512 };

inline Instructions BestInstructions() {
#if defined(__x86_64__) && defined(__GNUC__)
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
                   __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw")
               ? Instructions::kAvx512
               : Instructions::kAvx2;
  }
#endif
  return Instructions::kBase;
}

}  // namespace torpor
