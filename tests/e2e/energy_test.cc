// Energy from the outside: profiles, ledgers of a session, a profile of one's own.
#include "gmock/gmock.h"
#include "world.h"

namespace torpor::e2e {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class EnergyTest : public World {
 protected:
  void SetUp() override {
    World::SetUp();
    const std::string net = Write("net.yaml", kSmallNetwork);
    ASSERT_EQ(Torpor({"session", "create", "s1", "-f", net, "--seed", "7"}).exit_code, 0);
  }
  Result Report(std::vector<std::string> more) {
    std::vector<std::string> arguments = {"energy",           "report",    "s1", "--dataset",
                                          "synthetic-digits", "--samples", "200"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return Torpor(arguments);
  }
};

TEST_F(EnergyTest, ProfilesAreListedWithTheirSources) {
  const Result all = Torpor({"energy", "profiles", "-o", "json"});
  ASSERT_EQ(all.exit_code, 0) << all.err;
  EXPECT_EQ(all.json()["profiles"].size(), 9u);
  const Result one = Torpor({"energy", "profiles", "truenorth-cores"});
  EXPECT_THAT(one.out, AllOf(HasSubstr("core_tick"), HasSubstr("Esser"),
                             HasSubstr("calibration, not evidence")));
  const Result kinds = Torpor({"energy", "profiles", "--coefficients", "-o", "json"});
  ASSERT_EQ(kinds.exit_code, 0) << kinds.err;
  EXPECT_EQ(kinds.json()["coefficients"][0]["name"], "core_tick");
  EXPECT_EQ(kinds.json()["coefficients"][0]["unit"], "J");
  const Result none = Torpor({"energy", "profiles", "truenorth-core"});
  EXPECT_EQ(none.exit_code, 2);
  EXPECT_THAT(none.err, HasSubstr("try: truenorth-cores"));
}

TEST_F(EnergyTest, ALowerModeSavesTheSynapsesAlone) {
  const Result full = Report({"-o", "json"});
  ASSERT_EQ(full.exit_code, 0) << full.err;
  const Json at_full = full.json();
  EXPECT_EQ(at_full["profile"], "reram-wan2022");
  ASSERT_TRUE(at_full.contains("joules")) << at_full["unknown"];
  EXPECT_EQ(at_full["activity"]["samples"], 200);
  EXPECT_GT(at_full["synaptic_share"].get<double>(), 0);
  EXPECT_LT(at_full["synaptic_share"].get<double>(), 1);
  EXPECT_NEAR(at_full["joules_over_samples"]["mean"].get<double>(), at_full["joules"].get<double>(),
              1e-9 * at_full["joules"].get<double>());
  double sum = 0;
  for (const Json& entry : at_full["entries"]) sum += entry["joules"].get<double>();
  EXPECT_NEAR(sum, at_full["joules"].get<double>(), 1e-9 * sum);

  ASSERT_EQ(Torpor({"power", "set", "s1", "--epsilon", "0.1", "epsilon_by=read_voltage"}).exit_code,
            0);
  const Json at_low = Report({"-o", "json"}).json();
  const double periphery =
      at_full["joules"].get<double>() * (1 - at_full["synaptic_share"].get<double>());
  EXPECT_LT(at_low["joules"].get<double>(), at_full["joules"].get<double>());
  EXPECT_GT(at_low["joules"].get<double>(), 0.8 * periphery);
  EXPECT_LT(at_low["synaptic_share"].get<double>(), at_full["synaptic_share"].get<double>());

  const Result table = Report({});
  EXPECT_THAT(table.out,
              AllOf(HasSubstr("synaptic share:"), HasSubstr("caveat:"), HasSubstr("conversions")));
}

TEST_F(EnergyTest, AListedProfileIsAFileToStartFrom) {
  const Result listed = Torpor({"energy", "profiles", "reram-wan2022", "-o", "json"});
  ASSERT_EQ(listed.exit_code, 0) << listed.err;
  const double own = Report({"-o", "json"}).json()["joules"].get<double>();
  const Result same = Report({"--profile", Write("wan.json", listed.out), "-o", "json"});
  ASSERT_EQ(same.exit_code, 0) << same.err;
  EXPECT_EQ(same.json()["joules"].get<double>(), own);
  // Ten times the price of a conversion shows.
  Json dearer = listed.json();
  for (Json& c : dearer["coefficients"]) {
    if (c["name"] != "conversion") continue;
    c["value"] = 10 * c["value"].get<double>();
    c["high"] = c["value"];
  }
  const Result more = Report({"--profile", Write("dear.json", dearer.dump()), "-o", "json"});
  ASSERT_EQ(more.exit_code, 0) << more.err;
  EXPECT_GT(more.json()["joules"].get<double>(), own);
}

TEST_F(EnergyTest, AProfileOfOnesOwnMayLeaveThingsUnknownButNotBeWrong) {
  const std::string mine = Write("mine.yaml",
                                 "name: mine\n"
                                 "coefficients:\n"
                                 "- name: synaptic_event\n"
                                 "  value: 1e-12\n"
                                 "  unit: J\n"
                                 "  kind: assumed\n"
                                 "  source: a guess\n"
                                 "contained: [reads, bits_moved]\n");
  const Result report = Report({"--profile", mine});
  ASSERT_EQ(report.exit_code, 0) << report.err;
  EXPECT_THAT(report.out, AllOf(HasSubstr("total: unknown"), HasSubstr("no conversion")));

  const std::string wrong = Write("wrong.yaml",
                                  "name: mine\n"
                                  "coefficients:\n"
                                  "- name: synaptic_event\n"
                                  "  value: 1e-12\n"
                                  "  unit: pJ\n"
                                  "  kind: assumed\n"
                                  "  source: a guess\n");
  const Result refused = Report({"--profile", wrong});
  EXPECT_NE(refused.exit_code, 0);
  EXPECT_THAT(refused.err,
              AllOf(HasSubstr("must be 'J' for synaptic_event"), HasSubstr("wrong.yaml:5")));
  // A family's coefficients do not fit another's activity: unknown, said so.
  const Result cores = Report({"--profile", "truenorth-cores"});
  ASSERT_EQ(cores.exit_code, 0) << cores.err;
  EXPECT_THAT(cores.out, AllOf(HasSubstr("total: unknown"), HasSubstr("core_ticks"),
                               HasSubstr("108 uJ (+0.0 %) - calibration, not evidence")));
}

}  // namespace
}  // namespace torpor::e2e
