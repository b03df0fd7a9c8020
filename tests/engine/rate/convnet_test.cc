// Networks with convolutions: training, deployments and archives.
#include <cmath>
#include <set>

#include "engine/data/catalogue.h"
#include "engine/rate/model.h"
#include "gtest/gtest.h"
#include "tests/support/convnets.h"
#include "tests/support/rate_networks.h"

namespace torpor {
namespace {

using testing::ConvnetOf;
using testing::DeployOf;
using testing::PlainLayer;
using testing::ScoresOf;
using testing::SmallConvnet;
using testing::TrainEpochs;
using A = v1::Activation;

std::unique_ptr<Model> ModelOf(const v1::Network& network, uint64_t seed = 3) {
  auto model = BuildModel(network, seed);
  TORPOR_CHECK(model.ok());
  return *std::move(model);
}

const RateModel& RateOf(const Model& model) { return static_cast<const RateModel&>(model); }

double Activated(A::Kind activation, double s) {
  if (activation == A::RELU) return std::max(s, 0.0);
  if (activation == A::SIGMOID) return 1 / (1 + std::exp(-s));
  return activation == A::TANH ? std::tanh(s) : s;
}

// Pre-activations of the last layer in double, by the definitions alone.
Eigen::VectorXd PlainScores(const std::vector<RateLayerShape>& shapes,
                            const std::vector<RateLayerParameters>& parameters,
                            const Matrix& inputs, Eigen::Index p) {
  Eigen::VectorXd u = inputs.row(p).transpose().cast<double>();
  for (size_t l = 0; l < shapes.size(); ++l) {
    u = PlainLayer(shapes[l], parameters[l], u);
    if (l + 1 == shapes.size()) break;
    u = u.unaryExpr([&](double s) { return Activated(shapes[l].activation, s); }).eval();
  }
  return u;
}

double PlainLoss(v1::Loss::Kind loss, const std::vector<RateLayerShape>& shapes,
                 const std::vector<RateLayerParameters>& parameters, const Matrix& inputs,
                 const std::vector<int32_t>& labels) {
  double total = 0;
  for (Eigen::Index p = 0; p < inputs.rows(); ++p) {
    const Eigen::VectorXd s = PlainScores(shapes, parameters, inputs, p);
    const int32_t label = labels[static_cast<size_t>(p)];
    if (loss == v1::Loss::CE) {
      total += std::log(s.array().exp().sum()) - s[label];
      continue;
    }
    for (Eigen::Index i = 0; i < s.size(); ++i) {
      const double x = Activated(A::SIGMOID, s[i]);
      total -= i == label ? std::log(x) : std::log(1 - x);
    }
  }
  return total / static_cast<double>(inputs.rows());
}

Matrix RandomInputs(Eigen::Index samples, int features, uint64_t seed) {
  RandomStream random(seed, RandomPurpose::kTest);
  Matrix inputs(samples, features);
  for (Eigen::Index i = 0; i < inputs.size(); ++i) inputs.data()[i] = random.NextFloat();
  return inputs;
}

// One step of plain gradient descent with rate 1 moves each parameter by minus its gradient.
void ExpectGradients(const v1::Network& network, v1::Loss::Kind loss) {
  std::unique_ptr<Model> model = ModelOf(network);
  const std::vector<RateLayerShape> shapes = RateOf(*model).shapes();
  // More than two shares of samples, the last one short.
  constexpr Eigen::Index kSamples = 37;
  const Matrix inputs = RandomInputs(kSamples, model->features(), 5);
  std::vector<int32_t> labels;
  for (int i = 0; i < kSamples; ++i) labels.push_back(i % model->classes());
  std::vector<RateLayerParameters> before = RateOf(*model).parameters();
  ThreadPool pool(2);
  v1::TrainSpec spec;
  spec.set_loss(loss);
  spec.set_optimizer(v1::Optimizer::SGD);
  spec.set_learning_rate(1);
  spec.set_momentum(0);
  auto trainer = model->NewTrainer(spec, &pool);
  ASSERT_TRUE(trainer.ok()) << trainer.status();
  StepReport report;
  ASSERT_TRUE((*trainer)->Step({.inputs = View(inputs), .labels = labels}, report).ok());
  EXPECT_NEAR(report.loss / kSamples, PlainLoss(loss, shapes, before, inputs, labels), 1e-5);
  const std::vector<RateLayerParameters>& after = RateOf(*model).parameters();

  constexpr float kStep = 1.0f / 4096;
  auto quotient = [&](float& parameter) {
    const float value = parameter;
    parameter = value + kStep;
    const double above = parameter;
    const double loss_above = PlainLoss(loss, shapes, before, inputs, labels);
    parameter = value - kStep;
    const double below = parameter;
    const double loss_below = PlainLoss(loss, shapes, before, inputs, labels);
    parameter = value;
    return (loss_above - loss_below) / (above - below);
  };
  for (size_t l = 0; l < shapes.size(); ++l) {
    SCOPED_TRACE(shapes[l].name);
    double largest = 0;
    for (Eigen::Index i = 0; i < before[l].weight.size(); i += 1 + before[l].weight.size() / 80) {
      const double gradient = before[l].weight.data()[i] - after[l].weight.data()[i];
      ASSERT_NEAR(gradient, quotient(before[l].weight.data()[i]), 1e-4) << "weight " << i;
      largest = std::max(largest, std::fabs(gradient));
    }
    for (size_t i = 0; i < before[l].bias.size(); ++i) {
      const double gradient = before[l].bias[i] - after[l].bias[i];
      ASSERT_NEAR(gradient, quotient(before[l].bias[i]), 1e-4) << "bias " << i;
    }
    if (shapes[l].has_weights()) {
      EXPECT_GT(largest, 1e-3) << "zeros would prove nothing";
    }
  }
}

TEST(ConvnetTest, GradientsEqualDifferenceQuotients) {
  ExpectGradients(SmallConvnet(), v1::Loss::BCE);
  ExpectGradients(ConvnetOf("7, 6", R"(
      layers { avg_pool2d { kernel: [2, 1] stride: 1 } }
      layers { conv2d { channels: 4 kernel: 3 stride: 2 padding: 2 } activation: SIGMOID }
      layers { max_pool2d { kernel: 2 stride: 1 } }
      layers { conv2d { channels: 2 kernel: 2 without_bias: true } activation: LINEAR }
      layers { dense { units: 5 } activation: TANH }
      layers { dense { units: 3 } activation: SOFTMAX })"),
                  v1::Loss::CE);
}

TEST(ConvnetTest, ScoresAreThoseOfTheDefinitionInAnyBatch) {
  std::unique_ptr<Model> model = ModelOf(SmallConvnet());
  const auto deployment = DeployOf(*model, 1, v1::BiasPolicy::NONE);
  const Matrix inputs = RandomInputs(45, model->features(), 6);
  const Matrix together = ScoresOf(*deployment, inputs);
  for (Eigen::Index p = 0; p < inputs.rows(); ++p) {
    const Eigen::VectorXd plain =
        PlainScores(RateOf(*model).shapes(), RateOf(*model).parameters(), inputs, p);
    const Matrix alone = ScoresOf(*deployment, inputs.row(p));
    for (Eigen::Index i = 0; i < together.cols(); ++i) {
      EXPECT_NEAR(together(p, i), plain[i], 1e-5);
      EXPECT_EQ(together(p, i), alone(0, i));
    }
  }
}

TEST(ConvnetTest, EventsCountTheUsesOfEachNonZeroInput) {
  std::unique_ptr<Model> model = ModelOf(SmallConvnet());
  const RateLayerShape& conv = RateOf(*model).shapes()[0];
  Matrix inputs = RandomInputs(1, model->features(), 7);
  for (Eigen::Index j = 0; j < inputs.cols(); j += 3) inputs(0, j) = 0;
  std::vector<Activity> activities;
  ScoresOf(*DeployOf(*model, 1, v1::BiasPolicy::NONE), inputs, 0, &activities);
  double events = 0;
  testing::ForEachUse(conv, [&](int, int, int, int input) {
    events += input >= 0 && inputs(0, input) != 0 ? 1 : 0;
  });
  EXPECT_EQ(activities[0].layers[0].synaptic_events.value(), events);
  // Pooling is counted, and draws nothing.
  EXPECT_EQ(activities[0].layers[1].synaptic_power.value(), 0);
  EXPECT_EQ(activities[0].layers[1].synaptic_events.value(), 0);
}

TEST(ConvnetTest, ColumnNoiseFallsOnEachPlaceByItself) {
  v1::Network network = ConvnetOf("4, 4", R"(
      layers { name: "conv" conv2d { channels: 2 kernel: 1 } activation: LINEAR }
      layers { name: "out" dense { units: 32 without_bias: true } activation: LINEAR })");
  std::unique_ptr<Model> model = ModelOf(network);
  auto& rate = static_cast<RateModel&>(*model);
  // The last layer passes each value of the first on, so that its noise can be seen.
  rate.MutableParameters(v1::Loss::MSE)[1].weight = Matrix::Identity(32, 32);
  std::vector<float> values(20 * 16);
  for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i % 7) / 7;
  const Dataset data = Dataset::FromFloats(values, {16}, std::vector<int32_t>(20, 0), 32);
  ThreadPool pool(1);
  ASSERT_TRUE(model->Calibrate(data, "values", "digest", &pool, Cancellation()).ok());
  v1::Realisation chip;
  chip.set_column_noise(0.1);
  chip.set_seed(4);
  const Matrix inputs = Matrix::Zero(1, 16);
  const Matrix noisy = ScoresOf(*DeployOf(*model, 1, v1::BiasPolicy::NONE, chip), inputs);
  const Matrix clean = ScoresOf(*DeployOf(*model, 1, v1::BiasPolicy::NONE), inputs);
  std::set<float> differences;
  for (Eigen::Index i = 0; i < 32; ++i) differences.insert(noisy(0, i) - clean(0, i));
  EXPECT_EQ(differences.size(), 32u);
}

class ConvnetTrainingTest : public ::testing::Test {
 protected:
  static Dataset Data() {
    const Matrix inputs = RandomInputs(150, 144, 8);
    std::vector<float> values(inputs.data(), inputs.data() + inputs.size());
    std::vector<int32_t> labels;
    for (int i = 0; i < 150; ++i) {
      labels.push_back(i % 4);
      // A stripe that tells the class.
      for (int x = 0; x < 8; ++x) values[static_cast<size_t>(i * 144 + i % 4 * 16 + x)] += 1;
    }
    return Dataset::FromFloats(std::move(values), {144}, std::move(labels), 4);
  }
  static v1::TrainSpec Spec() {
    v1::TrainSpec spec;
    spec.set_batch_size(48);
    spec.set_learning_rate(0.01);
    return spec;
  }
  Dataset data_ = Data();
};

TEST_F(ConvnetTrainingTest, BitsDoNotDependOnThreads) {
  std::vector<std::unique_ptr<Model>> models;
  for (int threads : {1, 2, 5}) {
    ThreadPool pool(threads);
    models.push_back(ModelOf(SmallConvnet()));
    auto trainer = models.back()->NewTrainer(Spec(), &pool);
    ASSERT_TRUE(trainer.ok());
    ASSERT_TRUE(TrainEpochs(**trainer, data_, 48, 1, 0, 3).ok());
  }
  for (size_t m = 1; m < models.size(); ++m) {
    for (size_t l = 0; l < RateOf(*models[0]).parameters().size(); ++l) {
      EXPECT_EQ(RateOf(*models[0]).parameters()[l].weight,
                RateOf(*models[m]).parameters()[l].weight);
      EXPECT_EQ(RateOf(*models[0]).parameters()[l].bias, RateOf(*models[m]).parameters()[l].bias);
    }
  }
}

TEST_F(ConvnetTrainingTest, LearnsAndResumesBitForBit) {
  ThreadPool pool(1);
  std::unique_ptr<Model> whole = ModelOf(SmallConvnet());
  auto trainer = whole->NewTrainer(Spec(), &pool);
  ASSERT_TRUE(trainer.ok());
  StepReport last;
  ASSERT_TRUE(TrainEpochs(**trainer, data_, 48, 1, 0, 40, &last).ok());
  EXPECT_GT(last.correct, 140);

  std::unique_ptr<Model> first = ModelOf(SmallConvnet());
  auto before = first->NewTrainer(Spec(), &pool);
  ASSERT_TRUE(TrainEpochs(**before, data_, 48, 1, 0, 15).ok());
  ArchiveWriter writer("checkpoint", first->definition());
  (*before)->Save(writer);
  const std::string bytes = writer.Serialize();
  const auto archive = ArchiveReader::Parse(bytes);
  ASSERT_TRUE(archive.ok()) << archive.status();
  std::unique_ptr<Model> second = ModelOf(SmallConvnet(), 99);
  auto after = second->NewTrainer(Spec(), &pool);
  ASSERT_TRUE((*after)->Load(*archive).ok());
  ASSERT_TRUE(TrainEpochs(**after, data_, 48, 1, 15, 40).ok());
  EXPECT_EQ(SerializeModel(*whole), SerializeModel(*second));
}

TEST(ConvnetArchiveTest, WeightsAreStoredAsOtherFrameworksHaveThem) {
  std::unique_ptr<Model> model = ModelOf(SmallConvnet());
  const std::string bytes = SerializeModel(*model);
  const auto archive = ArchiveReader::Parse(bytes);
  ASSERT_TRUE(archive.ok());
  EXPECT_TRUE(archive->Floats("layers/conv/weight", {3, 2, 3, 3}).ok());
  EXPECT_TRUE(archive->Floats("layers/strided/weight", {5, 3, 2, 3}).ok());
  EXPECT_FALSE(archive->Floats("layers/largest/weight", {3, 3}).ok());
  auto again = ParseModel(bytes, BuildModel);
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(SerializeModel(**again), bytes);
}

TEST(ConvnetInitialTest, WeightsAreUniformWithinOneOverTheRootOfTheirFanIn) {
  const std::unique_ptr<Model> model = ModelOf(ConvnetOf("4, 8, 8", R"(
      layers { conv2d { channels: 64 kernel: 5 } activation: RELU }
      layers { dense { units: 2 } activation: LINEAR })"));
  const Matrix& weight = RateOf(*model).parameters()[0].weight;
  const float bound = 1 / std::sqrt(4.0f * 25);
  EXPECT_LE(weight.cwiseAbs().maxCoeff(), bound);
  EXPECT_GT(weight.cwiseAbs().maxCoeff(), 0.999f * bound);
  EXPECT_NEAR(weight.squaredNorm() / static_cast<float>(weight.size()), bound * bound / 3,
              0.02 * bound * bound);
}

// Softmax is digital: to the policies a softmax layer is one that gives its scores.
TEST(ConvnetSoftmaxTest, EveryClosedFormDeploys) {
  std::unique_ptr<Model> model = ModelOf(ConvnetOf("4, 4", R"(
      layers { conv2d { channels: 3 kernel: 2 } activation: RELU }
      layers { dense { units: 3 } activation: SOFTMAX })"));
  const Matrix inputs = RandomInputs(30, 16, 9);
  const Dataset data =
      Dataset::FromFloats(std::vector<float>(inputs.data(), inputs.data() + inputs.size()), {16},
                          std::vector<int32_t>(30, 1), 3);
  ThreadPool pool(1);
  static_cast<RateModel&>(*model).MutableParameters(v1::Loss::CE);
  ASSERT_TRUE(model->Calibrate(data, "values", "digest", &pool, Cancellation()).ok());
  const Matrix full = ScoresOf(*DeployOf(*model, 1, v1::BiasPolicy::NONE), inputs);
  for (v1::BiasPolicy::Kind policy : {v1::BiasPolicy::NONE, v1::BiasPolicy::TABLE,
                                      v1::BiasPolicy::HOMOGENEOUS, v1::BiasPolicy::MATCHED}) {
    SCOPED_TRACE(v1::BiasPolicy::Kind_Name(policy));
    const Matrix scores = ScoresOf(*DeployOf(*model, 0.5, policy), inputs);
    EXPECT_TRUE(scores.allFinite());
    if (policy == v1::BiasPolicy::HOMOGENEOUS) {
      EXPECT_LT((scores - 0.25 * full).cwiseAbs().maxCoeff(), 1e-5);
    }
  }
}

TEST(ConvnetSoftmaxTest, IsTrainedWithCrossEntropyOnly) {
  std::unique_ptr<Model> model = ModelOf(ConvnetOf("3", R"(
      layers { dense { units: 2 } activation: SOFTMAX })"));
  ThreadPool pool(1);
  v1::TrainSpec spec;
  for (v1::Loss::Kind loss : {v1::Loss::UNSPECIFIED, v1::Loss::BCE, v1::Loss::MSE}) {
    spec.set_loss(loss);
    const absl::Status status = model->NewTrainer(spec, &pool).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_NE(status.message().find("loss: a softmax output layer is trained with CE"),
              std::string::npos);
  }
  spec.set_loss(v1::Loss::CE);
  EXPECT_TRUE(model->NewTrainer(spec, &pool).ok());
}

}  // namespace
}  // namespace torpor
