#include "engine/scaling/neuron_bias.h"

#include <cmath>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "engine/base/random.h"
#include "engine/scaling/neuron_activation.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"

namespace torpor {
namespace {

using ::testing::HasSubstr;

v1::AnalyzeNeuronBiasRequest Normal(v1::Activation::Kind activation, double mean, double stddev,
                                    double bias, const std::vector<double>& epsilons) {
  v1::AnalyzeNeuronBiasRequest request;
  request.set_activation(activation);
  request.mutable_pre_activation()->mutable_normal()->set_mean(mean);
  request.mutable_pre_activation()->mutable_normal()->set_stddev(stddev);
  request.set_bias(bias);
  request.mutable_epsilon()->Add(epsilons.begin(), epsilons.end());
  return request;
}

v1::AnalyzeNeuronBiasResponse Analyze(const v1::AnalyzeNeuronBiasRequest& request) {
  auto response = AnalyzeNeuronBias(request, Cancellation());
  EXPECT_TRUE(response.ok()) << response.status();
  return response.ok() ? *response : v1::AnalyzeNeuronBiasResponse();
}

// Figure 2 (mean -0.1, deviation 0.25, bias 0.7) as an independent computation found it: changes to
// 1e-4, slopes to four digits.
TEST(NeuronBias, FigureTwo) {
  const std::vector<double> epsilons = {0, .1, .25, .5, .75, .9, 1.1, 1.25, 1.5, 2};
  const struct {
    v1::Activation::Kind activation;
    double slope, tangent;
    std::vector<double> optimal, table;
  } cases[] = {
      {v1::Activation::RELU,
       .53281,
       .53281,
       {-.6424, -.5625, -.4499, -.2852, -.1373, -.0539, .0521, .1261, .2391, .4311},
       {-.5328, -.4795, -.3996, -.2664, -.1332, -.0533, .0533, .1332, .2664, .5328}},
      {v1::Activation::SIGMOID,
       .79420,
       .79420,
       {-.7985, -.7182, -.5980, -.3981, -.1988, -.0795, .0794, .1983, .3961, .7905},
       {-.7946, -.7152, -.5960, -.3973, -.1987, -.0795, .0795, .1987, .3973, .7946}},
      {v1::Activation::TANH,
       .78078,
       .78078,
       {-.7944, -.7135, -.5928, -.3934, -.1959, -.0782, .0780, .1946, .3880, .7719},
       {}},
      {v1::Activation::LINEAR,
       .80000,
       .80000,
       {-.8, -.72, -.6, -.4, -.2, -.08, .08, .2, .4, .8},
       {}},
  };
  for (const auto& each : cases) {
    SCOPED_TRACE(v1::Activation::Kind_Name(each.activation));
    const v1::AnalyzeNeuronBiasResponse response =
        Analyze(Normal(each.activation, -.1, .25, .7, epsilons));
    EXPECT_NEAR(response.optimal_slope(), each.slope, 5e-6);
    EXPECT_NEAR(response.tangent_slope(), each.tangent, 5e-6);
    // "Tangent" is what eq. 11 claims: the difference quotient meets it.
    EXPECT_NEAR(response.optimal_slope(), response.tangent_slope(), 1e-5);
    ASSERT_EQ(response.points_size(), static_cast<int>(epsilons.size()));
    for (int i = 0; i < response.points_size(); ++i) {
      const auto& point = response.points(i);
      EXPECT_EQ(point.epsilon(), epsilons[i]);
      EXPECT_NEAR(point.optimal_change(), each.optimal[i], 1e-4) << point.epsilon();
      if (!each.table.empty()) {
        EXPECT_NEAR(point.table_change(), each.table[i], 1e-4) << point.epsilon();
      }
      EXPECT_LE(point.optimal_error(), point.table_error() + 1e-15);
      EXPECT_LE(point.optimal_error(), point.unchanged_error() + 1e-15);
    }
  }
  // Table I's slopes where it is no exact integral.
  EXPECT_NEAR(Analyze(Normal(v1::Activation::SIGMOID, -.1, .25, .7, {.5})).table_slope(), .79464,
              5e-6);
}

// tests/golden/neuron_bias.csv, made by neuron_bias.py beside it, which searches on the error.
TEST(NeuronBias, MatchesTheGoldenTable) {
  std::ifstream file(std::string(TORPOR_TEST_SOURCE_DIR) + "/golden/neuron_bias.csv");
  ASSERT_TRUE(file.good());
  std::string line;
  std::getline(file, line);
  std::vector<double> samples;
  for (int i = 1; i <= 40; ++i) {
    samples.push_back(std::round((std::sin(12.9 * i) * 3 - 0.4) * 1e6) / 1e6);
  }
  const std::map<std::string, v1::Activation::Kind> kinds = {{"relu", v1::Activation::RELU},
                                                             {"sigmoid", v1::Activation::SIGMOID},
                                                             {"tanh", v1::Activation::TANH}};
  int rows = 0;
  while (std::getline(file, line)) {
    SCOPED_TRACE(line);
    std::vector<std::string> fields;
    std::stringstream text(line);
    for (std::string field; std::getline(text, field, ',');) fields.push_back(field);
    ASSERT_EQ(fields.size(), 10u);
    v1::AnalyzeNeuronBiasRequest request;
    request.set_activation(kinds.at(fields[4]));
    request.set_bias(std::stod(fields[3]));
    request.add_epsilon(std::stod(fields[5]));
    v1::PreActivation& s = *request.mutable_pre_activation();
    if (fields[0] == "normal") {
      s.mutable_normal()->set_mean(std::stod(fields[1]));
      s.mutable_normal()->set_stddev(std::stod(fields[2]));
    } else if (fields[0] == "uniform") {
      s.mutable_uniform()->set_low(std::stod(fields[1]));
      s.mutable_uniform()->set_high(std::stod(fields[2]));
    } else {
      s.mutable_samples()->mutable_values()->Add(samples.begin(), samples.end());
    }
    const v1::AnalyzeNeuronBiasResponse response = Analyze(request);
    ASSERT_EQ(response.points_size(), 1);
    const auto& point = response.points(0);
    EXPECT_NEAR(point.optimal_error(), std::stod(fields[7]), 1e-9 * std::stod(fields[7]) + 1e-12);
    EXPECT_NEAR(point.unchanged_error(), std::stod(fields[8]), 1e-9 * std::stod(fields[8]) + 1e-12);
    // A search on the error itself cannot do better than the square root of its rounding.
    EXPECT_NEAR(point.optimal_change(), std::stod(fields[6]), 1e-6);
    EXPECT_NEAR(point.tangent_change(), std::stod(fields[9]), 1e-8);
    EXPECT_EQ(point.has_table_change(), fields[0] == "normal");
    ++rows;
  }
  EXPECT_EQ(rows, 90);
}

// The derivative of the error vanishes at the optimum, and no point nearby is better.
TEST(NeuronBias, IsAMinimumForAwkwardNeurons) {
  const struct {
    v1::Activation::Kind activation;
    double mean, stddev, bias, epsilon;
  } cases[] = {
      {v1::Activation::RELU, -3, 1, 2, 0.5},         // hardly ever fires
      {v1::Activation::RELU, 0.5, 1, 0, 1e-6},       // nearly constant
      {v1::Activation::RELU, 40, 1, -5, 0.1},        // always fires
      {v1::Activation::SIGMOID, 30, 2, 1, 0.2},      // saturated
      {v1::Activation::SIGMOID, 0, 200, 1, 0.05},    // far wider than the activation
      {v1::Activation::TANH, -6, 4, 0.3, 3},         // grown weights
      {v1::Activation::TANH, 1000, 1e-3, 0.3, 0.7},  // narrow and far away
  };
  for (const auto& each : cases) {
    SCOPED_TRACE(testing::Message() << v1::Activation::Kind_Name(each.activation) << " "
                                    << each.mean << " " << each.stddev);
    const auto request = Normal(each.activation, each.mean, each.stddev, each.bias, {each.epsilon});
    TORPOR_ASSERT_OK_AND_ASSIGN(
        const PreActivationDistribution distribution,
        PreActivationDistribution::Create(request.pre_activation(), "pre_activation"));
    const AnalyzedNeuron neuron{each.activation, each.bias, &distribution};
    const double best = OptimalBiasChange(neuron, each.epsilon);
    const double error = ExpectedSquaredError(neuron, each.epsilon, best);
    for (const double step : {1e-4, 1e-3, 0.03, 0.5, 4.0, 50.0}) {
      for (const double side : {-1, 1}) {
        EXPECT_GE(ExpectedSquaredError(neuron, each.epsilon, best + side * step),
                  error * (1 - 1e-9))
            << side * step;
      }
    }
  }
}

// A few samples make an error with several minima: no point of a fine grid is below the one found.
TEST(NeuronBias, FindsTheLowestOfSeveralMinima) {
  for (uint64_t trial = 0; trial < 200; ++trial) {
    RandomStream random(5, RandomPurpose::kTest, 0, trial);
    v1::PreActivation definition;
    const uint64_t count = 1 + random.NextBelow(6);
    for (uint64_t i = 0; i < count; ++i) {
      definition.mutable_samples()->add_values(6 * random.NextFloat() - 3);
    }
    TORPOR_ASSERT_OK_AND_ASSIGN(const PreActivationDistribution distribution,
                                PreActivationDistribution::Create(definition, "s"));
    const AnalyzedNeuron neuron{trial % 2 == 0 ? v1::Activation::RELU : v1::Activation::SIGMOID,
                                random.NextFloat() - 0.5, &distribution};
    const double epsilon = trial % 5 == 0 ? 0 : 3 * random.NextFloat();
    const double error = ExpectedSquaredError(neuron, epsilon, OptimalBiasChange(neuron, epsilon));
    for (double change = -12; change <= 12; change += 0.01) {
      ASSERT_GE(ExpectedSquaredError(neuron, epsilon, change), error - 1e-12)
          << trial << " " << change;
    }
  }
}

// The slope that roots are sought with is the derivative of the response.
TEST(NeuronBias, SlopesAreDerivatives) {
  for (const auto activation : {v1::Activation::LINEAR, v1::Activation::RELU,
                                v1::Activation::SIGMOID, v1::Activation::TANH}) {
    for (const double s : {-30.0, -2.0, -0.3, 0.7, 4.0, 30.0}) {
      const ResponseAndSlope both = NeuronResponseAndSlope(activation, s);
      EXPECT_NEAR(both.response, ActivationValue(activation, s), 1e-15 * (1 + std::abs(s)));
      const double quotient =
          (ActivationValue(activation, s + 1e-5) - ActivationValue(activation, s - 1e-5)) / 2e-5;
      EXPECT_NEAR(both.slope, quotient, 1e-9);
      if (both.slope > 0) {
        EXPECT_NEAR(LogSquaredSlope(activation, s), 2 * std::log(both.slope), 1e-9);
      }
    }
  }
  // In the tail, where 1 - f is lost to rounding.
  EXPECT_NEAR(NeuronResponseAndSlope(v1::Activation::SIGMOID, 50).slope / std::exp(-50), 1, 1e-12);
  EXPECT_NEAR(NeuronResponseAndSlope(v1::Activation::TANH, -50).slope / (4 * std::exp(-100)), 1,
              1e-12);
}

TEST(NeuronBias, StepKeepsTheSignOfEveryInput) {
  const auto response = Analyze(Normal(v1::Activation::STEP, -.1, .25, .7, {0, .1, 1, 2}));
  EXPECT_NEAR(response.points(1).optimal_change(), -.63, 1e-12);
  EXPECT_EQ(response.points(1).optimal_error(), 0);
  EXPECT_GT(response.points(1).unchanged_error(), 0.1);
  EXPECT_NEAR(response.points(3).optimal_change(), .7, 1e-12);
  // Constant at epsilon 0: silent is right for P(s <= 0) = Phi(0.4).
  EXPECT_NEAR(response.points(0).optimal_change(), -.7, 1e-12);
  EXPECT_NEAR(response.points(0).optimal_error(), 1 - std::erfc(-.4 / std::sqrt(2.0)) / 2, 1e-9);
  // A unit that mostly fires keeps firing.
  const auto firing = Analyze(Normal(v1::Activation::STEP, 1, .5, -.2, {0}));
  EXPECT_NEAR(firing.points(0).optimal_error(), std::erfc(2 / std::sqrt(2.0)) / 2, 1e-9);
  EXPECT_GT(firing.points(0).optimal_change(), .2);
}

TEST(NeuronBias, SilentUnitsAreLeftAlone) {
  v1::AnalyzeNeuronBiasRequest request;
  request.set_activation(v1::Activation::RELU);
  for (const double value : {-3.0, -2.0, -2.5}) {
    request.mutable_pre_activation()->mutable_samples()->add_values(value);
  }
  request.set_bias(-1);
  request.add_epsilon(0.5);
  const auto response = Analyze(request);
  EXPECT_EQ(response.points(0).optimal_change(), 0);
  EXPECT_EQ(response.points(0).optimal_error(), 0);
  // m = 0 where f' is 0 everywhere.
  EXPECT_NEAR(response.points(0).tangent_change(), 0.5, 1e-15);
  EXPECT_FALSE(response.has_table_slope());
}

TEST(NeuronBias, NamesEveryWrongField) {
  const auto good = Normal(v1::Activation::RELU, 0, 1, 0, {0.5});
  const auto says = [&](auto change, const std::string& text) {
    auto request = good;
    change(request);
    EXPECT_THAT(AnalyzeNeuronBias(request, Cancellation()),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(text)));
  };
  using Request = v1::AnalyzeNeuronBiasRequest;
  says([](Request& r) { r.clear_activation(); }, "activation: must be one of");
  says([](Request& r) { r.set_activation(v1::Activation::SOFTMAX); }, "several neurons");
  says([](Request& r) { r.clear_epsilon(); }, "epsilon: must be 1..1000 values, has 0");
  says([](Request& r) { r.add_epsilon(4.5); }, "epsilon[1]: must be in [0, 4], got 4.5");
  says([](Request& r) { r.add_epsilon(NAN); }, "epsilon[1]");
  says([](Request& r) { r.set_bias(INFINITY); }, "bias: ");
  says([](Request& r) { r.clear_pre_activation(); }, "pre_activation: must be set");
  says([](Request& r) { r.mutable_pre_activation()->mutable_normal()->set_stddev(0); },
       "pre_activation.normal.stddev: must be above 0");
  says([](Request& r) { r.mutable_pre_activation()->mutable_uniform()->set_low(1); },
       "pre_activation.uniform.high: must be above low");
  says([](Request& r) { r.mutable_pre_activation()->mutable_samples(); },
       "pre_activation.samples.values: must be 1..1000000 values, has 0");
  says([](Request& r) { r.mutable_pre_activation()->mutable_samples()->add_values(NAN); },
       "pre_activation.samples.values[0]");
  says(
      [](Request& r) {
        for (int i = 0; i < 20001; ++i)
          r.mutable_pre_activation()->mutable_samples()->add_values(i);
        while (r.epsilon_size() < 500) r.add_epsilon(1);
      },
      "samples times epsilons must be at most 10000000, are 10000500");
}

TEST(NeuronBias, StopsWhenCancelled) {
  Cancellation cancellation;
  cancellation.Cancel();
  EXPECT_THAT(AnalyzeNeuronBias(Normal(v1::Activation::RELU, 0, 1, 0, {0.5}), cancellation),
              StatusIs(absl::StatusCode::kCancelled));
}

}  // namespace
}  // namespace torpor
