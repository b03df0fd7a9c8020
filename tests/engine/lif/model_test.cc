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
#include "tests/support/bad_fields.h"
#include "tests/support/lif_networks.h"
#include "tests/support/status_matchers.h"

namespace torpor {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::SmallLif;
using testing::SmallLifImage;

std::unique_ptr<Model> Built(const v1::Network& network, uint64_t seed = 5) {
  auto model = LifModel::Build(network, seed);
  EXPECT_TRUE(model.ok()) << model.status();
  return *std::move(model);
}

class LifModelTest : public ::testing::Test {
 protected:
  v1::TrainSpec Spec() {
    v1::TrainSpec spec;
    spec.set_batch_size(50);
    spec.set_learning_rate(1e-2);
    spec.set_seed(3);
    return spec;
  }
  // Batches first..last-1 of 50 samples, going round.
  absl::Status Learn(Model& model, Trainer& trainer, int first, int last, StepReport* sum = nullptr,
                     const Dataset* data = nullptr) {
    const Dataset& from = data == nullptr ? train_ : *data;
    for (int b = first; b < last; ++b) {
      const int64_t at = int64_t{b} * 50 % from.size();
      Matrix inputs(50, model.features());
      from.CopyRange(at, 50, View(inputs));
      std::vector<int32_t> labels;
      for (int64_t i = 0; i < 50; ++i) labels.push_back(from.label(at + i));
      StepReport report;
      TORPOR_RETURN_IF_ERROR(trainer.Step({.inputs = View(std::as_const(inputs)),
                                           .labels = labels,
                                           .progress = static_cast<double>(b) / 200},
                                          report));
      if (sum != nullptr) {
        sum->loss += report.loss;
        sum->correct += report.correct;
        sum->samples += report.samples;
      }
    }
    return absl::OkStatus();
  }
  void Train(Model& model, const v1::TrainSpec& spec, int batches = 160) {
    TORPOR_ASSERT_OK_AND_ASSIGN(const auto trainer, model.NewTrainer(spec, &pool_));
    TORPOR_ASSERT_OK(Learn(model, *trainer, 0, batches));
  }
  absl::Status Calibrate(Model& model) {
    return model.Calibrate(train_.Slice(0, 500), "datasets/digits", "digest", &pool_,
                           Cancellation());
  }
  struct Answer {
    std::vector<float> scores;
    std::vector<int32_t> steps;
    double events = 0;
    double power = 0;
  };
  Answer Run(const Deployment& deployment, int samples = 200) {
    std::vector<float> values(static_cast<size_t>(samples * deployment.features()));
    const size_t classes = static_cast<size_t>(deployment.read_out().classes);
    Answer answer;
    answer.scores.resize(static_cast<size_t>(samples) * classes);
    std::vector<SampleTask> tasks(static_cast<size_t>(samples));
    std::vector<SampleResult> results(tasks.size());
    for (size_t i = 0; i < tasks.size(); ++i) {
      const std::span<float> sample(values.data() + i * static_cast<size_t>(deployment.features()),
                                    static_cast<size_t>(deployment.features()));
      test_.CopySample(static_cast<int64_t>(i), sample);
      tasks[i] = {.input = {.values = sample}, .key = {.sample = i}};
      results[i].scores = std::span(answer.scores).subspan(i * classes, classes);
    }
    EXPECT_TRUE(deployment.Run(tasks, results, Cancellation()).ok());
    for (const SampleResult& result : results) {
      answer.steps.push_back(result.steps_used);
      answer.events += result.activity.Total(&LayerActivity::synaptic_events).value();
      answer.power += result.activity.Total(&LayerActivity::synaptic_power).value();
    }
    return answer;
  }
  double Accuracy(const Model& model, const v1::PowerMode& mode = {}) {
    const auto deployment = model.Deploy(mode, {});
    EXPECT_TRUE(deployment.ok()) << deployment.status();
    const Answer answer = Run(**deployment, 500);
    int correct = 0;
    for (int i = 0; i < 500; ++i) {
      correct += ClassOf(std::span(answer.scores).subspan(static_cast<size_t>(10 * i), 10)) ==
                         test_.label(i)
                     ? 1
                     : 0;
    }
    return correct / 500.0;
  }

  const Dataset train_ = SyntheticDigits(v1::Split::TRAIN);
  const Dataset test_ = SyntheticDigits(v1::Split::TEST);
  ThreadPool pool_{2};
};

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

TEST_F(LifModelTest, LearnsInIntegers) {
  const auto model =
      Built(SmallLif("quantization { scheme: WAGE weight_bits: 6 membrane_bits: 8 }"));
  v1::TrainSpec spec = Spec();
  spec.set_optimizer(v1::Optimizer::SGD);
  spec.set_learning_rate(4);
  spec.mutable_lif()->mutable_integers();
  Train(*model, spec, 200);
  EXPECT_GT(Accuracy(*model), 0.5);
  // Stored weights are numbers of 8 bits.
  for (const float w : static_cast<const LifModel&>(*model).parameters()[0].input) {
    ASSERT_EQ(w * 128, std::round(w * 128));
    ASSERT_LE(std::fabs(w), 127.0f / 128);
  }
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
  EXPECT_LT(lowest, 0.2) << "1 is a network that never spikes";
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

// Epsilon is exact where it is a power of two and thresholds follow.
TEST_F(LifModelTest, ThresholdsThatFollowEpsilonLeaveClassesAlone) {
  const auto model = Built(SmallLif());
  Train(*model, Spec(), 40);
  TORPOR_ASSERT_OK(Calibrate(*model));
  TORPOR_ASSERT_OK_AND_ASSIGN(const auto full, model->Deploy({}, {}));
  const Answer all = Run(*full);
  v1::PowerMode mode;
  mode.set_epsilon(0.125);
  mode.set_bias(v1::BiasPolicy::HOMOGENEOUS);
  TORPOR_ASSERT_OK_AND_ASSIGN(const auto down, model->Deploy(mode, {}));
  const Answer scaled = Run(*down);
  ASSERT_EQ(scaled.scores.size(), all.scores.size());
  for (size_t i = 0; i < all.scores.size(); ++i) ASSERT_EQ(scaled.scores[i], all.scores[i] / 8);
  EXPECT_EQ(scaled.events, all.events);
  EXPECT_NEAR(scaled.power, all.power / 8, 1e-6 * all.power);
  mode.set_output_gain(true);
  TORPOR_ASSERT_OK_AND_ASSIGN(const auto gained, model->Deploy(mode, {}));
  EXPECT_EQ(Run(*gained).scores, all.scores);
  mode.set_bias(v1::BiasPolicy::NONE);
  TORPOR_ASSERT_OK_AND_ASSIGN(const auto quiet, model->Deploy(mode, {}));
  EXPECT_LT(Run(*quiet).events, all.events);
  // NASP of full power is 1, of epsilon what the power says.
  const Recorder record = model->FullPowerRecord();
  EXPECT_NEAR(full->NominalSynapticPower(record), model->calibration().full_power(), 1e-9);
  EXPECT_NEAR(down->NominalSynapticPower(record) / full->NominalSynapticPower(record), 0.125, 1e-6);
}

TEST_F(LifModelTest, StepsAndMarginStopEarly) {
  for (const char* more : {"", "read_out: SPIKES"}) {
    const auto model = Built(SmallLif(more));
    Train(*model, Spec());
    TORPOR_ASSERT_OK_AND_ASSIGN(const auto full, model->Deploy({}, {}));
    const Answer all = Run(*full);
    v1::PowerMode mode;
    mode.set_margin(1e30);
    TORPOR_ASSERT_OK_AND_ASSIGN(const auto never, model->Deploy(mode, {}));
    const Answer whole = Run(*never);
    EXPECT_EQ(whole.events, all.events);
    for (size_t i = 0; i < all.scores.size(); ++i) {
      ASSERT_NEAR(whole.scores[i], all.scores[i], 1e-4);
    }
    // Large enough for most samples to be sure, so small that many are soon.
    mode.set_margin(model->definition().lif().read_out() == v1::LifReadOut::SPIKES ? 2 : 0.5);
    EXPECT_GT(Accuracy(*model, mode), Accuracy(*model) - 0.15);
    TORPOR_ASSERT_OK_AND_ASSIGN(const auto soon, model->Deploy(mode, {}));
    const Answer early = Run(*soon);
    EXPECT_LT(early.events, all.events);
    EXPECT_LT(*std::min_element(early.steps.begin(), early.steps.end()), 12);
    mode.Clear();
    mode.set_steps(6);
    TORPOR_ASSERT_OK_AND_ASSIGN(const auto half, model->Deploy(mode, {}));
    EXPECT_LT(Run(*half).events, all.events);
    EXPECT_THAT(Run(*half).steps, ::testing::Each(6));
  }
}

// A stream in chunks has the spikes of one in one piece; streams do not see each other.
TEST_F(LifModelTest, StreamsGoOnFromChunkToChunk) {
  const auto model =
      Built(testing::LifNetworkOf("input { shape: [8] } read_out: SPIKES neuron { threshold: 0.3 } "
                                  "layers { dense { units: 12 recurrent: true } initial_scale: 2 } "
                                  "layers { dense { units: 5 } initial_scale: 2 }"));
  TORPOR_ASSERT_OK_AND_ASSIGN(const auto deployment, model->Deploy({}, {}));
  ASSERT_EQ(deployment->stream_inputs(), 8);
  std::vector<int32_t> step, index;
  RandomStream random(1, RandomPurpose::kTest);
  for (int n = 0; n < 60; ++n) {
    for (int j = 0; j < 8; ++j) {
      if (random.NextFloat() < 0.3f) {
        step.push_back(n);
        index.push_back(j);
      }
    }
  }
  struct Spikes {
    std::vector<int32_t> step, index;
    double events = 0;
  };
  // Steps begin..end-1 of the stream.
  const auto run = [&](StreamState& state, int begin, int end, Spikes& out) {
    std::vector<int32_t> own_step, own_index;
    for (size_t i = 0; i < step.size(); ++i) {
      if (step[i] < begin || step[i] >= end) continue;
      own_step.push_back(step[i] - begin);
      own_index.push_back(index[i]);
    }
    std::vector<float> scores(5);
    ChunkResult result;
    result.scores = scores;
    TORPOR_ASSERT_OK(deployment->RunChunk(
        {.steps = end - begin, .step = own_step, .index = own_index}, {}, state, result, {}));
    float sum = 0;
    for (const float score : scores) sum += score;
    EXPECT_EQ(sum, static_cast<float>(result.step.size())) << "counts of this chunk alone";
    for (size_t i = 0; i < result.step.size(); ++i) {
      out.step.push_back(result.step[i] + begin);
      out.index.push_back(result.index[i]);
    }
    out.events += result.activity.Total(&LayerActivity::spikes).value();
  };
  Spikes whole, pieces, other;
  const auto one = deployment->NewStream();
  run(*one, 0, 60, whole);
  EXPECT_GT(whole.step.size(), 20u);
  const auto two = deployment->NewStream();
  const auto three = deployment->NewStream();
  for (const auto& [begin, end] : {std::pair(0, 1), std::pair(1, 18), std::pair(18, 60)}) {
    run(*two, begin, end, pieces);
    run(*three, 30, 31, other);
  }
  EXPECT_EQ(pieces.step, whole.step);
  EXPECT_EQ(pieces.index, whole.index);
  EXPECT_EQ(pieces.events, whole.events);
  // The same weights turned down go on from there; another network does not.
  v1::PowerMode mode;
  mode.set_epsilon(0.5);
  TORPOR_ASSERT_OK_AND_ASSIGN(const auto down, model->Deploy(mode, {}));
  EXPECT_TRUE(down->Continues(*one));
  const auto larger = Built(testing::LifNetworkOf(
      "input { shape: [8] } layers { dense { units: 13 } } layers { dense { units: 5 } }"));
  TORPOR_ASSERT_OK_AND_ASSIGN(const auto stranger, larger->Deploy({}, {}));
  EXPECT_FALSE(stranger->Continues(*one));
}

TEST_F(LifModelTest, CountsWhatHappened) {
  // One input that spikes in the first step and drives both neurons beyond the threshold at once.
  const auto model = Built(testing::LifNetworkOf(
      "input { shape: [2, 1] } spikes {} layers { name: 'a' dense { units: 2 } } "
      "layers { name: 'b' dense { units: 3 } }"));
  auto& lif = static_cast<LifModel&>(*model);
  lif.MutableParameters(v1::Loss::CE)[0].input = {2, -0.5f};
  lif.MutableParameters(v1::Loss::CE)[1].input = {1, 0, -1, 5, 5, 5};
  TORPOR_ASSERT_OK_AND_ASSIGN(const auto deployment, model->Deploy({}, {}));
  const std::vector<float> sample = {1, 0};
  std::vector<float> scores(3);
  std::vector<SampleTask> tasks = {{.input = {.values = sample}, .key = {}}};
  std::vector<SampleResult> results(1);
  results[0].scores = scores;
  TORPOR_ASSERT_OK(deployment->Run(tasks, results, Cancellation()));
  const LayerActivity& a = results[0].activity.layers[0];
  EXPECT_EQ(a.synaptic_events.value(), 2);
  EXPECT_EQ(a.synaptic_power.value(), 2.5);
  // U is 2, then .9 * 2 + .7 * 2 - .9 = 2.3: neuron 0 spikes in both steps, neuron 1 never.
  EXPECT_EQ(a.spikes.value(), 2);
  EXPECT_EQ(a.neuron_updates.value(), 4);
  const LayerActivity& b = results[0].activity.layers[1];
  EXPECT_EQ(b.synaptic_events.value(), 6);
  EXPECT_EQ(b.synaptic_power.value(), 4);
  EXPECT_EQ(deployment->footprint().layers[1].density, 5.0 / 6);
  // P of output 0 is 1, then .9 + .7 + 1: the mean is 1.8.
  EXPECT_NEAR(scores[0], 1.8, 1e-6);
  EXPECT_NEAR(scores[2], -1.8, 1e-6);
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

}  // namespace
}  // namespace torpor
