// Random numbers by their place: each is a function of (seed, purpose, layer, sample, place) alone.
#pragma once

#include <array>
#include <cstdint>

#include "Random123/philox.h"
#include "engine/base/random.h"

namespace torpor {

// A key and the upper half of a counter that are a sample's own, hashed from its coordinates as
// RandomStream does.
struct NoiseKey {
  NoiseKey() = default;
  NoiseKey(uint64_t seed, RandomPurpose purpose, uint32_t layer, uint64_t sample) {
    const auto hashed =
        r123::Philox4x32()({{static_cast<uint32_t>(sample), static_cast<uint32_t>(sample >> 32), 0,
                             static_cast<uint32_t>(purpose) << 16 | layer}},
                           {{static_cast<uint32_t>(seed), static_cast<uint32_t>(seed >> 32)}});
    for (size_t i = 0; i < 2; ++i) {
      key[i] = hashed[i];
      high[i] = hashed[i + 2];
    }
  }

  std::array<uint32_t, 2> key{};
  std::array<uint32_t, 2> high{};
};

// Numbers uniform in [0, 1), 24 bits.
class Noise {
 public:
  enum Layer : uint32_t { kWeights = 0, kTheta = 1, kMembrane = 2 };

  Noise() = default;
  Noise(uint64_t seed, Layer layer, uint64_t sample)
      : key_(seed, RandomPurpose::kLearnedRounding, layer, sample) {}

  // Four neighbours (a / 4, b, step) come from one block, which is kept.
  float At(int step, uint32_t a, uint32_t b) {
    const std::array<uint32_t, 3> place = {a / 4, b, static_cast<uint32_t>(step)};
    if (!has_block_ || place != place_) {
      block_ = r123::Philox4x32()({{place[0], place[1], key_.high[0] + place[2], key_.high[1]}},
                                  {{key_.key[0], key_.key[1]}});
      place_ = place;
      has_block_ = true;
    }
    return static_cast<float>(block_[a % 4] >> 8) * 0x1p-24f;
  }

 private:
  NoiseKey key_;
  std::array<uint32_t, 3> place_{};
  r123::Philox4x32::ctr_type block_{};
  bool has_block_ = false;
};

}  // namespace torpor
