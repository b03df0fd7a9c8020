#include "engine/stdp/rate_encoder.h"

#include <cmath>
#include <cstring>

#include "engine/base/status.h"
#include "engine/stdp/rate_encoder_kernel.h"

namespace torpor {

RateEncoder::RateEncoder(int steps, float spike_chance, uint64_t seed, Instructions with)
    : steps_(steps), seed_(seed), with_(with) {
  TORPOR_CHECK(steps >= 0 && spike_chance >= 0 && spike_chance <= 1);
  for (size_t p = 0; p < chances_.size(); ++p) {
    chances_[p] = static_cast<uint32_t>(
        std::floor(static_cast<double>(p) / 255 * spike_chance * 65536 + 0.5));
  }
}

// Fills the list up to words of 64, since that is how bits are read.
int RateEncoder::ListActive(std::span<const uint8_t> intensities) {
  const size_t most = (intensities.size() + 63) / 64 * 64;
  if (active_.size() < most) {
    active_.resize(most);
    limits_.resize(most);
  }
  size_t n = 0;
  const auto look = [&](size_t i) {
    const uint32_t chance = chances_[intensities[i]];
    active_[n] = static_cast<uint32_t>(i);
    limits_[n] = static_cast<uint16_t>(chance - 1);
    n += chance != 0 ? 1 : 0;
  };
  size_t i = 0;
  for (; i + 8 <= intensities.size(); i += 8) {
    uint64_t eight;
    std::memcpy(&eight, intensities.data() + i, sizeof(eight));
    if (eight == 0) continue;
    for (size_t k = 0; k < 8; ++k) look(i + k);
  }
  for (; i < intensities.size(); ++i) look(i);
  for (size_t k = n; k < (n + 63) / 64 * 64; ++k) {
    active_[k] = 0;
    limits_[k] = 0;
  }
  return static_cast<int>(n);
}

void RateEncoder::Encode(std::span<const uint8_t> intensities, uint64_t sample, SpikeTrain& train) {
  const int active = ListActive(intensities);
  // Every spike that there could be in a draw.
  const size_t most = static_cast<size_t>(active) * kStepsADraw + kListSlack;
  train.begin.assign(1, 0);
  size_t spikes = 0;
  SpikeDraw draw;
  draw.key = NoiseKey(seed_, RandomPurpose::kInputSpikes, 0, sample);
  draw.inputs = active_.data();
  draw.limits = limits_.data();
  draw.groups = (active + kDrawGroup - 1) / kDrawGroup;
  // Whole words.
  draw.stride = (active + 63) / 64 * 8;
  if (bits_.size() < static_cast<size_t>(draw.stride * kStepsADraw)) {
    bits_.resize(static_cast<size_t>(draw.stride * kStepsADraw));
  }
  draw.bits = bits_.data();
  const EncoderKernel& kernel = EncoderKernelOf(with_);
  for (int t = 0; t < steps_; t += kStepsADraw, ++draw.draw) {
    kernel.draw_spikes(draw);
    if (spikes_.size() < spikes + most) spikes_.resize(2 * spikes + most);
    for (int s = 0; s < kStepsADraw && t + s < steps_; ++s) {
      uint32_t* const out = spikes_.data() + spikes;
      const uint8_t* bits = draw.bits + s * draw.stride;
      spikes += static_cast<size_t>(kernel.list_inputs(bits, active, active_.data(), out) - out);
      train.begin.push_back(spikes);
    }
  }
  train.inputs.assign(spikes_.begin(), spikes_.begin() + static_cast<int64_t>(spikes));
}

}  // namespace torpor
