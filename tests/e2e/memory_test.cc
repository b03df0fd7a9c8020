// Memory organisations from the outside: shapes, sessions, pages, reproductions.
#include <map>

#include "gmock/gmock.h"
#include "world.h"

namespace torpor::e2e {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class MemoryTest : public World {
 protected:
  Result Estimate(std::vector<std::string> more) {
    std::vector<std::string> arguments = {"memory", "estimate"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return Torpor(arguments);
  }
};

TEST_F(MemoryTest, EstimatesAnArray) {
  const Result one = Estimate({"--dense", "784x128", "--scheme", "pointer-bitmap", "--bits", "8",
                               "--density", "0.5", "-o", "json"});
  ASSERT_EQ(one.exit_code, 0) << one.err;
  const Json json = one.json();
  EXPECT_EQ(json["storage_bits"], 784 * 128 + 784 * 128 * 4 + 785 * 16);
  // Published for this very array.
  EXPECT_NEAR(json["leakage_mw"].get<double>(), 29.0622, 0.02 * 29.0622);
  EXPECT_NEAR(json["forward_uj"].get<double>(), 0.769, 0.15 * 0.769);
  EXPECT_NEAR(json["backward_update_uj"].get<double>(), 3.046, 0.15 * 3.046);
  EXPECT_DOUBLE_EQ(json["backward_update_uj"].get<double>(),
                   json["backward_uj"].get<double>() + json["update_uj"].get<double>());
  const Result conv = Estimate({"--conv", "28x28x3x3x32x32", "--conv", "9x9x3x3x1x2", "--scheme",
                                "functional,pointer-index", "-o", "json"});
  ASSERT_EQ(conv.exit_code, 0) << conv.err;
  EXPECT_EQ(conv.json()["estimates"].size(), 4u);
  EXPECT_EQ(conv.json()["totals"].size(), 2u);
  EXPECT_FALSE(conv.json()["estimates"][0].contains("leakage_mw"));
  const Result table = Estimate({"--dense", "784x128"});
  EXPECT_THAT(table.out, AllOf(HasSubstr("pointer-index"), Not(HasSubstr("functional"))));
  EXPECT_THAT(table.err, HasSubstr("functional cannot hold 784x128"));
}

TEST_F(MemoryTest, RefusesWithPathAndBound) {
  const auto refused = [&](std::vector<std::string> more, const std::string& path,
                           const std::string& bound, const std::string& flag) {
    const Result result = Estimate(std::move(more));
    EXPECT_NE(result.exit_code, 0) << path;
    EXPECT_THAT(result.err, AllOf(HasSubstr(path), HasSubstr(bound), HasSubstr(flag)));
  };
  refused({"--dense", "784x128", "--density", "1.5"}, "subject.arrays[0].density", "[0, 1]",
          "--density");
  refused({"--dense", "784x128", "--density", "nan"}, "subject.arrays[0].density", "[0, 1]",
          "--density");
  refused({"--dense", "784x128", "--bits", "33"}, "subject.arrays[0].bits", "1..32", "--bits");
  refused({"--dense", "784x128", "--scheme", "functional"}, "schemes[0]", "dense weights",
          "--scheme");
  refused({"--conv", "4x4x5x3x1x1"}, "kernel_height", "image's height, 4, got 5", "--conv");
  refused({"--dense", "0x5"}, "dense.inputs", "1..16777216", "--dense 0x5");
  refused({"--dense", "4x5", "--profile", "truenorth-cores"}, "costs.profile_name",
          "memory-synthesis", "--profile");
}

TEST_F(MemoryTest, ASessionsWeightsAreAsDenseAsTheyAre) {
  const std::string net = Write("net.yaml", kSmallNetwork);
  ASSERT_EQ(Torpor({"session", "create", "s1", "-f", net, "--seed", "7"}).exit_code, 0);
  const Result stored = Estimate({"--session", "s1", "--scheme", "pointer-index", "-o", "json"});
  ASSERT_EQ(stored.exit_code, 0) << stored.err;
  const Result two =
      Estimate({"--session", "s1", "--scheme", "pointer-index", "--bits", "2", "-o", "json"});
  ASSERT_EQ(two.exit_code, 0) << two.err;
  EXPECT_EQ(two.json()["estimates"][0]["bits"], 2);
  EXPECT_EQ(stored.json()["estimates"][0]["density"], 1);
  EXPECT_LT(two.json()["estimates"][0]["density"].get<double>(), 0.9);
  EXPECT_LT(two.json()["storage_bits"].get<double>(), stored.json()["storage_bits"].get<double>());
}

TEST_F(MemoryTest, ComparesAndWritesAPage) {
  const Result result = Torpor({"memory", "compare", "--dense", "784x128", "--bits", "8",
                                "--density", "0.25", "--draws", "300", "--html", Path("m.html")});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.out, AllOf(HasSubstr("saves in"), HasSubstr("against crossbar"),
                                HasSubstr("then crossbar")));
  const std::string page = ReadFile(Path("m.html"));
  EXPECT_THAT(page, AllOf(HasSubstr("Memory organisations"), HasSubstr("memory_access"),
                          Not(HasSubstr("<script"))));
  EXPECT_GT(ReadFile(Path("m-memory-learning.svg")).size(), 1000u);
  const std::vector<std::string> conv = {"memory",    "compare",
                                         "--conv",    "28x28x3x3x32x32",
                                         "--scheme",  "functional,pointer-index",
                                         "--against", "pointer-index",
                                         "--no-html", "-o",
                                         "json"};
  const Result json = Torpor(conv);
  ASSERT_EQ(json.exit_code, 0) << json.err;
  EXPECT_EQ(json.json()["comparisons"][0]["percentiles"].size(), 5u);
  EXPECT_EQ(Torpor(conv).out, json.out);
  const Result wrong =
      Torpor({"memory", "compare", "--dense", "4x4", "--against", "functional", "--no-html"});
  EXPECT_EQ(wrong.exit_code, 2);
  EXPECT_THAT(wrong.err, HasSubstr("not among the schemes"));
}

TEST_F(MemoryTest, ReproducesTheSynthesisData) {
  const auto reproduce = [&](const std::string& recipe) {
    const Result result = Torpor({"reproduce", "run", recipe, "--out", Path("out"), "-o", "json"});
    EXPECT_EQ(result.exit_code, 0) << result.err;
    return result.json();
  };
  const auto verdicts = [](const Json& result) {
    std::vector<std::string> all;
    for (const Json& claim : result["claims"]) all.push_back(claim["verdict"]);
    return all;
  };
  const Json fc = reproduce("schaefer/fc");
  EXPECT_THAT(verdicts(fc), ::testing::ElementsAre("confirmed", "confirmed", "confirmed",
                                                   "confirmed", "not reproduced"));
  const Json conv = reproduce("schaefer/conv");
  EXPECT_THAT(verdicts(conv),
              ::testing::ElementsAre("confirmed", "not reproduced", "not reproduced", "confirmed",
                                     "not reproduced"));
  for (const Json* result : {&fc, &conv}) {
    for (const Json& row : (*result)["rows"]) {
      EXPECT_TRUE(row["measured"].is_number()) << row;
      // Beside whatever is published.
      if (row["metric"] == "saving_rate") {
        EXPECT_TRUE(row["paper"].is_number()) << row;
      }
    }
  }
  EXPECT_THAT(ReadFile(Path("out/schaefer-conv.html")), HasSubstr("35 to 69 %"));
}

// A network is trained, asked what its own weights cost, and drawn.
TEST_F(MemoryTest, DrawsTrainedNetworksAgainstWhatTheirWeightsCost) {
  Write("own.yaml",
        "name: own/frontier\ndatasets: [synthetic-pattern]\nseeds: 1\nnetworks:\n"
        "  - id: w2\n    prefix: net=w2\n    title: two bits\n"
        "    network: {lif: {spikes: {}, order: DELAYED, readOut: SPIKES, quantization: {scheme: "
        "WAGE, weightBits: 2}, layers: [{name: hidden, dense: {units: 40}}, {name: out, dense: "
        "{units: 250}}]}}\n"
        "    train: {epochs: 2, batchSize: 1, loss: VAN_ROSSUM, optimizer: SGD, lif: {integers: "
        "{gradientBits: 8, errorBits: 8}}}\n"
        "    metrics: [lowest_distance]\n"
        "    memory_schemes: [CROSSBAR, POINTER_BITMAP]\n"
        "frontiers: [{id: f, title: small, row: metric=lowest_distance, label: distance}]\n"
        "ratios: [{id: r, title: r, rows: [\"net=w2,scheme=crossbar,metric=learning\"], over: "
        "[\"net=w2,scheme=pointer-bitmap,metric=learning\"]}]\n");
  const Result result =
      Torpor({"reproduce", "run", "-f", Path("own.yaml"), "--out", Path("out"), "-o", "json"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  std::map<std::string, double> measured;
  const Json json = result.json();
  for (const Json& row : json["rows"]) {
    ASSERT_TRUE(row["measured"].is_number()) << row;
    measured[row["id"]] = row["measured"];
  }
  // Two metrics of the layers, three of either scheme, distance and ratio.
  EXPECT_EQ(measured.size(), 2u + 2 * 3 + 1 + 1);
  // A third of weights are zero, as many as the middle one of three levels gets.
  EXPECT_NEAR(measured["net=w2,layer=hidden,metric=density"], 0.667, 0.02);
  // The same as of arrays with the trained densities.
  const auto density = [&](const std::string& layer) {
    return Json(measured["net=w2,layer=" + layer + ",metric=density"]).dump();
  };
  double forward = 0;
  for (const auto& [layer, shape] : {std::pair("hidden", "700x40"), std::pair("out", "40x250")}) {
    const Result array = Estimate({"--dense", shape, "--bits", "2", "--density", density(layer),
                                   "--scheme", "pointer-bitmap", "-o", "json"});
    ASSERT_EQ(array.exit_code, 0) << array.err;
    forward += 1e-6 * array.json()["forward_uj"].get<double>();
  }
  EXPECT_NEAR(measured["net=w2,scheme=pointer-bitmap,metric=forward"] / forward, 1, 1e-9);
  EXPECT_DOUBLE_EQ(measured["net=w2,scheme=crossbar,metric=learning"],
                   measured["net=w2,scheme=crossbar,metric=forward"] +
                       measured["net=w2,scheme=crossbar,metric=backward_update"]);
  EXPECT_THAT(ReadFile(Path("out/own-frontier-frontier-f-synthetic-pattern.svg")), HasSubstr("w2"));
}

}  // namespace
}  // namespace torpor::e2e
