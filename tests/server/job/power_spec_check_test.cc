#include "server/job/power_spec_check.h"

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "google/protobuf/text_format.h"
#include "gtest/gtest.h"
#include "server/job/spec_check.h"

namespace torpor {
namespace {

v1::JobSpec Spec(const std::string& text) {
  v1::JobSpec spec;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString("session: 's' " + text, &spec)) << text;
  return spec;
}

TEST(PowerSpecCheckTest, EachBadFieldIsNamedWithItsBound) {
  struct Case {
    const char* spec;
    const char* path;
    const char* bound;
  };
  for (const Case& c : std::vector<Case>{
           {"evaluate { dataset: 'd' noise { levels: [0.01, -0.01] } }",
            "spec.evaluate.noise.levels[1]", "(0, 10]"},
           {"evaluate { dataset: 'd' noise { levels: nan } }", "spec.evaluate.noise.levels[0]",
            "(0, 10]"},
           {"evaluate { dataset: 'd' noise { seeds: 1001 } }", "spec.evaluate.noise.seeds",
            "0..1000"},
           {"power_sweep { dataset: 'd' epsilon: 1 noise { levels: 11 } }",
            "spec.power_sweep.noise.levels[0]", "(0, 10]"},
           {"power_sweep { dataset: 'd' epsilon: 1 noise { levels: 1 without: true } }",
            "spec.power_sweep.noise.levels", "without"},
           {"power_sweep { dataset: 'd' modes { } epsilon_layers: 'hidden' }",
            "spec.power_sweep.epsilon", "for the layers of epsilon_layers"},
           {"power_sweep { dataset: 'd' epsilon: 1 samples: -1 }", "spec.power_sweep.samples",
            "negative"},
           {"evaluate { dataset: 'd' energy_profile { name: 'mine' coefficients { name: "
            "'core_tick' "
            "value: 1 unit: 'nJ' source: 's' kind: ASSUMED } } }",
            "spec.evaluate.energy_profile.coefficients[0].unit", "must be 'J' for core_tick"},
           {"power_sweep { dataset: 'd' epsilon: 1 energy_profile { name: 'mine' } }",
            "spec.power_sweep.energy_profile.coefficients", "at least one"},
           {"power_search { nasp: 0.5 }", "spec.power_search.dataset", "must be set"},
           {"power_search { dataset: 'd' }", "spec.power_search.nasp", "(0, 1]"},
           {"power_search { dataset: 'd' nasp: 1.0001 }", "spec.power_search.nasp", "(0, 1]"},
           {"power_search { dataset: 'd' nasp: -0.1 }", "spec.power_search.nasp", "(0, 1]"},
           {"power_search { dataset: 'd' nasp: nan }", "spec.power_search.nasp", "(0, 1]"},
           {"power_search { dataset: 'd' nasp: 0.5 split: TEST }", "spec.power_search.split",
            "training data"},
           {"power_search { dataset: 'd' nasp: 0.5 noise { levels: inf } }",
            "spec.power_search.noise.levels[0]", "(0, 10]"},
           {"power_search { dataset: 'd' nasp: 0.5 samples: -1 }", "spec.power_search.samples",
            "negative"},
       }) {
    SCOPED_TRACE(c.spec);
    const absl::Status status = CheckBounds(Spec(c.spec));
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(status.message()), testing::StartsWith(absl::StrCat(c.path, ":")));
    EXPECT_THAT(std::string(status.message()), testing::HasSubstr(c.bound));
  }
}

TEST(PowerSpecCheckTest, GoodSpecificationsPass) {
  for (const char* spec :
       {"evaluate { dataset: 'd' split: VALIDATION noise { without: true } }",
        "power_sweep { dataset: 'd' modes { epsilon: 0.5 } }",
        "power_sweep { dataset: 'd' epsilon: 0.5 epsilon_layers: 'hidden' bias: MATCHED }",
        "power_search { dataset: 'd' nasp: 1 }",
        "power_search { dataset: 'd' nasp: 0.001 split: TRAIN noise { levels: 10 seeds: 1000 } "
        "}"}) {
    EXPECT_TRUE(CheckBounds(Spec(spec)).ok()) << spec << CheckBounds(Spec(spec));
  }
}

TEST(PowerSpecCheckTest, DefaultsAreWrittenOut) {
  v1::JobSpec spec = Spec("power_search { dataset: 'd' nasp: 0.5 }");
  FillDefaults(spec);
  EXPECT_EQ(spec.power_search().split(), v1::Split::VALIDATION);
  // Which levels are usual is the family's business.
  EXPECT_TRUE(spec.power_search().noise().levels().empty());
  EXPECT_EQ(spec.power_search().noise().seeds(), 5);
  spec = Spec("evaluate { dataset: 'd' noise { without: true } }");
  FillDefaults(spec);
  EXPECT_TRUE(spec.evaluate().noise().levels().empty());
  spec = Spec("power_sweep { dataset: 'd' epsilon: 0.5 base { bias: TABLE } noise { seeds: 2 } }");
  FillDefaults(spec);
  EXPECT_THAT(spec.power_sweep().bias(), testing::ElementsAre(v1::BiasPolicy::TABLE));
  EXPECT_EQ(spec.power_sweep().noise().seeds(), 2);
  spec = Spec("power_sweep { dataset: 'd' modes { epsilon: 0.5 } }");
  FillDefaults(spec);
  EXPECT_TRUE(spec.power_sweep().bias().empty());
}

}  // namespace
}  // namespace torpor
