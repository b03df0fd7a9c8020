#include "engine/stdp/model.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "engine/data/catalogue.h"
#include "engine/families.h"
#include "engine/network/data_run.h"
#include "engine/power/sample_run.h"
#include "tests/support/bad_fields.h"
#include "tests/support/status_matchers.h"
#include "tests/support/stdp_networks.h"

namespace torpor {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::SmallStdp;

std::unique_ptr<Model> Built(const v1::Network& network, uint64_t seed = 5) {
  auto model = BuildModel(network, seed);
  EXPECT_TRUE(model.ok()) << model.status();
  return *std::move(model);
}

v1::TrainSpec SmallSpec() {
  v1::TrainSpec spec;
  spec.set_learning_rate(0.05);
  spec.mutable_stdp()->set_window_steps(5);
  return spec;
}

absl::Status Learn(Model& model, Trainer& trainer, const Dataset& data, int64_t first,
                   int64_t count) {
  Matrix inputs(count, model.features());
  data.CopyRange(first, count,
                 {inputs.data(), count, model.features(), Eigen::OuterStride<>(model.features())});
  std::vector<int32_t> labels;
  for (int64_t i = 0; i < count; ++i) labels.push_back(data.label(first + i));
  StepReport report;
  return trainer.Step({Rows(inputs, 0, count), labels, 0}, report);
}

class StdpModelTest : public ::testing::Test {
 protected:
  // 600 samples of the synthetic digits.
  void Train(Model& model, uint64_t seed = 1) {
    v1::TrainSpec spec = SmallSpec();
    spec.set_seed(seed);
    TORPOR_ASSERT_OK_AND_ASSIGN(const auto trainer, model.NewTrainer(spec, &pool_));
    TORPOR_ASSERT_OK(Learn(model, *trainer, train_, 0, 600));
  }
  absl::Status Calibrate(Model& model) {
    return model.Calibrate(train_.Slice(0, 1000), "datasets/digits", "digest", &pool_,
                           Cancellation());
  }
  double Accuracy(const Model& model, const v1::PowerMode& mode = {}) {
    const auto deployment = model.Deploy(mode, {});
    EXPECT_TRUE(deployment.ok()) << deployment.status();
    const auto correct = CountCorrect(**deployment, test_, &pool_, Cancellation());
    EXPECT_TRUE(correct.ok()) << correct.status();
    return static_cast<double>(*correct) / static_cast<double>(test_.size());
  }

  void ExpectResumes(const v1::Network& network) {
    v1::TrainSpec spec = SmallSpec();
    spec.set_seed(9);
    const auto whole = Built(network);
    TORPOR_ASSERT_OK_AND_ASSIGN(const auto trainer, whole->NewTrainer(spec, &pool_));
    TORPOR_ASSERT_OK(Learn(*whole, *trainer, train_, 0, 1400));

    const auto first = Built(network);
    TORPOR_ASSERT_OK_AND_ASSIGN(const auto before, first->NewTrainer(spec, &pool_));
    TORPOR_ASSERT_OK(Learn(*first, *before, train_, 0, 1100));
    ArchiveWriter writer("checkpoint", first->definition());
    first->Save(writer);
    before->Save(writer);
    TORPOR_ASSERT_OK_AND_ASSIGN(const ArchiveReader reader,
                                ArchiveReader::Parse(writer.Serialize()));
    const auto second = Built(network, 77);
    TORPOR_ASSERT_OK(second->Load(reader));
    TORPOR_ASSERT_OK_AND_ASSIGN(const auto after, second->NewTrainer(spec, &pool_));
    TORPOR_ASSERT_OK(after->Load(reader));
    TORPOR_ASSERT_OK(Learn(*second, *after, train_, 1100, 300));
    ArchiveWriter expected("checkpoint", whole->definition()),
        got("checkpoint", whole->definition());
    whole->Save(expected);
    trainer->Save(expected);
    second->Save(got);
    after->Save(got);
    EXPECT_EQ(expected.Serialize(), got.Serialize());
  }

  const Dataset train_ = SyntheticDigits(v1::Split::TRAIN);
  const Dataset test_ = SyntheticDigits(v1::Split::TEST);
  ThreadPool pool_{2};
};

TEST_F(StdpModelTest, DescribesTheNetwork) {
  const v1::NetworkDescription tiny = Built(testing::TinySnn())->Describe();
  EXPECT_EQ(tiny.family(), "stdp");
  EXPECT_EQ(tiny.parameters(), 784 * 400 + 400);
  ASSERT_EQ(tiny.layers_size(), 2);
  EXPECT_EQ(tiny.layers(0).kind(), "excitatory");
  EXPECT_THAT(tiny.layers(0).input_shape(), ElementsAre(28, 28));
  EXPECT_EQ(tiny.layers(1).kind(), "direct");
  std::vector<std::string> levers;
  for (const v1::Lever& lever : tiny.levers()) levers.push_back(lever.name());
  EXPECT_THAT(levers, ElementsAre("steps", "margin", "precision_bits", "neuron_bits", "rounding",
                                  "epsilon", "bias"));
  const auto described =
      Built(SmallStdp("quantization { neuron_bits: 8 rounding: TRUNCATE }"))->Describe();
  ASSERT_EQ(described.warnings_size(), 1);
  EXPECT_THAT(described.warnings(0), HasSubstr("stdp.quantization.neuron_bits"));
}

TEST_F(StdpModelTest, ErrorsNameTheFamily) {
  const auto model = BuildModel(SmallStdp("step_ms: -1"), 0);
  EXPECT_THAT(testing::FieldsOf(model.status()), ElementsAre("stdp.step_ms"));
}

TEST_F(StdpModelTest, LearnsWithoutLabelsAndNamesNeuronsAfterwards) {
  const auto model = Built(SmallStdp());
  EXPECT_NEAR(Accuracy(*model), 0.1, 0.06) << "no labels: always the first class";
  Train(*model);
  TORPOR_ASSERT_OK(Calibrate(*model));
  EXPECT_GT(Accuracy(*model), 0.6);
  EXPECT_EQ(model->calibration().samples(), 1000);
  EXPECT_GT(model->calibration().full_power(), 0);
}

TEST_F(StdpModelTest, ThreadsChangeNothing) {
  const auto one = Built(SmallStdp());
  const auto many = Built(SmallStdp());
  Train(*one);
  Train(*many);
  ThreadPool single(1), four(4);
  TORPOR_ASSERT_OK(one->Calibrate(train_, "d", "digest", &single, Cancellation()));
  TORPOR_ASSERT_OK(many->Calibrate(train_, "d", "digest", &four, Cancellation()));
  EXPECT_EQ(SerializeModel(*one), SerializeModel(*many));
}

// Also where thresholds are stored in steps, between which they decay.
TEST_F(StdpModelTest, ResumedEqualsUninterrupted) {
  for (const char* storage :
       {"", "quantization { weight_bits: 8 neuron_bits: 14 rounding: STOCHASTIC }"}) {
    ExpectResumes(SmallStdp(storage));
  }
}

TEST_F(StdpModelTest, ANetworkInFewBitsComesBackFromItsArchive) {
  const auto model = Built(SmallStdp("quantization { weight_bits: 8 neuron_bits: 14 }"));
  Train(*model);
  TORPOR_ASSERT_OK(Calibrate(*model));
  TORPOR_ASSERT_OK_AND_ASSIGN(const auto again, ParseModel(SerializeModel(*model), BuildModel));
  EXPECT_EQ(SerializeModel(*again), SerializeModel(*model));
}

TEST_F(StdpModelTest, ComesBackFromItsArchive) {
  const auto model = Built(SmallStdp());
  Train(*model);
  TORPOR_ASSERT_OK(Calibrate(*model));
  TORPOR_ASSERT_OK_AND_ASSIGN(const auto again, ParseModel(SerializeModel(*model), BuildModel));
  EXPECT_EQ(SerializeModel(*again), SerializeModel(*model));
  EXPECT_EQ(Accuracy(*again), Accuracy(*model));
  EXPECT_EQ(again->calibration().full_power(), model->calibration().full_power());
}

TEST_F(StdpModelTest, RefusesArchivesThatCannotBe) {
  const auto model = Built(SmallStdp());
  ArchiveWriter writer("model", model->definition());
  std::vector<float> weights(144 * 24, 0.5f);
  weights[7] = 1.5f;
  writer.AddFloats("layers/excitatory/weight", {144, 24}, weights);
  writer.AddFloats("layers/excitatory/theta", {24}, std::vector<float>(24));
  EXPECT_THAT(ParseModel(writer.Serialize(), BuildModel),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("numbers in [0, 1]")));
}

TEST_F(StdpModelTest, QuantisedStoresTheSameNetworkInFewBits) {
  const auto model = Built(SmallStdp());
  Train(*model);
  TORPOR_ASSERT_OK(Calibrate(*model));
  v1::Quantization bits;
  bits.set_weight_bits(4);
  TORPOR_ASSERT_OK_AND_ASSIGN(const auto stored, model->Quantised(bits));
  EXPECT_EQ(stored->definition().stdp().quantization().weight_bits(), 4);
  const auto& coarse = static_cast<const StdpModel&>(*stored).weights().weights;
  const auto& fine = static_cast<const StdpModel&>(*model).weights().weights;
  for (size_t i = 0; i < fine.size(); ++i) {
    ASSERT_EQ(coarse[i] * 16, std::round(coarse[i] * 16));
    ASSERT_LE(std::abs(coarse[i] - std::min(fine[i], 15.0f / 16)), 1.0f / 32);
  }
  EXPECT_TRUE(stored->calibration().dataset_digest().empty());
  TORPOR_ASSERT_OK(Calibrate(*stored));
  EXPECT_GT(Accuracy(*stored), Accuracy(*model) - 0.15);
  bits.set_weight_bits(0);
  EXPECT_THAT(testing::FieldsOf(model->Quantised(bits).status()),
              ElementsAre("quantization.weight_bits"));
}

// The same figures whether a network was stored in few bits or a mode turns its precision down.
TEST_F(StdpModelTest, PrecisionIsALever) {
  const auto model = Built(SmallStdp());
  Train(*model);
  TORPOR_ASSERT_OK(Calibrate(*model));
  v1::PowerMode mode;
  mode.set_precision_bits(2);
  mode.set_rounding(v1::Rounding::TRUNCATE);
  TORPOR_ASSERT_OK_AND_ASSIGN(const auto deployment, model->Deploy(mode, {}));
  EXPECT_EQ(deployment->footprint().layers[0].weight_bits, 2);
  EXPECT_EQ(deployment->mode().precision_bits(), 2);
  TORPOR_ASSERT_OK_AND_ASSIGN(const auto full, model->Deploy({}, {}));
  EXPECT_EQ(full->footprint().layers[0].weight_bits, 32);
  EXPECT_FALSE(full->mode().has_precision_bits());
}

TEST_F(StdpModelTest, SettingsThatNothingUsesAreRefused) {
  const auto model = Built(SmallStdp());
  const auto refused = [&](auto change) {
    v1::TrainSpec spec = SmallSpec();
    change(spec);
    return testing::FieldsOf(model->NewTrainer(spec, &pool_).status());
  };
  using Spec = v1::TrainSpec;
  EXPECT_THAT(refused([](Spec& s) { s.set_loss(v1::Loss::CE); }), ElementsAre("loss"));
  EXPECT_THAT(refused([](Spec& s) { s.set_optimizer(v1::Optimizer::SGD); }),
              ElementsAre("optimizer"));
  EXPECT_THAT(refused([](Spec& s) { s.set_schedule(v1::Schedule::COSINE); }),
              ElementsAre("schedule"));
  EXPECT_THAT(refused([](Spec& s) { s.set_optimizer(v1::Optimizer::ADAMAX); }),
              ElementsAre("optimizer"));
  EXPECT_THAT(refused([](Spec& s) { s.set_schedule(v1::Schedule::STEPS); }),
              ElementsAre("schedule"));
  EXPECT_THAT(refused([](Spec& s) { s.add_step_at(0.5); }), ElementsAre("step_at"));
  EXPECT_THAT(refused([](Spec& s) { s.mutable_lif(); }), ElementsAre("lif"));
  EXPECT_THAT(refused([](Spec& s) { s.set_warmup_epochs(1); }), ElementsAre("warmup_epochs"));
  EXPECT_THAT(refused([](Spec& s) { s.set_learning_rate(1.5); }), ElementsAre("learning_rate"));
  EXPECT_THAT(refused([](Spec& s) { s.mutable_stdp()->set_window_steps(0); }),
              ElementsAre("stdp.window_steps"));
  EXPECT_THAT(refused([](Spec& s) { s.mutable_stdp()->set_trace_tau_ms(0); }),
              ElementsAre("stdp.trace_tau_ms"));
  EXPECT_THAT(refused([](Spec& s) { s.mutable_stdp()->set_depression_target(1.1); }),
              ElementsAre("stdp.depression_target"));
  EXPECT_THAT(refused([](Spec& s) { s.mutable_stdp()->set_weight_sum(-1); }),
              ElementsAre("stdp.weight_sum"));
  EXPECT_THAT(refused([](Spec& s) { s.mutable_stdp()->set_rate_decay(0); }),
              ElementsAre("stdp.rate_decay"));
}

TEST_F(StdpModelTest, HardwareThatItCannotStandOnIsRefused) {
  const auto model = Built(SmallStdp());
  v1::Realisation noisy;
  noisy.set_column_noise(0.01);
  EXPECT_THAT(testing::FieldsOf(model->CheckHardware(noisy)), ElementsAre("column_noise"));
  v1::Realisation copies;
  copies.set_copies(2);
  EXPECT_THAT(testing::FieldsOf(model->CheckHardware(copies)), ElementsAre("copies"));
}

TEST_F(StdpModelTest, LabelsBeyondTheClassesAreNamed) {
  const auto model = Built(SmallStdp("classes: 5"));
  const absl::Status status =
      model->Calibrate(train_, "datasets/digits", "digest", &pool_, Cancellation());
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kInvalidArgument,
                               HasSubstr("beyond the network's 5 classes")));
}

}  // namespace
}  // namespace torpor
