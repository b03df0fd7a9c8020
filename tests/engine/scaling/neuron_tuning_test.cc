#include "engine/scaling/neuron_tuning.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"

namespace torpor {
namespace {

using ::testing::HasSubstr;

v1::AnalyzeNeuronTuningRequest RequestOf(v1::Activation::Kind activation,
                                         const std::vector<double>& epsilons) {
  v1::AnalyzeNeuronTuningRequest request;
  request.set_activation(activation);
  request.set_stddev(1);
  request.mutable_epsilon()->Add(epsilons.begin(), epsilons.end());
  return request;
}

v1::AnalyzeNeuronTuningResponse Analyze(const v1::AnalyzeNeuronTuningRequest& request) {
  auto response = AnalyzeNeuronTuning(request);
  EXPECT_TRUE(response.ok()) << response.status();
  return response.ok() ? *response : v1::AnalyzeNeuronTuningResponse();
}

// Figure 3 (mean 0, deviation 1, bias 0) as an independent computation found it: widths to 0.2
// degree, floors to 1e-3.
TEST(NeuronTuning, FigureThree) {
  const std::vector<double> epsilons = {1, .8, .6, .5, .4, .2, .1};
  const struct {
    v1::Activation::Kind activation;
    std::vector<double> width, floor;
  } cases[] = {
      {v1::Activation::RELU,
       {120.1, 132.9, 152.9, 168.3, 191.2, 360, 360},
       {0, 0, 0, 0, .090, .523, .756}},
      {v1::Activation::SIGMOID,
       {246.8, 286.4, 360, 360, 360, 360, 360},
       {.368, .449, .549, .607, .670, .819, .905}},
  };
  for (const auto& each : cases) {
    const auto response = Analyze(RequestOf(each.activation, epsilons));
    ASSERT_EQ(response.curves_size(), 7);
    for (int i = 0; i < 7; ++i) {
      EXPECT_NEAR(response.curves(i).width(), each.width[i], 0.2) << epsilons[i];
      EXPECT_NEAR(response.curves(i).floor(), each.floor[i], 1e-3) << epsilons[i];
    }
  }
  // A rectified cosine is at half its peak at 60 degree, exactly.
  EXPECT_NEAR(Analyze(RequestOf(v1::Activation::RELU, {1})).curves(0).width(), 120, 1e-9);
  // The unit never falls silent below epsilon = m / (1 + m), m = sqrt(2 / pi).
  const auto edge = Analyze(RequestOf(v1::Activation::RELU, {.4436, .4440}));
  EXPECT_GT(edge.curves(0).floor(), 0);
  EXPECT_EQ(edge.curves(1).floor(), 0);
}

TEST(NeuronTuning, TheBiasAloneBroadensRelu) {
  auto request = RequestOf(v1::Activation::RELU, {1, .5, .1});
  request.set_unadjusted(true);
  const auto response = Analyze(request);
  for (const auto& curve : response.curves()) {
    EXPECT_NEAR(curve.width(), 120, 1e-9);
    EXPECT_EQ(curve.bias_change(), 0);
  }
  EXPECT_NEAR(Analyze(RequestOf(v1::Activation::RELU, {.5})).curves(0).bias_change(),
              .5 * std::sqrt(2 / M_PI), 1e-9);
}

// The width is where the sampled curve crosses a half, whatever the activation.
TEST(NeuronTuning, WidthsAgreeWithTheSampledCurve) {
  for (const auto activation :
       {v1::Activation::LINEAR, v1::Activation::RELU, v1::Activation::SIGMOID, v1::Activation::TANH,
        v1::Activation::STEP}) {
    auto request = RequestOf(activation, {1, .7, .3});
    request.set_mean(0.2);
    request.set_bias(0.1);
    request.set_angles(7201);
    const auto response = Analyze(request);
    for (const auto& curve : response.curves()) {
      ASSERT_EQ(curve.angle_size(), 7201);
      EXPECT_EQ(curve.angle(0), -180);
      EXPECT_EQ(curve.angle(7200), 180);
      EXPECT_NEAR(curve.response(3600), 1, 1e-12);
      double inside = 0;
      for (int i = 0; i < curve.angle_size(); ++i) {
        EXPECT_NEAR(curve.response(i), curve.response(7200 - i), 1e-12);
        if (curve.response(i) >= 0.5) inside = std::max(inside, curve.angle(i));
      }
      EXPECT_NEAR(curve.width(), 2 * inside, 0.11) << v1::Activation::Kind_Name(activation);
      EXPECT_NEAR(curve.floor(), curve.response(0), 1e-12);
    }
  }
}

TEST(NeuronTuning, NamesEveryWrongField) {
  const auto says = [&](auto change, const std::string& text) {
    auto request = RequestOf(v1::Activation::RELU, {0.5});
    change(request);
    EXPECT_THAT(AnalyzeNeuronTuning(request),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(text)));
  };
  using Request = v1::AnalyzeNeuronTuningRequest;
  says([](Request& r) { r.set_activation(v1::Activation::SOFTMAX); }, "activation: ");
  says([](Request& r) { r.set_stddev(0); }, "stddev: must be in (0, 1e12], got 0");
  says([](Request& r) { r.set_mean(NAN); }, "mean: ");
  says([](Request& r) { r.set_bias(NAN); }, "bias: ");
  says([](Request& r) { r.add_epsilon(0); }, "epsilon[1]: must be in (0, 1], got 0");
  says([](Request& r) { r.add_epsilon(1.5); }, "epsilon[1]");
  says([](Request& r) { r.clear_epsilon(); }, "epsilon: must be 1..100 values, has 0");
  says([](Request& r) { r.set_angles(2); }, "angles: must be in 3..10000");
  says(
      [](Request& r) {
        r.set_bias(-2);
        r.set_unadjusted(true);
      },
      "bias: must let the neuron answer");
}

}  // namespace
}  // namespace torpor
