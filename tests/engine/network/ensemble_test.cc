#include "engine/network/ensemble.h"

#include <cmath>
#include <memory>
#include <vector>

#include "engine/families.h"
#include "engine/learn/metrics.h"
#include "gmock/gmock.h"
#include "google/protobuf/text_format.h"
#include "gtest/gtest.h"
#include "tests/support/core_grids.h"

namespace torpor {
namespace {

using ::testing::HasSubstr;

v1::Network Text(const std::string& text) {
  v1::Network network;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &network));
  return network;
}

std::string Rate(int inputs, int hidden, int classes) {
  return "rate { input { shape: " + std::to_string(inputs) +
         " } layers { name: 'hidden' dense { units: " + std::to_string(hidden) +
         " } activation: RELU } layers { name: 'out' dense { units: " + std::to_string(classes) +
         " } activation: SIGMOID } }";
}

std::unique_ptr<Model> Member(int hidden, uint64_t seed) {
  return *BuildModel(Text(Rate(6, hidden, 3)), seed);
}

std::unique_ptr<Model> Three() {
  std::vector<std::unique_ptr<Model>> members;
  for (int m = 0; m < 3; ++m) members.push_back(Member(4 + m, 10 + m));
  return *EnsembleModel::Join(std::move(members), "three");
}

struct Ran {
  std::vector<float> scores;
  Activity activity;
};

Ran RunOne(const Deployment& deployment, const std::vector<float>& input, Recorder* recorder) {
  Ran ran;
  ran.scores.resize(3);
  const SampleTask task{{input}, {7}};
  SampleResult result;
  result.scores = ran.scores;
  result.recorder = recorder;
  EXPECT_TRUE(deployment.Run({&task, 1}, {&result, 1}, Cancellation()).ok());
  ran.activity = result.activity;
  return ran;
}

const std::vector<float> kInput = {0.1f, 0.9f, 0.0f, 0.4f, 1.0f, 0.3f};

TEST(EnsembleTest, AddsTheScoresOfItsMembers) {
  const auto ensemble = Three();
  const auto whole = *ensemble->Deploy({}, {});
  const Ran ran = RunOne(*whole, kInput, nullptr);
  std::vector<double> sums(3, 0);
  double power = 0;
  for (int m = 0; m < 3; ++m) {
    const auto member = *Member(4 + m, 10 + m)->Deploy({}, {});
    const Ran own = RunOne(*member, kInput, nullptr);
    for (int c = 0; c < 3; ++c) sums[c] += own.scores[c];
    power += own.activity.Total(&LayerActivity::synaptic_power).value();
  }
  for (int c = 0; c < 3; ++c) EXPECT_EQ(ran.scores[c], static_cast<float>(sums[c]));
  EXPECT_NEAR(ran.activity.Total(&LayerActivity::synaptic_power).value(), power, 1e-12 * power);
  // Probabilities are those of the mean score.
  std::vector<double> outputs(3);
  Outputs(whole->read_out(), ran.scores, outputs);
  EXPECT_NEAR(outputs[0], 1 / (1 + std::exp(-sums[0] / 3)), 1e-6);
}

TEST(EnsembleTest, CopiesSwitchesTheLastMembersOff) {
  const auto ensemble = Three();
  v1::PowerMode mode;
  mode.set_copies(1);
  const auto one = *ensemble->Deploy(mode, {});
  const Ran ran = RunOne(*one, kInput, nullptr);
  const Ran own = RunOne(**Member(4, 10)->Deploy({}, {}), kInput, nullptr);
  EXPECT_EQ(ran.scores, own.scores);
  ASSERT_EQ(ran.activity.layers.size(), 6u);
  EXPECT_EQ(ran.activity.layers[2].synaptic_power.value(), 0);
  EXPECT_EQ(ran.activity.layers[5].synaptic_events.value(), 0);
  EXPECT_EQ(one->mode().copies(), 1);
  EXPECT_EQ(one->footprint().layers.size(), 6u);
  EXPECT_EQ(one->footprint().layers[3].name, "1/out");
}

TEST(EnsembleTest, NominalPowerIsTheMembersSum) {
  const auto ensemble = Three();
  const auto whole = *ensemble->Deploy({}, {});
  Recorder recorder;
  RunOne(*whole, kInput, &recorder);
  RunOne(*whole, kInput, &recorder);
  EXPECT_EQ(recorder.samples, 2);
  double wanted = 0;
  for (int m = 0; m < 3; ++m) {
    const auto member = *Member(4 + m, 10 + m)->Deploy({}, {});
    Recorder own;
    RunOne(*member, kInput, &own);
    wanted += member->NominalSynapticPower(own);
  }
  EXPECT_NEAR(whole->NominalSynapticPower(recorder), wanted, 1e-9 * wanted);
}

TEST(EnsembleTest, LeversAreTheMembersAndCopies) {
  const auto ensemble = Three();
  std::vector<std::string> names;
  for (const v1::Lever& lever : ensemble->levers().all()) names.push_back(lever.name());
  EXPECT_THAT(names, ::testing::Contains("epsilon"));
  EXPECT_EQ(names.back(), "copies");
  v1::PowerMode mode;
  mode.set_copies(4);
  const absl::Status refused = ensemble->Deploy(mode, {}).status();
  EXPECT_TRUE(absl::IsInvalidArgument(refused));
  EXPECT_THAT(std::string(refused.message()), HasSubstr("[1, 3]"));
  v1::PowerMode layer;
  (*layer.mutable_layer_epsilon())["hidden"] = 0.5;
  EXPECT_TRUE(absl::IsInvalidArgument(ensemble->Deploy(layer, {}).status()));
}

TEST(EnsembleTest, ComesBackFromItsArchive) {
  const auto ensemble = Three();
  const std::string archive = SerializeModel(*ensemble);
  const auto back = ParseModel(archive, BuildModel);
  ASSERT_TRUE(back.ok()) << back.status();
  EXPECT_EQ(SerializeModel(**back), archive);
  EXPECT_EQ(RunOne(**(*back)->Deploy({}, {}), kInput, nullptr).scores,
            RunOne(**ensemble->Deploy({}, {}), kInput, nullptr).scores);
}

TEST(EnsembleTest, RefusesMembersThatDoNotFit) {
  std::vector<std::unique_ptr<Model>> members;
  members.push_back(*BuildModel(Text(Rate(6, 4, 3)), 1));
  members.push_back(*BuildModel(Text(Rate(6, 4, 5)), 1));
  members.push_back(*BuildModel(Text(Rate(7, 4, 3)), 1));
  const absl::Status refused = EnsembleModel::Join(std::move(members), "").status();
  EXPECT_TRUE(absl::IsInvalidArgument(refused));
  EXPECT_THAT(std::string(refused.message()), HasSubstr("members[1]: has 5 classes"));
  members.clear();
  members.push_back(*BuildModel(Text(Rate(6, 4, 3)), 1));
  members.push_back(*BuildModel(Text(Rate(7, 4, 3)), 1));
  EXPECT_THAT(std::string(EnsembleModel::Join(std::move(members), "").status().message()),
              HasSubstr("members[1]: takes 7 values"));
  EXPECT_TRUE(absl::IsInvalidArgument(EnsembleModel::Join({}, "").status()));
  std::vector<std::unique_ptr<Model>> nested;
  nested.push_back(Three());
  EXPECT_TRUE(absl::IsInvalidArgument(EnsembleModel::Join(std::move(nested), "").status()));
  const absl::Status inside = BuildModel(Text("ensemble { members { rate { } } }"), 1).status();
  EXPECT_THAT(std::string(inside.message()), HasSubstr("ensemble.members[0]"));
}

TEST(EnsembleTest, ReadsBytesWhereItsMembersDo) {
  std::vector<std::unique_ptr<Model>> grids;
  for (int m = 0; m < 2; ++m) grids.push_back(*BuildModel(testing::TinyGrid(), 20 + m));
  const auto whole = *EnsembleModel::Join(std::move(grids), "");
  EXPECT_THAT(whole->sample_shape(), ::testing::ElementsAre(6, 6));
  const auto deployment = *whole->Deploy({}, {});
  ASSERT_TRUE(deployment->reads_bytes());
  EXPECT_GE(deployment->block_samples(), 1);
  std::vector<uint8_t> bytes(36);
  for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<uint8_t>(7 * i);
  std::vector<float> values;
  for (const uint8_t byte : bytes) values.push_back(static_cast<float>(byte) / 255.0f);
  std::vector<float> scores(3);
  const SampleTask task{{{}, bytes}, {7}};
  SampleResult result;
  result.scores = scores;
  ASSERT_TRUE(deployment->Run({&task, 1}, {&result, 1}, Cancellation()).ok());
  EXPECT_EQ(scores, RunOne(*deployment, values, nullptr).scores);

  std::vector<std::unique_ptr<Model>> mixed;
  mixed.push_back(*BuildModel(testing::TinyGrid(), 20));
  mixed.push_back(*BuildModel(Text(Rate(36, 4, 3)), 1));
  const auto both = EnsembleModel::Join(std::move(mixed), "");
  ASSERT_TRUE(both.ok()) << both.status();
  EXPECT_FALSE((*(*both)->Deploy({}, {}))->reads_bytes());
}

TEST(EnsembleTest, IsNotTrained) {
  const auto trainer = Three()->NewTrainer({}, nullptr);
  EXPECT_TRUE(absl::IsFailedPrecondition(trainer.status()));
}

}  // namespace
}  // namespace torpor
