#include "engine/stdp/model.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "engine/data/catalogue.h"
#include "engine/families.h"
#include "engine/network/data_run.h"
#include "engine/power/sample_run.h"
#include "engine/stdp/observed.h"
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

// One pixel that spikes in every step: what each neuron receives is its weight, but in the first
// step, in which nothing has arrived yet.
TEST_F(StdpModelTest, ObservesWhatNeuronsReceiveAndWhatTheyNeed) {
  v1::StdpNetwork network;
  network.mutable_input()->add_shape(1);
  network.set_neurons(2);
  network.set_steps(4);
  network.set_rate_hz(1000);
  TORPOR_ASSERT_OK_AND_ASSIGN(const StdpPlan plan, PlanStdp(network));
  const Dataset data = Dataset::FromBytes({255, 255}, {1}, {0, 1}, 2);
  const StdpWeights weights = {.weights = {0.25f, 0.75f}, .theta = {0, 20}};
  TORPOR_ASSERT_OK_AND_ASSIGN(const StdpObserved observed,
                              ObserveStdp(plan, weights, data, Cancellation()));
  // Drives are 0 twice, .25 and .75 three times each: mean 3/8, mean square 15/64.
  EXPECT_NEAR(observed.drive_stddev, std::sqrt(15.0 / 64 - 9.0 / 64), 1e-6);
  // Two samples of four steps of two neurons, and two thresholds, of which 33 is the largest.
  EXPECT_EQ(observed.potentials.count(), 18);
  EXPECT_EQ(observed.potentials.highest(), 33);
  EXPECT_EQ(observed.potentials.IntegerBits(), 6);
}

// A selection stores what it trained without calibrating it first.
TEST_F(StdpModelTest, AnEpochIsEnoughToObserveTheRange) {
  const auto model = Built(SmallStdp());
  TORPOR_ASSERT_OK_AND_ASSIGN(const auto trainer, model->NewTrainer(SmallSpec(), &pool_));
  TORPOR_ASSERT_OK(Learn(*model, *trainer, train_, 0, 200));
  TORPOR_ASSERT_OK(trainer->FinishEpoch(train_.Slice(0, 200), Cancellation()));
  v1::Quantization bits;
  bits.set_neuron_bits(12);
  bits.set_range_outliers(0);
  TORPOR_ASSERT_OK_AND_ASSIGN(const auto stored, model->Quantised(bits));
  EXPECT_TRUE(stored->definition().stdp().quantization().has_neuron_integer_bits());
}

TEST_F(StdpModelTest, AnObservedRangeSaysTheIntegerBits) {
  const auto model = Built(SmallStdp());
  Train(*model);
  v1::Quantization bits;
  bits.set_neuron_bits(12);
  bits.set_range_outliers(0);
  // Nothing was observed yet: as without.
  TORPOR_ASSERT_OK_AND_ASSIGN(const auto early, model->Quantised(bits));
  EXPECT_FALSE(early->definition().stdp().quantization().has_neuron_integer_bits());
  TORPOR_ASSERT_OK(Calibrate(*model));
  int before = 17;
  for (const double outliers : {0.0, 0.5, 0.999}) {
    bits.set_range_outliers(outliers);
    TORPOR_ASSERT_OK_AND_ASSIGN(const auto stored, model->Quantised(bits));
    const v1::Quantization& kept = stored->definition().stdp().quantization();
    EXPECT_FALSE(kept.has_range_outliers());
    EXPECT_LE(kept.neuron_integer_bits(), before);
    before = kept.neuron_integer_bits();
  }
  // Inhibition takes potentials to hundreds of millivolts below rest, where few of them are.
  EXPECT_LT(before, 9);
  TORPOR_ASSERT_OK_AND_ASSIGN(const auto again, ParseModel(SerializeModel(*model), BuildModel));
  TORPOR_ASSERT_OK_AND_ASSIGN(const auto stored, again->Quantised(bits));
  EXPECT_EQ(stored->definition().stdp().quantization().neuron_integer_bits(), before);

  bits.set_range_outliers(1);
  EXPECT_THAT(testing::FieldsOf(model->Quantised(bits).status()),
              ElementsAre("quantization.range_outliers"));
  bits.set_range_outliers(0.1);
  bits.set_neuron_integer_bits(4);
  EXPECT_THAT(testing::FieldsOf(model->Quantised(bits).status()),
              ElementsAre("quantization.range_outliers"));
  const auto built =
      BuildModel(SmallStdp("quantization { neuron_bits: 8 range_outliers: 0.1 }"), 1);
  EXPECT_THAT(testing::FieldsOf(built.status()), ElementsAre("stdp.quantization.range_outliers"));
}

// Noise of a fixed size drowns a signal that shrinks, and leaves classes alone without it.
TEST_F(StdpModelTest, NoiseCostsASmallSignalMore) {
  const auto model = Built(SmallStdp());
  Train(*model);
  v1::Realisation noisy;
  noisy.set_column_noise(1);
  noisy.set_seed(3);
  TORPOR_ASSERT_OK_AND_ASSIGN(const auto uncalibrated, model->Deploy({}, noisy));
  TORPOR_ASSERT_OK(Calibrate(*model));
  const auto accuracy = [&](double epsilon, double noise) {
    v1::PowerMode mode;
    mode.set_epsilon(epsilon);
    mode.set_bias(v1::BiasPolicy::HOMOGENEOUS);
    noisy.set_column_noise(noise);
    const auto deployment = model->Deploy(mode, noisy);
    EXPECT_TRUE(deployment.ok()) << deployment.status();
    const auto correct = CountCorrect(**deployment, test_, &pool_, Cancellation());
    return static_cast<double>(*correct) / static_cast<double>(test_.size());
  };
  const double full = accuracy(1, 0);
  EXPECT_EQ(accuracy(0.0625, 0), full);
  EXPECT_NEAR(accuracy(1, 0.1), full, 0.05);
  EXPECT_LT(accuracy(0.0625, 1), full - 0.2);
  EXPECT_GT(accuracy(1, 1), accuracy(0.0625, 1));
}

TEST_F(StdpModelTest, HardwareThatItCannotStandOnIsRefused) {
  const auto model = Built(SmallStdp());
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

TEST_F(StdpModelTest, ClassesWithoutSamplesAreNamed) {
  const auto model = Built(SmallStdp("classes: 12"));
  const absl::Status status = model->CheckCalibration(train_);
  EXPECT_THAT(testing::FieldsOf(status), ElementsAre("dataset"));
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("has label 10, 11")));
  EXPECT_EQ(model->Calibrate(train_, "d", "digest", &pool_, Cancellation()), status);
}

}  // namespace
}  // namespace torpor
