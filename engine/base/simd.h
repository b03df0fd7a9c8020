// Vector instructions chosen when the program runs, so that one build serves any x86-64.
#pragma once

// Before a function of plain loops: compiles it for AVX-512, AVX2 with FMA and the base instruction
// set; the loader takes the best one that the CPU has. Sanitizers start after the loader has made
// that choice, hence none there.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && \
    !defined(__SANITIZE_THREAD__) && !defined(__SANITIZE_ADDRESS__)
#define TORPOR_SIMD __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define TORPOR_SIMD
#endif
