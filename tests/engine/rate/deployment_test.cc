#include <cmath>

#include "engine/base/status.h"
#include "engine/data/catalogue.h"
#include "engine/rate/model.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/rate_networks.h"

namespace torpor {
namespace {

using testing::DeployOf;
using testing::ModelOf;
using testing::ScoresOf;
using A = v1::Activation;
using ::testing::HasSubstr;

Matrix RandomInputs(Eigen::Index rows, Eigen::Index columns, double density = 1) {
  RandomStream random(11, RandomPurpose::kTest);
  Matrix m(rows, columns);
  for (Eigen::Index i = 0; i < m.size(); ++i) {
    const float value = random.NextFloat();
    m.data()[i] = random.NextDouble() < density ? value : 0.0f;
  }
  return m;
}

void Calibrate(Model& model, const Matrix& inputs) {
  const Dataset data = Dataset::FromFloats(
      {inputs.data(), inputs.data() + inputs.size()}, {inputs.cols()},
      std::vector<int32_t>(static_cast<size_t>(inputs.rows()), 0), model.classes());
  ThreadPool pool(1);
  const Cancellation cancellation;
  TORPOR_CHECK(model.Calibrate(data, "test", "digest", &pool, cancellation).ok());
}

// gamma_L times the full-power outputs: exactly for powers of two, since every number is then
// scaled exactly.
TEST(DeploymentTest, HomogeneousScalesEveryOutputByGamma) {
  const std::unique_ptr<Model> model =
      ModelOf(150, {{90, A::RELU}, {70, A::LINEAR}, {10, A::SIGMOID}});
  for (Eigen::Index samples : {1, 80}) {
    const Matrix inputs = RandomInputs(samples, 150);
    const Matrix full = ScoresOf(*DeployOf(*model, 1, v1::BiasPolicy::NONE), inputs);
    for (double epsilon : {0.5, 0.25, 0.0625}) {
      const Matrix scaled =
          ScoresOf(*DeployOf(*model, epsilon, v1::BiasPolicy::HOMOGENEOUS), inputs);
      const float gamma = static_cast<float>(epsilon * epsilon * epsilon);
      EXPECT_EQ((scaled - gamma * full).cwiseAbs().maxCoeff(), 0) << epsilon;
    }
    const Matrix scaled = ScoresOf(*DeployOf(*model, 0.3, v1::BiasPolicy::HOMOGENEOUS), inputs);
    EXPECT_LT((scaled / 0.027f - full).cwiseAbs().maxCoeff(), 1e-5 * full.cwiseAbs().maxCoeff());
  }
}

TEST(DeploymentTest, HomogeneousFollowsEpsilonByLayer) {
  const std::unique_ptr<Model> model = ModelOf(60, {{50, A::RELU}, {10, A::SIGMOID}});
  v1::PowerMode mode;
  mode.set_bias(v1::BiasPolicy::HOMOGENEOUS);
  (*mode.mutable_layer_epsilon())["layer0"] = 0.25;
  auto deployment = model->Deploy(mode, v1::Realisation());
  ASSERT_TRUE(deployment.ok()) << deployment.status();
  EXPECT_EQ((*deployment)->mode().epsilon(), 1);
  const Matrix inputs = RandomInputs(20, 60);
  const Matrix full = ScoresOf(*DeployOf(*model, 1, v1::BiasPolicy::NONE), inputs);
  EXPECT_EQ((ScoresOf(**deployment, inputs) - 0.25f * full).cwiseAbs().maxCoeff(), 0);
}

// NASP = eps (P1 + B1) + eps^3 P2 + eps^2 B2 with the shares of calibration.
TEST(DeploymentTest, HomogeneousPowerFollowsTheClosedForm) {
  const std::unique_ptr<Model> model = ModelOf(100, {{80, A::RELU}, {10, A::SIGMOID}});
  const Matrix inputs = RandomInputs(200, 100);
  Calibrate(*model, inputs);
  const auto& layers = model->calibration().layers();
  EXPECT_NEAR(layers[0].weight_power() + layers[0].bias_power() + layers[1].weight_power() +
                  layers[1].bias_power(),
              1, 1e-12);
  for (double epsilon : {0.9, 0.5, 0.2, 0.1, 0.05}) {
    std::vector<Activity> activities;
    ScoresOf(*DeployOf(*model, epsilon, v1::BiasPolicy::HOMOGENEOUS), inputs, 0, &activities);
    double power = 0;
    for (const Activity& activity : activities) {
      power += activity.Total(&LayerActivity::synaptic_power).value();
    }
    const double nasp = power / 200 / model->calibration().full_power();
    EXPECT_NEAR(nasp,
                epsilon * (layers[0].weight_power() + layers[0].bias_power()) +
                    std::pow(epsilon, 3) * layers[1].weight_power() +
                    epsilon * epsilon * layers[1].bias_power(),
                1e-5);
  }
}

// Blocks of one density are multiplied together, those of the other one by one.
TEST(DeploymentTest, SamplesDoNotDependOnTheirCompany) {
  const std::unique_ptr<Model> model =
      ModelOf(120, {{200, A::RELU}, {90, A::TANH}, {10, A::SIGMOID}});
  for (double density : {1.0, 0.2}) {
    const Matrix inputs = RandomInputs(300, 120, density);
    const auto deployment = DeployOf(*model, 0.5, v1::BiasPolicy::NONE);
    std::vector<Activity> together;
    const Matrix all = ScoresOf(*deployment, inputs, 0, &together);
    for (Eigen::Index i = 0; i < 300; i += 7) {
      std::vector<Activity> alone;
      const Matrix one = ScoresOf(*deployment, inputs.row(i), static_cast<uint64_t>(i), &alone);
      EXPECT_EQ(one, all.row(i));
      const double power = alone[0].Total(&LayerActivity::synaptic_power).value();
      EXPECT_EQ(together[static_cast<size_t>(i)].Total(&LayerActivity::synaptic_power).value(),
                power);
      EXPECT_EQ(alone[0].layers[0].synaptic_events.value(),
                static_cast<double>((inputs.row(i).array() != 0).count() * 200));
    }
  }
}

// Rows given in another order are gathered; the answer belongs to the sample, not to its place.
TEST(DeploymentTest, ScatteredInputsGiveTheSameAnswers) {
  const std::unique_ptr<Model> model = ModelOf(30, {{10, A::SIGMOID}});
  const auto deployment = DeployOf(*model, 1, v1::BiasPolicy::NONE);
  const Matrix inputs = RandomInputs(16, 30);
  const Matrix expected = ScoresOf(*deployment, inputs);
  Matrix scores(16, 10);
  std::vector<SampleTask> tasks(16);
  std::vector<SampleResult> results(16);
  for (size_t i = 0; i < 16; ++i) {
    const Eigen::Index from = static_cast<Eigen::Index>((i * 5) % 16);
    tasks[i].input.values = {inputs.row(from).data(), 30};
    results[i].scores = {scores.row(from).data(), 10};
  }
  ASSERT_TRUE(deployment->Run(tasks, results, Cancellation()).ok());
  EXPECT_LT((scores - expected).cwiseAbs().maxCoeff(), 1e-5);
}

TEST(DeploymentTest, RecorderSumsSquaredInputs) {
  const std::unique_ptr<Model> model = ModelOf(20, {{15, A::RELU}, {4, A::LINEAR}});
  const auto deployment = DeployOf(*model, 1, v1::BiasPolicy::NONE);
  const Matrix inputs = RandomInputs(40, 20);
  Matrix scores(40, 4);
  std::vector<SampleTask> tasks(40);
  std::vector<SampleResult> results(40);
  Recorder recorder;
  double power = 0;
  for (size_t i = 0; i < 40; ++i) {
    const Eigen::Index row = static_cast<Eigen::Index>(i);
    tasks[i].input.values = {inputs.row(row).data(), 20};
    results[i].scores = {scores.row(row).data(), 4};
    results[i].recorder = &recorder;
  }
  ASSERT_TRUE(deployment->Run(tasks, results, Cancellation()).ok());
  for (const SampleResult& result : results) {
    power += result.activity.Total(&LayerActivity::synaptic_power).value();
  }
  EXPECT_EQ(recorder.samples, 40);
  const Eigen::VectorXd squares = inputs.cast<double>().array().square().colwise().sum();
  EXPECT_LT((recorder.squared_inputs[0] - squares).cwiseAbs().maxCoeff(), 1e-9);
  EXPECT_NEAR(deployment->NominalSynapticPower(recorder), power / 40, 1e-6 * power / 40);
}

TEST(DeploymentTest, OutlivesTheModelAndIgnoresLaterTraining) {
  const Dataset data = SyntheticDigits(v1::Split::TRAIN).Slice(0, 64);
  std::unique_ptr<Model> model = ModelOf(data.features(), {{12, A::RELU}, {10, A::SIGMOID}});
  const auto deployment = DeployOf(*model, 1, v1::BiasPolicy::NONE);
  const Matrix inputs = RandomInputs(5, data.features());
  const Matrix before = ScoresOf(*deployment, inputs);
  {
    ThreadPool pool(1);
    auto trainer = model->NewTrainer(v1::TrainSpec(), &pool);
    ASSERT_TRUE(testing::TrainEpochs(**trainer, data, 16, 1, 0, 2).ok());
    EXPECT_NE(ScoresOf(*DeployOf(*model, 1, v1::BiasPolicy::NONE), inputs), before);
  }
  model.reset();
  EXPECT_EQ(ScoresOf(*deployment, inputs), before);
}

TEST(DeploymentTest, PoliciesAndNoiseThatNeedStatisticsSaySo) {
  const std::unique_ptr<Model> model = ModelOf(5, {{3, A::SIGMOID}});
  v1::PowerMode table;
  table.set_bias(v1::BiasPolicy::TABLE);
  v1::Realisation noisy;
  noisy.set_column_noise(0.01);
  for (const absl::Status& status : {model->Deploy(table, v1::Realisation()).status(),
                                     model->Deploy(v1::PowerMode(), noisy).status()}) {
    EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
    EXPECT_EQ(ReasonOf(status), "CALIBRATION_REQUIRED");
    EXPECT_THAT(ToProto(status).SerializeAsString(), HasSubstr("torpor job submit calibrate"));
  }
}

TEST(DeploymentTest, HomogeneousIsRefusedWhereItWouldNotHold) {
  const std::unique_ptr<Model> model = ModelOf(5, {{3, A::TANH}, {2, A::SIGMOID}});
  v1::PowerMode mode;
  mode.set_bias(v1::BiasPolicy::HOMOGENEOUS);
  const absl::Status status = model->Deploy(mode, v1::Realisation()).status();
  EXPECT_EQ(ReasonOf(status), "NOT_HOMOGENEOUS");
  EXPECT_THAT(std::string(status.message()), HasSubstr("layer0"));
}

TEST(DeploymentTest, StepNetworksRun) {
  const std::unique_ptr<Model> model = ModelOf(5, {{3, A::STEP}, {2, A::STEP}});
  const Matrix scores = ScoresOf(*DeployOf(*model, 0.5, v1::BiasPolicy::NONE), RandomInputs(9, 5));
  EXPECT_TRUE(scores.allFinite());
}

TEST(DeploymentTest, RunsOnSeveralThreadsAtOnce) {
  const std::unique_ptr<Model> model = ModelOf(40, {{50, A::RELU}, {10, A::SIGMOID}});
  const auto deployment = DeployOf(*model, 0.5, v1::BiasPolicy::NONE);
  const Matrix inputs = RandomInputs(32, 40);
  const Matrix expected = ScoresOf(*deployment, inputs);
  ThreadPool pool(4);
  std::vector<Matrix> scores(64);
  pool.ParallelFor(64,
                   [&](int i) { scores[static_cast<size_t>(i)] = ScoresOf(*deployment, inputs); });
  for (const Matrix& each : scores) EXPECT_EQ(each, expected);
}

TEST(DeploymentTest, StopsWhenAskedTo) {
  const std::unique_ptr<Model> model = ModelOf(5, {{3, A::SIGMOID}});
  const auto deployment = DeployOf(*model, 1, v1::BiasPolicy::NONE);
  const Matrix inputs = RandomInputs(1, 5);
  std::vector<float> scores(3);
  SampleTask task{.input = {{inputs.data(), 5}}, .key = {}};
  SampleResult result;
  result.scores = scores;
  Cancellation cancelled;
  cancelled.Cancel();
  EXPECT_EQ(deployment->Run({&task, 1}, {&result, 1}, cancelled).code(),
            absl::StatusCode::kCancelled);
  const Cancellation late(absl::Now() - absl::Seconds(1));
  EXPECT_EQ(deployment->Run({&task, 1}, {&result, 1}, late).code(),
            absl::StatusCode::kDeadlineExceeded);
}

class NoiseTest : public ::testing::Test {
 protected:
  NoiseTest() {
    Calibrate(*model_, inputs_);
    chip_.set_column_noise(0.1);
    chip_.set_seed(3);
  }
  // What the noise adds to each score.
  Matrix Noise(double epsilon, uint64_t first_key) {
    return ScoresOf(*DeployOf(*model_, epsilon, v1::BiasPolicy::NONE, chip_), inputs_, first_key) -
           ScoresOf(*DeployOf(*model_, epsilon, v1::BiasPolicy::NONE), inputs_, first_key);
  }
  std::unique_ptr<Model> model_ = ModelOf(40, {{50, A::LINEAR}});
  Matrix inputs_ = RandomInputs(400, 40);
  v1::Realisation chip_;
};

TEST_F(NoiseTest, HasTheStatedSizeAndNoMean) {
  const Eigen::ArrayXXd noise = Noise(1, 0).cast<double>().array();
  const double wanted = 0.1 * model_->calibration().layers(0).pooled_stddev();
  const double n = static_cast<double>(noise.size());  // 20,000: sigma / sqrt(2 n) is 0.5 %
  EXPECT_NEAR(std::sqrt(noise.square().mean()), wanted, 4 * wanted / std::sqrt(2 * n));
  EXPECT_NEAR(noise.mean(), 0, 4 * wanted / std::sqrt(n));
  // Units are independent of one another.
  const double covariance = (noise.col(0) * noise.col(1)).mean() / (wanted * wanted);
  EXPECT_NEAR(covariance, 0, 4 / std::sqrt(400.0));
}

TEST_F(NoiseTest, DependsOnSeedAndKeyAloneAndNotOnEpsilon) {
  const Matrix once = Noise(1, 0);
  EXPECT_EQ(once, Noise(1, 0));
  EXPECT_LT((once - Noise(0.1, 0)).cwiseAbs().maxCoeff(), 1e-5);
  const Matrix shifted = Noise(1, 1);
  EXPECT_LT((once.bottomRows(399) - shifted.topRows(399)).cwiseAbs().maxCoeff(), 1e-5);
  EXPECT_GT((once - shifted).cwiseAbs().maxCoeff(), 1e-2);
  chip_.set_seed(4);
  EXPECT_GT((once - Noise(1, 0)).cwiseAbs().maxCoeff(), 1e-2);
}

TEST_F(NoiseTest, ScoresOfASampleDoNotDependOnItsNeighbours) {
  const auto deployment = DeployOf(*model_, 1, v1::BiasPolicy::NONE, chip_);
  const Matrix all = ScoresOf(*deployment, inputs_, 100);
  const Matrix one = ScoresOf(*deployment, inputs_.row(17), 117);
  EXPECT_LT((one - all.row(17)).cwiseAbs().maxCoeff(), 1e-5);
}

}  // namespace
}  // namespace torpor
