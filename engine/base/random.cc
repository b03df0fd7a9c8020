#include "engine/base/random.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <numbers>
#include <numeric>

#include "Random123/philox.h"
#include "engine/base/simd.h"
#include "engine/base/status.h"

namespace torpor {
namespace {

// 32 random bits as a number in (0, 1): never 0, so that its logarithm is finite.
constexpr double kTwoToMinus32 = 1.0 / 4294967296.0;

r123::Philox4x32::ctr_type Philox(const uint32_t counter[4], const uint32_t key[2]) {
  r123::Philox4x32 generator;
  return generator({{counter[0], counter[1], counter[2], counter[3]}}, {{key[0], key[1]}});
}

// Blocks whose numbers are made at once: a multiple of any vector's lanes.
constexpr int64_t kLanes = 64;

// 4 kLanes numbers in [0, 1) of the blocks from counter `first` on, whose upper half is `high`.
// Rounds of Philox4x32 over all lanes: plain loops that become vector code.
TORPOR_SIMD void UniformBlocks(uint64_t first, const uint32_t high[2], const uint32_t key[2],
                               float* __restrict out) {
  uint32_t c0[kLanes], c1[kLanes], c2[kLanes], c3[kLanes];
  for (int64_t i = 0; i < kLanes; ++i) {
    const uint64_t counter = first + static_cast<uint64_t>(i);
    c0[i] = static_cast<uint32_t>(counter);
    c1[i] = static_cast<uint32_t>(counter >> 32);
    c2[i] = high[0];
    c3[i] = high[1];
  }
  uint32_t k0 = key[0], k1 = key[1];
  for (int round = 0; round < 10; ++round) {
    for (int64_t i = 0; i < kLanes; ++i) {
      const uint64_t p0 = uint64_t{0xD2511F53} * c0[i];
      const uint64_t p1 = uint64_t{0xCD9E8D57} * c2[i];
      c0[i] = static_cast<uint32_t>(p1 >> 32) ^ c1[i] ^ k0;
      c1[i] = static_cast<uint32_t>(p1);
      c2[i] = static_cast<uint32_t>(p0 >> 32) ^ c3[i] ^ k1;
      c3[i] = static_cast<uint32_t>(p0);
    }
    k0 += 0x9E3779B9;
    k1 += 0xBB67AE85;
  }
  // 24 bits, through a signed conversion, which vectorises.
  auto unit = [](uint32_t bits) {
    return static_cast<float>(static_cast<int32_t>(bits >> 8)) * 0x1p-24f;
  };
  for (int64_t i = 0; i < kLanes; ++i) {
    out[4 * i] = unit(c0[i]);
    out[4 * i + 1] = unit(c1[i]);
    out[4 * i + 2] = unit(c2[i]);
    out[4 * i + 3] = unit(c3[i]);
  }
}

// (bits + 1/2) / 2^32 in float.
inline float UnitFloat(uint32_t bits) {
  // In two parts that a signed conversion, which vectorises, holds exactly.
  return (static_cast<float>(static_cast<int32_t>(bits >> 8)) +
          (static_cast<float>(static_cast<int32_t>(bits & 0xFF)) + 0.5f) * 0x1p-8f) *
         0x1p-24f;
}

// Standard normals from pairs of 32 random bits, as NextNormal makes them, in float. Plain loops
// with polynomials instead of library calls: they become vector code. Errors stay below 1e-6 of the
// value.
TORPOR_SIMD void BoxMuller(int64_t n, const uint32_t* __restrict radius_bits,
                           const uint32_t* __restrict turn_bits, float* __restrict first,
                           float* __restrict second) {
  for (int64_t i = 0; i < n; ++i) {
    // -ln u of u = (bits + 1/2) / 2^32 as m 2^e with the mantissa m in [sqrt(1/2), sqrt(2)).
    const float u = UnitFloat(radius_bits[i]);
    const int32_t bits = std::bit_cast<int32_t>(u);
    const int32_t exponent = (bits - 0x3F3504F3) >> 23;
    const float m = std::bit_cast<float>(bits - (exponent << 23));
    // ln m = 2 artanh(z), z = (m - 1) / (m + 1), |z| < 0.172. Near 1 the float u has lost what its
    // logarithm depends on; the complement 1 - u has it (e is 0 there).
    const float complement = UnitFloat(~radius_bits[i]);
    const bool near_one = complement < 0.25f;
    const float above = near_one ? -complement : m - 1;
    const float below = near_one ? 2 - complement : m + 1;
    const float z = above / below;
    const float z2 = z * z;
    const float series = 2 + z2 * (2.0f / 3 + z2 * (2.0f / 5 + z2 * (2.0f / 7 + z2 * (2.0f / 9))));
    const float minus_log =
        -(static_cast<float>(exponent) * std::numbers::ln2_v<float> + z * series);
    const float radius = std::sqrt(2 * std::max(minus_log, 0.0f));

    // The angle 2 pi t, t = bits / 2^32, is a quadrant q and a rest of at most an eighth of a turn.
    const int32_t quadrant = static_cast<int32_t>((turn_bits[i] + 0x20000000u) >> 30);
    const int32_t rest =
        static_cast<int32_t>(turn_bits[i] - (static_cast<uint32_t>(quadrant) << 30));
    const float a = static_cast<float>(rest) * (2 * std::numbers::pi_v<float> * 0x1p-32f);
    const float a2 = a * a;
    const float sine =
        a * (1 + a2 * (-1.0f / 6 + a2 * (1.0f / 120 + a2 * (-1.0f / 5040 + a2 / 362880))));
    const float cosine =
        1 + a2 * (-0.5f + a2 * (1.0f / 24 + a2 * (-1.0f / 720 + a2 * (1.0f / 40320))));
    const float x = quadrant & 1 ? -sine : cosine;
    const float y = quadrant & 1 ? cosine : sine;
    const float sign = quadrant & 2 ? -radius : radius;
    first[i] = sign * x;
    second[i] = sign * y;
  }
}

}  // namespace

// The stream's coordinates fill a whole Philox counter, so the generator first hashes them (keyed
// by the seed) into a key and a starting counter of its own: two streams overlap with probability
// of about 2^-64 a pair of long streams.
RandomStream::RandomStream(uint64_t seed, RandomPurpose purpose, uint32_t layer, uint64_t sample,
                           uint32_t step) {
  TORPOR_CHECK(layer <= 0xFFFF);
  const uint32_t key[2] = {static_cast<uint32_t>(seed), static_cast<uint32_t>(seed >> 32)};
  const uint32_t counter[4] = {static_cast<uint32_t>(sample), static_cast<uint32_t>(sample >> 32),
                               step, static_cast<uint32_t>(purpose) << 16 | layer};
  const auto hashed = Philox(counter, key);
  key_[0] = hashed[0];
  key_[1] = hashed[1];
  counter_[0] = 0;
  counter_[1] = 0;
  counter_[2] = hashed[2];
  counter_[3] = hashed[3];
}

void RandomStream::Refill() {
  const auto block = Philox(counter_, key_);
  std::copy(block.begin(), block.end(), block_);
  if (++counter_[0] == 0) ++counter_[1];
  used_ = 0;
}

uint32_t RandomStream::NextU32() {
  if (used_ == 4) Refill();
  return block_[used_++];
}

uint64_t RandomStream::NextU64() {
  const uint64_t low = NextU32();
  return low | static_cast<uint64_t>(NextU32()) << 32;
}

float RandomStream::NextFloat() { return static_cast<float>(NextU32() >> 8) * 0x1p-24f; }

void RandomStream::FillFloats(std::span<float> out) {
  size_t i = 0;
  while (i < out.size() && used_ < 4) out[i++] = NextFloat();
  constexpr size_t kNumbers = 4 * kLanes;
  for (; out.size() - i >= kNumbers; i += kNumbers) {
    const uint64_t first = counter_[0] | static_cast<uint64_t>(counter_[1]) << 32;
    UniformBlocks(first, counter_ + 2, key_, out.data() + i);
    SetCounter(first + kLanes);
  }
  while (i < out.size()) out[i++] = NextFloat();
}

void RandomStream::Seek(uint64_t n) {
  SetCounter(n / 4);
  used_ = 4;
  has_spare_ = false;
  if (n % 4 != 0) {
    Refill();
    used_ = static_cast<int>(n % 4);
  }
}

void RandomStream::SetCounter(uint64_t block) {
  counter_[0] = static_cast<uint32_t>(block);
  counter_[1] = static_cast<uint32_t>(block >> 32);
}

double RandomStream::NextDouble() { return static_cast<double>(NextU64() >> 11) * 0x1p-53; }

uint64_t RandomStream::NextBelow(uint64_t bound) {
  TORPOR_CHECK(bound >= 1);
  // Rejects the numbers above the largest multiple of `bound`.
  const uint64_t threshold = (0 - bound) % bound;
  uint64_t value = NextU64();
  while (value < threshold) value = NextU64();
  return value % bound;
}

double RandomStream::NextNormal() {
  if (has_spare_) {
    has_spare_ = false;
    return spare_;
  }
  const double radius = std::sqrt(-2 * std::log((NextU32() + 0.5) * kTwoToMinus32));
  const double angle = 2 * std::numbers::pi * (NextU32() * kTwoToMinus32);
  has_spare_ = true;
  spare_ = radius * std::sin(angle);
  return radius * std::cos(angle);
}

void RandomStream::FillNormal(std::span<float> out) {
  // Pairs in blocks, so that logarithm, sine and cosine run as vector code.
  constexpr size_t kPairs = 128;
  uint32_t radius_bits[kPairs], turn_bits[kPairs];
  float first[kPairs], second[kPairs];
  for (size_t begin = 0; begin < out.size(); begin += 2 * kPairs) {
    const size_t count = std::min(2 * kPairs, out.size() - begin);
    const size_t pairs = (count + 1) / 2;
    for (size_t i = 0; i < pairs; ++i) {
      radius_bits[i] = NextU32();
      turn_bits[i] = NextU32();
    }
    BoxMuller(static_cast<int64_t>(pairs), radius_bits, turn_bits, first, second);
    for (size_t i = 0; i < count; ++i) out[begin + i] = i % 2 == 0 ? first[i / 2] : second[i / 2];
  }
}

std::vector<uint32_t> Permutation(uint64_t seed, RandomPurpose purpose, uint64_t epoch,
                                  uint32_t n) {
  std::vector<uint32_t> order(n);
  std::iota(order.begin(), order.end(), 0u);
  RandomStream stream(seed, purpose, 0, epoch);
  for (uint32_t i = n; i > 1; --i) std::swap(order[i - 1], order[stream.NextBelow(i)]);
  return order;
}

}  // namespace torpor
