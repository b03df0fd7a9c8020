// What power modes make of a network: power by way of realisation, digital output, refusals.
#include "engine/rate/modes.h"

#include <cmath>

#include "engine/base/status.h"
#include "engine/rate/model.h"
#include "engine/rate/windows.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/rate_networks.h"

namespace torpor {
namespace {

using ::testing::HasSubstr;
using testing::LayerOf;
using testing::ModelOf;
using testing::ScoresOf;
using A = v1::Activation;
using By = v1::EpsilonBy;
using P = v1::BiasPolicy;

constexpr Eigen::Index kSamples = 64;

Matrix RandomInputs(Eigen::Index columns) {
  RandomStream random(21, RandomPurpose::kTest);
  Matrix m(kSamples, columns);
  for (Eigen::Index i = 0; i < m.size(); ++i) {
    const float value = random.NextFloat();
    m.data()[i] = random.NextDouble() < 0.6 ? value : 0;
  }
  return m;
}

class ModesTest : public ::testing::Test {
 protected:
  void Calibrate(Model& model, const Matrix& inputs) {
    const Dataset data =
        Dataset::FromFloats({inputs.data(), inputs.data() + inputs.size()}, {inputs.cols()},
                            std::vector<int32_t>(static_cast<size_t>(inputs.rows()), 0), 3);
    ASSERT_TRUE(model.Calibrate(data, "test", "digest", &pool_, Cancellation()).ok());
  }

  std::unique_ptr<Model> Calibrated(const std::vector<LayerOf>& layers) {
    auto model = ModelOf(40, layers);
    Calibrate(*model, inputs_);
    return model;
  }

  static std::shared_ptr<const Deployment> Deploy(const Model& model, const v1::PowerMode& mode,
                                                  const v1::Realisation& chip = {}) {
    auto deployment = model.Deploy(mode, chip);
    TORPOR_CHECK(deployment.ok());
    return *std::move(deployment);
  }

  // Mean synaptic power a sample by layer.
  std::vector<double> Power(const Model& model, const v1::PowerMode& mode,
                            const v1::Realisation& chip = {}) {
    std::vector<Activity> activities;
    ScoresOf(*Deploy(model, mode, chip), inputs_, 0, &activities);
    std::vector<double> power(activities[0].layers.size());
    for (const Activity& activity : activities) {
      for (size_t l = 0; l < power.size(); ++l) {
        power[l] += activity.layers[l].synaptic_power.value() / kSamples;
      }
    }
    return power;
  }

  static v1::PowerMode ModeOf(double first, double second, P::Kind bias,
                              By::Kind by = By::REPROGRAM) {
    v1::PowerMode mode;
    (*mode.mutable_layer_epsilon())["layer0"] = first;
    (*mode.mutable_layer_epsilon())["layer1"] = second;
    mode.set_bias(bias);
    mode.set_epsilon_by(by);
    return mode;
  }

  Matrix inputs_ = RandomInputs(40);
  ThreadPool pool_{2};
};

// NASP of `homogeneous`, two layers with shares P1, B1, P2, B2 at full power:
//   reprogram, read time  e1 (P1 + B1) + e1^2 e2 P2 + e1 e2 B2
//   read voltage          e1^2 (P1 + B1) + (e1 e2)^2 (P2 + B2)
TEST_F(ModesTest, HomogeneousPowerFollowsTheClosedForms) {
  const auto model = Calibrated({{30, A::RELU}, {3, A::SIGMOID}});
  const auto& full = model->calibration();
  const double p1 = full.layers(0).weight_power(), b1 = full.layers(0).bias_power();
  const double p2 = full.layers(1).weight_power(), b2 = full.layers(1).bias_power();
  const auto nasp = [&](double e1, double e2, By::Kind by) {
    const auto power = Power(*model, ModeOf(e1, e2, P::HOMOGENEOUS, by));
    return (power[0] + power[1]) / full.full_power();
  };
  for (double e1 : {1.0, 0.5, 0.13}) {
    for (double e2 : {1.0, 0.4, 0.05}) {
      const double by_conductance = e1 * (p1 + b1) + e1 * e1 * e2 * p2 + e1 * e2 * b2;
      EXPECT_NEAR(nasp(e1, e2, By::REPROGRAM), by_conductance, 1e-5);
      EXPECT_NEAR(nasp(e1, e2, By::READ_TIME), by_conductance, 1e-5);
      EXPECT_NEAR(nasp(e1, e2, By::READ_VOLTAGE),
                  e1 * e1 * (p1 + b1) + e1 * e1 * e2 * e2 * (p2 + b2), 1e-5);
    }
  }
}

TEST_F(ModesTest, SignalsDoNotDependOnTheWayOfRealisation) {
  const auto model = Calibrated({{30, A::TANH}, {3, A::SIGMOID}});
  for (P::Kind policy : {P::NONE, P::TABLE, P::MATCHED}) {
    const Matrix scores =
        ScoresOf(*Deploy(*model, ModeOf(0.3, 0.7, policy, By::REPROGRAM)), inputs_);
    for (By::Kind by : {By::READ_VOLTAGE, By::READ_TIME}) {
      EXPECT_EQ(ScoresOf(*Deploy(*model, ModeOf(0.3, 0.7, policy, by)), inputs_), scores);
    }
  }
}

// Biases that do not scale alike are programmed anew, at any read voltage; unchanged ones draw what
// they drew.
TEST_F(ModesTest, BiasRowsDrawWhatTheirConductancesSay) {
  const auto model = Calibrated({{3, A::SIGMOID}});
  const auto& bias = dynamic_cast<const RateModel&>(*model).parameters()[0].bias;
  double magnitudes = 0;
  for (float b : bias) magnitudes += std::fabs(b);
  v1::PowerMode mode;
  mode.set_epsilon(0.25);
  const double full =
      model->calibration().full_power() * model->calibration().layers(0).weight_power();
  for (auto [by, factor] : {std::pair(By::REPROGRAM, 0.25), std::pair(By::READ_VOLTAGE, 0.0625),
                            std::pair(By::READ_TIME, 0.25)}) {
    mode.set_epsilon_by(by);
    mode.set_bias(P::NONE);
    EXPECT_NEAR(Power(*model, mode)[0], factor * full + magnitudes, 1e-4);
    mode.set_bias(P::HOMOGENEOUS);
    EXPECT_NEAR(Power(*model, mode)[0], factor * (full + magnitudes), 1e-4);
    mode.set_bias(P::TABLE);
    auto resolved = ResolveRateMode(
        {dynamic_cast<const RateModel&>(*model).shapes(),
         dynamic_cast<const RateModel&>(*model).parameters(),
         dynamic_cast<const RateModel&>(*model).statistics(), Tunings({{"layer0", true, 3}})},
        mode, {});
    ASSERT_TRUE(resolved.ok());
    double anew = 0;
    for (float c : resolved->drives[0].bias) anew += std::fabs(c);
    EXPECT_NEAR(Power(*model, mode)[0], factor * full + anew, 1e-4);
  }
}

// Both devices of a pair conduct at least f G: by plain loops over devices.
TEST_F(ModesTest, OffDevicesDrawTheirFloor) {
  const auto model = Calibrated({{30, A::RELU}, {3, A::SIGMOID}});
  const auto& rate = dynamic_cast<const RateModel&>(*model);
  constexpr double kOff = 0.05, kEpsilon = 0.3;
  v1::Realisation chip;
  chip.set_off_conductance(kOff);
  const auto& layer = rate.parameters()[0];
  const double most = layer.weight.cwiseAbs().maxCoeff();
  const auto device = [&](double signal, double factor) {  // one device of a pair, reprogrammed
    return kOff * most + factor * (1 - kOff) * std::max(signal, 0.0);
  };
  const auto pairs = [&](double factor) {
    double power = 0;
    for (Eigen::Index i = 0; i < 30; ++i) {
      for (Eigen::Index p = 0; p < kSamples; ++p) {
        for (Eigen::Index j = 0; j < 40; ++j) {
          const double w = layer.weight(i, j), u2 = double{inputs_(p, j)} * inputs_(p, j);
          power += u2 * (device(w, factor) + device(-w, factor)) / kSamples;
        }
      }
      const double b = layer.bias[static_cast<size_t>(i)];
      power += device(b, factor) + device(-b, factor);
    }
    return power;
  };
  const auto first = [&](By::Kind by) {
    return Power(*model, ModeOf(kEpsilon, 1, P::HOMOGENEOUS, by), chip)[0];
  };
  const double full = pairs(1);
  EXPECT_NEAR(Power(*model, {}, chip)[0], full, 1e-4 * full);
  EXPECT_NEAR(first(By::REPROGRAM), pairs(kEpsilon), 1e-4 * full);
  EXPECT_NEAR(first(By::READ_VOLTAGE), kEpsilon * kEpsilon * full, 1e-4 * full);
  EXPECT_NEAR(first(By::READ_TIME), kEpsilon * full, 1e-4 * full);
  EXPECT_GT(first(By::REPROGRAM), 1.2 * first(By::READ_TIME)) << "the floor stays";
  EXPECT_NEAR(model->FullPower(chip), Power(*model, {}, chip)[0] + Power(*model, {}, chip)[1],
              1e-4 * full);
  EXPECT_EQ(model->FullPower({}), model->calibration().full_power());
}

TEST_F(ModesTest, FullPowerIsExactlyFullPowerHoweverItIsAskedFor) {
  const auto model = Calibrated({{30, A::TANH}, {3, A::SIGMOID}});
  for (double off : {0.0, 0.02}) {
    v1::Realisation chip;
    chip.set_off_conductance(off);
    const std::vector<double> full = Power(*model, {}, chip);
    const Matrix scores = ScoresOf(*Deploy(*model, {}, chip), inputs_);
    for (By::Kind by : {By::REPROGRAM, By::READ_VOLTAGE, By::READ_TIME}) {
      for (P::Kind policy : {P::NONE, P::TABLE, P::EMPIRICAL, P::MATCHED}) {
        if (policy == P::EMPIRICAL) continue;  // never trained: no deltas
        v1::PowerMode mode = ModeOf(1, 1, policy, by);
        mode.set_output_gain(true);
        EXPECT_EQ(Power(*model, mode, chip), full);
        EXPECT_EQ(ScoresOf(*Deploy(*model, mode, chip), inputs_), scores);
      }
    }
  }
}

TEST_F(ModesTest, OutputGainBringsBackTheScoresOfFullPower) {
  const auto model = ModelOf(40, {{30, A::RELU}, {3, A::SIGMOID}});
  const Matrix full = ScoresOf(*Deploy(*model, {}), inputs_);
  v1::PowerMode mode = ModeOf(0.5, 0.25, P::HOMOGENEOUS);
  mode.set_output_gain(true);
  EXPECT_EQ(ScoresOf(*Deploy(*model, mode), inputs_), full) << "without calibration";
  // On a single layer every policy has the gain epsilon.
  const auto single = ModelOf(40, {{3, A::SIGMOID}});
  v1::PowerMode none;
  none.set_epsilon(0.5);
  const Matrix scaled = ScoresOf(*Deploy(*single, none), inputs_);
  none.set_output_gain(true);
  EXPECT_EQ(ScoresOf(*Deploy(*single, none), inputs_), 2 * scaled);
  // Elsewhere it is an estimate, which needs statistics.
  v1::PowerMode unmoved = ModeOf(0.5, 0.25, P::NONE);
  unmoved.set_output_gain(true);
  const absl::Status status = model->Deploy(unmoved, {}).status();
  EXPECT_EQ(ReasonOf(status), "CALIBRATION_REQUIRED");
  EXPECT_THAT(std::string(status.message()), HasSubstr("output_gain"));
}

// The estimate of what scaling left of the outputs, against the regression on the samples.
TEST_F(ModesTest, GainAndShiftOfUnmatchedPoliciesAreNearThoseOfTheSamples) {
  const auto model = Calibrated({{30, A::RELU}, {20, A::SIGMOID}, {3, A::SIGMOID}});
  const Eigen::MatrixXd full = ScoresOf(*Deploy(*model, {}), inputs_).cast<double>();
  const Eigen::MatrixXd centred = full.rowwise() - full.colwise().mean();
  for (P::Kind policy : {P::NONE, P::TABLE}) {
    v1::PowerMode mode;
    mode.set_epsilon(0.5);
    mode.set_bias(policy);
    const Eigen::MatrixXd plain = ScoresOf(*Deploy(*model, mode), inputs_).cast<double>();
    const double gain = (plain.array() * centred.array()).sum() / centred.squaredNorm();
    mode.set_output_gain(true);
    const Eigen::MatrixXd gained = ScoresOf(*Deploy(*model, mode), inputs_).cast<double>();
    const double applied = (gained(0, 0) - gained(1, 0)) / (plain(0, 0) - plain(1, 0));
    EXPECT_NEAR(applied * gain, 1, 0.1);
    mode.set_output_shift(true);
    const Eigen::MatrixXd shifted = ScoresOf(*Deploy(*model, mode), inputs_).cast<double>();
    EXPECT_NEAR((shifted - gained).maxCoeff(), (shifted - gained).minCoeff(), 1e-4) << "one number";
    const double sum = (1 / (1 + (-shifted.array()).exp())).sum() / kSamples;
    EXPECT_NEAR(sum, 1, 0.02);
  }
}

// The scores of a softmax are taken as they are: Table I's linear row keeps their means.
TEST_F(ModesTest, SoftmaxOutputsHaveEveryClosedForm) {
  const auto model = Calibrated({{3, A::SOFTMAX}});
  const Eigen::VectorXf means = ScoresOf(*Deploy(*model, {}), inputs_).colwise().mean();
  v1::PowerMode mode;
  mode.set_epsilon(0.2);
  for (P::Kind policy : {P::NONE, P::TABLE, P::HOMOGENEOUS, P::MATCHED}) {
    mode.set_bias(policy);
    const Matrix scores = ScoresOf(*Deploy(*model, mode), inputs_);
    if (policy == P::TABLE) {
      const Eigen::VectorXf scaled = scores.colwise().mean();
      EXPECT_LT((scaled - means).cwiseAbs().maxCoeff(), 1e-5);
    }
  }
}

TEST_F(ModesTest, TheModeInForceSaysEverything) {
  const auto model = Calibrated({{30, A::TANH}, {3, A::SIGMOID}});
  const v1::PowerMode empty = Deploy(*model, {})->mode();
  EXPECT_EQ(empty.epsilon(), 1);
  EXPECT_EQ(empty.bias(), P::NONE);
  EXPECT_EQ(empty.epsilon_by(), By::REPROGRAM);
  EXPECT_TRUE(empty.has_output_gain() && empty.has_output_shift());
  EXPECT_FALSE(empty.output_gain() || empty.output_shift() || empty.has_approximate());
  v1::PowerMode mode = ModeOf(0.5, 0.5, P::HOMOGENEOUS);
  EXPECT_EQ(ReasonOf(model->Deploy(mode, {}).status()), "NOT_HOMOGENEOUS");
  mode.set_approximate(true);
  EXPECT_TRUE(Deploy(*model, mode)->mode().approximate());
  mode.set_bias(P::MATCHED);
  EXPECT_FALSE(Deploy(*model, mode)->mode().approximate()) << "nothing was approximated";
}

TEST_F(ModesTest, WhatIsNotThereIsRefused) {
  const auto model = ModelOf(40, {{30, A::TANH}, {3, A::LINEAR}});
  v1::PowerMode shift;
  shift.set_output_shift(true);
  EXPECT_THAT(std::string(model->Deploy(shift, {}).status().message()), HasSubstr("no such lever"));
  const auto sigmoid = ModelOf(40, {{3, A::SIGMOID}});
  EXPECT_EQ(ReasonOf(sigmoid->Deploy(shift, {}).status()), "CALIBRATION_REQUIRED");
  v1::PowerMode empirical;
  empirical.set_bias(P::EMPIRICAL);
  Calibrate(*sigmoid, inputs_);
  const absl::Status untrained = sigmoid->Deploy(empirical, {}).status();
  EXPECT_EQ(ReasonOf(untrained), "CALIBRATION_REQUIRED") << "no loss, no deltas";
  v1::PowerMode tuned;
  tuned.set_bias(P::TUNED);
  EXPECT_EQ(ReasonOf(sigmoid->Deploy(tuned, {}).status()), "TUNING_REQUIRED");
  v1::Realisation chip;
  chip.set_off_conductance(1);
  EXPECT_THAT(std::string(sigmoid->Deploy({}, chip).status().message()),
              HasSubstr("off_conductance: must be in [0, 1)"));
}

TEST_F(ModesTest, OldAndForeignCalibrations) {
  const auto model = Calibrated({{30, A::TANH}, {3, A::SIGMOID}});
  ArchiveWriter whole("model", model->definition());
  model->Save(whole);
  auto reader = ArchiveReader::Parse(whole.Serialize());
  ASSERT_TRUE(reader.ok());
  // As an older version wrote it: without distributions, inputs, deltas and the digest.
  ArchiveWriter old("model", model->definition());
  for (const v1::ArchiveTensor& tensor : reader->manifest().tensors()) {
    const std::string& name = tensor.name();
    const std::vector<int64_t> shape(tensor.shape().begin(), tensor.shape().end());
    if (tensor.dtype() == v1::DataType::FLOAT32 && !name.ends_with("/quantiles")) {
      old.AddFloats(name, shape, *reader->Floats(name, shape));
    } else if (name.ends_with("/mean") || name.ends_with("/stddev") || name.ends_with("/active") ||
               name.ends_with("/mean_squared_input")) {
      old.AddDoubles(name, shape, *reader->Doubles(name, shape));
    }
  }
  for (const auto& [key, value] : reader->manifest().text()) {
    if (key != "calibration/parameters_digest") old.SetText(key, value);
  }
  auto loaded = ParseModel(old.Serialize(), BuildModel);
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  EXPECT_TRUE((*loaded)->Deploy(ModeOf(0.5, 0.5, P::TABLE), {}).ok());
  for (v1::PowerMode mode : {ModeOf(0.5, 0.5, P::MATCHED), ModeOf(0.5, 0.5, P::EMPIRICAL)}) {
    EXPECT_EQ(ReasonOf((*loaded)->Deploy(mode, {}).status()), "CALIBRATION_REQUIRED");
  }
  // Statistics beside other parameters than they were gathered with.
  const std::string digest = reader->Text("calibration/parameters_digest");
  EXPECT_EQ(digest.size(), 64u);
  ArchiveWriter foreign("model", model->definition());
  model->Save(foreign);
  foreign.SetText("calibration/parameters_digest", std::string(64, '0'));
  const absl::Status status = ParseModel(foreign.Serialize(), BuildModel).status();
  EXPECT_EQ(ReasonOf(status), "CALIBRATION_MISMATCH");
  EXPECT_THAT(std::string(status.message()), HasSubstr("other parameters"));
}

}  // namespace
}  // namespace torpor
