#include "engine/job/select_arms.h"

#include "gmock/gmock.h"
#include "google/protobuf/text_format.h"
#include "gtest/gtest.h"

namespace torpor {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

v1::SelectSpec SpecOf(const std::string& text) {
  v1::SelectSpec spec;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &spec)) << text;
  return spec;
}

v1::SelectArm ArmOf(const std::string& text) {
  v1::SelectArm arm;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &arm)) << text;
  return arm;
}

constexpr char kTwoByThree[] = R"(
  candidates { name: "a" } candidates { name: "b" }
  storages { scheme: POST_TRAINING quantization { weight_bits: 8 } }
  storages { scheme: IN_TRAINING quantization { weight_bits: 8 } }
  storages { scheme: POST_TRAINING quantization { weight_bits: 4 } } )";

TEST(SelectArmsTest, EachCandidateComesFirstAsItIsAndThenInEveryStorage) {
  const std::vector<ArmOrigin> arms = ArmsOf(SpecOf(kTwoByThree));
  std::vector<std::pair<int, int>> pairs;
  for (const ArmOrigin& arm : arms) pairs.emplace_back(arm.candidate, arm.storage);
  using P = std::pair<int, int>;
  EXPECT_THAT(
      pairs, ElementsAre(P(0, -1), P(0, 0), P(0, 1), P(0, 2), P(1, -1), P(1, 0), P(1, 1), P(1, 2)));
}

TEST(SelectArmsTest, OneTrainingServesAllThatIsQuantisedAfterIt) {
  const std::vector<TrainingGroup> groups = TrainingsOf(SpecOf(kTwoByThree));
  ASSERT_EQ(groups.size(), 4u);
  EXPECT_THAT(groups[0].arms, ElementsAre(0, 1, 3));
  EXPECT_THAT(groups[1].arms, ElementsAre(4, 5, 7));
  EXPECT_THAT(groups[2].arms, ElementsAre(2));
  EXPECT_EQ(groups[2].storage, 1);
  EXPECT_THAT(groups[3].arms, ElementsAre(6));
  EXPECT_EQ(groups[3].candidate, 1);
}

TEST(SelectArmsTest, RungsAreAtEndsOfBatches) {
  // Epochs of 250 samples: batches end at 100, 200, 250, 350, ...
  EXPECT_EQ(BatchEnd(0, 250, 100), 0);
  EXPECT_EQ(BatchEnd(1, 250, 100), 100);
  EXPECT_EQ(BatchEnd(100, 250, 100), 100);
  EXPECT_EQ(BatchEnd(201, 250, 100), 250);
  EXPECT_EQ(BatchEnd(250, 250, 100), 250);
  EXPECT_EQ(BatchEnd(251, 250, 100), 350);
}

TEST(SelectArmsTest, FiguresAreMeansWithStudentsIntervalOrWilsons) {
  v1::SelectArm arm = ArmOf(R"(
    measurements { seed: 1 accuracy: 0.8 samples: 100 joules: 2 }
    measurements { seed: 2 accuracy: 0.9 samples: 100 joules: 4 } )");
  SetFigures(arm);
  EXPECT_DOUBLE_EQ(arm.accuracy(), 0.85);
  // t(0.975, 1) = 12.706 times 0.0707 / sqrt(2) = 0.635: beyond what a share can be.
  EXPECT_NEAR(arm.accuracy_low(), 0.85 - 0.6353, 1e-4);
  EXPECT_EQ(arm.accuracy_high(), 1);
  EXPECT_EQ(arm.joules(), 3);

  arm = ArmOf("measurements { accuracy: 0.8 samples: 100 }");
  SetFigures(arm);
  // Wilson, 80 of 100.
  EXPECT_NEAR(arm.accuracy_low(), 0.7112, 1e-4);
  EXPECT_NEAR(arm.accuracy_high(), 0.8666, 1e-4);
  EXPECT_FALSE(arm.has_joules());
}

TEST(SelectArmsTest, RungsPoolTheSeedsAndNeedThemAll) {
  const v1::SelectArm arm = ArmOf(R"(
    memory_bytes: 7
    measurements { seed: 1 accuracy: 0.5 samples: 10 joules: 1.00 trained_samples: 100 }
    measurements { seed: 2 accuracy: 0.7 samples: 10 joules: 1.02 trained_samples: 100 }
    measurements { seed: 1 accuracy: 0.9 samples: 50 joules: 9 trained_samples: 600 } )");
  const Arm two = StoppingArm(arm, 2, /*exact_energy=*/true);
  EXPECT_EQ(two.memory, 7);
  ASSERT_EQ(two.rungs.size(), 1u);
  EXPECT_EQ(two.rungs[0].samples, 100);
  EXPECT_EQ(two.rungs[0].correct, 12);
  EXPECT_EQ(two.rungs[0].tested, 20);
  EXPECT_DOUBLE_EQ(*two.energy, 1.01);
  const Arm one = StoppingArm(arm, 1, true);
  ASSERT_EQ(one.rungs.size(), 2u);
  EXPECT_EQ(one.rungs[1].samples, 600);
  // A few spikes less are no advantage, unless energy is limited.
  v1::SelectArm silent = arm;
  silent.mutable_measurements(0)->set_joules(0.99);
  EXPECT_EQ(StoppingArm(silent, 2, false).energy, StoppingArm(arm, 2, false).energy);
  EXPECT_LT(StoppingArm(silent, 2, true).energy, StoppingArm(arm, 2, true).energy);
}

TEST(SelectArmsTest, MarginsShrinkAsTheTrainingGoesOn) {
  EXPECT_DOUBLE_EQ(StoppingMargin(1.0 / 3), 0.4);
  EXPECT_DOUBLE_EQ(StoppingMargin(2.0 / 3), 0.2);
}

// Accuracy and bytes of four arms: R(mu) = accuracy - mu * bytes / 1000.
std::vector<v1::SelectArm> FourArms() {
  return {ArmOf("candidate: 'a' accuracy: 0.92 memory_bytes: 1000 joules: 4 measurements {}"),
          ArmOf("candidate: 'a' storage { scheme: POST_TRAINING quantization { weight_bits: 8 "
                "rounding: NEAREST } } accuracy: 0.90 memory_bytes: 250 joules: 2 "
                "measurements {}"),
          ArmOf("candidate: 'a' storage { scheme: IN_TRAINING quantization { weight_bits: 8 } } "
                "accuracy: 0.80 memory_bytes: 250 joules: 2 measurements {}"),
          ArmOf("candidate: 'a' storage { scheme: POST_TRAINING quantization { weight_bits: 4 } } "
                "accuracy: 0.85 memory_bytes: 125 measurements {}")};
}

constexpr char kFour[] = R"(
  candidates { name: "a" }
  storages { scheme: POST_TRAINING quantization { weight_bits: 8 rounding: NEAREST } }
  storages { scheme: IN_TRAINING quantization { weight_bits: 8 } }
  storages { scheme: POST_TRAINING quantization { weight_bits: 4 } } )";

TEST(SelectArmsTest, TheTableAgreesWithFiguresByHand) {
  std::vector<v1::SelectArm> arms = FourArms();
  EXPECT_EQ(CompareArms(SpecOf(kFour), arms), "");
  EXPECT_TRUE(arms[0].pareto() && arms[1].pareto() && arms[3].pareto());
  EXPECT_FALSE(arms[2].pareto());
  // Lines cross at (0.92 - 0.90) / 0.75 and (0.90 - 0.85) / 0.125.
  EXPECT_EQ(arms[0].mu_low(), 0);
  EXPECT_NEAR(arms[0].mu_high(), 0.02 / 0.75, 1e-12);
  EXPECT_NEAR(arms[1].mu_low(), 0.02 / 0.75, 1e-12);
  EXPECT_NEAR(arms[1].mu_high(), 0.4, 1e-12);
  EXPECT_FALSE(arms[2].has_mu_low());
  EXPECT_NEAR(arms[3].mu_low(), 0.4, 1e-12);
  EXPECT_FALSE(arms[3].has_mu_high());
  EXPECT_TRUE(arms[0].chosen());  // without limits the most accurate
}

TEST(SelectArmsTest, LimitsChooseAndSayHowTheyWereMet) {
  v1::SelectSpec spec = SpecOf(kFour);
  spec.mutable_limits()->set_memory_bytes(300);
  std::vector<v1::SelectArm> arms = FourArms();
  EXPECT_THAT(CompareArms(spec, arms),
              HasSubstr("All limits are met; the most accurate arm within them is a, 8-bit "
                        "weights, nearest, post-training."));
  EXPECT_TRUE(arms[1].chosen());

  // None: 4 bits miss accuracy by 0.07 of 0.92 alone, 8 bits memory by 50 of 200 and 0.02 of 0.92.
  spec.mutable_limits()->set_memory_bytes(200);
  spec.mutable_limits()->set_accuracy(0.92);
  arms = FourArms();
  EXPECT_EQ(CompareArms(spec, arms),
            "No arm meets all limits; the nearest is a, 4-bit weights, post-training: its accuracy "
            "is 7.00 points below 92.00 %.");
  EXPECT_TRUE(arms[3].chosen());

  // Unknown energy meets no limit, however small the network.
  spec = SpecOf(kFour);
  spec.mutable_limits()->set_joules(1);
  arms = FourArms();
  EXPECT_THAT(CompareArms(spec, arms), HasSubstr("its energy is 1000 mJ above 1000 mJ"));
  EXPECT_TRUE(arms[1].chosen());
}

TEST(SelectArmsTest, UnfinishedArmsTakeNoPart) {
  std::vector<v1::SelectArm> arms = FourArms();
  arms[0].mutable_error()->set_code(10);
  CompareArms(SpecOf(kFour), arms);
  EXPECT_FALSE(arms[0].pareto() || arms[0].has_mu_low() || arms[0].chosen());
  EXPECT_TRUE(arms[1].chosen());
  EXPECT_EQ(arms[1].mu_low(), 0);
}

}  // namespace
}  // namespace torpor
