#include "engine/lif/network_pass.h"

#include <gtest/gtest.h>

#include "engine/lif/spike_losses.h"
#include "network_cases.h"

namespace torpor {
namespace {

constexpr double kClear = 1e-4;

// Gradients of a case, by layer, at 0.
struct Sums {
  explicit Sums(const NetworkCase& c) {
    for (size_t l = 0; l < c.weights.size(); ++l) {
      input.emplace_back(c.weights[l].size());
      recurrent.emplace_back(c.recurrent[l].size());
    }
  }
  std::vector<LifGradients> Views() {
    std::vector<LifGradients> views;
    for (size_t l = 0; l < input.size(); ++l) views.push_back({input[l], recurrent[l]});
    return views;
  }
  std::vector<std::vector<float>> input, recurrent;
};

void ExpectNear(const std::vector<float>& values, const std::vector<double>& expected,
                const std::string& what) {
  ASSERT_EQ(values.size(), expected.size()) << what;
  double largest = 0;
  for (const double x : expected) largest = std::max(largest, std::fabs(x));
  for (size_t k = 0; k < values.size(); ++k) {
    ASSERT_NEAR(values[k], expected[k], 1e-5 * std::max(largest, 1e-3)) << what << " " << k;
  }
}

void ExpectGradients(const NetworkCase& c, const Sums& sums,
                     const std::vector<ReferenceNetwork<double>::Gradient>& expected) {
  size_t r = 0;
  for (size_t l = 0; l < sums.input.size(); ++l) {
    if (c.plan.layers[l].synapses == nullptr) continue;
    ExpectNear(sums.input[l], expected[r].weights, "weights of layer " + std::to_string(l));
    ExpectNear(sums.recurrent[l], expected[r].recurrent, "loops of layer " + std::to_string(l));
    ++r;
  }
}

// Runs both forward; false where a spike might hang on rounding.
bool ForwardBoth(NetworkCase& c, const LifInput& input, LifNetworkPass& pass) {
  std::vector<std::vector<double>> rows;
  if (input.spikes != nullptr) {
    rows = Dense<double>(*input.spikes, 60);
  } else {
    rows.assign(static_cast<size_t>(c.plan.steps), {input.currents.begin(), input.currents.end()});
  }
  c.reference.Forward(rows);
  if (NearestToThreshold(c.reference) < kClear) return false;
  pass.Forward(c.Weights(), input);
  return true;
}

void ExpectForward(const NetworkCase& c, const LifNetworkPass& pass) {
  size_t r = 0;
  for (size_t l = 0; l < c.plan.layers.size(); ++l) {
    if (c.plan.layers[l].synapses == nullptr) continue;
    const auto& layer = c.reference.layers[r];
    if (layer.spikes) {
      EXPECT_EQ(Dense<double>(pass.spikes(l), layer.units), c.reference.outputs[r]);
    } else {
      EXPECT_EQ(pass.spikes(l).size(), 0);
    }
    ++r;
  }
  const std::vector<double> scores = c.reference.Scores();
  for (size_t i = 0; i < scores.size(); ++i) EXPECT_NEAR(pass.scores()[i], scores[i], 1e-5);
}

TEST(LifNetworkPassTest, EqualsTheReferenceForwardAndBack) {
  for (NetworkCase& c : NetworkCases()) {
    int compared = 0;
    LifNetworkPass pass(&c.plan);
    for (uint64_t sample = 0; sample < 12; ++sample) {
      SCOPED_TRACE(c.name + ", sample " + std::to_string(sample));
      // Spikes and, now and then, numbers.
      const LifSpikes spikes = SomeLifSpikes(c.plan.steps, 60, 0.15, sample);
      const std::vector<float> currents = SomeFloats(60, 0.4f, sample);
      LifInput input;
      if (sample % 3 == 0) {
        input.currents = currents;
      } else {
        input.spikes = &spikes;
      }
      if (!ForwardBoth(c, input, pass)) continue;
      ++compared;
      ExpectForward(c, pass);
      const std::vector<float> delta = SomeFloats(5, 1, sample + 100);
      Sums sums(c);
      pass.Backward(c.Weights(), delta, sums.Views());
      const std::vector<double> errors(delta.begin(), delta.end());
      ExpectGradients(c, sums, c.reference.BackwardFromScores(errors));
    }
    EXPECT_GE(compared, 4) << c.name;
  }
}

TEST(LifNetworkPassTest, LearnsFromTheDistanceOfSpikes) {
  int compared = 0;
  for (NetworkCase& c : NetworkCases()) {
    if (c.plan.integrates) continue;
    LifNetworkPass pass(&c.plan);
    const LifSpikes target = SomeLifSpikes(c.plan.steps, 5, 0.3, 77);
    for (uint64_t sample = 0; sample < 3; ++sample) {
      SCOPED_TRACE(c.name + ", sample " + std::to_string(sample));
      const LifSpikes spikes = SomeLifSpikes(c.plan.steps, 60, 0.15, sample);
      if (!ForwardBoth(c, {&spikes, {}}, pass)) continue;
      ++compared;
      const size_t last = c.plan.layers.size() - 1;
      VanRossumLoss({}, pass.spikes(last), target, 1, pass.output_errors());
      Sums sums(c);
      pass.BackwardFromSpikes(c.Weights(), sums.Views());
      auto errors = c.reference.outputs.back();
      const auto wanted = Dense<double>(target, 5);
      std::vector<double> rows;
      for (size_t n = 0; n < errors.size(); ++n) {
        for (size_t i = 0; i < 5; ++i) rows.push_back(errors[n][i] - wanted[n][i]);
      }
      VanRossumLoss<double>({}, c.plan.steps, 5, 1, rows.data(), 5);
      for (size_t k = 0; k < rows.size(); ++k) errors[k / 5][k % 5] = rows[k];
      ExpectGradients(c, sums, c.reference.Backward(errors));
    }
  }
  EXPECT_GE(compared, 20);
}

TEST(LifNetworkPassTest, CountsWhatHappened) {
  for (NetworkCase& c : NetworkCases()) {
    if (c.name != "recurrent, immediate, spikes" && c.name != "conv, immediate, spikes") continue;
    SCOPED_TRACE(c.name);
    const LifSpikes spikes = SomeLifSpikes(c.plan.steps, 60, 0.15, 1);
    LifNetworkPass pass(&c.plan);
    pass.Forward(c.Weights(), {&spikes, {}});
    // Connections that every spike of the reference's list meets.
    c.reference.Forward(Dense<double>(spikes, 60));
    size_t r = 0;
    for (size_t l = 0; l < c.plan.layers.size(); ++l) {
      if (c.plan.layers[l].synapses == nullptr) continue;
      const auto& layer = c.reference.layers[r];
      const auto rows = r == 0 ? Dense<double>(spikes, 60) : c.reference.outputs[r - 1];
      double operations = 0;
      for (const auto& row : rows) {
        for (const ReferenceConnection& k : layer.connections) operations += row[k.input];
      }
      double emitted = 0;
      for (size_t n = 0; n < rows.size(); ++n) {
        for (const double s : c.reference.outputs[r][n]) {
          emitted += s;
          if (!layer.recurrent.empty() && n + 1 < rows.size()) operations += s * layer.units;
        }
      }
      const LifLayerCounts counts = pass.Counts(l);
      EXPECT_EQ(counts.synaptic_operations, operations);
      EXPECT_EQ(counts.output_spikes, emitted);
      EXPECT_EQ(counts.neuron_updates, c.plan.steps * layer.units);
      EXPECT_EQ(counts.input_events, r == 0 ? spikes.size() : pass.spikes(l - 1).size());
      EXPECT_GT(emitted, 0);
      EXPECT_EQ(pass.GradientOperations(l), operations) << "every event's gradients";
      // Of the reference's, those that a pool makes one count once.
      const double pooled =
          r > 0 && c.plan.layers[l - 1].pool != nullptr ? c.plan.layers[l - 1].pool->scale() : 1;
      EXPECT_EQ(c.plan.layers[l].synapses->Connections(),
                pooled * static_cast<double>(layer.connections.size()));
      ++r;
    }
  }
}

TEST(LifNetworkPassTest, CurrentsCountInEveryStepUnlessTheyAreZero) {
  NetworkCase c;
  AddDense(c, 4, 3, 1);
  c.plan.steps = 6;
  LifNetworkPass pass(&c.plan);
  const std::vector<float> currents = {0.5f, 0, 1, 0};
  pass.Forward(c.Weights(), {nullptr, currents});
  EXPECT_EQ(pass.Counts(0).input_events, 2 * 6);
  EXPECT_EQ(pass.Counts(0).synaptic_operations, 2 * 6 * 3);
  EXPECT_EQ(pass.GradientOperations(0), 2 * 3) << "of errors summed over steps";
}

TEST(LifNetworkPassTest, ErrorsGoBackWithoutGradientsAndStopWhereAHookSays) {
  for (NetworkCase& c : NetworkCases()) {
    SCOPED_TRACE(c.name);
    const LifSpikes spikes = SomeLifSpikes(c.plan.steps, 60, 0.15, 1);
    const std::vector<float> delta = SomeFloats(5, 1, 3);
    LifNetworkPass pass(&c.plan);
    // Every layer's errors down to `until`.
    const auto errors = [&](std::span<const LifGradients> gradients, size_t until) {
      std::vector<std::pair<size_t, Matrix>> all;
      pass.Forward(c.Weights(), {&spikes, {}});
      pass.Backward(c.Weights(), delta, gradients, [&](size_t layer, MatrixView of_layer) {
        all.emplace_back(layer, of_layer);
        return layer != until;
      });
      return all;
    };
    Sums sums(c);
    const auto whole = errors(sums.Views(), 0);
    EXPECT_EQ(errors({}, 0), whole);
    const auto last = errors({}, c.plan.layers.size() - 1);
    ASSERT_EQ(last.size(), 1u);
    EXPECT_EQ(last[0], whole[0]);
  }
}

TEST(LifNetworkPassTest, AHookChangesErrorsBeforeAnythingIsMadeOfThem) {
  for (NetworkCase& c : NetworkCases()) {
    SCOPED_TRACE(c.name);
    const LifSpikes spikes = SomeLifSpikes(c.plan.steps, 60, 0.15, 1);
    const std::vector<float> delta = SomeFloats(5, 1, 3);
    LifNetworkPass pass(&c.plan);
    const auto run = [&](const LifNetworkPass::ErrorHook& hook) {
      pass.Forward(c.Weights(), {&spikes, {}});
      Sums sums(c);
      pass.Backward(c.Weights(), delta, sums.Views(), hook);
      return sums;
    };
    const Sums plain = run(nullptr);
    std::vector<size_t> seen;
    const size_t last = c.plan.layers.size() - 1;
    const Sums doubled = run([&](size_t layer, MatrixView errors) {
      seen.push_back(layer);
      EXPECT_EQ(errors.cols(), c.plan.layers[layer].synapses->outputs());
      EXPECT_EQ(errors.rows(), c.plan.integrates && layer == last ? 1 : c.plan.steps);
      if (layer == last) errors *= 2;
      return true;
    });
    EXPECT_EQ(seen.front(), last);
    EXPECT_EQ(seen.back(), 0);
    // All below the last layer follows from its errors; a factor of two is exact.
    for (size_t l = 0; l < plain.input.size(); ++l) {
      for (size_t k = 0; k < plain.input[l].size(); ++k) {
        ASSERT_EQ(doubled.input[l][k], 2 * plain.input[l][k]) << l << " " << k;
      }
    }
  }
}

TEST(LifNetworkPassTest, GradientsAddUpAndSamplesLeaveNothingBehind) {
  for (NetworkCase& c : NetworkCases()) {
    SCOPED_TRACE(c.name);
    const std::vector<float> delta = SomeFloats(5, 1, 3);
    const LifSpikes a = SomeLifSpikes(c.plan.steps, 60, 0.15, 1);
    const LifSpikes b = SomeLifSpikes(c.plan.steps, 60, 0.3, 2);
    LifNetworkPass used(&c.plan);
    Sums both(c);
    for (const LifSpikes* spikes : {&a, &b}) {
      used.Forward(c.Weights(), {spikes, {}});
      used.Backward(c.Weights(), delta, both.Views());
    }
    Sums each(c);
    LifNetworkPass fresh(&c.plan);
    fresh.Forward(c.Weights(), {&a, {}});
    fresh.Backward(c.Weights(), delta, each.Views());
    LifNetworkPass other(&c.plan);
    other.Forward(c.Weights(), {&b, {}});
    other.Backward(c.Weights(), delta, each.Views());
    EXPECT_EQ(both.input, each.input);
    EXPECT_EQ(both.recurrent, each.recurrent);
  }
}

}  // namespace
}  // namespace torpor
