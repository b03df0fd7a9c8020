#include "engine/learn/train_checks.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/bad_fields.h"
#include "tests/support/status_matchers.h"

namespace torpor {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

absl::Status LossStatus(v1::Loss::Kind loss) {
  Violations violations;
  CheckLoss(loss, {v1::Loss::BCE, v1::Loss::CE}, "some.loss", violations);
  return violations.ToStatus();
}

TEST(CheckLossTest, ALossOfAnotherFamilyIsNamedWithTheOwn) {
  TORPOR_EXPECT_OK(LossStatus(v1::Loss::UNSPECIFIED));
  TORPOR_EXPECT_OK(LossStatus(v1::Loss::BCE));
  TORPOR_EXPECT_OK(LossStatus(v1::Loss::CE));
  const absl::Status refused = LossStatus(v1::Loss::VAN_ROSSUM);
  EXPECT_THAT(testing::FieldsOf(refused), ElementsAre("some.loss"));
  EXPECT_THAT(refused, StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("VAN_ROSSUM")));
  EXPECT_THAT(refused, StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("one of BCE, CE ")));
  EXPECT_THAT(LossStatus(static_cast<v1::Loss::Kind>(99)),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("got 99")));
}

TEST(CheckOptimizerTest, AnOptimiserOfAnotherFamilyIsNamedWithTheOwn) {
  const auto status = [](v1::Optimizer::Kind optimizer) {
    Violations violations;
    CheckOptimizer(optimizer, {v1::Optimizer::ADAM}, "optimizer", violations);
    return violations.ToStatus();
  };
  TORPOR_EXPECT_OK(status(v1::Optimizer::UNSPECIFIED));
  TORPOR_EXPECT_OK(status(v1::Optimizer::ADAM));
  EXPECT_THAT(testing::DescriptionOf(status(v1::Optimizer::ADAMAX), "optimizer"),
              "must be ADAM for a network of this family, got ADAMAX");
}

TEST(CheckFamilySettingsTest, SettingsOfOtherFamiliesAreNamed) {
  v1::TrainSpec spec;
  const auto fields = [&spec](v1::Network::FamilyCase own) {
    Violations violations;
    CheckFamilySettings(spec, own, violations);
    return testing::FieldsOf(violations.ToStatus());
  };
  EXPECT_THAT(fields(v1::Network::kRate), IsEmpty());
  spec.mutable_truenorth();
  spec.mutable_stdp();
  spec.mutable_lif();
  EXPECT_THAT(fields(v1::Network::kRate), ElementsAre("truenorth", "stdp", "lif"));
  EXPECT_THAT(fields(v1::Network::kTruenorth), ElementsAre("stdp", "lif"));
  EXPECT_THAT(fields(v1::Network::kStdp), ElementsAre("truenorth", "lif"));
  EXPECT_THAT(fields(v1::Network::kLif), ElementsAre("truenorth", "stdp"));
}

}  // namespace
}  // namespace torpor
