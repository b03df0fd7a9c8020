#include "server/job/tune_spec_check.h"

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "google/protobuf/text_format.h"
#include "gtest/gtest.h"
#include "server/job/spec_check.h"
#include "tests/support/rate_networks.h"
#include "tests/support/status_matchers.h"

namespace torpor {
namespace {

using ::testing::HasSubstr;
using A = v1::Activation;

v1::JobSpec Spec(const std::string& tune) {
  v1::JobSpec spec;
  const std::string text = "session: 's' tune { dataset: 'd' " + tune + " }";
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &spec)) << text;
  return spec;
}

TEST(TuneSpecCheckTest, EachBadFieldIsNamedWithItsBound) {
  struct Case {
    const char* tune;
    const char* path;
    const char* bound;
  };
  for (const Case& c : std::vector<Case>{
           {"epsilon: [0.5, 0]", "spec.tune.epsilon[1]", "(0, 1]"},
           {"epsilon: 1.01", "spec.tune.epsilon[0]", "(0, 1]"},
           {"epsilon: nan", "spec.tune.epsilon[0]", "(0, 1]"},
           {"layer_epsilon { key: 'out' value: -1 }", "spec.tune.layer_epsilon[out]", "(0, 1]"},
           {"start: TUNED", "spec.tune.start", "NONE, TABLE, HOMOGENEOUS, EMPIRICAL, MATCHED"},
           {"epochs: 1001", "spec.tune.epochs", "1..1000"},
           {"epochs: -1", "spec.tune.epochs", "1..1000"},
           {"batch_size: 65537", "spec.tune.batch_size", "1..65536"},
           {"learning_rate: 0", "spec.tune.learning_rate", "above 0"},
           {"learning_rate: inf", "spec.tune.learning_rate", "finite"},
           {"samples: -1", "spec.tune.samples", "negative"},
           {"method: NEWTON epochs: 3", "spec.tune.epochs", "ADAM alone"},
           {"method: NEWTON learning_rate: 0.1", "spec.tune.learning_rate", "ADAM alone"},
           {"method: NEWTON batch_size: 8", "spec.tune.batch_size", "ADAM alone"},
       }) {
    SCOPED_TRACE(c.tune);
    const absl::Status status = CheckBounds(Spec(c.tune));
    EXPECT_THAT(status, StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(c.bound)));
    EXPECT_THAT(std::string(status.message()), ::testing::StartsWith(absl::StrCat(c.path, ":")));
  }
  v1::JobSpec spec = Spec("");
  spec.mutable_tune()->clear_dataset();
  EXPECT_THAT(CheckBounds(spec), StatusIs(absl::StatusCode::kInvalidArgument,
                                          HasSubstr("spec.tune.dataset: must be set")));
  spec = Spec("");
  spec.mutable_tune()->set_loss(static_cast<v1::Loss::Kind>(99));
  EXPECT_FALSE(CheckBounds(spec).ok());
  spec.mutable_tune()->set_loss(v1::Loss::SPIKE_COUNT);
  EXPECT_THAT(CheckBounds(spec),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("one of BCE, MSE, CE")));
  spec = Spec("");
  spec.mutable_tune()->set_method(static_cast<v1::TuneSpec::Method::Kind>(99));
  EXPECT_FALSE(CheckBounds(spec).ok());
  spec = Spec("");
  for (int i = 0; i < 1000; ++i) spec.mutable_tune()->add_epsilon(0.5);
  EXPECT_THAT(CheckBounds(spec), IsOk());
  spec.mutable_tune()->add_epsilon(0.5);
  EXPECT_FALSE(CheckBounds(spec).ok());
}

TEST(TuneSpecCheckTest, DefaultsAreWrittenOutWhereTheyCount) {
  v1::JobSpec spec = Spec("");
  FillDefaults(spec);
  EXPECT_EQ(spec.tune().start(), v1::BiasPolicy::NONE);
  EXPECT_EQ(spec.tune().method(), v1::TuneSpec::Method::ADAM);
  EXPECT_EQ(spec.tune().epochs(), 3);
  EXPECT_EQ(spec.tune().learning_rate(), 1e-2);
  EXPECT_EQ(spec.tune().batch_size(), 128);
  spec = Spec("method: NEWTON");
  FillDefaults(spec);
  EXPECT_EQ(spec.tune().epochs(), 0);
  EXPECT_FALSE(spec.tune().has_learning_rate());
  EXPECT_THAT(CheckBounds(spec), IsOk());
  SetDataset(spec, "datasets/x");
  EXPECT_EQ(DatasetOf(spec), "datasets/x");
}

TEST(TuneSpecCheckTest, TheModelIsAsked) {
  const auto deep = testing::ModelOf(144, {{8, A::RELU}, {10, A::SIGMOID}});
  v1::PowerMode session;
  session.set_epsilon(0.5);
  const auto check = [&](const std::string& tune) {
    v1::JobSpec spec = Spec(tune);
    FillDefaults(spec);
    return CheckTuneAgainst(spec.tune(), session, *deep);
  };
  EXPECT_THAT(check(""), IsOk());
  EXPECT_THAT(check("start: HOMOGENEOUS epsilon: 0.1"), IsOk());
  EXPECT_THAT(check("method: NEWTON"),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("spec.tune.method: NEWTON")));
  const absl::Status layer = check("layer_epsilon { key: 'hidden' value: 0.5 }");
  EXPECT_THAT(layer, StatusIs(absl::StatusCode::kInvalidArgument,
                              HasSubstr("spec.tune.layer_epsilon[hidden]")));
  EXPECT_EQ(ReasonOf(check("start: TABLE")), "CALIBRATION_REQUIRED");
  // The session's own layers count where the specification has no epsilon.
  (*session.mutable_layer_epsilon())["elsewhere"] = 0.5;
  EXPECT_FALSE(check("").ok());
  EXPECT_THAT(check("epsilon: 0.5"), IsOk());
}

}  // namespace
}  // namespace torpor
