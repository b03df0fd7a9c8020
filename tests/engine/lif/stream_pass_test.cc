#include "engine/lif/stream_pass.h"

#include <gtest/gtest.h>

#include <array>

#include "engine/lif/network_pass.h"
#include "network_cases.h"

namespace torpor {
namespace {

LifSpikes Piece(const LifSpikes& spikes, int first, int count) {
  LifSpikes piece;
  for (int n = first; n < first + count; ++n) {
    const auto at = spikes.At(n);
    piece.index.insert(piece.index.end(), at.begin(), at.end());
    piece.EndStep();
  }
  return piece;
}

// What a stream gave, step after step.
struct Record {
  void Add(const NetworkCase& c, const LifStreamPass& pass) {
    const ConstMatrixView rows = pass.scores();
    for (int n = 0; n < rows.rows(); ++n) {
      scores.emplace_back(rows.row(n).data(), rows.row(n).data() + rows.cols());
    }
    spikes.resize(c.plan.layers.size());
    counts.resize(c.plan.layers.size());
    for (size_t l = 0; l < spikes.size(); ++l) {
      const LifSpikes& own = pass.spikes(l);
      for (int n = 0; n < own.steps(); ++n) {
        spikes[l].emplace_back(own.At(n).begin(), own.At(n).end());
      }
      const LifLayerCounts more = pass.Counts(l);
      counts[l][0] += more.input_events;
      counts[l][1] += more.synaptic_operations;
      counts[l][2] += more.neuron_updates;
      counts[l][3] += more.output_spikes;
    }
  }
  friend bool operator==(const Record&, const Record&) = default;
  std::vector<std::vector<float>> scores;
  std::vector<std::vector<std::vector<uint32_t>>> spikes;
  std::vector<std::array<int64_t, 4>> counts;
};

Record RunInPieces(const NetworkCase& c, LifStreamPass& pass, const LifSpikes& spikes,
                   std::initializer_list<int> sizes) {
  Record record;
  LifStreamState state;
  int from = 0;
  for (const int size : sizes) {
    const LifSpikes piece = Piece(spikes, from, size);
    pass.Run(c.Weights(), {&piece, {}}, size, state);
    record.Add(c, pass);
    from += size;
  }
  EXPECT_EQ(from, spikes.steps());
  return record;
}

TEST(LifStreamPassTest, PiecesGiveTheBitsOfTheWhole) {
  for (const NetworkCase& c : NetworkCases()) {
    SCOPED_TRACE(c.name);
    const LifSpikes spikes = SomeLifSpikes(19, 60, 0.15, 1);
    LifStreamPass pass(&c.plan);
    const Record whole = RunInPieces(c, pass, spikes, {19});
    EXPECT_TRUE(RunInPieces(c, pass, spikes, {1, 0, 7, 2, 9}) == whole);
    EXPECT_TRUE(RunInPieces(c, pass, spikes,
                            {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1}) == whole);
  }
}

TEST(LifStreamPassTest, TheEndIsTheWholeSample) {
  for (const NetworkCase& c : NetworkCases()) {
    SCOPED_TRACE(c.name);
    const LifSpikes spikes = SomeLifSpikes(19, 60, 0.15, 1);
    LifStreamPass pass(&c.plan);
    LifStreamState state;
    pass.Run(c.Weights(), {&spikes, {}}, 19, state);
    LifNetworkPass sample(&c.plan);
    sample.Forward(c.Weights(), {&spikes, {}});
    for (int i = 0; i < 5; ++i) {
      EXPECT_NEAR(pass.scores()(18, i), sample.scores()[static_cast<size_t>(i)], 1e-5);
    }
    for (size_t l = 0; l < c.plan.layers.size(); ++l) {
      EXPECT_EQ(pass.spikes(l).index, sample.spikes(l).index);
      EXPECT_EQ(pass.Counts(l).synaptic_operations, sample.Counts(l).synaptic_operations);
    }
  }
}

TEST(LifStreamPassTest, ScoresAreThoseOfTheStepsUntilThen) {
  for (NetworkCase c : NetworkCases()) {
    SCOPED_TRACE(c.name);
    const LifSpikes spikes = SomeLifSpikes(19, 60, 0.15, 1);
    LifStreamPass pass(&c.plan);
    LifStreamState state;
    pass.Run(c.Weights(), {&spikes, {}}, 19, state);
    c.plan.steps = 8;
    const LifSpikes shorter = Piece(spikes, 0, 8);
    LifNetworkPass sample(&c.plan);
    sample.Forward(c.Weights(), {&shorter, {}});
    for (int i = 0; i < 5; ++i) {
      EXPECT_NEAR(pass.scores()(7, i), sample.scores()[static_cast<size_t>(i)], 1e-5);
    }
  }
}

TEST(LifStreamPassTest, StreamsThatTakeTurnsDoNotSeeEachOther) {
  for (const NetworkCase& c : NetworkCases()) {
    SCOPED_TRACE(c.name);
    const LifSpikes a = SomeLifSpikes(19, 60, 0.15, 1);
    const LifSpikes b = SomeLifSpikes(19, 60, 0.3, 2);
    LifStreamPass pass(&c.plan);
    const Record alone = RunInPieces(c, pass, a, {10, 9});
    LifStreamState state_a, state_b;
    Record record;
    for (int from = 0; from < 19; from += 10) {
      const int size = from == 0 ? 10 : 9;
      const LifSpikes piece_b = Piece(b, from, size);
      pass.Run(c.Weights(), {&piece_b, {}}, size, state_b);
      const LifSpikes piece_a = Piece(a, from, size);
      pass.Run(c.Weights(), {&piece_a, {}}, size, state_a);
      record.Add(c, pass);
    }
    EXPECT_TRUE(record == alone);
  }
}

TEST(LifStreamPassTest, CurrentsGoOnForAsLongAsAsked) {
  for (const NetworkCase& c : NetworkCases()) {
    SCOPED_TRACE(c.name);
    const std::vector<float> currents = SomeFloats(60, 0.4f, 3);
    LifStreamPass pass(&c.plan);
    LifStreamState state;
    Record pieces, whole;
    for (const int size : {4, 15}) {
      pass.Run(c.Weights(), {nullptr, currents}, size, state);
      pieces.Add(c, pass);
    }
    LifStreamState fresh;
    pass.Run(c.Weights(), {nullptr, currents}, 19, fresh);
    whole.Add(c, pass);
    EXPECT_TRUE(pieces == whole);
    EXPECT_GT(whole.counts[0][1], 0);
  }
}

TEST(MarginTest, IsTheLeadOfTheBestScore) {
  EXPECT_EQ(Margin(std::vector<float>{1, 4, -2, 3}), 1);
  EXPECT_EQ(Margin(std::vector<float>{5, 5}), 0);
  EXPECT_EQ(Margin(std::vector<float>{-3, -1}), 2);
}

}  // namespace
}  // namespace torpor
