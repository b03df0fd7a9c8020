#include "engine/base/random.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>

#include "Eigen/Core"
#include "Random123/philox.h"
#include "engine/base/status.h"

namespace torpor {
namespace {

// 32 random bits as a number in (0, 1): never 0, so that its logarithm is finite.
constexpr double kTwoToMinus32 = 1.0 / 4294967296.0;

r123::Philox4x32::ctr_type Philox(const uint32_t counter[4], const uint32_t key[2]) {
  r123::Philox4x32 generator;
  return generator({{counter[0], counter[1], counter[2], counter[3]}}, {{key[0], key[1]}});
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
  using Block = Eigen::Array<float, kPairs, 1>;
  Block uniform, turn;
  for (size_t begin = 0; begin < out.size(); begin += 2 * kPairs) {
    const size_t count = std::min(2 * kPairs, out.size() - begin);
    const size_t pairs = (count + 1) / 2;
    uniform.setConstant(0.5f);
    turn.setZero();
    for (size_t i = 0; i < pairs; ++i) {
      uniform[i] = static_cast<float>((NextU32() + 0.5) * kTwoToMinus32);
      turn[i] = static_cast<float>(NextU32() * kTwoToMinus32);
    }
    const Block radius = (-2.0f * uniform.log()).max(0.0f).sqrt();
    const Block angle = turn * (2 * std::numbers::pi_v<float>);
    const Block first = radius * angle.cos();
    const Block second = radius * angle.sin();
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
