// Counter-based random numbers (Random123's Philox4x32-10): every number is a pure function of its
// key, so results do not depend on threads, batching or order, and a stream can be replayed.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace torpor {

// What a number is for; different purposes never share numbers. Values are stored nowhere, but
// changing one changes results.
enum class RandomPurpose : uint32_t {
  kInitialisation = 1,
  kShuffle = 2,
  kColumnNoise = 3,
  kSyntheticData = 4,
  kTest = 5,
  kNoiseSeeds = 6,
  kBootstrap = 7,
  kAugmentation = 8,
  kConnections = 9,
  kRateCode = 10,
  kMembers = 11,
  kInputSpikes = 12,
  kWinner = 13,
  kLearnedRounding = 14,
  kRounding = 15,
  kMemoryCosts = 24,
};

// The numbers of one (seed, purpose, layer, sample, step). Cheap to make; not shared between
// threads.
class RandomStream {
 public:
  // `sample` and `step` are 64 and 32 bits wide, `layer` 16.
  RandomStream(uint64_t seed, RandomPurpose purpose, uint32_t layer = 0, uint64_t sample = 0,
               uint32_t step = 0);

  uint32_t NextU32();
  uint64_t NextU64();
  // Uniform in [0, 1), 24 bits.
  float NextFloat();
  // Fills with uniform numbers in [0, 1); equal to as many calls of NextFloat.
  void FillFloats(std::span<float> out);
  // Uniform in [0, 1), 53 bits.
  double NextDouble();
  // Uniform in 0..bound-1 without modulo bias; bound >= 1.
  uint64_t NextBelow(uint64_t bound);
  // Standard normal (Box-Muller).
  double NextNormal();
  // Fills with standard normals; equal to a fresh stream's consecutive pairs of Box-Muller in
  // float.
  void FillNormal(std::span<float> out);
  // Goes to the stream's number `n`, counted in calls of NextU32 from its beginning.
  void Seek(uint64_t n);

 private:
  void Refill();
  void SetCounter(uint64_t block);
  uint32_t key_[2];
  uint32_t counter_[4];
  uint32_t block_[4];
  int used_ = 4;
  bool has_spare_ = false;
  double spare_ = 0;
};

// A permutation of 0..n-1 (Fisher-Yates) that depends on the key alone.
std::vector<uint32_t> Permutation(uint64_t seed, RandomPurpose purpose, uint64_t epoch, uint32_t n);

}  // namespace torpor
