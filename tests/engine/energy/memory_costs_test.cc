#include "engine/energy/memory_costs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "engine/energy/price.h"
#include "tests/engine/energy/memory_arrays.h"
#include "tests/support/golden.h"

namespace torpor {
namespace {

using testing::DenseArray;
using testing::Scheme;

v1::WeightArray ArrayOf(const testing::Published& row) {
  int inputs = 0;
  int outputs = 0;
  TORPOR_CHECK(std::sscanf(row.layer.c_str(), "fc_%dx%d", &inputs, &outputs) == 2);
  return DenseArray(inputs, outputs, row.bits, row.density);
}

TEST(MemoryCosts, ExplainThePublishedEnergiesOfDenseArrays) {
  const MemoryCosts costs = testing::CostsOf(kMemoryProfile);
  std::vector<double> errors;
  double squares = 0;
  const auto add = [&](double ours, double published) {
    squares += std::pow(std::log(ours * 1e6 / published), 2);
    errors.push_back(std::abs(ours * 1e6 / published - 1));
  };
  for (const testing::Published& row : testing::PublishedRows()) {
    if (row.layer.compare(0, 3, "fc_") != 0) continue;
    const v1::MemoryScheme::Kind scheme = row.scheme == "crossbar" ? Scheme::CROSSBAR
                                          : row.scheme == "pb_csr" ? Scheme::POINTER_INDEX
                                                                   : Scheme::POINTER_BITMAP;
    const MemoryFigures ours = testing::Figures(scheme, ArrayOf(row), costs);
    add(ours.forward, row.forward);
    add(ours.backward + ours.update, row.backward_update);
  }
  ASSERT_EQ(errors.size(), 214u);
  std::sort(errors.begin(), errors.end());
  const double rms = std::sqrt(squares / 214);
  const double median = (errors[106] + errors[107]) / 2;
  std::printf("214 energies: rms log error %.4f, median error %.2f %%, largest %.1f %%\n", rms,
              100 * median, 100 * errors.back());
  EXPECT_LE(rms, 0.19);
  EXPECT_LE(median, 0.12);
  const nlohmann::json golden = testing::Golden("memory_organization.json")["fit"]["profile"];
  EXPECT_NEAR(rms, golden["rms_log_error"].get<double>(), 1e-9);
  EXPECT_NEAR(median, golden["median_error"].get<double>(), 1e-9);
}

// The profile's coefficients are those that a fit from another start finds, but for the two that
// dense data know by their sum alone.
TEST(MemoryCosts, TheFitIsFoundAgain) {
  const nlohmann::json fit = testing::Golden("memory_organization.json")["fit"]["ours"];
  const nlohmann::json& found = fit["coefficients"];
  const MemoryCosts costs = testing::CostsOf(kMemoryProfile);
  const auto near = [&](const char* name, double ours) {
    EXPECT_NEAR(found[name].get<double>(), ours, 0.01 * ours) << name;
  };
  near("e_a", costs.access * 1e12);
  near("e_b", costs.access_bit * 1e12);
  near("p", costs.capacity_exponent);
  near("c_ptr", costs.pointer_step * 1e12);
  near("e_m", costs.bitmap_bit * 1e12);
  near("e_mt", costs.transposed_bit * 1e12);
  EXPECT_LT(found["c"].get<double>(), 1e-3);
  EXPECT_NEAR(found["k_r"].get<double>() + found["k_w"].get<double>(),
              costs.backward_factor + costs.update_factor, 0.01);
}

TEST(MemoryCosts, AccessesCostMoreWithWidthAndCapacity) {
  MemoryCosts costs;
  costs.access = 2e-12;
  costs.access_bit = 1e-12;
  costs.capacity_exponent = 0.5;
  const auto one = [&](double bits, double capacity) {
    MemoryPass pass;
    pass.accesses.push_back({MemoryAccess::Kind::kRead, 1, bits, capacity});
    return Joules(pass, costs) * 1e12;
  };
  EXPECT_NEAR(one(8, 65536), 10, 1e-9);
  EXPECT_NEAR(one(8, 4 * 65536), 20, 1e-9);
  EXPECT_NEAR(one(16, 65536), 18, 1e-9);
  // Small tables cost what 1 Kibit costs.
  EXPECT_NEAR(one(8, 10), one(8, 1024), 1e-12);
}

TEST(MemoryCosts, DrawsFillTheirRanges) {
  const v1::DeviceProfile profile = FindProfile(kMemoryProfile).value();
  int n = 0;
  double access = 0;
  double log_bit = 0;
  for (; n < 4000; ++n) {
    const MemoryCosts draw = DrawMemoryCosts(profile, 1, static_cast<uint64_t>(n));
    ASSERT_GE(draw.access, 0);
    ASSERT_LE(draw.access, 15e-12);
    ASSERT_GE(draw.transposed_bit, 0.1e-12);
    ASSERT_LE(draw.transposed_bit, 12.59e-12);
    access += draw.access;
    log_bit += std::log10(draw.access_bit * 1e12);
    ASSERT_EQ(*draw.leakage_bit, 56.74e-9);
  }
  // Uniform, and uniform in the logarithm; six standard errors.
  EXPECT_NEAR(access / n, 7.5e-12, 6 * 15e-12 / std::sqrt(12.0 * n));
  EXPECT_NEAR(log_bit / n, -0.7, 6 / std::sqrt(12.0 * n));
  const MemoryCosts again = DrawMemoryCosts(profile, 1, 7);
  EXPECT_EQ(again.access, DrawMemoryCosts(profile, 1, 7).access);
  EXPECT_NE(again.access, DrawMemoryCosts(profile, 2, 7).access);
}

TEST(MemoryCosts, DrawsStayInRangesOfAllMagnitudes) {
  v1::DeviceProfile profile = FindProfile(kMemoryProfile).value();
  v1::Coefficient& c = *profile.mutable_coefficients(0);
  ASSERT_EQ(c.name(), "memory_access");
  c.set_low(5e-324);
  c.set_high(1);
  for (uint64_t n = 0; n < 100; ++n) {
    const double access = DrawMemoryCosts(profile, 1, n).access;
    ASSERT_TRUE(access >= c.low() && access <= c.high()) << access;
  }
}

TEST(MemoryCosts, ProfilesPassTheirChecks) {
  const std::vector<v1::DeviceProfile> profiles = MemoryProfiles();
  ASSERT_EQ(profiles.size(), 3u);
  for (const v1::DeviceProfile& profile : profiles) {
    EXPECT_TRUE(CheckProfile(profile).ok()) << CheckProfile(profile);
    Violations violations;
    CheckMemoryCosts(profile, "", violations);
    EXPECT_TRUE(violations.empty()) << violations.ToStatus();
    for (const v1::Coefficient& c : profile.coefficients()) {
      EXPECT_TRUE(c.name() == "memory_leakage_bit" || c.high() > c.low()) << c.name();
    }
  }
}

TEST(MemoryCosts, NotesWhatAFitDoesNotReach) {
  v1::WeightArray fitted, wide, conv;
  fitted.set_name("a");
  fitted.set_bits(12);
  fitted.mutable_dense()->set_inputs(4);
  wide = fitted;
  wide.set_name("b");
  wide.set_bits(32);
  conv.set_name("c");
  conv.set_bits(8);
  conv.mutable_conv2d();
  const v1::DeviceProfile profile = FindProfile(kMemoryProfile).value();
  EXPECT_TRUE(NotesOnFit(profile, {&fitted, 1}).empty());
  const std::vector<v1::WeightArray> arrays = {fitted, wide, conv};
  const std::vector<std::string> notes = NotesOnFit(profile, arrays);
  ASSERT_EQ(notes.size(), 2u);
  EXPECT_NE(notes[0].find("extrapolated for b (32)"), std::string::npos) << notes[0];
  EXPECT_NE(notes[1].find("energies for c"), std::string::npos) << notes[1];
  EXPECT_TRUE(NotesOnFit(FindProfile("memory-45nm-packed").value(), arrays).empty());
}

TEST(MemoryCosts, RefusesProfilesByPath) {
  v1::DeviceProfile profile = FindProfile(kMemoryProfile).value();
  const auto wrong = [&] {
    Violations violations;
    CheckMemoryCosts(profile, "costs.device_profile.", violations);
    return std::string(violations.ToStatus().message());
  };
  for (v1::Coefficient& c : *profile.mutable_coefficients()) {
    if (c.name() != "memory_leakage_bit") continue;
    const double leakage = c.value();
    c.set_value(1e300);
    EXPECT_THAT(wrong(), ::testing::HasSubstr("].value: must be at most 1,"));
    c.set_value(leakage);
  }
  EXPECT_EQ(wrong(), "");
  profile.mutable_coefficients(2)->set_value(1.5);
  EXPECT_THAT(wrong(), ::testing::StartsWith("costs.device_profile.coefficients[2].value: must be "
                                             "at most 1"));
  profile.mutable_coefficients()->DeleteSubrange(2, 1);
  EXPECT_THAT(wrong(), ::testing::StartsWith("costs.device_profile.coefficients: must price "
                                             "memories, lacks memory_capacity_exponent"));
  v1::MemoryCosts costs;
  costs.set_profile_name("truenorth-cores");
  EXPECT_THAT(std::string(MemoryProfileOf(costs).status().message()),
              ::testing::StartsWith("costs.profile_name: must price memories"));
  costs.set_profile_name("no-such");
  EXPECT_EQ(MemoryProfileOf(costs).status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(MemoryProfileOf(v1::MemoryCosts())->name(), kMemoryProfile);
}

// A profile of memories knows nothing about activity, and says so instead of 0 J.
TEST(MemoryCosts, ActivityIsUnknownToThem) {
  v1::ActivityReport activity;
  v1::LayerActivityReport& layer = *activity.add_layers();
  layer.set_name("hidden");
  layer.set_synaptic_events(100);
  layer.set_spikes(3);
  for (const v1::DeviceProfile& profile : MemoryProfiles()) {
    const v1::EnergyReport report = Price(activity, profile);
    EXPECT_FALSE(report.has_joules());
    ASSERT_EQ(report.unknown_size(), 2);
    EXPECT_THAT(report.unknown(0), ::testing::HasSubstr("synaptic_events happened"));
    EXPECT_THAT(report.caveat(), ::testing::HasSubstr("no activity"));
  }
}

}  // namespace
}  // namespace torpor
