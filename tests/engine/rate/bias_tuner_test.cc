// Tuning of biases: gradients against difference quotients, what it reaches, what stays, and the
// same bits whatever runs it.
#include "engine/rate/bias_tuner.h"

#include <cmath>

#include "engine/base/digest.h"
#include "engine/base/status.h"
#include "engine/data/catalogue.h"
#include "engine/rate/trainer.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/rate_networks.h"
#include "tests/support/status_matchers.h"

namespace torpor {
namespace {

using testing::DeployOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::LayerOf;
using testing::ModelOf;
using testing::ScoresOf;
using A = v1::Activation;
using L = v1::Loss;

RateModel& Rate(Model& model) { return static_cast<RateModel&>(model); }

Dataset Digits(int64_t samples) { return SyntheticDigits(v1::Split::TRAIN).Slice(0, samples); }

std::unique_ptr<Model> Trained(const std::vector<LayerOf>& layers, L::Kind loss) {
  std::unique_ptr<Model> model = ModelOf(144, layers, 5);
  ThreadPool pool(2);
  v1::TrainSpec spec;
  spec.set_loss(loss);
  spec.set_learning_rate(1e-2);
  auto trainer = model->NewTrainer(spec, &pool);
  TORPOR_CHECK(trainer.ok());
  TORPOR_CHECK(testing::TrainEpochs(**trainer, Digits(400), 50, 1, 0, 25).ok());
  return model;
}

v1::PowerMode ModeOf(double epsilon, v1::BiasPolicy::Kind bias) {
  v1::PowerMode mode;
  mode.set_epsilon(epsilon);
  mode.set_bias(bias);
  return mode;
}

absl::Status Tune(Model& model, const v1::TuneSpec& spec, const v1::PowerMode& start,
                  const Dataset& data, int threads = 2) {
  ThreadPool pool(threads);
  return model.Tune(spec, start, data, "digest", &pool, Cancellation(),
                    [](double, double) { return absl::OkStatus(); });
}

// Mean loss a sample of a mode.
double LossOf(const Model& model, const v1::PowerMode& mode, const Dataset& data) {
  auto deployment = model.Deploy(mode, v1::Realisation());
  TORPOR_CHECK(deployment.ok());
  Matrix inputs(data.size(), data.features());
  data.CopyRange(0, data.size(), View(inputs));
  const Matrix scores = ScoresOf(**deployment, inputs);
  double sum = 0;
  for (Eigen::Index p = 0; p < scores.rows(); ++p) {
    sum += SampleLoss((*deployment)->read_out(),
                      {scores.row(p).data(), static_cast<size_t>(scores.cols())}, data.label(p));
  }
  return sum / static_cast<double>(scores.rows());
}

std::vector<std::vector<float>> BiasesOf(const RateModel& model) {
  std::vector<std::vector<float>> biases;
  for (const RateLayerParameters& layer : model.parameters()) biases.push_back(layer.bias);
  return biases;
}

class BiasGradientTest : public ::testing::TestWithParam<L::Kind> {};

// One step of plain descent shows the gradient.
TEST_P(BiasGradientTest, AgreesWithDifferenceQuotientsAndLeavesTheWeights) {
  const A::Kind output = GetParam() == L::CE ? A::LINEAR : A::SIGMOID;
  const Dataset data = Digits(40);
  for (const bool held : {false, true}) {
    std::unique_ptr<Model> model = ModelOf(144, {{7, A::TANH}, {5, A::RELU}, {10, output}}, 3);
    const Matrix first_weight = Rate(*model).parameters()[0].weight;
    Matrix inputs(data.size(), data.features());
    data.CopyRange(0, data.size(), View(inputs));
    if (held) inputs = inputs * first_weight.transpose();
    std::vector<int32_t> labels;
    for (int64_t p = 0; p < data.size(); ++p) labels.push_back(data.label(p));
    const Batch batch = {View(std::as_const(inputs)), labels};
    v1::TrainSpec spec;
    spec.set_loss(GetParam());
    spec.set_optimizer(v1::Optimizer::SGD);
    spec.set_momentum(0);
    ThreadPool pool(2);
    // Loss at these biases, from a step so small that it changes nothing else.
    const auto loss_at = [&](const std::vector<std::vector<float>>& biases) {
      std::unique_ptr<Model> copy = ModelOf(144, {{7, A::TANH}, {5, A::RELU}, {10, output}}, 3);
      for (size_t l = 0; l < biases.size(); ++l) {
        Rate(*copy).MutableParameters(GetParam())[l].bias = biases[l];
      }
      spec.set_learning_rate(1e-30);
      auto trainer = RateTrainer::Create(&Rate(*copy), spec, &pool,
                                         {.biases_only = true, .first_products = held});
      StepReport report;
      TORPOR_CHECK(trainer.ok() && (*trainer)->Step(batch, report).ok());
      return report.loss / static_cast<double>(report.samples);
    };
    const std::vector<std::vector<float>> before = BiasesOf(Rate(*model));
    spec.set_learning_rate(1);
    auto trainer = RateTrainer::Create(&Rate(*model), spec, &pool,
                                       {.biases_only = true, .first_products = held});
    ASSERT_THAT(trainer, IsOk());
    StepReport report;
    ASSERT_THAT((*trainer)->Step(batch, report), IsOk());
    const std::vector<std::vector<float>> after = BiasesOf(Rate(*model));
    EXPECT_EQ(Rate(*model).parameters()[0].weight, first_weight);
    int moved = 0;
    for (size_t l = 0; l < before.size(); ++l) {
      for (size_t i = 0; i < before[l].size(); ++i) {
        constexpr float kStep = 1e-2f;
        std::vector<std::vector<float>> up = before, down = before;
        up[l][i] += kStep;
        down[l][i] -= kStep;
        const double quotient = (loss_at(up) - loss_at(down)) / (2 * kStep);
        const double gradient = before[l][i] - after[l][i];
        // A ReLU bends within the step for some samples: the hidden layers get more room.
        EXPECT_NEAR(gradient, quotient, 2e-4 + (l < 2 ? 0.03 : 0.003) * std::abs(quotient))
            << l << "," << i;
        if (std::abs(gradient) > 1e-4) ++moved;
      }
    }
    EXPECT_GT(moved, 15);
  }
}

INSTANTIATE_TEST_SUITE_P(AllLosses, BiasGradientTest, ::testing::Values(L::BCE, L::MSE, L::CE),
                         [](const auto& info) { return L::Kind_Name(info.param); });

TEST(BiasTunerTest, TunedBiasesLoseLessThanAnyStart) {
  std::unique_ptr<Model> model = Trained({{24, A::RELU}, {10, A::SIGMOID}}, L::BCE);
  const Dataset data = Digits(400);
  ThreadPool pool(2);
  ASSERT_THAT(model->Calibrate(data, "digits", "digest", &pool, Cancellation()), IsOk());
  const double full = LossOf(*model, v1::PowerMode(), data);
  for (const v1::BiasPolicy::Kind start :
       {v1::BiasPolicy::NONE, v1::BiasPolicy::TABLE, v1::BiasPolicy::HOMOGENEOUS}) {
    SCOPED_TRACE(v1::BiasPolicy::Kind_Name(start));
    const double before = LossOf(*model, ModeOf(0.3, start), data);
    ASSERT_GT(before, 1.2 * full);
    v1::TuneSpec spec;
    spec.set_epochs(30);
    spec.set_batch_size(50);
    ASSERT_THAT(Tune(*model, spec, ModeOf(0.3, start), data), IsOk());
    const double after = LossOf(*model, ModeOf(0.3, v1::BiasPolicy::TUNED), data);
    EXPECT_LT(after, (start == v1::BiasPolicy::TABLE ? 0.995 : 0.95) * before);
    ASSERT_EQ(model->tunings().size(), 1u);
    EXPECT_EQ(model->tunings()[0].start(), start);
  }
  EXPECT_EQ(model->tunings()[0].loss(), L::BCE);
  EXPECT_EQ(model->tunings()[0].method(), "adam");
  EXPECT_EQ(model->tunings()[0].epochs(), 30);
  EXPECT_EQ(model->tunings()[0].samples(), 400);
  EXPECT_EQ(model->tunings()[0].dataset_digest(), "digest");
  // The other policies are what they were.
  EXPECT_EQ(LossOf(*model, v1::PowerMode(), data), full);
}

TEST(BiasTunerTest, NewtonReachesWhatDescentOnlyApproaches) {
  const Dataset data = Digits(400);
  for (const L::Kind loss : {L::BCE, L::MSE, L::CE}) {
    SCOPED_TRACE(L::Kind_Name(loss));
    std::unique_ptr<Model> model = Trained({{10, loss == L::CE ? A::LINEAR : A::SIGMOID}}, loss);
    v1::TuneSpec spec;
    spec.set_batch_size(50);
    ASSERT_THAT(Tune(*model, spec, ModeOf(0.2, v1::BiasPolicy::NONE), data), IsOk());
    const double adam = LossOf(*model, ModeOf(0.2, v1::BiasPolicy::TUNED), data);
    spec.set_method(v1::TuneSpec::Method::NEWTON);
    ASSERT_THAT(Tune(*model, spec, ModeOf(0.2, v1::BiasPolicy::NONE), data), IsOk());
    const double newton = LossOf(*model, ModeOf(0.2, v1::BiasPolicy::TUNED), data);
    EXPECT_LT(newton, adam);
    EXPECT_LT(newton, LossOf(*model, ModeOf(0.2, v1::BiasPolicy::NONE), data));
    EXPECT_EQ(model->tunings()[0].method(), "newton");
    EXPECT_EQ(model->tunings()[0].epochs(), 0);
    // A long descent ends there too.
    spec.set_method(v1::TuneSpec::Method::ADAM);
    spec.set_epochs(400);
    spec.set_learning_rate(0.05);
    spec.set_batch_size(400);
    ASSERT_THAT(Tune(*model, spec, ModeOf(0.2, v1::BiasPolicy::NONE), data), IsOk());
    const double longer = LossOf(*model, ModeOf(0.2, v1::BiasPolicy::TUNED), data);
    EXPECT_GE(longer, newton - 1e-5 * newton);
    EXPECT_LT(longer, newton + 1e-3 * newton);
  }
}

TEST(BiasTunerTest, ThreadsChangeNothingAndTheSeedDoes) {
  const Dataset data = Digits(300);
  const auto tuned = [&](const std::vector<LayerOf>& layers, int threads, uint64_t seed) {
    std::unique_ptr<Model> model = Trained(layers, L::BCE);
    v1::TuneSpec spec;
    spec.set_epochs(2);
    spec.set_seed(seed);
    EXPECT_THAT(Tune(*model, spec, ModeOf(0.5, v1::BiasPolicy::NONE), data, threads), IsOk());
    return Sha256Hex(SerializeModel(*model));
  };
  const std::vector<LayerOf> layers = {{300, A::RELU}, {20, A::TANH}, {10, A::SIGMOID}};
  const std::string one = tuned(layers, 1, 0);
  EXPECT_EQ(tuned(layers, 3, 0), one);
  EXPECT_NE(tuned(layers, 1, 9), one);
}

TEST(BiasTunerTest, EachSettingIsKeptAndTheArchiveKeepsThemAll) {
  std::unique_ptr<Model> model = Trained({{12, A::RELU}, {10, A::SIGMOID}}, L::MSE);
  const Dataset data = Digits(200);
  v1::TuneSpec spec;
  spec.set_loss(L::BCE);
  ASSERT_THAT(Tune(*model, spec, ModeOf(0.5, v1::BiasPolicy::NONE), data), IsOk());
  v1::PowerMode by_layer = ModeOf(0.2, v1::BiasPolicy::NONE);
  (*by_layer.mutable_layer_epsilon())["layer1"] = 1;
  ASSERT_THAT(Tune(*model, spec, by_layer, data), IsOk());
  ASSERT_EQ(model->tunings().size(), 2u);
  EXPECT_EQ(model->tunings()[1].layer_epsilon().at("layer0"), 0.2);
  EXPECT_EQ(model->tunings()[1].layer_epsilon().at("layer1"), 1);
  EXPECT_EQ(model->tunings()[1].loss(), L::BCE);
  EXPECT_EQ(model->loss(), L::MSE);

  const auto copy = ParseModel(SerializeModel(*model), BuildModel);
  ASSERT_THAT(copy, IsOk());
  const Matrix inputs = Matrix::Constant(3, 144, 0.5f);
  by_layer.set_bias(v1::BiasPolicy::TUNED);
  for (const v1::PowerMode& mode : {ModeOf(0.5, v1::BiasPolicy::TUNED), by_layer}) {
    const auto here = model->Deploy(mode, v1::Realisation());
    const auto there = (*copy)->Deploy(mode, v1::Realisation());
    ASSERT_THAT(here, IsOk());
    ASSERT_THAT(there, IsOk());
    EXPECT_EQ(ScoresOf(**here, inputs), ScoresOf(**there, inputs));
  }
  const absl::Status missing =
      model->Deploy(ModeOf(0.2, v1::BiasPolicy::TUNED), v1::Realisation()).status();
  EXPECT_EQ(ReasonOf(missing), "TUNING_REQUIRED");
  EXPECT_THAT(std::string(missing.message()), HasSubstr("0.5; layer0=0.2, layer1=1"));
}

TEST(BiasTunerTest, OtherParametersForgetTunings) {
  std::unique_ptr<Model> model = Trained({{10, A::SIGMOID}}, L::BCE);
  const Dataset data = Digits(100);
  v1::TuneSpec spec;
  spec.set_method(v1::TuneSpec::Method::NEWTON);
  ASSERT_THAT(Tune(*model, spec, ModeOf(0.5, v1::BiasPolicy::NONE), data), IsOk());
  ThreadPool pool(1);
  ASSERT_THAT(model->Calibrate(data, "digits", "digest", &pool, Cancellation()), IsOk());
  EXPECT_EQ(model->tunings().size(), 1u);
  auto trainer = model->NewTrainer(v1::TrainSpec(), &pool);
  ASSERT_THAT(testing::TrainEpochs(**trainer, data, 50, 1, 0, 1), IsOk());
  EXPECT_EQ(model->tunings().size(), 0u);
  ASSERT_THAT(Tune(*model, spec, ModeOf(0.5, v1::BiasPolicy::NONE), data), IsOk());
  model->Initialise(7);
  EXPECT_EQ(model->tunings().size(), 0u);
}

TEST(BiasTunerTest, WhatCannotBeTunedIsRefusedWithAWayOut) {
  const Dataset data = Digits(100);
  v1::TuneSpec newton;
  newton.set_method(v1::TuneSpec::Method::NEWTON);
  std::unique_ptr<Model> deep = Trained({{12, A::RELU}, {10, A::SIGMOID}}, L::BCE);
  EXPECT_THAT(Tune(*deep, newton, ModeOf(0.5, v1::BiasPolicy::NONE), data),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("method: NEWTON")));
  absl::Status status = Tune(*deep, {}, ModeOf(0.5, v1::BiasPolicy::TABLE), data);
  EXPECT_EQ(ReasonOf(status), "CALIBRATION_REQUIRED");
  EXPECT_THAT(Tune(*deep, {}, ModeOf(0.5, v1::BiasPolicy::TUNED), data),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("start")));
  EXPECT_THAT(Tune(*deep, {}, ModeOf(1.5, v1::BiasPolicy::NONE), data),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("epsilon")));
  v1::TuneSpec bad;
  bad.set_epochs(1001);
  EXPECT_THAT(Tune(*deep, bad, ModeOf(0.5, v1::BiasPolicy::NONE), data),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("1..1000")));
  bad.Clear();
  bad.set_learning_rate(0);
  EXPECT_THAT(Tune(*deep, bad, ModeOf(0.5, v1::BiasPolicy::NONE), data),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("learning_rate")));
  EXPECT_EQ(deep->tunings().size(), 0u);

  std::unique_ptr<Model> step = ModelOf(144, {{8, A::STEP}, {10, A::SIGMOID}});
  EXPECT_EQ(ReasonOf(Tune(*step, {}, ModeOf(0.5, v1::BiasPolicy::NONE), data)), "NOT_TRAINABLE");
  v1::Network network = testing::RateNetworkOf(144, {{10, A::SIGMOID}});
  network.mutable_rate()->mutable_layers(0)->mutable_dense()->set_without_bias(true);
  auto bare = BuildModel(network, 1);
  EXPECT_EQ(ReasonOf(Tune(**bare, {}, ModeOf(0.5, v1::BiasPolicy::NONE), data)), "NO_BIAS");
}

TEST(BiasTunerTest, AnUntrainedModelIsTunedWithTheLossOfItsOutputs) {
  const Dataset data = Digits(100);
  std::unique_ptr<Model> sigmoid = ModelOf(144, {{10, A::SIGMOID}});
  ASSERT_THAT(Tune(*sigmoid, {}, ModeOf(1, v1::BiasPolicy::NONE), data), IsOk());
  EXPECT_EQ(sigmoid->tunings()[0].loss(), L::BCE);
  std::unique_ptr<Model> linear = ModelOf(144, {{10, A::LINEAR}});
  ASSERT_THAT(Tune(*linear, {}, ModeOf(1, v1::BiasPolicy::NONE), data), IsOk());
  EXPECT_EQ(linear->tunings()[0].loss(), L::CE);
}

TEST(BiasTunerTest, ProgressGrowsAndItsErrorOrACancellationEndsIt) {
  std::unique_ptr<Model> model = Trained({{12, A::RELU}, {10, A::SIGMOID}}, L::BCE);
  const Dataset data = Digits(100);
  ThreadPool pool(1);
  v1::TuneSpec spec;
  spec.set_batch_size(40);
  std::vector<double> fractions;
  ASSERT_THAT(model->Tune(spec, ModeOf(0.5, v1::BiasPolicy::NONE), data, "d", &pool, Cancellation(),
                          [&](double fraction, double loss) {
                            EXPECT_GT(loss, 0);
                            fractions.push_back(fraction);
                            return absl::OkStatus();
                          }),
              IsOk());
  ASSERT_EQ(fractions.size(), 9u);  // 40 + 40 + 20 samples, three times
  EXPECT_NEAR(fractions[0], 40.0 / 300, 1e-12);
  EXPECT_TRUE(std::is_sorted(fractions.begin(), fractions.end()));
  EXPECT_EQ(fractions.back(), 1);

  const std::string before = Sha256Hex(SerializeModel(*model));
  EXPECT_THAT(model->Tune(spec, ModeOf(0.2, v1::BiasPolicy::NONE), data, "d", &pool, Cancellation(),
                          [](double, double) { return absl::AbortedError("enough"); }),
              StatusIs(absl::StatusCode::kAborted));
  Cancellation cancellation;
  cancellation.Cancel();
  EXPECT_TRUE(absl::IsCancelled(model->Tune(spec, ModeOf(0.2, v1::BiasPolicy::NONE), data, "d",
                                            &pool, cancellation,
                                            [](double, double) { return absl::OkStatus(); })));
  EXPECT_EQ(Sha256Hex(SerializeModel(*model)), before);
}

}  // namespace
}  // namespace torpor
