#include "engine/lif/model.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "engine/base/random.h"
#include "engine/data/catalogue.h"
#include "engine/lif/deployment.h"
#include "engine/network/npz_weights.h"
#include "google/protobuf/text_format.h"
#include "model_fixture.h"
#include "tests/support/bad_fields.h"
#include "tests/support/lif_networks.h"
#include "tests/support/status_matchers.h"

namespace torpor {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::SmallLif;
using testing::SmallLifImage;

TEST_F(LifModelTest, LearnsWithEveryReadOutAndCode) {
  for (const char* more :
       {"", "read_out: SPIKES", "order: DELAYED", "rate { chance: 0.5 }", "direct {}",
        "quantization { weight_bits: 4 }", "layers { dense { units: 10 } }"}) {
    SCOPED_TRACE(more);
    const auto model = Built(SmallLif(more));
    Train(*model, Spec());
    EXPECT_GT(Accuracy(*model), 0.75);
  }
  const auto image = Built(SmallLifImage());
  Train(*image, Spec());
  EXPECT_GT(Accuracy(*image), 0.75);
}

TEST_F(LifModelTest, LearnsByEveryOptimiserAndLossOfSpikes) {
  const auto model = Built(SmallLif("read_out: SPIKES"));
  v1::TrainSpec spec = Spec();
  spec.set_loss(v1::Loss::SPIKE_COUNT);
  Train(*model, spec);
  EXPECT_GT(Accuracy(*model), 0.7);
  for (const auto optimizer : {v1::Optimizer::ADAMAX, v1::Optimizer::SGD}) {
    const auto other = Built(SmallLif());
    v1::TrainSpec own = Spec();
    own.set_optimizer(optimizer);
    if (optimizer == v1::Optimizer::SGD) own.set_learning_rate(0.3);
    Train(*other, own);
    EXPECT_GT(Accuracy(*other), 0.7) << optimizer;
  }
}

TEST_F(LifModelTest, FillsWhatATrainingLeavesOpen) {
  const auto model = Built(SmallLif());
  v1::TrainSpec floats, integers, asked;
  model->FillTrainDefaults(floats);
  EXPECT_EQ(floats.optimizer(), v1::Optimizer::UNSPECIFIED) << "any family's";
  EXPECT_EQ(floats.loss(), v1::Loss::CE);
  integers.mutable_lif()->mutable_integers();
  asked = integers;
  model->FillTrainDefaults(integers);
  EXPECT_EQ(integers.optimizer(), v1::Optimizer::SGD) << "learning in integers takes no other";
  EXPECT_EQ(integers.learning_rate(), 8);
  asked.set_optimizer(v1::Optimizer::ADAM);
  model->FillTrainDefaults(asked);
  EXPECT_EQ(asked.optimizer(), v1::Optimizer::ADAM) << "refused later, by name";
}

TEST_F(LifModelTest, LargeImagesAreRefusedOrTakeLittleMemory) {
  const auto of = [](const std::string& layers) {
    v1::Network network;
    EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(
        "lif { input { shape: [1, 2048, 2048] } steps: 5 " + layers +
            "layers { dense { units: 10 } } }",
        &network));
    return network;
  };
  const std::string wide = "layers { avg_pool2d { kernel: 1024 stride: 1 } } ";
  EXPECT_THAT(testing::FieldsOf(LifModel::Build(of(wide + wide), 5).status()),
              ElementsAre("lif.layers[0].avg_pool2d.stride"));
  EXPECT_THAT(testing::FieldsOf(LifModel::Build(of("layers { conv2d { channels: 1 kernel: 512 } } "
                                                   "layers { avg_pool2d { kernel: 512 } } "),
                                                5)
                                    .status()),
              ElementsAre("lif.layers[0].conv2d"));
  const auto model =
      Built(of("layers { avg_pool2d { kernel: 2 } } "
               "layers { avg_pool2d { kernel: 1024 } } "));
  TORPOR_EXPECT_OK(model->Deploy({}, {}).status());
}

TEST_F(LifModelTest, LearnsInIntegers) {
  const auto model =
      Built(SmallLif("quantization { scheme: WAGE weight_bits: 6 membrane_bits: 8 }"));
  v1::TrainSpec spec = Spec();
  spec.set_optimizer(v1::Optimizer::SGD);
  spec.set_learning_rate(4);
  spec.mutable_lif()->mutable_integers();
  Train(*model, spec, 200);
  EXPECT_GT(Accuracy(*model), 0.75);
  // Stored weights are numbers of 8 bits.
  for (const float w : static_cast<const LifModel&>(*model).parameters()[0].input) {
    ASSERT_EQ(w * 128, std::round(w * 128));
    ASSERT_LE(std::fabs(w), 127.0f / 128);
  }
}

TEST_F(LifModelTest, StoresWeightsOfTheBitsThatItLearnsWith) {
  const auto model = Built(SmallLif("quantization { scheme: WAGE weight_bits: 4 }"));
  v1::TrainSpec spec = Spec();
  spec.mutable_lif()->mutable_integers()->set_gradient_bits(4);
  spec.set_optimizer(v1::Optimizer::SGD);
  spec.set_learning_rate(1);
  Train(*model, spec, 3);
  for (const float w : static_cast<const LifModel&>(*model).parameters()[0].input) {
    ASSERT_EQ(w * 8, std::round(w * 8)) << "of 8 bits, as a fresh network has them";
    ASSERT_LE(std::fabs(w), 7.0f / 8);
  }
}

// A membrane that is no number never spikes, so that the loss alone says nothing.
TEST_F(LifModelTest, StopsWhenGradientsAreNoNumbersAndKeepsItsWeights) {
  const auto model = Built(SmallLif("read_out: SPIKES"));
  v1::TrainSpec spec = Spec();
  spec.set_loss(v1::Loss::SPIKE_COUNT);
  TORPOR_ASSERT_OK_AND_ASSIGN(const auto trainer, model->NewTrainer(spec, &pool_));
  LifParameters& parameters = static_cast<LifModel&>(*model).MutableParameters(spec.loss());
  for (size_t i = 0; i < parameters[0].input.size(); ++i) {
    parameters[0].input[i] = i % 3 == 0 ? -3e38f : 3e38f;
  }
  const LifParameters before = parameters;
  const absl::Status status = Learn(*model, *trainer, 0, 1);
  EXPECT_EQ(ReasonOf(status), "DIVERGED") << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("a gradient is nan"));
  EXPECT_EQ(parameters[0].input, before[0].input);
  EXPECT_EQ(parameters[1].input, before[1].input);
}

// Spikes of a target at the steps and units that one input after the other leads to.
TEST_F(LifModelTest, LearnsASpikeTrain) {
  constexpr int kSteps = 40, kInputs = 30, kUnits = 6;
  std::vector<float> inputs(kSteps * kInputs);
  std::vector<uint8_t> targets(kSteps * kUnits);
  RandomStream random(4, RandomPurpose::kTest);
  for (float& value : inputs) value = random.NextFloat() < 0.1f ? 1.0f : 0.0f;
  for (int n = 8; n < kSteps; n += 4) {
    targets[static_cast<size_t>(n * kUnits + n / 4 % kUnits)] = 1;
  }
  const auto model = Built(testing::LifNetworkOf(
      "input { shape: [40, 30] } spikes {} order: DELAYED read_out: SPIKES "
      "neuron { threshold: 0.9 } layers { dense { units: 40 } } layers { dense { units: 6 } }"));
  v1::TrainSpec spec = Spec();
  spec.set_loss(v1::Loss::VAN_ROSSUM);
  spec.mutable_lif()->set_slope(2);
  spec.mutable_lif()->set_reset_gradient(true);
  TORPOR_ASSERT_OK_AND_ASSIGN(const auto trainer, model->NewTrainer(spec, &pool_));
  const Matrix sample = Eigen::Map<const Matrix>(inputs.data(), 1, kSteps * kInputs);
  const std::vector<int32_t> label = {0};
  double first = 0, lowest = 1e9;
  for (int step = 0; step < 300; ++step) {
    StepReport report;
    TORPOR_ASSERT_OK(trainer->Step(
        {.inputs = View(sample), .labels = label, .progress = step / 300.0, .targets = targets},
        report));
    if (step == 0) first = report.distance;
    lowest = std::min(lowest, report.distance);
  }
  EXPECT_GT(first, 0.5);
  // 22 at first; 0.13 to 0.25 as learning rates differ by millionths, or compilers by a rounding.
  EXPECT_LT(lowest, 0.4) << "1 is a network that never spikes";
  StepReport report;
  EXPECT_THAT(testing::FieldsOf(trainer->Step(
                  {.inputs = View(sample), .labels = label, .progress = 0, .targets = {}}, report)),
              ElementsAre("dataset"));
}

TEST_F(LifModelTest, ThreadsChangeNothingAndResumedEqualsUninterrupted) {
  for (const char* more : {"", "quantization { scheme: WAGE weight_bits: 6 membrane_bits: 8 }",
                           "rate { chance: 0.3 } quantization { weight_bits: 5 }"}) {
    SCOPED_TRACE(more);
    const v1::Network network = SmallLif(more);
    v1::TrainSpec spec = Spec();
    if (network.lif().quantization().has_membrane_bits()) {
      spec.set_optimizer(v1::Optimizer::SGD);
      spec.set_learning_rate(4);
      spec.mutable_lif()->mutable_integers();
    }
    const auto whole = Built(network);
    ThreadPool one(1);
    TORPOR_ASSERT_OK_AND_ASSIGN(const auto trainer, whole->NewTrainer(spec, &one));
    TORPOR_ASSERT_OK(Learn(*whole, *trainer, 0, 9));

    const auto first = Built(network);
    TORPOR_ASSERT_OK_AND_ASSIGN(const auto before, first->NewTrainer(spec, &pool_));
    TORPOR_ASSERT_OK(Learn(*first, *before, 0, 4));
    ArchiveWriter writer("checkpoint", first->definition());
    before->Save(writer);
    TORPOR_ASSERT_OK_AND_ASSIGN(const ArchiveReader reader,
                                ArchiveReader::Parse(writer.Serialize()));
    const auto second = Built(network, 77);
    TORPOR_ASSERT_OK_AND_ASSIGN(const auto after, second->NewTrainer(spec, &pool_));
    TORPOR_ASSERT_OK(after->Load(reader));
    TORPOR_ASSERT_OK(Learn(*second, *after, 4, 9));
    ArchiveWriter expected("checkpoint", network), got("checkpoint", network);
    trainer->Save(expected);
    after->Save(got);
    EXPECT_EQ(expected.Serialize(), got.Serialize());
  }
}

// One input that spikes in the first step; neuron 0 of the first layer spikes in both.
TEST_F(LifModelTest, CountsItsTraining) {
  const auto model = Built(testing::LifNetworkOf(
      "input { shape: [2, 1] } spikes {} layers { name: 'a' dense { units: 2 } } "
      "layers { name: 'b' dense { units: 3 } }"));
  static_cast<LifModel&>(*model).MutableParameters(v1::Loss::CE)[0].input = {2, -0.5f};
  TORPOR_ASSERT_OK_AND_ASSIGN(const auto trainer, model->NewTrainer(Spec(), &pool_));
  EXPECT_EQ(trainer->activity().samples, 0);
  Matrix inputs(2, 2);
  inputs << 1, 0, 1, 0;
  const std::vector<int32_t> labels = {0, 2};
  StepReport report;
  TORPOR_ASSERT_OK(
      trainer->Step({.inputs = View(std::as_const(inputs)), .labels = labels}, report));
  const TrainingActivity counted = trainer->activity();
  EXPECT_EQ(counted.samples, 2);
  ASSERT_EQ(counted.sum.layers.size(), 2u);
  const LayerActivity& a = counted.sum.layers[0];
  EXPECT_EQ(a.synaptic_events.value(), 2 * 2) << "no errors beyond the first layer";
  EXPECT_EQ(a.spikes.value(), 2 * 2);
  EXPECT_EQ(a.writes.value(), 2 * 2 + 2) << "gradients of each sample, weights of the batch";
  EXPECT_EQ(a.neuron_updates.value(), 2 * (4 + 4));
  EXPECT_EQ(a.synapse_steps.value(), 2 * 2 * 2);
  EXPECT_EQ(a.synapse_writes.value(), 2 * (2 * 2 + 1));
  EXPECT_FALSE(a.synaptic_power.counted());
  const LayerActivity& b = counted.sum.layers[1];
  EXPECT_EQ(b.synaptic_events.value(), 2 * (6 + 6)) << "two spikes, and the error of all steps";
  EXPECT_EQ(b.bits_moved.value(), 32 * b.synaptic_events.value());
  EXPECT_EQ(b.writes.value(), 2 * 3 + 6) << "neuron 1 was silent";
  EXPECT_EQ(b.neuron_updates.value(), 2 * 6);
  EXPECT_EQ(b.synapse_steps.value(), 2 * 6 * 3);
  EXPECT_EQ(b.synapse_writes.value(), 6 * 3);
}

// Errors go from a recurrent layer to the layer below in each step, and to its own spikes of the
// step before.
TEST_F(LifModelTest, CountsErrorsOfLayersThatSpikeAndListen) {
  const auto model = Built(testing::LifNetworkOf(
      "input { shape: [2, 3] } spikes {} read_out: SPIKES layers { name: 'a' dense { units: 2 } } "
      "layers { name: 'b' dense { units: 4 recurrent: true } }"));
  TORPOR_ASSERT_OK_AND_ASSIGN(const auto trainer, model->NewTrainer(Spec(), &pool_));
  const Matrix silence = Matrix::Zero(2, 6);
  const std::vector<int32_t> labels = {0, 2};
  StepReport report;
  TORPOR_ASSERT_OK(trainer->Step({.inputs = View(silence), .labels = labels}, report));
  const Activity sum = trainer->activity().sum;
  ASSERT_EQ(sum.layers.size(), 2u);
  EXPECT_EQ(sum.layers[0].synaptic_events.value(), 0);
  EXPECT_EQ(sum.layers[0].neuron_updates.value(), 2 * 2 * (2 + 2));
  const LayerActivity& b = sum.layers[1];
  EXPECT_EQ(b.synaptic_events.value(), 2 * (2 * 8 + 16)) << "two steps down, one back in time";
  EXPECT_EQ(b.neuron_updates.value(), 2 * 4 * (2 + 2));
  EXPECT_EQ(b.synapse_steps.value(), 2 * 24 * (2 + 2));
  EXPECT_EQ(b.synapse_writes.value(), 24 * (2 * 2 + 1));
  EXPECT_EQ(b.writes.value(), 24) << "without a spike, the update alone";
}

TEST_F(LifModelTest, ComesBackFromItsArchiveAndFromAnNpz) {
  for (const v1::Network& network :
       {SmallLif(), SmallLif("read_out: SPIKES"), SmallLifImage(),
        testing::LifNetworkOf("input { shape: [12, 12] } steps: 12 layers { dense { units: 16 "
                              "recurrent: true } } layers { dense { units: 10 } }")}) {
    const auto model = Built(network);
    Train(*model, Spec(), 10);
    TORPOR_ASSERT_OK(Calibrate(*model));
    const std::string archive = SerializeModel(*model);
    TORPOR_ASSERT_OK_AND_ASSIGN(const auto again, ParseModel(archive, LifModel::Build));
    EXPECT_EQ(SerializeModel(*again), archive);
    EXPECT_EQ(again->calibration().full_power(), model->calibration().full_power());

    TORPOR_ASSERT_OK_AND_ASSIGN(const std::string npz, NpzOfArchive(archive));
    TORPOR_ASSERT_OK_AND_ASSIGN(
        const NpzWeights weights,
        NpzWeights::Create(network, v1::Loss::UNSPECIFIED, LifModel::Build));
    TORPOR_ASSERT_OK_AND_ASSIGN(const std::string imported, weights.ToArchive(npz));
    TORPOR_ASSERT_OK_AND_ASSIGN(const auto from_npz, ParseModel(imported, LifModel::Build));
    TORPOR_ASSERT_OK_AND_ASSIGN(const auto one, model->Deploy({}, {}));
    TORPOR_ASSERT_OK_AND_ASSIGN(const auto two, from_npz->Deploy({}, {}));
    EXPECT_EQ(Run(*one).scores, Run(*two).scores);
  }
}

TEST_F(LifModelTest, WrongTrainingsAreNamed) {
  const auto model = Built(SmallLif());
  const auto wrong = [&](const Model& of, auto change) {
    v1::TrainSpec spec = Spec();
    change(spec);
    return testing::FieldsOf(const_cast<Model&>(of).NewTrainer(spec, &pool_).status());
  };
  using Spec = v1::TrainSpec;
  EXPECT_THAT(wrong(*model, [](Spec& s) { s.set_loss(v1::Loss::BCE); }), ElementsAre("loss"));
  EXPECT_THAT(wrong(*model, [](Spec& s) { s.set_loss(v1::Loss::SPIKE_COUNT); }),
              ElementsAre("loss"));
  EXPECT_THAT(wrong(*model, [](Spec& s) { s.mutable_lif()->set_slope(0); }),
              ElementsAre("lif.slope"));
  EXPECT_THAT(wrong(*model, [](Spec& s) { s.mutable_lif()->set_filter_decay(1); }),
              ElementsAre("lif.filter_decay"));
  EXPECT_THAT(wrong(*model, [](Spec& s) { s.mutable_lif()->mutable_integers(); }),
              ElementsAre("lif.integers"));
  EXPECT_THAT(wrong(*model, [](Spec& s) { s.mutable_stdp(); }), ElementsAre("stdp"));
  EXPECT_THAT(wrong(*model, [](Spec& s) { s.set_momentum(0.5); }), ElementsAre("momentum"));
  const auto wage = Built(SmallLif("quantization { scheme: WAGE weight_bits: 4 }"));
  EXPECT_THAT(wrong(*wage, [](Spec&) {}), ElementsAre("lif.integers"));
  EXPECT_THAT(wrong(*wage,
                    [](Spec& s) {
                      s.set_optimizer(v1::Optimizer::SGD);
                      s.mutable_lif()->mutable_integers()->set_error_bits(1);
                    }),
              ElementsAre("lif.integers.error_bits"));
  EXPECT_THAT(testing::FieldsOf(LifModel::Build(SmallLif("neuron { alpha: 1 }"), 0).status()),
              ElementsAre("lif.neuron.alpha"));
  v1::PowerMode mode;
  mode.set_neuron_bits(4);
  EXPECT_THAT(model->Deploy(mode, {}).status().message(), HasSubstr("neuron_bits"));
}

// Samples of a batch are kept encoded until it is learned from.
TEST_F(LifModelTest, BatchesOfLargeSamplesAreBounded) {
  const std::string large = "input { shape: [80, 80] } steps: 4096 layers { dense { units: 10 } } ";
  const auto rate = Built(testing::LifNetworkOf(large + "rate {}"));
  const auto refused = [&](Model& model, int batch) {
    v1::TrainSpec spec;
    spec.set_batch_size(batch);
    return model.NewTrainer(spec, &pool_).status();
  };
  EXPECT_THAT(testing::FieldsOf(refused(*rate, 0)), ElementsAre("batch_size")) << "128 by default";
  EXPECT_THAT(testing::FieldsOf(refused(*rate, 41)), ElementsAre("batch_size"));
  EXPECT_THAT(refused(*rate, 41).message(), HasSubstr("at most 40"));
  TORPOR_EXPECT_OK(refused(*rate, 40));
  const auto latency = Built(testing::LifNetworkOf(large + "latency {}"));
  TORPOR_EXPECT_OK(refused(*latency, 65536)) << "an input spikes once";
}

}  // namespace
}  // namespace torpor
