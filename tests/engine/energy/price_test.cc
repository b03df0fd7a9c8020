#include "engine/energy/price.h"

#include <limits>
#include <string>

#include "engine/energy/profiles.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/golden.h"
#include "tests/support/status_matchers.h"

namespace torpor {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

v1::DeviceProfile Profile(std::string_view name) { return FindProfile(name).value(); }

void AddCoefficient(v1::DeviceProfile& profile, const char* name, const char* unit, double value) {
  v1::Coefficient* c = profile.add_coefficients();
  c->set_name(name);
  c->set_unit(unit);
  c->set_value(value);
  c->set_source("a test");
  c->set_kind(v1::Coefficient::ASSUMED);
}

v1::DeviceProfile OneCoefficient(const char* name, const char* unit, double value) {
  v1::DeviceProfile profile;
  profile.set_name("mine");
  AddCoefficient(profile, name, unit, value);
  return profile;
}

void Erase(v1::DeviceProfile& profile, const std::string& name) {
  auto* coefficients = profile.mutable_coefficients();
  for (int i = 0; i < coefficients->size(); ++i) {
    if (coefficients->Get(i).name() == name) {
      coefficients->DeleteSubrange(i, 1);
      return;
    }
  }
  FAIL() << name;
}

// Sum of the entries of these kinds.
double Joules(const v1::EnergyReport& report, std::initializer_list<const char*> kinds) {
  double sum = 0;
  int found = 0;
  for (const v1::EnergyEntry& entry : report.entries()) {
    for (const char* kind : kinds) {
      if (entry.kind() != kind) continue;
      sum += entry.joules();
      ++found;
    }
  }
  EXPECT_GT(found, 0);
  return sum;
}

// The worked example of the golden file: 784-1000-10 on its own full range.
class Crossbar : public ::testing::Test {
 protected:
  Crossbar() {
    const nlohmann::json layers = golden_["layers"];
    for (size_t l = 0; l < layers.size(); ++l) {
      const int64_t rows = layers[l]["n"], units = layers[l]["m"];
      LayerFootprint layer;
      layer.name = l == 0 ? "hidden" : "out";
      layer.rows = rows;
      layer.columns = units;
      layer.places = 1;
      layer.largest_weight = l == 0 ? 0.5 : 2;
      layer.full_scale_input = l == 0 ? 1 : 9.26;
      footprint_.layers.push_back(layer);
      LayerActivity counts;
      const double square = layer.full_scale_input * layer.full_scale_input;
      counts.synaptic_power = layers[l]["signal"].get<double>() * layer.largest_weight * square;
      // Of the pair's two devices one is counted.
      counts.off_power = layers[l]["floor"].get<double>() / 2 * square;
      counts.reads = 0.19 * static_cast<double>(rows);
      counts.synaptic_events = 0.19 * static_cast<double>(rows * units);
      counts.conversions = static_cast<double>(units);
      counts.bits_moved = 8.0 * static_cast<double>(rows + units + (l == 0 ? rows : 0));
      counts.writes = 0;
      activity_.layers.push_back(counts);
    }
  }
  v1::EnergyReport Report() const { return Price(ReportActivity(footprint_, activity_, 7), wan_); }

  const nlohmann::json golden_ = testing::Golden("energy.json")["crossbar"];
  v1::DeviceProfile wan_ = Profile("reram-wan2022");
  Footprint footprint_;
  Activity activity_;
};

TEST_F(Crossbar, CostsWhatTheWorkedExampleCosts) {
  const v1::EnergyReport report = Report();
  EXPECT_THAT(report.unknown(), IsEmpty());
  const auto near = [](double value, double wanted) { EXPECT_NEAR(value, wanted, 1e-9 * wanted); };
  near(Joules(report, {"synaptic_power", "off_power"}),
       golden_["cells"][0].get<double>() + golden_["cells"][1].get<double>());
  near(Joules(report, {"conversions"}), golden_["adc"]);
  // Drivers of rows with zero inputs are not gated.
  near(Joules(report, {"row_drives", "rows_idle"}), golden_["driver"]);
  near(Joules(report, {"row_registers", "shift_adds", "output_registers", "partial_sums",
                       "activations", "bits_moved"}),
       golden_["digital"]);
  near(report.joules(), golden_["total"]);
  near(report.synaptic_share(), golden_["share"]);
  near(report.joules_low(), golden_["low"]);
  near(report.joules_high(), golden_["high"]);
}

TEST_F(Crossbar, AgreesWithTheStudyThatItIsFromWithinRounding) {
  const v1::EnergyReport report = Report();
  const nlohmann::json rounded = golden_["rounded"];
  const auto near = [&](double value, const char* name, double digit) {
    EXPECT_NEAR(value, rounded[name].get<double>(), digit / 2) << name;
  };
  const double cells = Joules(report, {"synaptic_power", "off_power"});
  near(cells, "cells", 0.01e-9);
  near(Joules(report, {"conversions"}), "adc", 0.1e-9);
  near(report.joules() - cells, "periphery", 0.1e-9);
  near(report.synaptic_share(), "share", 0.001);
}

TEST_F(Crossbar, ASampleCostsWhatItsLedgerSays) {
  const Pricer pricer(wan_, footprint_);
  const auto joules = pricer.Joules(activity_);
  ASSERT_TRUE(joules.has_value());
  EXPECT_NEAR(*joules, Report().joules(), 1e-12 * *joules);
  // Linear: the mean of two samples costs the mean of what they cost.
  Activity twice = activity_;
  for (LayerActivity& layer : twice.layers) {
    ForEachQuantity([&](const char*, Quantity LayerActivity::*q) {
      if ((layer.*q).counted()) layer.*q = 3 * (layer.*q).value();
    });
  }
  Activity mean = activity_;
  for (LayerActivity& layer : mean.layers) {
    ForEachQuantity([&](const char*, Quantity LayerActivity::*q) {
      if ((layer.*q).counted()) layer.*q = 2 * (layer.*q).value();
    });
  }
  EXPECT_NEAR(*pricer.Joules(mean), (*pricer.Joules(twice) + *joules) / 2, 1e-12 * *joules);
}

TEST_F(Crossbar, WhatTheActivityLacksIsUnknownNeverZero) {
  ForEachQuantity([&](const char* name, Quantity LayerActivity::*quantity) {
    const bool priced =
        quantity != &LayerActivity::spikes && quantity != &LayerActivity::core_ticks &&
        quantity != &LayerActivity::writes && quantity != &LayerActivity::synaptic_events &&
        quantity != &LayerActivity::neuron_updates && quantity != &LayerActivity::synapse_steps &&
        quantity != &LayerActivity::synapse_writes;
    const Quantity kept = activity_.layers[1].*quantity;
    activity_.layers[1].*quantity = Quantity();
    const v1::EnergyReport report = Report();
    EXPECT_EQ(report.has_joules(), !priced) << name;
    EXPECT_EQ(report.has_synaptic_share(), !priced) << name;
    EXPECT_EQ(report.has_joules_low() && report.has_joules_high(), !priced) << name;
    EXPECT_EQ(report.unknown_size() > 0, priced) << name;
    EXPECT_EQ(Pricer(wan_, footprint_).Joules(activity_).has_value(), !priced) << name;
    activity_.layers[1].*quantity = kept;
  });
}

TEST_F(Crossbar, WhatTheProfileLacksIsUnknownNeverZero) {
  for (const char* name : {"read_voltage", "maximum_conductance", "off_conductance", "read_time",
                           "conversion", "row_drive", "bit_moved"}) {
    wan_ = Profile("reram-wan2022");
    Erase(wan_, name);
    const v1::EnergyReport report = Report();
    EXPECT_FALSE(report.has_joules()) << name;
    EXPECT_FALSE(Pricer(wan_, footprint_).Joules(activity_).has_value()) << name;
    ASSERT_GT(report.unknown_size(), 0) << name;
    EXPECT_THAT(report.unknown(0), HasSubstr("layer 'hidden'"));
  }
}

TEST_F(Crossbar, WhatTheProfileContainsCostsNothingMore) {
  const double all = Report().joules();
  const double moved = Joules(Report(), {"bits_moved"});
  Erase(wan_, "bit_moved");
  wan_.add_contained("bits_moved");
  EXPECT_NEAR(Report().joules(), all - moved, 1e-9 * all);
}

TEST_F(Crossbar, ALayerThatIsSwitchedOffCostsNothing) {
  // As the members of an ensemble that do not vote.
  ForEachQuantity([&](const char*, Quantity LayerActivity::*quantity) {
    for (LayerActivity& layer : activity_.layers) layer.*quantity = 0;
  });
  EXPECT_EQ(Report().joules(), 0);
  EXPECT_FALSE(Report().has_synaptic_share());
}

TEST_F(Crossbar, CellsGoWithTheSquareOfTheVoltageAndWithTime) {
  const double cells = Joules(Report(), {"synaptic_power", "off_power"});
  const auto with = [&](const char* name, double value) {
    v1::DeviceProfile changed = wan_;
    for (v1::Coefficient& c : *changed.mutable_coefficients()) {
      if (c.name() == name) c.set_value(value);
    }
    return Joules(Price(ReportActivity(footprint_, activity_, 1), changed),
                  {"synaptic_power", "off_power"});
  };
  EXPECT_NEAR(with("read_voltage", 0.4), 4 * cells, 1e-9 * cells);
  EXPECT_NEAR(with("read_time", 1e-9), cells / 100, 1e-9 * cells);
  EXPECT_GT(with("off_conductance", 2e-6), cells);
  AddCoefficient(wan_, "drive_supply", "V", 0.9);
  EXPECT_NEAR(with("", 0), 4.5 * cells, 1e-9 * cells);
}

TEST_F(Crossbar, OffDevicesThatWereCountedAreNotPricedTwice) {
  for (size_t l = 0; l < 2; ++l) {
    // What a realisation with the profile's own ratio of conductances counts: (1 - f) P + 2 f G A.
    LayerActivity& counts = activity_.layers[l];
    const double off = 1.0 / 40, largest = footprint_.layers[l].largest_weight;
    counts.synaptic_power =
        (1 - off) * counts.synaptic_power.value() + 2 * off * largest * counts.off_power.value();
    counts.off_power = 0;
  }
  const double without = Report().joules();
  for (LayerFootprint& layer : footprint_.layers) layer.off_counted = true;
  EXPECT_GT(Report().joules(), without);
  EXPECT_NEAR(Report().joules(), golden_["total"].get<double>(), 1e-9 * Report().joules());
}

TEST(TrueNorth, ReproducesPublishedPointsWithinSixPerCent) {
  const nlohmann::json golden = testing::Golden("energy.json")["truenorth"];
  for (const auto& [name, points] : golden.items()) {
    const v1::DeviceProfile profile = Profile(name);
    const v1::EnergyReport report = Price(v1::ActivityReport(), profile);
    ASSERT_EQ(report.points_size(), 2) << name;
    bool calibrated = false;
    for (int i = 0; i < 2; ++i) {
      const double published = points[static_cast<size_t>(i)]["published"];
      const double model = points[static_cast<size_t>(i)]["model"];
      EXPECT_DOUBLE_EQ(report.points(i).joules(), published) << name;
      EXPECT_NEAR(report.points(i).model_joules(), model, 1e-12 * model) << name;
      EXPECT_NEAR(report.points(i).model_joules() / published, 1, 0.06) << name;
      calibrated = calibrated || report.points(i).calibration();
    }
    EXPECT_TRUE(calibrated) << name;
    EXPECT_THAT(report.caveat(), HasSubstr("calibration, not evidence")) << name;
  }
}

TEST(TrueNorth, EventsOrNothingAreTheSynapsesShare) {
  Footprint footprint;
  footprint.layers.push_back({.name = "cores"});
  LayerActivity counts;
  counts.core_ticks = 5;
  counts.synaptic_events = 10100;
  counts.synaptic_power = 10100;
  counts.spikes = 300;
  counts.reads = 900;
  counts.bits_moved = 900;
  counts.writes = 0;
  counts.conversions = 0;
  Activity activity;
  activity.layers.push_back(counts);
  const v1::ActivityReport report = ReportActivity(footprint, activity, 1);

  const v1::EnergyReport cores = Price(report, Profile("truenorth-cores"));
  EXPECT_NEAR(cores.joules(), 0.28125e-6, 1e-15);
  EXPECT_FALSE(cores.has_synaptic_share());  // in the cores' ticks: not told apart

  const v1::EnergyReport events = Price(report, Profile("truenorth-events"));
  EXPECT_NEAR(events.joules(), 5 * 51.8e-9 + 10100 * 0.9e-12, 1e-15);
  EXPECT_NEAR(events.synaptic_share(), 10100 * 0.9e-12 / events.joules(), 1e-9);

  const v1::EnergyReport offset = Price(report, Profile("truenorth-offset"));
  EXPECT_NEAR(offset.joules(), 0.0932e-6 + 5 * 62.97e-9, 1e-15);
  EXPECT_EQ(offset.entries(offset.entries_size() - 1).layer(), "");
}

TEST(Pricing, AnotherFamilysProfileGivesUnknown) {
  Footprint footprint;
  footprint.layers.push_back({.name = "dense"});
  LayerActivity counts;
  counts.synaptic_power = 3;
  counts.synaptic_events = 3;
  Activity activity;
  activity.layers.push_back(counts);
  const v1::EnergyReport report =
      Price(ReportActivity(footprint, activity, 1), Profile("truenorth-cores"));
  EXPECT_FALSE(report.has_joules());
  EXPECT_THAT(report.unknown(), ElementsAre("layer 'dense': core_ticks were not counted."));
}

TEST(Pricing, AFreeEventNeedsNoCount) {
  Footprint footprint;
  footprint.layers.push_back({.name = "dense"});
  Activity activity;
  activity.layers.emplace_back();
  EXPECT_EQ(Pricer(OneCoefficient("spike", "J", 0), footprint).Joules(activity), 0);
  EXPECT_EQ(Pricer(OneCoefficient("spike", "J", 1), footprint).Joules(activity), std::nullopt);
}

TEST(Profiles, AllThatAreBuiltInAreSound) {
  for (const v1::DeviceProfile& profile : BuiltInProfiles()) {
    TORPOR_EXPECT_OK(CheckProfile(profile)) << profile.name();
    EXPECT_FALSE(profile.caveat().empty()) << profile.name();
  }
  EXPECT_THAT(FindProfile("reram"), StatusIs(absl::StatusCode::kNotFound));
}

TEST(CheckProfile, NamesWhatIsWrong) {
  const auto refused = [](const v1::DeviceProfile& profile, const char* words) {
    EXPECT_THAT(CheckProfile(profile),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(words)));
  };
  TORPOR_EXPECT_OK(CheckProfile(OneCoefficient("core_tick", "J", 1e-9)));
  refused(OneCoefficient("core_tick", "nJ", 1), "coefficients[0].unit: must be 'J' for core_tick");
  refused(OneCoefficient("core_tock", "J", 1), "coefficients[0].name: no coefficient 'core_tock'");
  const double inf = std::numeric_limits<double>::infinity();
  for (double bad : {-1e-9, inf, -inf, std::numeric_limits<double>::quiet_NaN()}) {
    refused(OneCoefficient("core_tick", "J", bad),
            "coefficients[0].value: must be a finite number");
  }
  refused(OneCoefficient("array_rows", "1", 0), "coefficients[0].value: must be a whole number");
  refused(OneCoefficient("array_rows", "1", 2.5), "coefficients[0].value: must be a whole number");

  v1::DeviceProfile profile = OneCoefficient("core_tick", "J", 1);
  *profile.add_coefficients() = profile.coefficients(0);
  refused(profile, "coefficients[1].name: 'core_tick' comes twice");

  profile = OneCoefficient("core_tick", "J", 1);
  profile.mutable_coefficients(0)->set_low(2);
  profile.mutable_coefficients(0)->set_high(3);
  refused(profile, "coefficients[0].low: low <= value <= high");

  profile = OneCoefficient("core_tick", "J", 1);
  profile.mutable_coefficients(0)->clear_source();
  refused(profile, "coefficients[0].source");
  profile = OneCoefficient("core_tick", "J", 1);
  profile.mutable_coefficients(0)->clear_kind();
  refused(profile, "coefficients[0].kind");
  profile = OneCoefficient("core_tick", "J", 1);
  profile.set_name("My Profile");
  refused(profile, "name: must match");
  profile = OneCoefficient("core_tick", "J", 1);
  profile.add_contained("spike");
  refused(profile, "contained[0]: no count 'spike'; there are bits_moved, conversions");
  profile = OneCoefficient("core_tick", "J", 1);
  profile.add_points()->set_joules(-1);
  refused(profile, "points[0].joules");
  profile.clear_coefficients();
  refused(profile, "coefficients: must hold");
}

TEST(CheckActivity, NamesWhatIsWrong) {
  v1::ActivityReport report;
  EXPECT_THAT(CheckActivity(report), StatusIs(absl::StatusCode::kInvalidArgument));
  v1::LayerActivityReport* layer = report.add_layers();
  TORPOR_EXPECT_OK(CheckActivity(report));
  layer->set_spikes(-1);
  EXPECT_THAT(CheckActivity(report),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("layers[0].spikes")));
  layer->clear_spikes();
  layer->set_rows(int64_t{1} << 40);
  EXPECT_THAT(CheckActivity(report),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("layers[0].rows")));
  layer->clear_rows();
  layer->set_largest_weight(0);
  EXPECT_THAT(CheckActivity(report),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("layers[0].largest_weight")));
}

}  // namespace
}  // namespace torpor
