#include <bit>
#include <cstring>

#include "engine/stdp/rate_encoder_kernel.h"

namespace torpor {
namespace {

#include "engine/stdp/rate_encoder_kernel.inc"

struct OneLane {
  using Word = uint64_t;
  static constexpr int kLanes = 1;
  static Word All(uint32_t x) { return x; }
  static Word Widen(const uint32_t* from) { return *from; }
  static Word Multiply(Word a, Word b) { return (a & 0xFFFFFFFFu) * b; }
  static Word Xor(Word a, Word b, Word c) { return a ^ b ^ c; }
  static uint64_t Repeat(const uint16_t* limit) { return *limit; }
  static void Compare(Word numbers, uint64_t limit, int part, uint8_t* bits, int64_t stride) {
    for (int q = 0; q < 4; ++q) {
      const bool spikes = (numbers >> 16 * q & 0xFFFF) <= limit;
      PutBits(static_cast<uint8_t>(spikes), part, kLanes, bits + q * stride);
    }
  }
};

}  // namespace

namespace internal {
const EncoderKernel kEncoderBase = {Draw<OneLane>, ListInputs};
}  // namespace internal

const EncoderKernel& EncoderKernelOf(Instructions with) {
#if defined(__x86_64__) && defined(__GNUC__)
  if (with == Instructions::kAvx512) return internal::kEncoderAvx512;
  if (with == Instructions::kAvx2) return internal::kEncoderAvx2;
#endif
  (void)with;
  return internal::kEncoderBase;
}

}  // namespace torpor
