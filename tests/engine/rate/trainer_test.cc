#include <cmath>

#include "engine/base/status.h"
#include "engine/data/catalogue.h"
#include "engine/rate/model.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/rate_networks.h"

namespace torpor {
namespace {

using testing::LayerOf;
using testing::ModelOf;
using testing::TrainEpochs;
using A = v1::Activation;

const std::vector<RateLayerParameters>& ParametersOf(const Model& model) {
  return static_cast<const RateModel&>(model).parameters();
}

double Value(A::Kind activation, double s) {
  switch (activation) {
    case A::RELU:
      return std::max(s, 0.0);
    case A::SIGMOID:
      return 1 / (1 + std::exp(-s));
    case A::TANH:
      return std::tanh(s);
    default:
      return s;
  }
}

// Mean loss over the batch, in double and by the definitions alone.
double ReferenceLoss(const std::vector<LayerOf>& layers,
                     const std::vector<RateLayerParameters>& parameters, v1::Loss::Kind loss,
                     const Matrix& inputs, const std::vector<int32_t>& labels) {
  double total = 0;
  for (Eigen::Index p = 0; p < inputs.rows(); ++p) {
    Eigen::VectorXd u = inputs.row(p).transpose().cast<double>();
    Eigen::VectorXd s;
    for (size_t l = 0; l < layers.size(); ++l) {
      s = parameters[l].weight.cast<double>() * u;
      for (Eigen::Index i = 0; i < s.size(); ++i)
        s[i] += parameters[l].bias[static_cast<size_t>(i)];
      u = s.unaryExpr([&](double v) { return Value(layers[l].activation, v); });
    }
    const int32_t label = labels[static_cast<size_t>(p)];
    if (loss == v1::Loss::CE) {
      total += std::log(s.array().exp().sum()) - s[label];
      continue;
    }
    for (Eigen::Index i = 0; i < s.size(); ++i) {
      const double t = i == label ? 1 : 0;
      total += loss == v1::Loss::MSE ? (u[i] - t) * (u[i] - t)
                                     : -(t * std::log(u[i]) + (1 - t) * std::log(1 - u[i]));
    }
  }
  return total / static_cast<double>(inputs.rows());
}

struct GradientCase {
  A::Kind hidden;
  A::Kind output;
  v1::Loss::Kind loss;
};

class GradientTest : public ::testing::TestWithParam<GradientCase> {};

// One step of plain gradient descent with rate 1 moves each parameter by minus its gradient.
TEST_P(GradientTest, EqualsTheDifferenceQuotient) {
  const GradientCase& c = GetParam();
  const std::vector<LayerOf> layers = {{6, c.hidden}, {5, c.hidden}, {4, c.output}};
  std::unique_ptr<Model> model = ModelOf(7, layers, 3);
  RandomStream random(5, RandomPurpose::kTest);
  Matrix inputs(9, 7);
  for (Eigen::Index i = 0; i < inputs.size(); ++i) inputs.data()[i] = random.NextFloat();
  std::vector<int32_t> labels(9);
  for (int32_t& label : labels) label = static_cast<int32_t>(random.NextBelow(4));

  std::vector<RateLayerParameters> before = ParametersOf(*model);
  ThreadPool pool(1);
  v1::TrainSpec spec;
  spec.set_loss(c.loss);
  spec.set_optimizer(v1::Optimizer::SGD);
  spec.set_learning_rate(1);
  spec.set_momentum(0);
  auto trainer = model->NewTrainer(spec, &pool);
  ASSERT_TRUE(trainer.ok()) << trainer.status();
  StepReport report;
  ASSERT_TRUE(
      (*trainer)->Step({.inputs = View(std::as_const(inputs)), .labels = labels}, report).ok());
  EXPECT_NEAR(report.loss / 9, ReferenceLoss(layers, before, c.loss, inputs, labels), 1e-5);
  const std::vector<RateLayerParameters>& after = ParametersOf(*model);

  constexpr float kStep = 1.0f / 1024;
  auto quotient = [&](float& parameter) {
    const float value = parameter;
    parameter = value + kStep;
    const double above = parameter;
    const double loss_above = ReferenceLoss(layers, before, c.loss, inputs, labels);
    parameter = value - kStep;
    const double below = parameter;
    const double loss_below = ReferenceLoss(layers, before, c.loss, inputs, labels);
    parameter = value;
    return (loss_above - loss_below) / (above - below);
  };
  double largest = 0;
  for (size_t l = 0; l < layers.size(); ++l) {
    for (Eigen::Index i = 0; i < before[l].weight.rows(); ++i) {
      for (Eigen::Index j = 0; j < before[l].weight.cols(); ++j) {
        const double gradient = before[l].weight(i, j) - after[l].weight(i, j);
        ASSERT_NEAR(gradient, quotient(before[l].weight(i, j)), 2e-5)
            << "layer " << l << " weight " << i << "," << j;
        largest = std::max(largest, std::fabs(gradient));
      }
      const size_t at = static_cast<size_t>(i);
      const double gradient = before[l].bias[at] - after[l].bias[at];
      ASSERT_NEAR(gradient, quotient(before[l].bias[at]), 2e-5) << "layer " << l << " bias " << i;
    }
  }
  EXPECT_GT(largest, 1e-3) << "a gradient of zero would prove nothing";
}

std::vector<GradientCase> GradientCases() {
  std::vector<GradientCase> cases;
  for (A::Kind hidden : {A::LINEAR, A::RELU, A::SIGMOID, A::TANH}) {
    cases.push_back({hidden, A::SIGMOID, v1::Loss::BCE});
    for (A::Kind output : {A::LINEAR, A::RELU, A::SIGMOID, A::TANH}) {
      cases.push_back({hidden, output, v1::Loss::MSE});
      cases.push_back({hidden, output, v1::Loss::CE});
    }
  }
  return cases;
}

INSTANTIATE_TEST_SUITE_P(AllActivationsAndLosses, GradientTest,
                         ::testing::ValuesIn(GradientCases()), [](const auto& info) {
                           return A::Kind_Name(info.param.hidden) + "_" +
                                  A::Kind_Name(info.param.output) + "_" +
                                  v1::Loss::Kind_Name(info.param.loss);
                         });

const std::vector<LayerOf> kDigits = {{300, A::RELU}, {40, A::TANH}, {10, A::SIGMOID}};

std::string TrainedArchive(int threads, v1::Optimizer::Kind optimizer, int epochs) {
  const Dataset data = SyntheticDigits(v1::Split::TRAIN).Slice(0, 330);
  std::unique_ptr<Model> model = ModelOf(data.features(), kDigits);
  ThreadPool pool(threads);
  v1::TrainSpec spec;
  spec.set_optimizer(optimizer);
  spec.set_batch_size(100);
  auto trainer = model->NewTrainer(spec, &pool);
  TORPOR_CHECK(trainer.ok());
  TORPOR_CHECK(TrainEpochs(**trainer, data, 100, 1, 0, epochs).ok());
  const Cancellation cancellation;
  TORPOR_CHECK(model->Calibrate(data, "digits", "digest", &pool, cancellation).ok());
  return SerializeModel(*model);
}

TEST(TrainerTest, SameBitsForAnyNumberOfThreads) {
  for (auto optimizer : {v1::Optimizer::ADAM, v1::Optimizer::SGD, v1::Optimizer::ADAMAX}) {
    const std::string one = TrainedArchive(1, optimizer, 3);
    EXPECT_EQ(one, TrainedArchive(2, optimizer, 3));
    EXPECT_EQ(one, TrainedArchive(4, optimizer, 3));
    EXPECT_NE(one, TrainedArchive(1, optimizer, 4));
  }
}

TEST(TrainerTest, ResumedRunEqualsTheUninterruptedOne) {
  const Dataset data = SyntheticDigits(v1::Split::TRAIN).Slice(0, 330);
  ThreadPool pool(2);
  for (auto optimizer : {v1::Optimizer::ADAM, v1::Optimizer::SGD, v1::Optimizer::ADAMAX}) {
    v1::TrainSpec spec;
    spec.set_optimizer(optimizer);
    spec.set_batch_size(64);
    std::unique_ptr<Model> whole = ModelOf(data.features(), kDigits);
    auto trainer = whole->NewTrainer(spec, &pool);
    ASSERT_TRUE(trainer.ok());
    ASSERT_TRUE(TrainEpochs(**trainer, data, 64, 1, 0, 2).ok());
    ArchiveWriter checkpoint("checkpoint", whole->definition());
    (*trainer)->Save(checkpoint);
    ASSERT_TRUE(TrainEpochs(**trainer, data, 64, 1, 2, 4).ok());

    auto reader = ArchiveReader::Parse(checkpoint.Serialize());
    ASSERT_TRUE(reader.ok());
    std::unique_ptr<Model> resumed = ModelOf(data.features(), kDigits, 99);
    auto second = resumed->NewTrainer(spec, &pool);
    ASSERT_TRUE(second.ok());
    ASSERT_TRUE((*second)->Load(*reader).ok());
    ASSERT_TRUE(TrainEpochs(**second, data, 64, 1, 2, 4).ok());
    EXPECT_EQ(SerializeModel(*whole), SerializeModel(*resumed));
  }
}

TEST(TrainerTest, CheckpointOfAnotherOptimizerIsRefused) {
  ThreadPool pool(1);
  std::unique_ptr<Model> model = ModelOf(4, {{3, A::SIGMOID}});
  v1::TrainSpec spec;
  auto adam = model->NewTrainer(spec, &pool);
  ArchiveWriter checkpoint("checkpoint", model->definition());
  (*adam)->Save(checkpoint);
  auto reader = ArchiveReader::Parse(checkpoint.Serialize());
  spec.set_optimizer(v1::Optimizer::SGD);
  auto sgd = model->NewTrainer(spec, &pool);
  EXPECT_EQ((*sgd)->Load(*reader).code(), absl::StatusCode::kFailedPrecondition);
}

TEST(TrainerTest, LearnsTheSyntheticDigits) {
  const Dataset data = SyntheticDigits(v1::Split::TRAIN);
  std::unique_ptr<Model> model = ModelOf(data.features(), {{64, A::RELU}, {10, A::SIGMOID}});
  ThreadPool pool(2);
  v1::TrainSpec spec;
  spec.set_learning_rate(5e-3);
  auto trainer = model->NewTrainer(spec, &pool);
  ASSERT_TRUE(trainer.ok());
  StepReport first;
  StepReport last;
  ASSERT_TRUE(TrainEpochs(**trainer, data, 128, 1, 0, 1, &first).ok());
  ASSERT_TRUE(TrainEpochs(**trainer, data, 128, 1, 1, 25, &last).ok());
  EXPECT_EQ(last.samples, data.size());
  EXPECT_LT(last.loss, first.loss / 4);
  EXPECT_GT(static_cast<double>(last.correct), 0.9 * static_cast<double>(data.size()));
  EXPECT_EQ(model->loss(), v1::Loss::BCE);
}

TEST(TrainerTest, TrainingForgetsTheCalibration) {
  const Dataset data = SyntheticDigits(v1::Split::TRAIN).Slice(0, 64);
  std::unique_ptr<Model> model = ModelOf(data.features(), {{10, A::SIGMOID}});
  ThreadPool pool(1);
  const Cancellation cancellation;
  ASSERT_TRUE(model->Calibrate(data, "digits", "digest", &pool, cancellation).ok());
  EXPECT_EQ(model->calibration().dataset_digest(), "digest");
  auto trainer = model->NewTrainer(v1::TrainSpec(), &pool);
  ASSERT_TRUE(TrainEpochs(**trainer, data, 32, 1, 0, 1).ok());
  EXPECT_TRUE(model->calibration().dataset_digest().empty());
}

std::string SpecError(const std::vector<LayerOf>& layers, const v1::TrainSpec& spec) {
  ThreadPool pool(1);
  std::unique_ptr<Model> model = ModelOf(4, layers);
  return std::string(model->NewTrainer(spec, &pool).status().message());
}

TEST(TrainerTest, BadSpecsNameTheField) {
  const std::vector<LayerOf> layers = {{3, A::SIGMOID}};
  v1::TrainSpec spec;
  spec.set_learning_rate(0);
  EXPECT_THAT(SpecError(layers, spec), ::testing::HasSubstr("learning_rate"));
  spec.set_learning_rate(NAN);
  EXPECT_THAT(SpecError(layers, spec), ::testing::HasSubstr("learning_rate"));
  spec.clear_learning_rate();
  spec.set_batch_size(65537);
  EXPECT_THAT(SpecError(layers, spec), ::testing::HasSubstr("batch_size"));
  spec.clear_batch_size();
  spec.set_momentum(1);
  EXPECT_THAT(SpecError(layers, spec), ::testing::HasSubstr("momentum"));
  spec.clear_momentum();
  for (const auto loss : {v1::Loss::SPIKE_COUNT, v1::Loss::VAN_ROSSUM}) {
    spec.set_loss(loss);
    EXPECT_THAT(SpecError(layers, spec), ::testing::HasSubstr("one of BCE, MSE, CE"));
    EXPECT_THAT(SpecError(layers, spec), ::testing::HasSubstr(v1::Loss::Kind_Name(loss)));
    // A network that cannot be trained has no such loss either.
    EXPECT_THAT(SpecError({{3, A::STEP}}, spec), ::testing::HasSubstr("loss: "));
  }
  spec.clear_loss();
  spec.set_optimizer(static_cast<v1::Optimizer::Kind>(9));
  EXPECT_THAT(SpecError(layers, spec), ::testing::HasSubstr("ADAM, SGD, ADAMAX"));
  spec.clear_optimizer();
  spec.set_schedule(v1::Schedule::STEPS);
  spec.add_step_at(-0.5);
  EXPECT_THAT(SpecError(layers, spec), ::testing::HasSubstr("step_at[0]"));
  spec.clear_step_at();
  spec.clear_schedule();
  spec.mutable_lif()->set_slope(5);
  EXPECT_THAT(SpecError(layers, spec), ::testing::HasSubstr("family lif"));
  EXPECT_THAT(SpecError({{3, A::LINEAR}}, v1::TrainSpec()), ::testing::HasSubstr("BCE"));
}

// How far steps at these places of the run move the biases.
std::vector<float> Moves(const v1::TrainSpec& spec, const std::vector<double>& progress) {
  const Dataset data = SyntheticDigits(v1::Split::TRAIN).Slice(0, 64);
  Matrix inputs(data.size(), data.features());
  data.CopyRange(0, data.size(), View(inputs));
  std::vector<int32_t> labels;
  for (int64_t i = 0; i < data.size(); ++i) labels.push_back(data.label(i));
  std::unique_ptr<Model> model = ModelOf(data.features(), {{10, A::SIGMOID}});
  ThreadPool pool(1);
  auto trainer = model->NewTrainer(spec, &pool);
  TORPOR_CHECK(trainer.ok());
  const std::vector<float> before = ParametersOf(*model)[0].bias;
  StepReport report;
  for (const double at : progress) {
    const Batch batch = {
        .inputs = Rows(inputs, 0, inputs.rows()), .labels = labels, .progress = at};
    TORPOR_CHECK((*trainer)->Step(batch, report).ok());
  }
  std::vector<float> moves = ParametersOf(*model)[0].bias;
  for (size_t i = 0; i < moves.size(); ++i) moves[i] -= before[i];
  return moves;
}

TEST(TrainerTest, AdamaxTakesItsOwnSteps) {
  v1::TrainSpec spec;
  const std::vector<float> adam = Moves(spec, {0, 0, 0, 0, 0});
  spec.set_optimizer(v1::Optimizer::ADAMAX);
  // The first has the length of the rate.
  for (const float move : Moves(spec, {0})) EXPECT_NEAR(std::abs(move), 1e-3, 1e-6);
  EXPECT_NE(Moves(spec, {0, 0, 0, 0, 0}), adam);
}

TEST(TrainerTest, TheRateFallsInSteps) {
  v1::TrainSpec spec;
  spec.set_schedule(v1::Schedule::STEPS);
  spec.add_step_at(0.3);
  spec.set_step_factor(0.25);
  for (const float move : Moves(spec, {0.2})) EXPECT_NEAR(std::abs(move), 1e-3, 1e-6);
  for (const float move : Moves(spec, {0.3})) EXPECT_NEAR(std::abs(move), 0.25e-3, 1e-6);
}

TEST(TrainerTest, StepActivationsAreNotTrainable) {
  ThreadPool pool(1);
  std::unique_ptr<Model> model = ModelOf(4, {{3, A::STEP}, {2, A::SIGMOID}});
  const absl::Status status = model->NewTrainer(v1::TrainSpec(), &pool).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(ReasonOf(status), "NOT_TRAINABLE");
}

TEST(TrainerTest, DataThatDoesNotFitIsRefused) {
  ThreadPool pool(1);
  std::unique_ptr<Model> model = ModelOf(4, {{3, A::SIGMOID}});
  auto trainer = model->NewTrainer(v1::TrainSpec(), &pool);
  StepReport report;
  const Matrix wide = Matrix::Zero(1, 5);
  const Matrix fits = Matrix::Zero(1, 4);
  const std::vector<int32_t> label = {0};
  const std::vector<int32_t> beyond = {3};
  EXPECT_EQ((*trainer)->Step({.inputs = View(wide), .labels = label}, report).code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ((*trainer)->Step({.inputs = View(fits), .labels = beyond}, report).code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(report.samples, 0);
}

TEST(TrainerTest, DivergenceIsAnError) {
  const Dataset data = SyntheticDigits(v1::Split::TRAIN).Slice(0, 64);
  std::unique_ptr<Model> model =
      ModelOf(data.features(), {{20, A::LINEAR}, {20, A::LINEAR}, {10, A::LINEAR}});
  ThreadPool pool(1);
  v1::TrainSpec spec;
  spec.set_loss(v1::Loss::MSE);
  spec.set_optimizer(v1::Optimizer::SGD);
  spec.set_learning_rate(100);
  auto trainer = model->NewTrainer(spec, &pool);
  ASSERT_TRUE(trainer.ok());
  const absl::Status status = TrainEpochs(**trainer, data, 32, 1, 0, 50);
  EXPECT_EQ(ReasonOf(status), "DIVERGED") << status;
}

}  // namespace
}  // namespace torpor
