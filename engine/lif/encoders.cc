#include "engine/lif/encoders.h"

#include <algorithm>
#include <cstddef>

#include "engine/base/random.h"
#include "engine/base/status.h"
#include "engine/data/pixels.h"

namespace torpor {
namespace {

// Lists the inputs for which `keep` holds, without branches: each is written, those that hold stay.
// `list` has room for one more than there are. Returns their number.
template <typename T, typename Keep>
size_t ListInputs(std::span<const T> values, uint32_t* list, Keep keep) {
  size_t count = 0;
  for (uint32_t i = 0; i < values.size(); ++i) {
    list[count] = i;
    count += keep(values[i]) ? 1 : 0;
  }
  return count;
}

template <typename T>
void Raster(int steps, std::span<const T> values, T least, LifSpikes& spikes) {
  TORPOR_CHECK(steps >= 1 && values.size() % static_cast<size_t>(steps) == 0);
  const size_t inputs = values.size() / static_cast<size_t>(steps);
  spikes.Clear();
  size_t size = 0;
  for (size_t n = 0; n < static_cast<size_t>(steps); ++n) {
    spikes.index.resize(size + inputs + 1);
    size += ListInputs(values.subspan(n * inputs, inputs), spikes.index.data() + size,
                       [&](T value) { return value >= least; });
    spikes.begin.push_back(static_cast<int32_t>(size));
  }
  spikes.index.resize(size);
}

}  // namespace

LatencyEncoder::LatencyEncoder(int steps, int threshold)
    : steps_(steps), threshold_(static_cast<uint8_t>(threshold)) {
  TORPOR_CHECK(steps >= 1 && steps <= 65535 && threshold >= 0 && threshold <= 254);
  const int span = std::max(steps - 4, 0);
  for (int p = threshold + 1; p <= 255; ++p) {
    step_of_[static_cast<size_t>(p)] = static_cast<uint16_t>((255 - p) * span / (255 - threshold));
  }
}

void LatencyEncoder::Encode(std::span<const uint8_t> pixels, LifSpikes& spikes) {
  active_.resize(pixels.size() + 1);
  const size_t count = ListInputs(pixels, active_.data(),
                                  [threshold = threshold_](uint8_t p) { return p > threshold; });
  // Sorted by counting. begin[s + 2] first counts step s; summed up, begin[s + 1] is where step s
  // begins, and when all its spikes are placed, where step s + 1 begins.
  std::vector<int32_t>& begin = spikes.begin;
  begin.assign(static_cast<size_t>(steps_) + 2, 0);
  for (size_t k = 0; k < count; ++k) ++begin[step_of_[pixels[active_[k]]] + size_t{2}];
  for (size_t s = 1; s < begin.size(); ++s) begin[s] += begin[s - 1];
  spikes.index.resize(count);
  for (size_t k = 0; k < count; ++k) {
    const uint32_t input = active_[k];
    const auto at = static_cast<size_t>(begin[step_of_[pixels[input]] + size_t{1}]++);
    spikes.index[at] = input;
  }
  begin.pop_back();
}

void LatencyEncoder::Encode(std::span<const float> values, LifSpikes& spikes) {
  pixels_.resize(values.size());
  ReadPixels(values, pixels_);
  Encode(std::span<const uint8_t>(pixels_), spikes);
}

SpikeRateEncoder::SpikeRateEncoder(int steps, double chance, uint64_t seed)
    : steps_(steps), seed_(seed) {
  TORPOR_CHECK(steps >= 1 && chance > 0 && chance <= 1);
  for (size_t p = 0; p < chance_.size(); ++p) {
    chance_[p] = static_cast<float>(chance * static_cast<double>(p) / 255);
  }
}

void SpikeRateEncoder::Encode(std::span<const uint8_t> pixels, uint64_t sample, LifSpikes& spikes) {
  active_.resize(pixels.size() + 1);
  const size_t count = ListInputs(pixels, active_.data(), [](uint8_t p) { return p > 0; });
  spikes.Clear();
  if (count == 0) {
    for (int n = 0; n < steps_; ++n) spikes.EndStep();
    return;
  }
  limits_.resize(count);
  for (size_t k = 0; k < count; ++k) limits_[k] = chance_[pixels[active_[k]]];
  // Numbers of the inputs before the first that may spike are passed over.
  const uint32_t first = active_[0];
  numbers_.resize(active_[count - 1] - first + 1);
  size_t size = 0;
  for (int n = 0; n < steps_; ++n) {
    RandomStream stream(seed_, RandomPurpose::kInputSpikes, 0, sample, static_cast<uint32_t>(n));
    stream.Seek(first);
    stream.FillFloats(numbers_);
    spikes.index.resize(size + count + 1);
    for (size_t k = 0; k < count; ++k) {
      spikes.index[size] = active_[k];
      size += numbers_[active_[k] - first] < limits_[k] ? 1 : 0;
    }
    spikes.begin.push_back(static_cast<int32_t>(size));
  }
  spikes.index.resize(size);
}

void SpikeRateEncoder::Encode(std::span<const float> values, uint64_t sample, LifSpikes& spikes) {
  pixels_.resize(values.size());
  ReadPixels(values, pixels_);
  Encode(std::span<const uint8_t>(pixels_), sample, spikes);
}

void DirectCurrents(std::span<const uint8_t> pixels, std::span<float> currents) {
  TORPOR_CHECK(pixels.size() == currents.size());
  for (size_t i = 0; i < pixels.size(); ++i) currents[i] = static_cast<float>(pixels[i]) / 255.0f;
}

void DirectCurrents(std::span<const float> values, std::span<float> currents) {
  TORPOR_CHECK(values.size() == currents.size());
  for (size_t i = 0; i < values.size(); ++i) currents[i] = std::clamp(values[i], 0.0f, 1.0f);
}

void RasterSpikes(int steps, std::span<const uint8_t> pixels, LifSpikes& spikes) {
  Raster<uint8_t>(steps, pixels, 128, spikes);
}

void RasterSpikes(int steps, std::span<const float> values, LifSpikes& spikes) {
  Raster<float>(steps, values, 0.5f, spikes);
}

}  // namespace torpor
