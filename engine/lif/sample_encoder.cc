#include "engine/lif/sample_encoder.h"

#include <algorithm>

#include "engine/base/status.h"
#include "engine/lif/plan_of.h"

namespace torpor {

LifSampleEncoder::LifSampleEncoder(const LifDefinition& definition, uint64_t seed)
    : code_(definition.code),
      steps_(definition.steps),
      image_(ImageBelow(definition, 0)),
      reorders_(image_.channels > 1 && image_.height * image_.width > 1),
      latency_(definition.steps, definition.latency_threshold),
      rate_(definition.steps, code_ == LifCode::kRate ? definition.rate_chance : 1, seed),
      currents_(code_ == LifCode::kDirect ? static_cast<size_t>(definition.inputs) : 0) {}

template <typename T>
void LifSampleEncoder::EncodeValues(std::span<const T> values, uint64_t key) {
  switch (code_) {
    case LifCode::kLatency:
      latency_.Encode(values, spikes_);
      break;
    case LifCode::kRate:
      rate_.Encode(values, key, spikes_);
      break;
    case LifCode::kDirect:
      DirectCurrents(values, currents_);
      break;
    case LifCode::kSpikes:
      RasterSpikes(steps_, values, spikes_);
      break;
  }
}

LifInput LifSampleEncoder::Encode(const InputView& input, uint64_t key, int steps) {
  TORPOR_CHECK(steps >= 1 && steps <= steps_);
  const auto ordered = [&](auto values, auto& room) {
    using T = typename decltype(values)::value_type;
    if (!reorders_) {
      EncodeValues<T>(values, key);
      return;
    }
    room.resize(values.size());
    // A raster has an image for each step.
    const size_t image = static_cast<size_t>(image_.units());
    for (size_t first = 0; first < values.size(); first += image) {
      UnitsFromBorder<T>(image_, values.subspan(first, image),
                         std::span<T>(room).subspan(first, image));
    }
    EncodeValues<T>(room, key);
  };
  if (!input.bytes.empty()) {
    ordered(input.bytes, bytes_);
  } else {
    ordered(input.values, values_);
  }
  if (code_ == LifCode::kDirect) return {.spikes = nullptr, .currents = currents_};
  if (steps < spikes_.steps()) {
    spikes_.index.resize(static_cast<size_t>(spikes_.begin[static_cast<size_t>(steps)]));
    spikes_.begin.resize(static_cast<size_t>(steps) + 1);
  }
  return {.spikes = &spikes_, .currents = {}};
}

}  // namespace torpor
