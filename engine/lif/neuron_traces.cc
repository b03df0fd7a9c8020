#include "engine/lif/neuron_traces.h"

#include <bit>
#include <cstring>

#include "engine/base/status.h"

namespace torpor {
namespace {

constexpr int kWordsAtOnce = 64 / kLifBlock;

// Lists the neurons whose bits are set in one row of words, 64 bits at a time. Returns the end.
uint32_t* ListSpikes(const uint16_t* bits, size_t words, uint32_t* list) {
  for (size_t w = 0; w < words; w += kWordsAtOnce) {
    uint64_t set;
    std::memcpy(&set, bits + w, sizeof(set));
    for (; set != 0; set &= set - 1) {
      *list++ = static_cast<uint32_t>(w * kLifBlock) + static_cast<uint32_t>(std::countr_zero(set));
    }
  }
  return list;
}

}  // namespace

void LifTraces::Reset(int units) {
  const auto padded = static_cast<size_t>(PaddedUnits(units));
  q.assign(padded, 0.0f);
  p.assign(padded, 0.0f);
  r.assign(padded, 0.0f);
}

void LifTraces::ScaleDrive(float by) {
  for (float& x : q) x *= by;
  for (float& x : p) x *= by;
}

LifSpikeErrors LifSpikeErrors::Of(const LifTile& tile, std::span<const float> ones) {
  return {tile.row(0), tile.stride(), ones};
}

LifSpikeErrors LifSpikeErrors::Repeated(const LifTile& row, std::span<const float> factors) {
  return {row.row(0), 0, factors};
}

NeuronTraces::NeuronTraces(const LifNeuron& neuron, LifOrder order, Instructions with)
    : neuron_(neuron), order_(order), kernel_(&LifKernelOf(with)) {}

void NeuronTraces::Forward(LifTile& tile, int first, int count, LifTraces& traces,
                           LifSpikes& spikes) {
  const int padded = PaddedUnits(tile.units());
  TORPOR_CHECK(first >= 0 && first + count <= tile.steps() &&
               traces.q.size() == static_cast<size_t>(padded));
  const size_t blocks = static_cast<size_t>(padded / kLifBlock);
  const size_t words = (blocks + kWordsAtOnce - 1) / kWordsAtOnce * kWordsAtOnce;
  // Words beyond the blocks stay 0: nobody writes them while the layer is the same.
  if (bits_.size() != words * static_cast<size_t>(count)) {
    bits_.assign(words * static_cast<size_t>(count), 0);
    list_.resize(words * kLifBlock);
  }
  LifScan scan;
  scan.neuron = neuron_;
  scan.tile = tile.row(first);
  scan.stride = tile.stride();
  scan.steps = count;
  scan.padded = padded;
  scan.q = traces.q.data();
  scan.p = traces.p.data();
  scan.r = traces.r.data();
  scan.spikes = bits_.data();
  scan.spike_stride = static_cast<int64_t>(words);
  kernel_->forward(order_, scan);
  for (int n = 0; n < count; ++n) {
    const uint32_t* end =
        ListSpikes(bits_.data() + static_cast<size_t>(n) * words, words, list_.data());
    spikes.index.insert(spikes.index.end(), static_cast<const uint32_t*>(list_.data()), end);
    spikes.EndStep();
  }
}

void NeuronTraces::Backward(const LifSurrogate& surrogate, const LifSpikeErrors& errors,
                            LifTile& tile, int first, int count, LifTraces& adjoints) const {
  const int padded = PaddedUnits(tile.units());
  TORPOR_CHECK(first >= 0 && first + count <= tile.steps() &&
               adjoints.q.size() == static_cast<size_t>(padded) &&
               errors.factors.size() >= static_cast<size_t>(first + count));
  LifScan scan;
  scan.neuron = neuron_;
  scan.slope = surrogate.slope;
  scan.tile = tile.row(first);
  scan.stride = tile.stride();
  scan.steps = count;
  scan.padded = padded;
  scan.q = adjoints.q.data();
  scan.p = adjoints.p.data();
  scan.r = adjoints.r.data();
  scan.errors = errors.rows + first * errors.stride;
  scan.error_stride = errors.stride;
  scan.factors = errors.factors.data() + first;
  kernel_->backward(order_, surrogate.reset_gradient, scan);
}

}  // namespace torpor
