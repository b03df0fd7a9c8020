#include "engine/truenorth/trainer.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "engine/base/random.h"
#include "engine/data/catalogue.h"
#include "engine/truenorth/model.h"
#include "gmock/gmock.h"
#include "google/protobuf/text_format.h"
#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"

namespace torpor {
namespace {

using testing::HasSubstr;

std::unique_ptr<TrueNorthModel> NewModel(uint64_t seed = 3) {
  v1::Network network;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(
      "truenorth { input { shape: [12, 12] } layers { block: 8 stride: 4 } "
      "layers { block: 2 stride: 1 } }",
      &network));
  auto model = TrueNorthModel::Build(network, seed);
  EXPECT_TRUE(model.ok()) << model.status();
  return std::unique_ptr<TrueNorthModel>(static_cast<TrueNorthModel*>(model->release()));
}

v1::TrainSpec Spec(const std::string& text) {
  v1::TrainSpec spec;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &spec)) << text;
  return spec;
}

// Steps begin..end-1 of a run, 50 samples each.
StepReport Steps(Trainer& trainer, int begin, int end, int all = 100) {
  const Dataset data = SyntheticDigits(v1::Split::TRAIN);
  StepReport report;
  Matrix inputs(50, data.features());
  std::vector<int32_t> labels(50);
  for (int step = begin; step < end; ++step) {
    const int64_t first = step * 50 % data.size();
    data.CopyRange(first, 50, View(inputs));
    for (int i = 0; i < 50; ++i) labels[i] = data.label(first + i);
    const absl::Status status = trainer.Step(
        {View(std::as_const(inputs)), labels, static_cast<double>(step) / all}, report);
    EXPECT_TRUE(status.ok()) << status;
  }
  return report;
}

std::unique_ptr<Trainer> NewTrainer(TrueNorthModel& model, const std::string& spec,
                                    ThreadPool* pool) {
  auto trainer = TrueNorthTrainer::Create(&model, Spec(spec), pool);
  EXPECT_TRUE(trainer.ok()) << trainer.status();
  return *std::move(trainer);
}

std::string StateOf(const Trainer& trainer, const TrueNorthModel& model) {
  ArchiveWriter archive("checkpoint", model.definition());
  trainer.Save(archive);
  return archive.Serialize();
}

std::vector<float> Tensor(const std::string& archive, const std::string& name,
                          const std::vector<int64_t>& shape) {
  auto reader = ArchiveReader::Parse(archive);
  EXPECT_TRUE(reader.ok());
  auto values = reader->Floats(name, shape);
  EXPECT_TRUE(values.ok()) << values.status();
  return *values;
}

class MethodTest : public testing::TestWithParam<const char*> {};

TEST_P(MethodTest, ThreadsAndResumptionChangeNoBit) {
  std::string first;
  for (const int threads : {1, 2, 4}) {
    ThreadPool pool(threads);
    const auto model = NewModel();
    const auto trainer = NewTrainer(*model, GetParam(), &pool);
    Steps(*trainer, 0, 12);
    const std::string state = StateOf(*trainer, *model);
    if (first.empty()) first = state;
    EXPECT_EQ(state, first) << threads << " threads";
  }
  ThreadPool pool(2);
  const auto model = NewModel(), other = NewModel(99);
  const auto trainer = NewTrainer(*model, GetParam(), &pool);
  Steps(*trainer, 0, 5);
  auto archive = ArchiveReader::Parse(StateOf(*trainer, *model));
  ASSERT_TRUE(archive.ok());
  const auto resumed = NewTrainer(*other, GetParam(), &pool);
  ASSERT_THAT(resumed->Load(*archive), IsOk());
  Steps(*resumed, 5, 12);
  EXPECT_EQ(StateOf(*resumed, *other), first);
}

TEST_P(MethodTest, LearnsWithinTheUnitInterval) {
  ThreadPool pool(2);
  const auto model = NewModel();
  const auto trainer = NewTrainer(*model, GetParam(), &pool);
  Steps(*trainer, 0, 160, 200);
  const StepReport report = Steps(*trainer, 160, 200, 200);
  EXPECT_GT(static_cast<double>(report.correct) / static_cast<double>(report.samples), 0.9);
  for (const auto& layer : model->parameters()) {
    for (const CoreParameters& core : layer) {
      EXPECT_GE(core.connection.minCoeff(), 0);
      EXPECT_LE(core.connection.maxCoeff(), 1);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(All, MethodTest,
                         testing::Values("learning_rate: 0.03",
                                         "learning_rate: 0.03 truenorth { averaging: 0.8 }",
                                         "learning_rate: 0.03 schedule: CONSTANT "
                                         "truenorth { method: PROBABILITY }"));

TEST(TrueNorthTrainerTest, TheFirstStepIsAsLongAsTheRates) {
  // Adam's first step is the rate itself, whatever the gradient, unless that is next to nothing.
  struct Rate {
    const char* spec;
    int step;
    double rate, bias_rate;
  };
  for (const Rate& rate :
       {Rate{"learning_rate: 0.25 schedule: CONSTANT", 0, 0.25, 10},
        Rate{"schedule: CONSTANT truenorth { bias_rate: 3 }", 0, 0.01, 3},
        // Half-way down the cosine, which is the default.
        Rate{"learning_rate: 0.1", 50, 0.0505, 10},
        Rate{"learning_rate: 0.1 schedule: STEPS step_at: 0.01 step_factor: 0.25", 20, 0.025, 10},
        Rate{"learning_rate: 0.1 schedule: CONSTANT epochs: 2 warmup_epochs: 1", 20, 0.04, 10}}) {
    ThreadPool pool(1);
    const auto model = NewModel();
    const GridParameters before = model->parameters();
    const auto trainer = NewTrainer(*model, rate.spec, &pool);
    Steps(*trainer, rate.step, rate.step + 1);
    const CoreParameters& core = model->parameters().back().back();
    const float moved = (core.connection - before.back().back().connection).cwiseAbs().maxCoeff();
    EXPECT_NEAR(moved, rate.rate, 1e-4 * rate.rate) << rate.spec;
    float leak = 0;
    for (float b : core.leak) leak = std::max(leak, std::fabs(b));
    EXPECT_NEAR(leak, rate.rate * rate.bias_rate, 1e-3 * rate.rate * rate.bias_rate) << rate.spec;
  }
}

TEST(TrueNorthTrainerTest, TheModelHoldsAveragesAndLearningGoesOnFromTheLastValues) {
  constexpr double kDecay = 0.7;
  ThreadPool pool(1);
  const auto model = NewModel(), plain_model = NewModel();
  const auto trainer = NewTrainer(*model, "truenorth { averaging: 0.7 }", &pool);
  const auto plain = NewTrainer(*plain_model, "", &pool);
  const CorePlan& core = model->plan().layers[1].cores[0];
  const std::vector<int64_t> shape = {core.neurons, core.axons()};
  std::vector<double> sum(static_cast<size_t>(core.neurons) * core.axons());
  double weight = 0;
  for (int step = 0; step < 4; ++step) {
    Steps(*trainer, step, step + 1);
    Steps(*plain, step, step + 1);
    const auto last = Tensor(StateOf(*trainer, *model), "last/layer1/0/connection", shape);
    for (size_t i = 0; i < sum.size(); ++i) sum[i] = kDecay * sum[i] + last[i];
    weight = kDecay * weight + 1;
    const Matrix& without = plain_model->parameters()[1][0].connection;
    EXPECT_TRUE(std::equal(last.begin(), last.end(), without.data()))
        << "averages must not change what is learned";
  }
  const Matrix& average = model->parameters()[1][0].connection;
  for (size_t i = 0; i < sum.size(); ++i) ASSERT_NEAR(average.data()[i], sum[i] / weight, 2e-6);
}

TEST(TrueNorthTrainerTest, EachBadFieldIsNamed) {
  struct Bad {
    const char* spec;
    const char* error;
  };
  for (const Bad& bad :
       {Bad{"loss: BCE", "loss: "}, Bad{"loss: SPIKE_COUNT", "must be CE "},
        Bad{"optimizer: ADAMAX", "must be ADAM "}, Bad{"schedule: STEPS step_at: 1", "step_at[0]"},
        Bad{"step_factor: 0.5", "step_factor: "}, Bad{"lif {}", "lif: "}, Bad{"stdp {}", "stdp: "},
        Bad{"optimizer: SGD", "optimizer: "}, Bad{"momentum: 0.5", "momentum: "},
        Bad{"learning_rate: 0", "learning_rate: must be above 0"},
        Bad{"batch_size: 65537", "batch_size: "},
        Bad{"truenorth { bias_rate: 0 }", "truenorth.bias_rate: "},
        Bad{"truenorth { bias_rate: nan }", "truenorth.bias_rate: "},
        Bad{"truenorth { variance_floor: 0 }", "truenorth.variance_floor: "},
        Bad{"truenorth { variance_floor: 1e300 }", "truenorth.variance_floor: "},
        Bad{"truenorth { loss_scale: -1 }", "truenorth.loss_scale: "},
        Bad{"truenorth { averaging: 1 }", "truenorth.averaging: "},
        Bad{"truenorth { averaging: -0.1 }", "truenorth.averaging: "}}) {
    EXPECT_THAT(TrueNorthTrainer::Check(Spec(bad.spec)),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(bad.error)))
        << bad.spec;
  }
  // The service fills in the momentum of SGD: no second complaint about what nobody wrote.
  EXPECT_THAT(TrueNorthTrainer::Check(Spec("optimizer: SGD momentum: 0.9")).ToString(),
              testing::Not(HasSubstr("momentum")));
  v1::TrainSpec spec;
  spec.mutable_truenorth()->set_method(static_cast<v1::TrueNorthTraining::Method::Kind>(9));
  EXPECT_THAT(TrueNorthTrainer::Check(spec),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("truenorth.method")));
  EXPECT_THAT(TrueNorthTrainer::Check(Spec("loss: CE optimizer: ADAM schedule: COSINE "
                                           "truenorth { method: PROBABILITY averaging: 0 }")),
              IsOk());
}

TEST(TrueNorthTrainerTest, ACheckpointOfAnotherRunIsRefusedAndNothingChanges) {
  ThreadPool pool(1);
  const auto model = NewModel();
  const auto trainer = NewTrainer(*model, "", &pool);
  Steps(*trainer, 0, 1);
  auto archive = ArchiveReader::Parse(StateOf(*trainer, *model));
  ASSERT_TRUE(archive.ok());
  for (const char* other : {"truenorth { method: PROBABILITY }", "truenorth { averaging: 0.5 }"}) {
    const auto fresh = NewModel(8);
    const auto refusing = NewTrainer(*fresh, other, &pool);
    const std::string before = StateOf(*refusing, *fresh);
    EXPECT_THAT(refusing->Load(*archive),
                StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("BINARY")));
    EXPECT_EQ(StateOf(*refusing, *fresh), before);
  }
}

TEST(TrueNorthTrainerTest, DataThatDoNotFitAreRefused) {
  ThreadPool pool(1);
  const auto model = NewModel();
  const auto trainer = NewTrainer(*model, "", &pool);
  StepReport report;
  Matrix narrow = Matrix::Zero(1, 143), fitting = Matrix::Zero(1, 144);
  std::vector<int32_t> labels = {10};
  EXPECT_THAT(trainer->Step({View(std::as_const(narrow)), labels}, report),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("144")));
  EXPECT_THAT(trainer->Step({View(std::as_const(fitting)), labels}, report),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("0..9")));
}

}  // namespace
}  // namespace torpor
