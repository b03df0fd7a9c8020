#include "engine/stdp/plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <string>

#include "absl/strings/str_cat.h"
#include "tests/support/bad_fields.h"
#include "tests/support/status_matchers.h"
#include "tests/support/stdp_networks.h"

namespace torpor {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using testing::StdpNetwork;

StdpPlan Planned(const std::string& text) {
  const auto plan = PlanStdp(StdpNetwork(text).stdp());
  EXPECT_TRUE(plan.ok()) << plan.status();
  return *plan;
}

TEST(StdpPlanTest, DefaultsAreThoseOfTheNotes) {
  const StdpPlan plan = Planned("input { shape: [28, 28] } neurons: 400");
  const StdpParameters& p = plan.parameters;
  EXPECT_EQ(p.inputs, 784);
  EXPECT_EQ(p.neurons, 400);
  EXPECT_EQ(p.steps, 250);
  EXPECT_FLOAT_EQ(p.decay, std::exp(-1.0f / 100));
  EXPECT_EQ(p.reset, 5);
  EXPECT_EQ(p.threshold, 13);
  EXPECT_EQ(p.refractory, 5);
  EXPECT_FLOAT_EQ(p.theta_plus, 0.1f);
  EXPECT_EQ(p.theta_decay, static_cast<float>(std::exp(-250e-7)));
  EXPECT_EQ(p.inhibition, 500);
  EXPECT_TRUE(p.one_winner);
  EXPECT_FALSE(p.inhibitory.has_value());
  EXPECT_FLOAT_EQ(p.spike_chance, 0.128f);
  EXPECT_EQ(plan.classes, 10);
  EXPECT_EQ(plan.read_out, v1::StdpReadOut::ACTIVITY);
}

TEST(StdpPlanTest, InhibitoryLayerHasItsOwnNeurons) {
  const StdpPlan plan = Planned(
      "input { shape: 4 } neurons: 2 layer { strength_mv: 120 neuron { threshold_mv: 21 } }");
  ASSERT_TRUE(plan.parameters.inhibitory.has_value());
  const InhibitoryNeurons& neuron = *plan.parameters.inhibitory;
  EXPECT_EQ(plan.parameters.inhibition, 120);
  EXPECT_FLOAT_EQ(neuron.decay, std::exp(-0.1f));
  EXPECT_EQ(neuron.reset, 15);
  EXPECT_EQ(neuron.threshold, 21);
  EXPECT_EQ(neuron.refractory, 2);
  EXPECT_EQ(neuron.drive, 22.5f);
}

TEST(StdpPlanTest, TimesAreInSteps) {
  const StdpPlan plan = Planned(
      "input { shape: 4 } neurons: 2 step_ms: 0.5 rate_hz: 200 excitatory { refractory_ms: 3 }");
  EXPECT_FLOAT_EQ(plan.parameters.decay, std::exp(-0.5f / 100));
  EXPECT_EQ(plan.parameters.refractory, 6);
  EXPECT_FLOAT_EQ(plan.parameters.spike_chance, 0.1f);
}

struct Refusal {
  const char* name;
  const char* more;
  const char* field;
  const char* bound;
};
class StdpRefusalTest : public ::testing::TestWithParam<Refusal> {};

TEST_P(StdpRefusalTest, NamesFieldAndBound) {
  const auto plan = PlanStdp(StdpNetwork(GetParam().more).stdp());
  EXPECT_THAT(plan, StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(testing::FieldsOf(plan.status()), ElementsAre(GetParam().field));
  EXPECT_THAT(testing::DescriptionOf(plan.status(), GetParam().field), HasSubstr(GetParam().bound));
}

#define SIZED "input { shape: [4, 4] } neurons: 3 "
INSTANTIATE_TEST_SUITE_P(
    All, StdpRefusalTest,
    ::testing::Values(
        Refusal{"NoNeurons", "input { shape: [4, 4] }", "neurons", "1..65536, got 0"},
        Refusal{"ManyNeurons", "input { shape: [4, 4] } neurons: 65537", "neurons", "got 65537"},
        Refusal{"ManyWeights", "input { shape: [100, 100] } neurons: 26844", "neurons",
                "at most 26843 for 10000 values"},
        Refusal{"NoShape", "neurons: 3", "input.shape", "at least one dimension"},
        Refusal{"OneClass", SIZED "classes: 1", "classes", "2..1000, got 1"},
        Refusal{"NoSteps", SIZED "steps: 0", "steps", "1..65535, got 0"},
        Refusal{"ZeroStep", SIZED "step_ms: 0", "step_ms", "(0, 1000], got 0"},
        Refusal{"Rate", SIZED "rate_hz: 1001", "rate_hz", "at most 1000"},
        Refusal{"NaNRate", SIZED "rate_hz: nan", "rate_hz", "above 0 and finite"},
        Refusal{"ZeroTau", SIZED "excitatory { tau_ms: 0 }", "excitatory.tau_ms", "above 0"},
        Refusal{"NegativeTau", SIZED "layer { neuron { tau_ms: -1 } }", "layer.neuron.tau_ms",
                "got -1"},
        Refusal{"Reset", SIZED "excitatory { reset_mv: 13 }", "excitatory.reset_mv",
                "below the threshold of 13 mV"},
        Refusal{"Threshold", SIZED "excitatory { threshold_mv: inf }", "excitatory.threshold_mv",
                "finite"},
        Refusal{"Refractory", SIZED "excitatory { refractory_ms: -2 }", "excitatory.refractory_ms",
                "[0, "},
        Refusal{"Theta", SIZED "theta_plus_mv: -0.1", "theta_plus_mv", "at least 0"},
        Refusal{"Forget", SIZED "theta_tau_ms: 0", "theta_tau_ms", "above 0"},
        Refusal{"Inhibition", SIZED "direct { strength_mv: -5 }", "direct.strength_mv",
                "at least 0"},
        Refusal{"Drive", SIZED "layer { drive_mv: 0 }", "layer.drive_mv", "above 0"},
        Refusal{"NoBits", SIZED "quantization { weight_bits: 0 }", "quantization.weight_bits",
                "1..32, got 0"},
        Refusal{"ManyBits", SIZED "quantization { neuron_bits: 33 }", "quantization.neuron_bits",
                "1..32, got 33"}),
    [](const auto& info) { return std::string(info.param.name); });

TEST(StdpPlanTest, WarnsOfAThresholdThatCannotRise) {
  const auto warnings = [](const std::string& quantization) {
    return StdpWarnings(Planned(absl::StrCat(SIZED "quantization { ", quantization, " }")));
  };
  // Theta_plus 0.1: 12 bits have steps of 0.125, 13 of 0.0625.
  EXPECT_THAT(warnings("neuron_bits: 12 rounding: TRUNCATE"), SizeIs(1));
  EXPECT_THAT(warnings("neuron_bits: 12 rounding: TRUNCATE").front(),
              HasSubstr("at least 13 bits"));
  EXPECT_THAT(warnings("neuron_bits: 13 rounding: TRUNCATE"), IsEmpty());
  EXPECT_THAT(warnings("neuron_bits: 12"), IsEmpty()) << "nearest: 0.1 is over half a step";
  EXPECT_THAT(warnings("neuron_bits: 11"), SizeIs(1));
  EXPECT_THAT(warnings("neuron_bits: 11").front(), HasSubstr("at least 12 bits"));
  EXPECT_THAT(warnings("neuron_bits: 8 rounding: STOCHASTIC"), IsEmpty());
  EXPECT_THAT(warnings("weight_bits: 4 rounding: TRUNCATE"), IsEmpty());
}

// tinySNN's eq. 4 in the six countings of the notes, section 6: the ratio of a float32 baseline to
// a network of 8-bit weights, neurons' state left out.
TEST(StdpPlanTest, MemoryRatiosOfTheNotes) {
  const StdpPlan baseline = Planned("input { shape: [28, 28] } neurons: 400 layer {}");
  const StdpPlan tiny =
      Planned("input { shape: [28, 28] } neurons: 400 quantization { weight_bits: 8 }");
  struct Counting {
    v1::Lateral::Kind layer;
    v1::Lateral::Kind direct;
    int lateral_bits;
    double ratio;
  };
  using v1::Lateral;
  const auto bytes = [](const StdpPlan& plan, const Counting& counting, int lateral_bits) {
    v1::MemoryCounting how;
    how.set_layer(counting.layer);
    how.set_direct(counting.direct);
    how.set_state_words(0);
    if (lateral_bits > 0) how.set_lateral_bits(lateral_bits);
    double bits = 0;
    for (const v1::MemoryEntry& entry : StdpMemory(plan, how)) {
      // What is one number for a whole network is no part of the published counts.
      if (entry.count() > 2) bits += static_cast<double>(entry.count()) * entry.bits_each();
    }
    return bits / 8;
  };
  for (const Counting& counting : {Counting{Lateral::SCALAR, Lateral::SCALAR, 0, 4.00},
                                   Counting{Lateral::DENSE, Lateral::SCALAR, 0, 8.08},
                                   Counting{Lateral::DENSE, Lateral::DENSE, 8, 5.35},
                                   Counting{Lateral::DENSE, Lateral::DENSE, 32, 2.66},
                                   Counting{Lateral::ONE_TO_ONE, Lateral::SCALAR, 0, 6.05},
                                   Counting{Lateral::ONE_TO_ONE, Lateral::DENSE, 8, 4.00}}) {
    EXPECT_NEAR(bytes(baseline, counting, 0) / bytes(tiny, counting, counting.lateral_bits),
                counting.ratio, 0.0051);
  }
}

TEST(StdpPlanTest, StateIsCountedInWords) {
  const StdpPlan plan = Planned(SIZED "layer {} quantization { weight_bits: 4 neuron_bits: 16 }");
  v1::MemoryCounting counting;
  const auto entries = StdpMemory(plan, counting);
  ASSERT_EQ(entries.size(), 4u);
  EXPECT_EQ(entries[0].count(), 48);
  EXPECT_EQ(entries[0].bits_each(), 4);
  EXPECT_EQ(entries[1].what(), "state of excitatory neurons");
  EXPECT_EQ(entries[1].count(), 6) << "membrane and threshold of three neurons";
  EXPECT_EQ(entries[1].bits_each(), 16);
  EXPECT_EQ(entries[2].what(), "state of inhibitory neurons");
}

}  // namespace
}  // namespace torpor
