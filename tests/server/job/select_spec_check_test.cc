#include "server/job/select_spec_check.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "engine/families.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/server/job/bad_field.h"
#include "tests/support/rate_networks.h"
#include "tests/support/status_matchers.h"
#include "tests/support/stdp_networks.h"

namespace torpor {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;
using A = v1::Activation;

// A sound selection with more fields; "candidates" alone where they say so.
v1::JobSpec Spec(const std::string& more,
                 const std::string& candidates = "candidates { name: 'a' }") {
  return SpecOf(absl::StrCat("session: 's' select { dataset: 'd' ", candidates, " ", more, " }"));
}

TEST(SelectSpecCheckTest, EachBadFieldIsNamedWithItsBound) {
  EXPECT_THAT(CheckBounds(Spec("storages { scheme: IN_TRAINING quantization { weight_bits: 8 } }")),
              IsOk());
  for (const BadField& bad : std::vector<BadField>{
           {"validation_samples: -1", "spec.select.validation_samples", "negative"},
           {"candidates { name: 'a' }", "spec.select.candidates[1].name", "unique"},
           {"candidates { name: 'A' }", "spec.select.candidates[1].name", "[a-z][a-z0-9_-]{0,31}"},
           {"candidates { name: 'b' train { epochs: -1 } }",
            "spec.select.candidates[1].train.epochs", "0..100000"},
           {"candidates { name: 'b' train { learning_rate: 0 } }",
            "spec.select.candidates[1].train.learning_rate", "above 0"},
           {"candidates { name: 'b' train { dataset: 'x' } }",
            "spec.select.candidates[1].train.dataset", "of the selection"},
           {"candidates { name: 'b' train { seed: 3 } }", "spec.select.candidates[1].train.seed",
            "spec.select.seeds"},
           {"candidates { name: 'b' train { validation_samples: 3 } }",
            "spec.select.candidates[1].train.validation_samples", "of the selection"},
           {"candidates { name: 'b' train { publish_every: 1 } }",
            "spec.select.candidates[1].train.publish_every", "unset"},
           {"candidates { name: 'b' network { } train { from_session: true } }",
            "spec.select.candidates[1].train.from_session", "network of its own"},
           {"storages { quantization { weight_bits: 8 } }", "spec.select.storages[0].scheme",
            "POST_TRAINING or IN_TRAINING"},
           {"storages { scheme: IN_TRAINING }", "spec.select.storages[0].quantization",
            "weight_bits or neuron_bits"},
           {"storages { scheme: IN_TRAINING quantization { weight_bits: 0 } }",
            "spec.select.storages[0].quantization.weight_bits", "1..32"},
           {"storages { scheme: IN_TRAINING quantization { weight_bits: 33 } }",
            "spec.select.storages[0].quantization.weight_bits", "1..32"},
           {"storages { scheme: IN_TRAINING quantization { neuron_bits: -4 } }",
            "spec.select.storages[0].quantization.neuron_bits", "1..32, got -4"},
           {"storages { scheme: IN_TRAINING quantization { weight_bits: 4 } } "
            "storages { scheme: IN_TRAINING quantization { weight_bits: 4 } }",
            "spec.select.storages[1]", "the same as storages[0]"},
           {"seeds: [1, 2, 1]", "spec.select.seeds[2]", "unique"},
           {"reference: 'b'", "spec.select.reference", "one of a; got \"b\""},
           {"limits { memory_bytes: 0 }", "spec.select.limits.memory_bytes", "above 0"},
           {"limits { joules: -1 }", "spec.select.limits.joules", "above 0"},
           {"limits { joules: inf }", "spec.select.limits.joules", "finite"},
           {"limits { accuracy: 1.5 }", "spec.select.limits.accuracy", "[0, 1]"},
           {"limits { accuracy: nan }", "spec.select.limits.accuracy", "[0, 1]"},
           {"energy_profile { name: 'x' coefficients { name: 'nonsense' } }",
            "spec.select.energy_profile.coefficients[0]", ""},
       }) {
    const absl::Status status = CheckBounds(Spec(bad.spec));
    SCOPED_TRACE(bad.spec);
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << status;
    EXPECT_THAT(std::string(status.message()), StartsWith(bad.path));
    EXPECT_THAT(std::string(status.message()), HasSubstr(bad.bound));
  }
  EXPECT_THAT(CheckBounds(Spec("", "")),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("spec.select.candidates: must be 1..64")));
  v1::JobSpec spec = Spec("");
  spec.mutable_select()->clear_dataset();
  EXPECT_THAT(CheckBounds(spec), StatusIs(absl::StatusCode::kInvalidArgument,
                                          HasSubstr("spec.select.dataset: must be set")));
}

TEST(SelectSpecCheckTest, ThereIsAnEndToHowMuchIsMeasured) {
  v1::JobSpec spec = Spec("");
  for (int bits = 1; bits <= 31; ++bits) {
    v1::SelectSpec::Storage& storage = *spec.mutable_select()->add_storages();
    storage.set_scheme(v1::Scheme::POST_TRAINING);
    storage.mutable_quantization()->set_weight_bits(bits);
  }
  // 32 arms by 128 seeds.
  for (uint64_t seed = 1; seed <= 128; ++seed) spec.mutable_select()->add_seeds(seed);
  EXPECT_THAT(CheckBounds(spec), IsOk());
  spec.mutable_select()->add_seeds(129);
  EXPECT_THAT(CheckBounds(spec),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("at most 4096, is 4128")));
}

TEST(SelectSpecCheckTest, DefaultsAreWrittenOut) {
  v1::JobSpec spec = Spec("");
  FillDefaults(spec);
  EXPECT_EQ(spec.select().validation_samples(), 5000);
  ASSERT_EQ(spec.select().seeds_size(), 1);
  EXPECT_EQ(spec.select().seeds(0), 1u);
  EXPECT_EQ(spec.select().reference(), "a");
  SetDataset(spec, "datasets/x");
  EXPECT_EQ(DatasetOf(spec), "datasets/x");
}

class SelectFitTest : public ::testing::Test {
 protected:
  SelectFitTest() {
    dataset_.set_name("datasets/d");
    dataset_.add_sample_shape(12);
    dataset_.add_sample_shape(12);
    dataset_.set_classes(10);
    dataset_.set_train_samples(6000);
  }
  // As the server takes it: bounds, defaults, then against the session, whose network is of STDP.
  absl::Status Fit(v1::JobSpec& spec) {
    EXPECT_THAT(CheckBounds(spec), IsOk());
    FillDefaults(spec);
    SessionSnapshot session;
    session.archive = SerializeModel(*session_);
    return FitToSession(spec, session, dataset_, BuildModel);
  }
  absl::Status Fit(const std::string& more,
                   const std::string& candidates = "candidates { name: 'a' }") {
    v1::JobSpec spec = Spec(more, candidates);
    return Fit(spec);
  }

  std::unique_ptr<Model> session_ = *BuildModel(testing::SmallStdp(), 1);
  v1::Dataset dataset_;
};

TEST_F(SelectFitTest, CandidatesGetTheDefaultsOfTheirFamily) {
  v1::JobSpec spec =
      Spec("",
           "candidates { name: 'a' } candidates { name: 'b' network { rate { input { shape: "
           "[144] } layers { dense { units: 10 } activation: SIGMOID } } } }");
  EXPECT_THAT(Fit(spec), IsOk());
  EXPECT_EQ(spec.select().candidates(0).train().epochs(), 5);
  EXPECT_EQ(spec.select().candidates(0).train().stdp().rule(), v1::StdpTraining::Rule::WINDOWED);
  EXPECT_EQ(spec.select().candidates(1).train().loss(), v1::Loss::BCE);
}

TEST_F(SelectFitTest, EveryCandidateIsTriedInEveryStorage) {
  EXPECT_THAT(
      Fit("storages { scheme: IN_TRAINING quantization { weight_bits: 8 neuron_bits: 12 } }"),
      IsOk());
  const auto expect = [&](const std::string& more, const std::string& candidates,
                          const std::string& path, const std::string& what) {
    const absl::Status status = Fit(more, candidates);
    SCOPED_TRACE(path);
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << status;
    EXPECT_THAT(std::string(status.message()), StartsWith(absl::StrCat(path, ":")));
    EXPECT_THAT(std::string(status.message()), HasSubstr(what));
  };
  const std::string a = "candidates { name: 'a' } ";
  expect("", a + "candidates { name: 'b' train { stdp { window_steps: 0 } } }",
         "spec.select.candidates[1].train.stdp.window_steps", "at least 1");
  expect("", a + "candidates { name: 'b' train { loss: MSE } }",
         "spec.select.candidates[1].train.loss", "descends no loss");
  expect("",
         a + "candidates { name: 'b' network { stdp { input { shape: [12, 12] } neurons: 0 } } }",
         "spec.select.candidates[1].network.stdp.neurons", "1..65536");
  expect("", a + "candidates { name: 'b' network { stdp { input { shape: [5] } neurons: 4 } } }",
         "spec.select.candidates[1].network", "144 values");
  expect("",
         a + "candidates { name: 'b' network { stdp { input { shape: [144] } neurons: 4 classes: 2 "
             "} } }",
         "spec.select.candidates[1].network", "10 classes");
  expect("", "candidates { name: 'a' train { train_samples: 1001 } }",
         "spec.select.candidates[0].train.train_samples", "at most 1000");
  expect("validation_samples: 6000", a, "spec.select.validation_samples", "at most 5999 of 6000");
  expect("memory_counting { state_words: 17 }", a, "spec.select.memory_counting.state_words",
         "0..16");
  // A family without quantisation says which candidate is in the way.
  expect("storages { scheme: POST_TRAINING quantization { weight_bits: 8 } }",
         a + "candidates { name: 'b' network { rate { input { shape: [144] } layers { dense { "
             "units: 10 } activation: SIGMOID } } } }",
         "spec.select.storages[0]", "candidate b cannot have it");
}

}  // namespace
}  // namespace torpor
