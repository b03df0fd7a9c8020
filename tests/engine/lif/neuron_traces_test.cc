#include "engine/lif/neuron_traces.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <string>

#include "random_lif.h"

namespace torpor {
namespace {

constexpr int kSteps = 23;

LifNeuron SomeNeuron(int membrane_bits = 0, float membrane_unit = 1) {
  return {0.6f, 0.85f, 0.8f, 0.7f, 0.5f, membrane_bits, membrane_unit};
}

LifTile SomeTile(int units, uint64_t seed) {
  LifTile tile;
  tile.Resize(kSteps, units);
  const std::vector<float> values = SomeFloats(static_cast<size_t>(kSteps * units), 0.6f, seed);
  for (int n = 0; n < kSteps; ++n) {
    std::memcpy(tile.row(n), &values[static_cast<size_t>(n * units)],
                static_cast<size_t>(units) * sizeof(float));
  }
  return tile;
}

// WAGE's copy, as the definition says it.
struct PlainCopy {
  int bits;
  float unit;
  float Of(float x) const {
    if (bits == 0) return x;
    const float step = std::ldexp(1.0f, 1 - bits);
    const float half = std::clamp(x / unit / 2, -(1 - step), 1 - step);
    return 2 * step * std::nearbyint(half / step) * unit;
  }
};

reference::TraceConstants<float> Constants(const LifNeuron& n, float slope) {
  return {n.alpha, n.beta, n.gamma, n.delta, n.threshold, slope};
}

// Neuron by neuron, by the plain steps.
void PlainForward(const LifNeuron& neuron, LifOrder order, LifTile& tile, LifSpikes& spikes) {
  const auto c = Constants(neuron, 0);
  const PlainCopy copy{neuron.membrane_bits, neuron.membrane_unit};
  std::vector<reference::TraceValues<float>> t(static_cast<size_t>(tile.units()));
  for (int n = 0; n < tile.steps(); ++n) {
    for (size_t i = 0; i < t.size(); ++i) {
      float& x = tile.row(n)[i];
      x = order == LifOrder::kImmediate
              ? reference::StepForward<LifOrder::kImmediate, reference::HardStep>(x, c, copy, t[i])
              : reference::StepForward<LifOrder::kDelayed, reference::HardStep>(x, c, copy, t[i]);
      if (x > 0) spikes.index.push_back(static_cast<uint32_t>(i));
    }
    spikes.EndStep();
  }
}

float PlainStepBack(LifOrder order, bool reset, float x, float error,
                    const reference::TraceConstants<float>& c, reference::TraceValues<float>& t) {
  using reference::StepBackward;
  if (order == LifOrder::kImmediate) {
    return reset ? StepBackward<LifOrder::kImmediate, true>(x, error, c, t)
                 : StepBackward<LifOrder::kImmediate, false>(x, error, c, t);
  }
  return reset ? StepBackward<LifOrder::kDelayed, true>(x, error, c, t)
               : StepBackward<LifOrder::kDelayed, false>(x, error, c, t);
}

// But for the sign of zeros.
void ExpectSame(const LifTile& a, const LifTile& b) {
  for (int n = 0; n < a.steps(); ++n) {
    for (int i = 0; i < a.units(); ++i) ASSERT_EQ(a.row(n)[i], b.row(n)[i]) << n << " " << i;
  }
}

struct Case {
  int units;
  LifOrder order;
  Instructions with;
};

template <typename F>
void ForEveryCase(F&& body) {
  for (const int units : {1, 7, 16, 33, 64, 65, 130, 200}) {
    for (const LifOrder order : {LifOrder::kImmediate, LifOrder::kDelayed}) {
      for (const Instructions with : InstructionSets()) {
        SCOPED_TRACE(std::to_string(units) + " units, set " +
                     std::to_string(static_cast<int>(with)) +
                     (order == LifOrder::kImmediate ? ", immediate" : ", delayed"));
        body(Case{units, order, with});
      }
    }
  }
}

TEST(NeuronTracesTest, ForwardHasTheBitsOfThePlainStepsForEverySizeAndSet) {
  int64_t all = 0;
  ForEveryCase([&](const Case& c) {
    for (const auto& [bits, unit] :
         {std::pair(0, 1.0f), {2, 1.0f}, {5, 1.0f}, {5, 0.25f}, {16, 1.0f}}) {
      LifTile tile = SomeTile(c.units, 1);
      LifTile plain = tile;
      LifSpikes spikes, expected;
      NeuronTraces traces(SomeNeuron(bits, unit), c.order, c.with);
      LifTraces state;
      state.Reset(c.units);
      traces.Forward(tile, 0, kSteps, state, spikes);
      PlainForward(SomeNeuron(bits, unit), c.order, plain, expected);
      ExpectSame(tile, plain);
      EXPECT_EQ(spikes.index, expected.index);
      EXPECT_EQ(spikes.begin, expected.begin);
      all += spikes.size();
    }
  });
  EXPECT_GT(all, 1000);
}

TEST(NeuronTracesTest, PiecesHaveTheBitsOfTheWhole) {
  ForEveryCase([&](const Case& c) {
    LifTile whole = SomeTile(c.units, 2);
    LifTile pieces = whole;
    LifSpikes spikes, expected;
    NeuronTraces traces(SomeNeuron(), c.order, c.with);
    LifTraces state;
    state.Reset(c.units);
    traces.Forward(whole, 0, kSteps, state, expected);
    state.Reset(c.units);
    traces.Forward(pieces, 0, 1, state, spikes);
    traces.Forward(pieces, 1, 0, state, spikes);
    traces.Forward(pieces, 1, 9, state, spikes);
    traces.Forward(pieces, 10, kSteps - 10, state, spikes);
    ExpectSame(pieces, whole);
    EXPECT_EQ(spikes.index, expected.index);
    EXPECT_EQ(spikes.begin, expected.begin);
  });
}

TEST(NeuronTracesTest, BackwardHasTheBitsOfThePlainStepsForEverySizeAndSet) {
  const std::vector<float> factors = SomeFloats(kSteps, 1, 9);
  ForEveryCase([&](const Case& c) {
    for (const bool reset : {false, true}) {
      for (const bool repeated : {false, true}) {
        const LifNeuron neuron = SomeNeuron();
        LifTile tile = SomeTile(c.units, 3);
        LifTile plain = tile;
        const LifTile errors = SomeTile(c.units, 4);
        const LifSpikeErrors spike_errors = repeated ? LifSpikeErrors::Repeated(errors, factors)
                                                     : LifSpikeErrors::Of(errors, factors);
        LifTraces adjoints;
        adjoints.Reset(c.units);
        const NeuronTraces traces(neuron, c.order, c.with);
        // In two pieces.
        traces.Backward({3, reset}, spike_errors, tile, 8, kSteps - 8, adjoints);
        traces.Backward({3, reset}, spike_errors, tile, 0, 8, adjoints);
        std::vector<reference::TraceValues<float>> t(static_cast<size_t>(c.units));
        for (int n = kSteps - 1; n >= 0; --n) {
          for (size_t i = 0; i < t.size(); ++i) {
            const float error = factors[static_cast<size_t>(n)] * errors.row(repeated ? 0 : n)[i];
            float& x = plain.row(n)[i];
            x = PlainStepBack(c.order, reset, x, error, Constants(neuron, 3), t[i]);
          }
        }
        ExpectSame(tile, plain);
      }
    }
  });
}

TEST(NeuronTracesTest, TheThresholdItselfIsNoSpike) {
  LifTile tile;
  tile.Resize(1, 2);
  tile.row(0)[0] = 1;
  tile.row(0)[1] = std::nextafter(1.0f, 2.0f);
  NeuronTraces traces({0.5f, 0.5f, 0.5f, 1, 1}, LifOrder::kImmediate);
  LifTraces state;
  state.Reset(2);
  LifSpikes spikes;
  traces.Forward(tile, 0, 1, state, spikes);
  EXPECT_EQ(spikes.index, std::vector<uint32_t>{1});
}

// Two bits: (U - threshold) / 2 is clipped to +-1/2 and rounded to steps of 1/2, halves to even.
TEST(NeuronTracesTest, MembranesOfTwoBitsAreThreeLevels) {
  LifTile tile;
  tile.Resize(1, 6);
  const float drive[] = {-9, 0.4f, 0.6f, 1.4f, 1.6f, 9};
  const float copy[] = {-1, -1, 0, 0, 1, 1};
  std::memcpy(tile.row(0), drive, sizeof(drive));
  NeuronTraces traces({0.5f, 0.5f, 0.5f, 1, 1, 2}, LifOrder::kImmediate);
  LifTraces state;
  state.Reset(6);
  LifSpikes spikes;
  traces.Forward(tile, 0, 1, state, spikes);
  for (int i = 0; i < 6; ++i) EXPECT_EQ(tile.row(0)[i], copy[i]) << i;
  EXPECT_EQ(spikes.index, (std::vector<uint32_t>{4, 5}));
}

}  // namespace
}  // namespace torpor
