// Both kernels, by every instruction set that this CPU has, against plain loops.
#include <gtest/gtest.h>

#include <limits>
#include <string>
#include <vector>

#include "engine/base/simd.h"
#include "engine/truenorth/bit_sliced.h"
#include "engine/truenorth/popcount.h"
#include "engine/truenorth/rate_code.h"
#include "engine/truenorth/reference.h"
#include "engine/truenorth/tally.h"
#include "tests/support/random_grids.h"

namespace torpor {
namespace {

std::vector<uint8_t> RandomSpikes(const GridPlan& plan, uint64_t seed, double on) {
  RandomStream random(seed, RandomPurpose::kTest, 1);
  std::vector<uint8_t> spikes(static_cast<size_t>(plan.features));
  for (uint8_t& spike : spikes) spike = random.NextDouble() < on ? 1 : 0;
  return spikes;
}

uint64_t WordOf(const std::vector<uint8_t>& spikes, size_t word) {
  uint64_t bits = 0;
  for (size_t i = 64 * word; i < std::min(spikes.size(), 64 * word + 64); ++i) {
    bits |= uint64_t{spikes[i]} << i % 64;
  }
  return bits;
}

// The reference's counts in the order of the tallies.
void ExpectSums(const ReferenceTick& expected, const TallyPlan& tallies,
                const std::vector<uint32_t>& sums, const std::string& where) {
  const auto at = [&](int tally) { return int64_t{sums[static_cast<size_t>(tally)]}; };
  for (size_t l = 0; l < expected.layers.size(); ++l) {
    const LayerTallies& of = tallies.layers[l];
    const LayerCounts counts{.events = at(of.events),
                             .weighted_events = at(of.weighted_events),
                             .axon_spikes = at(of.axon_spikes),
                             .neuron_spikes = at(of.neuron_spikes)};
    EXPECT_EQ(counts, expected.layers[l]) << where << " layer " << l;
  }
  for (size_t k = 0; k < expected.classes.size(); ++k) {
    EXPECT_EQ(at(tallies.classes[k]), expected.classes[k]) << where << " class " << k;
  }
}

void ExpectPopcount(const BinaryGrid& grid, const std::vector<std::vector<uint8_t>>& samples,
                    const std::vector<ReferenceTick>& expected) {
  const TallyPlan tallies = PlanTallies(grid);
  const PopcountGrid kernel(grid, tallies);
  for (const PopcountSet set : PopcountSets()) {
    const std::string where = "popcount set " + std::to_string(static_cast<int>(set));
    PopcountWorkspace workspace;
    workspace.Prepare(*grid.plan);
    for (size_t s = 0; s < samples.size(); ++s) {
      for (size_t w = 0; w + 1 < workspace.levels[0].size(); ++w) {
        workspace.levels[0][w] = WordOf(samples[s], w);
      }
      kernel.Run(workspace, set);
      for (size_t l = 0; l < workspace.levels.size(); ++l) {
        for (size_t w = 0; w + 1 < workspace.levels[l].size(); ++w) {
          ASSERT_EQ(workspace.levels[l][w], WordOf(expected[s].spikes[l], w))
              << where << " sample " << s << " level " << l << " word " << w;
        }
      }
      ExpectSums(expected[s], tallies, workspace.sums, where);
    }
  }
}

std::vector<Instructions> Sets() {
  std::vector<Instructions> sets;
  for (Instructions set : {Instructions::kBase, Instructions::kAvx2, Instructions::kAvx512}) {
    if (set <= BestInstructions()) sets.push_back(set);
  }
  return sets;
}

void ExpectBitSliced(const BinaryGrid& grid, const std::vector<std::vector<uint8_t>>& samples,
                     const std::vector<ReferenceTick>& expected) {
  const TallyPlan tallies = PlanTallies(grid);
  const BitSlicedGrid kernel(grid, tallies);
  const int lanes = static_cast<int>(samples.size());
  for (const Instructions set : Sets()) {
    const std::string where = "bit-sliced set " + std::to_string(static_cast<int>(set));
    SlicedWorkspace workspace;
    workspace.Prepare(*grid.plan);
    const size_t words = static_cast<size_t>(WordsOf(grid.plan->features));
    workspace.Start(lanes, tallies.tallies.size());
    for (int lane = 0; lane < lanes; ++lane) {
      for (size_t w = 0; w < words; ++w) {
        workspace.PixelWords(lane)[w * kLanes] = WordOf(samples[static_cast<size_t>(lane)], w);
      }
    }
    BitSlicedGrid::TransposePixels(workspace, set);
    ASSERT_TRUE(kernel.Run(workspace, set, Cancellation()).ok());
    for (int lane = 0; lane < lanes; ++lane) {
      const ReferenceTick& tick = expected[static_cast<size_t>(lane)];
      for (size_t l = 0; l < workspace.levels.size(); ++l) {
        for (size_t i = 0; i < tick.spikes[l].size(); ++i) {
          const uint64_t word = workspace.levels[l][i].words[lane % workspace.words];
          ASSERT_EQ(word >> lane / workspace.words & 1, tick.spikes[l][i])
              << where << " lane " << lane << " of " << lanes << " level " << l << " line " << i;
        }
      }
      std::vector<uint32_t> sums;
      for (size_t t = 0; t < tallies.tallies.size(); ++t) {
        sums.push_back(static_cast<uint32_t>(
            workspace.SumsOf(static_cast<int>(t))[SlotOf(lane, workspace.words)]));
      }
      ExpectSums(tick, tallies, sums, where + " lane " + std::to_string(lane));
    }
  }
}

// `on` is the share of pixels that spike.
void ExpectAllAlike(const BinaryGrid& grid, int lanes, double on) {
  std::vector<std::vector<uint8_t>> samples;
  std::vector<ReferenceTick> expected;
  for (int s = 0; s < lanes; ++s) {
    samples.push_back(RandomSpikes(*grid.plan, static_cast<uint64_t>(s) + 7, on));
    expected.push_back(RunReference(grid, samples.back()));
  }
  ExpectPopcount(grid, samples, expected);
  ExpectBitSliced(grid, samples, expected);
}

GridShape WithDoubles(GridShape shape) {
  shape.strengths = v1::Template::SIGNS_AND_DOUBLES;
  return shape;
}

TEST(KernelsTest, SmallGridOfSigns) { ExpectAllAlike(RandomGrid(SmallShape(), 1), 60, 0.22); }

TEST(KernelsTest, SmallGridOfDoubles) {
  ExpectAllAlike(RandomGrid(WithDoubles(SmallShape()), 2), 60, 0.22);
}

TEST(KernelsTest, LargeGrids) {
  ExpectAllAlike(RandomGrid(LargeShape(), 3), 12, 0.22);
  ExpectAllAlike(RandomGrid(WithDoubles(LargeShape()), 4), 12, 0.3);
}

// Blocks of 3 x 3 cores have 28 axons a source, so that cores begin and end within bytes.
TEST(KernelsTest, OddSizes) {
  for (const GridShape& shape : {SmallShape(), WithDoubles(SmallShape())}) {
    GridShape odd = shape;
    odd.height = 13;
    odd.width = 13;
    odd.layers = {{5, 2}, {3, 1}, {3, 1}};
    odd.classes = 7;
    odd.output_neurons = 21;
    ExpectAllAlike(RandomGrid(odd, 5), 40, 0.4);
    GridShape channels = shape;
    channels.channels = 3;
    channels.height = channels.width = 9;
    channels.layers = {{9, 1}};
    channels.classes = 3;
    ExpectAllAlike(RandomGrid(channels, 6), 40, 0.4);
    GridShape one = shape;
    one.height = one.width = 1;
    one.layers = {{1, 1}};
    one.classes = 2;
    one.output_neurons = 2;
    ExpectAllAlike(RandomGrid(one, 7), 5, 0.5);
  }
}

// Half lines, whole lines and what is between.
TEST(KernelsTest, RaggedLanes) {
  GridShape shape;
  shape.height = shape.width = 8;
  shape.layers = {{4, 2}, {3, 1}};
  const BinaryGrid grid = RandomGrid(WithDoubles(shape), 8);
  for (const int lanes : {1, 63, 64, 65, 127, 128, 129, 255, 256, 257, 500, 511, 512}) {
    ExpectAllAlike(grid, lanes, 0.4);
  }
}

TEST(KernelsTest, EmptyAndFullCrossbars) {
  for (const double on : {0.0, 1.0}) {
    ExpectAllAlike(RandomGrid(SmallShape(), 9, on), 10, 0.5);
    ExpectAllAlike(RandomGrid(WithDoubles(SmallShape()), 10, on), 10, 0.5);
  }
}

// All pixels on, all off: the largest and the smallest sums.
TEST(KernelsTest, ExtremeInputs) {
  for (const double on : {0.0, 1.0}) {
    ExpectAllAlike(RandomGrid(SmallShape(), 11, 1.0, 100), 3, on);
    ExpectAllAlike(RandomGrid(WithDoubles(SmallShape()), 12, 1.0, 200), 3, on);
  }
}

TEST(KernelsTest, ExtremeLeaks) {
  constexpr int32_t kLeaks[] = {std::numeric_limits<int32_t>::min(),
                                -100000,
                                -513,
                                -512,
                                -511,
                                -257,
                                -256,
                                -255,
                                -1,
                                0,
                                1,
                                2,
                                255,
                                256,
                                257,
                                511,
                                512,
                                513,
                                100000,
                                std::numeric_limits<int32_t>::max()};
  for (const GridShape& shape : {SmallShape(), WithDoubles(SmallShape())}) {
    BinaryGrid grid = RandomGrid(shape, 13, 1.0);
    size_t next = 0;
    for (std::vector<BinaryCore>& cores : grid.layers) {
      for (BinaryCore& core : cores) {
        for (int32_t& leak : core.leak) leak = kLeaks[next++ % std::size(kLeaks)];
      }
    }
    for (const double on : {0.0, 0.5, 1.0}) ExpectAllAlike(grid, 4, on);
  }
}

}  // namespace
}  // namespace torpor
