#include "server/job/spec_check.h"

#include <cmath>

#include "engine/base/status.h"
#include "engine/families.h"
#include "gmock/gmock.h"
#include "google/protobuf/text_format.h"
#include "gtest/gtest.h"
#include "server/job/train_spec_check.h"
#include "tests/server/job/bad_field.h"

namespace torpor {
namespace {

TEST(SpecCheckTest, EachBadFieldIsNamedWithItsBound) {
  for (const BadField& bad : std::vector<BadField>{
           {"train { dataset: 'd' }", "spec.session", "must be set"},
           {"session: 's'", "spec", "train, evaluate, calibrate, power_sweep"},
           {"session: 's' threads: 257 train { dataset: 'd' }", "spec.threads", "0..256"},
           {"session: 's' threads: -1 train { dataset: 'd' }", "spec.threads", "0..256"},
           {"session: 's' max_attempts: 101 train { dataset: 'd' }", "spec.max_attempts", "0..100"},
           {"session: 's' train { }", "spec.train.dataset", "must be set"},
           {"session: 's' train { dataset: 'd' epochs: 100001 }", "spec.train.epochs", "100000"},
           {"session: 's' train { dataset: 'd' epochs: -1 }", "spec.train.epochs", "100000"},
           {"session: 's' train { dataset: 'd' batch_size: 65537 }", "spec.train.batch_size",
            "65536"},
           {"session: 's' train { dataset: 'd' learning_rate: 0 }", "spec.train.learning_rate",
            "above 0"},
           {"session: 's' train { dataset: 'd' learning_rate: nan }", "spec.train.learning_rate",
            "finite"},
           {"session: 's' train { dataset: 'd' learning_rate: inf }", "spec.train.learning_rate",
            "finite"},
           {"session: 's' train { dataset: 'd' optimizer: SGD momentum: 1 }", "spec.train.momentum",
            "[0, 1)"},
           {"session: 's' train { dataset: 'd' optimizer: SGD momentum: nan }",
            "spec.train.momentum", "[0, 1)"},
           {"session: 's' train { dataset: 'd' momentum: 0.5 }", "spec.train.momentum", "SGD"},
           {"session: 's' train { dataset: 'd' validation_samples: -1 }",
            "spec.train.validation_samples", "negative"},
           {"session: 's' train { dataset: 'd' train_samples: -1 }", "spec.train.train_samples",
            "negative"},
           {"session: 's' train { dataset: 'd' warmup_epochs: 5.5 }", "spec.train.warmup_epochs",
            "0..5"},
           {"session: 's' train { dataset: 'd' epochs: 9 warmup_epochs: 9.5 }",
            "spec.train.warmup_epochs", "0..9"},
           {"session: 's' train { dataset: 'd' warmup_epochs: nan }", "spec.train.warmup_epochs",
            "0..5"},
           {"session: 's' train { dataset: 'd' augmentation { rotation: 181 } }",
            "spec.train.augmentation.rotation", "0..180"},
           {"session: 's' train { dataset: 'd' augmentation { shift: -0.5 } }",
            "spec.train.augmentation.shift", "0..64"},
           {"session: 's' train { dataset: 'd' augmentation { rescale: nan } }",
            "spec.train.augmentation.rescale", "0..0.9"},
           {"session: 's' train { dataset: 'd' epochs: 3 augmentation { plain_epochs: 4 } }",
            "spec.train.augmentation.plain_epochs", "0..3"},
           {"session: 's' evaluate { }", "spec.evaluate.dataset", "must be set"},
           {"session: 's' evaluate { dataset: 'd' samples: -2 }", "spec.evaluate.samples",
            "negative"},
           {"session: 's' calibrate { }", "spec.calibrate.dataset", "must be set"},
           {"session: 's' train { dataset: 'd' schedule: STEPS step_at: [0.5, 0.5] }",
            "spec.train.step_at[1]", "above"},
           {"session: 's' train { dataset: 'd' schedule: STEPS step_factor: 0 }",
            "spec.train.step_factor", "(0, 1]"},
           {"session: 's' train { dataset: 'd' step_at: 0.5 }", "spec.train.step_at", "STEPS"},
           {"session: 's' train { dataset: 'd' optimizer: ADAMAX momentum: 0.5 }",
            "spec.train.momentum", "SGD"},
           {"session: 's' calibrate { dataset: 'd' samples: -2 }", "spec.calibrate.samples",
            "negative"},
           {"session: 's' power_sweep { dataset: 'd' }", "spec.power_sweep.epsilon",
            "axes or modes"},
           {"session: 's' power_sweep { dataset: 'd' epsilon: [1, 0] }",
            "spec.power_sweep.epsilon[1]", "(0, 1]"},
           {"session: 's' power_sweep { dataset: 'd' epsilon: 1.01 }",
            "spec.power_sweep.epsilon[0]", "(0, 1]"},
           {"session: 's' power_sweep { dataset: 'd' epsilon: nan }", "spec.power_sweep.epsilon[0]",
            "(0, 1]"},
           {"session: 's' power_sweep { dataset: 'd' epsilon: 1 bias: UNSPECIFIED }",
            "spec.power_sweep.bias[0]", "NONE, TABLE, HOMOGENEOUS"},
       }) {
    ExpectRefused(SpecOf(bad.spec), bad);
  }
}

TEST(SpecCheckTest, ValuesThisServerDoesNotKnowAreRefused) {
  v1::JobSpec spec = SpecOf("session: 's' train { dataset: 'd' }");
  spec.mutable_train()->set_loss(static_cast<v1::Loss::Kind>(99));
  EXPECT_FALSE(CheckBounds(spec).ok());
  spec = SpecOf("session: 's' train { dataset: 'd' }");
  spec.mutable_train()->set_optimizer(static_cast<v1::Optimizer::Kind>(99));
  EXPECT_FALSE(CheckBounds(spec).ok());
  spec = SpecOf("session: 's' train { dataset: 'd' }");
  spec.mutable_train()->set_schedule(static_cast<v1::Schedule::Kind>(99));
  EXPECT_FALSE(CheckBounds(spec).ok());
  spec = SpecOf("session: 's' evaluate { dataset: 'd' }");
  spec.mutable_evaluate()->set_split(static_cast<v1::Split::Kind>(99));
  EXPECT_FALSE(CheckBounds(spec).ok());
}

TEST(SpecCheckTest, AThousandEpsilonsAreFineAndOneMoreIsNot) {
  v1::JobSpec spec = SpecOf("session: 's' power_sweep { dataset: 'd' }");
  for (int i = 0; i < 1000; ++i) spec.mutable_power_sweep()->add_epsilon(0.5);
  EXPECT_TRUE(CheckBounds(spec).ok());
  spec.mutable_power_sweep()->add_epsilon(0.5);
  EXPECT_FALSE(CheckBounds(spec).ok());
}

TEST(SpecCheckTest, DefaultsAreWrittenOut) {
  v1::JobSpec spec = SpecOf("session: 's' train { dataset: 'd' }");
  FillDefaults(spec);
  EXPECT_GE(spec.threads(), 1);
  EXPECT_EQ(spec.max_attempts(), 3);
  // What a training leaves open is its family's first (FitToSession).
  EXPECT_EQ(spec.train().optimizer(), v1::Optimizer::UNSPECIFIED);
  v1::TrainSpec train;
  FillTrainSettings(train);
  EXPECT_EQ(train.epochs(), 5);
  EXPECT_EQ(train.optimizer(), v1::Optimizer::ADAM);
  EXPECT_FALSE(train.has_learning_rate()) << "the family's business";
  EXPECT_FALSE(train.has_momentum());
  train.set_optimizer(v1::Optimizer::SGD);
  FillTrainSettings(train);
  EXPECT_EQ(train.optimizer(), v1::Optimizer::SGD);
  EXPECT_EQ(train.momentum(), 0.9);
  spec = SpecOf("session: 's' power_sweep { dataset: 'd' epsilon: 1 }");
  FillDefaults(spec);
  EXPECT_EQ(spec.power_sweep().split(), v1::Split::TEST);
  EXPECT_THAT(spec.power_sweep().bias(), testing::ElementsAre(v1::BiasPolicy::NONE));
  spec = SpecOf("session: 's' power_sweep { dataset: 'd' axes { values { steps: 1 } } }");
  FillDefaults(spec);
  EXPECT_TRUE(spec.power_sweep().bias().empty()) << "not every family has biases";
  spec = SpecOf("session: 's' threads: 5 max_attempts: 9 evaluate { dataset: 'd' split: TRAIN }");
  FillDefaults(spec);
  EXPECT_EQ(spec.threads(), 5);
  EXPECT_EQ(spec.max_attempts(), 9);
  EXPECT_EQ(spec.evaluate().split(), v1::Split::TRAIN);
}

// Fits a training of a rate network of 12 values to data of this shape.
absl::Status Fit(const std::string& train, const std::vector<int64_t>& shape) {
  v1::Network network;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(
      "rate { input { shape: 12 } layers { dense { units: 2 } activation: SIGMOID } }", &network));
  const auto model = BuildModel(network, 1);
  EXPECT_TRUE(model.ok()) << model.status();
  SessionSnapshot session;
  session.archive = SerializeModel(**model);
  v1::Dataset dataset;
  dataset.set_name("datasets/d");
  dataset.mutable_sample_shape()->Add(shape.begin(), shape.end());
  dataset.set_classes(2);
  dataset.set_train_samples(100);
  v1::JobSpec spec = SpecOf("session: 's' train { dataset: 'd' " + train + " }");
  EXPECT_TRUE(CheckBounds(spec).ok());
  FillDefaults(spec);
  return FitToSession(spec, session, dataset, BuildModel);
}

TEST(SpecCheckTest, OnlyImagesCanBeChanged) {
  const std::string change = "augmentation { shift: 1 }";
  EXPECT_TRUE(Fit(change, {3, 4}).ok());
  EXPECT_TRUE(Fit(change, {3, 2, 2}).ok());
  EXPECT_TRUE(Fit("augmentation { plain_epochs: 1 }", {12}).ok()) << "nothing is changed";
  const absl::Status refused = Fit(change, {12});
  EXPECT_EQ(refused.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(refused.message()),
              testing::StartsWith("spec.train.augmentation: needs images"));
}

TEST(SpecCheckTest, SettingsOfAnotherFamilyAreRefused) {
  EXPECT_THAT(std::string(Fit("truenorth { averaging: 0.5 }", {12}).message()),
              testing::StartsWith("spec.train.truenorth: "));
}

}  // namespace
}  // namespace torpor
