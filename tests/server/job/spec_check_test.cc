#include "server/job/spec_check.h"

#include <cmath>

#include "engine/base/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
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
           {"session: 's' evaluate { }", "spec.evaluate.dataset", "must be set"},
           {"session: 's' evaluate { dataset: 'd' samples: -2 }", "spec.evaluate.samples",
            "negative"},
           {"session: 's' calibrate { }", "spec.calibrate.dataset", "must be set"},
           {"session: 's' calibrate { dataset: 'd' samples: -2 }", "spec.calibrate.samples",
            "negative"},
           {"session: 's' power_sweep { dataset: 'd' }", "spec.power_sweep.epsilon",
            "1..1000 values"},
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
  EXPECT_EQ(spec.train().epochs(), 5);
  EXPECT_EQ(spec.train().loss(), v1::Loss::BCE);
  EXPECT_EQ(spec.train().optimizer(), v1::Optimizer::ADAM);
  EXPECT_EQ(spec.train().learning_rate(), 1e-3);
  EXPECT_EQ(spec.train().batch_size(), 128);
  EXPECT_FALSE(spec.train().has_momentum());
  spec = SpecOf("session: 's' train { dataset: 'd' optimizer: SGD }");
  FillDefaults(spec);
  EXPECT_EQ(spec.train().momentum(), 0.9);
  spec = SpecOf("session: 's' power_sweep { dataset: 'd' epsilon: 1 }");
  FillDefaults(spec);
  EXPECT_EQ(spec.power_sweep().split(), v1::Split::TEST);
  EXPECT_THAT(spec.power_sweep().bias(), testing::ElementsAre(v1::BiasPolicy::NONE));
  spec = SpecOf("session: 's' threads: 5 max_attempts: 9 evaluate { dataset: 'd' split: TRAIN }");
  FillDefaults(spec);
  EXPECT_EQ(spec.threads(), 5);
  EXPECT_EQ(spec.max_attempts(), 9);
  EXPECT_EQ(spec.evaluate().split(), v1::Split::TRAIN);
}

}  // namespace
}  // namespace torpor
