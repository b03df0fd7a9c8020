// `torpor reproduce`: recipes of ordinary jobs on a real server.
#include <cmath>
#include <map>

#include "gmock/gmock.h"
#include "world.h"

namespace torpor::e2e {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class ReproduceTest : public World {
 protected:
  Result Reproduce(const std::string& recipe, std::vector<std::string> more = {}) {
    std::vector<std::string> arguments = {"reproduce", "run", recipe, "--out",
                                          Path("out"), "-o",  "json"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return Torpor(arguments);
  }

  // A recipe of one network on the synthetic set; `network` is the rest of its definition.
  void WriteRecipe(const std::string& name, int seeds, const std::string& network) const {
    Write("own.yaml", "name: own/" + name +
                          "\ndatasets: [synthetic-digits]\nseeds: " + std::to_string(seeds) +
                          "\nnetworks:\n  - id: net\n    title: small\n" + network);
  }
  std::vector<std::string> ReproduceRecipe() const {
    return {"reproduce", "run", "-f", Path("own.yaml"), "-o", "json", "--out", Path("out")};
  }

  static std::map<std::string, Json> ById(const Json& result) {
    std::map<std::string, Json> rows;
    for (const Json& row : result["rows"]) rows[row["id"]] = row;
    return rows;
  }
};

TEST_F(ReproduceTest, MeasuresASingleLayerAndTakesUpWhatIsDone) {
  const Result first = Reproduce("merkel/fig4", {"--quick", "--dataset", "synthetic-digits"});
  ASSERT_EQ(first.exit_code, 0) << first.err;
  const Json result = first.json();
  EXPECT_EQ(result["quick"], true);
  auto rows = ById(result);
  const Json full = rows["eps=1,bias=none"];
  // So short a training is little better than chance, 0.1; what follows holds at any accuracy.
  EXPECT_GT(full["measured"], 0.1) << full;
  EXPECT_LE(full["low"], full["measured"]);
  EXPECT_GE(full["high"], full["measured"]);
  EXPECT_EQ(full["seeds"], 1);
  // The paper did not use this data.
  EXPECT_TRUE(full["paper"].is_null());
  EXPECT_EQ(rows["eps=1,bias=none,metric=nasp"]["measured"], 1.0);
  // Scaled biases keep every class of a single layer, and power follows epsilon.
  for (const char* epsilon : {"0.5", "0.1", "0.01"}) {
    const std::string id = std::string("eps=") + epsilon + ",bias=homogeneous";
    EXPECT_EQ(rows[id]["measured"], full["measured"]) << id;
    EXPECT_NEAR(rows[id + ",metric=nasp"]["measured"].get<double>(), std::stod(epsilon), 1e-6);
  }
  for (const char* bias : {"table", "empirical", "tuned", "tuned-newton"}) {
    const std::string id = std::string("eps=0.5,bias=") + bias;
    ASSERT_TRUE(rows.count(id)) << id;
    EXPECT_TRUE(rows[id]["measured"].is_number()) << rows[id];
    EXPECT_TRUE(rows["loss=bce," + id]["measured"].is_number()) << rows["loss=bce," + id];
  }
  for (const Json& file : result["files"]) EXPECT_GT(ReadFile(file).size(), 100u) << file;
  const std::string page = ReadFile(Path("out/merkel-fig4.html"));
  EXPECT_THAT(page, HasSubstr("quick run"));
  EXPECT_THAT(page, HasSubstr("NASP (% of full power)"));
  EXPECT_THAT(page, Not(HasSubstr("<script")));

  // The jobs are ordinary ones, under names that say what they belong to.
  const std::string job = result["jobs"][0];
  EXPECT_THAT(job, HasSubstr("jobs/repro-merkel-single-mse-synthetic-dig-s1-train-"));
  const Json got = Torpor({"job", "get", job, "-o", "json"}).json();
  EXPECT_EQ(got["labels"]["reproduce"], "merkel-fig4") << got;

  // Again: nothing is run, the figures are the same.
  const Result second = Reproduce("merkel/fig4", {"--quick", "--dataset", "synthetic-digits"});
  ASSERT_EQ(second.exit_code, 0) << second.err;
  EXPECT_EQ(second.json()["jobs"], result["jobs"]);
  EXPECT_EQ(second.json()["jobs_taken_up"], result["jobs"].size());
  EXPECT_EQ(second.json()["rows"], result["rows"]);
}

TEST_F(ReproduceTest, GoesOnAfterAnInterruptedRun) {
  WriteRecipe("x", 3,
              "    network: {rate: {layers: [{name: out, dense: {}, activation: SIGMOID}]}}\n"
              "    train: {epochs: 3, learning_rate: 1e-2}\n"
              "    grids: [{epsilon: [1, 0.2], bias: [NONE, HOMOGENEOUS], samples: 200}]\n");
  const Running running = StartTorpor(ReproduceRecipe());
  ASSERT_TRUE(WaitFor([&] {
    return Torpor({"job", "list", "-o", "json"}).out.find("-s1-sweep-") != std::string::npos;
  }));
  kill(running.pid, SIGKILL);
  Wait(running);
  const Result resumed = Torpor(ReproduceRecipe());
  ASSERT_EQ(resumed.exit_code, 0) << resumed.err;
  EXPECT_GE(resumed.json()["jobs_taken_up"], 1);
  auto rows = ById(resumed.json());
  const Json row = rows["eps=0.2,bias=none"];
  EXPECT_EQ(row["seeds"], 3) << row;
  EXPECT_LE(row["low"], row["measured"]) << row;
  EXPECT_GE(row["high"], row["measured"]) << row;
  // Three seeds, three trainings: not one of them twice.
  std::map<std::string, int> trainings;
  const Json list = Torpor({"job", "list", "-o", "json"}).json();
  for (const Json& job : list["jobs"]) {
    if (job["spec"].contains("train")) ++trainings[job["spec"]["train"]["seed"].dump()];
  }
  EXPECT_EQ(trainings.size(), 3u);
  for (const auto& [seed, count] : trainings) EXPECT_EQ(count, 1) << seed;
}

// Four cores below, one above, trained on, drawn anew, joined and looked into.
TEST_F(ReproduceTest, MeasuresCoreGridsByLeversDrawsAndEnsembles) {
  const std::string layers =
      "layers: [{name: eyes, block: 8, stride: 4}, {name: out, block: 2, stride: 1}], "
      "outputNeurons: 40, ticks: 8";
  const std::string train =
      "    train: {epochs: 2, batch_size: 50, train_samples: 2000, truenorth: {method: "
      "PROBABILITY}}\n";
  WriteRecipe(
      "grids", 2,
      "    network: {truenorth: {" + layers + "}}\n" + train +
          "    further: [{epochs: 1, train_samples: 1000, batch_size: 50}]\n"
          "    weights: true\n"
          "    lever_grids:\n"
          "      - axes: [{values: [{steps: 1}, {steps: 8}]}]\n"
          "      - {prefix: drawn, axes: [{values: [{copies: 1}, {copies: 3}]}], base: "
          "{steps: 2}, realisation: {connections: SAMPLED, copies: 3}, draws: 3}\n"
          "  - id: other\n"
          "    network: {truenorth: {template: SIGNS_AND_DOUBLES, " +
          layers + "}}\n" + train +
          "ensembles:\n"
          "  - {id: both, prefix: both, members: [net, other], lever_grids: [{axes: [{values: "
          "[{steps: 1}, {steps: 8}]}, {values: [{copies: 1}, {copies: 2}]}]}]}\n");
  const Result result = Torpor(ReproduceRecipe());
  ASSERT_EQ(result.exit_code, 0) << result.err;
  auto rows = ById(result.json());
  const auto measured = [&](const std::string& id) {
    EXPECT_TRUE(rows.count(id)) << id;
    return rows[id]["measured"].is_number() ? rows[id]["measured"].get<double>() : -1;
  };
  EXPECT_GT(measured("ticks=8"), 0.15);
  EXPECT_EQ(measured("ticks=8,metric=nasp"), 1);
  EXPECT_EQ(measured("ticks=1,metric=steps"), 1);
  // Cores are paid by the tick.
  EXPECT_NEAR(measured("ticks=8,metric=joules") / measured("ticks=1,metric=joules"), 8, 1e-9);
  EXPECT_NEAR(measured("drawn,copies=3,metric=joules") / measured("drawn,copies=1,metric=joules"),
              3, 1e-9);
  EXPECT_NEAR(measured("both,ticks=8,copies=2,metric=joules") /
                  measured("both,ticks=8,copies=1,metric=joules"),
              2, 1e-9);
  EXPECT_EQ(rows["both,ticks=1,copies=2"]["seeds"], 2);
  // One member that votes alone is that member.
  EXPECT_EQ(measured("both,ticks=8,copies=1"), measured("ticks=8"));
  double shares = 0;
  for (const char* weight : {"-1", "0", "1"}) {
    shares += measured(std::string("layer=eyes,weight=") + weight);
  }
  EXPECT_NEAR(shares, 1, 1e-9);
  EXPECT_THAT(ReadFile(Path("out/own-grids.html")), HasSubstr("simulated energy of an image (uJ)"));
}

TEST_F(ReproduceTest, MeasuresSingleNeurons) {
  const Result bias = Reproduce("merkel/fig2");
  ASSERT_EQ(bias.exit_code, 0) << bias.err;
  auto rows = ById(bias.json());
  for (const auto& [id, row] : rows) {
    // Figure 2 and its table to four digits.
    if (row["reference"].is_number()) {
      EXPECT_NEAR(row["measured"].get<double>(), row["reference"].get<double>(), 1.01e-4) << row;
    }
    // Table I's constant for tanh is in the paper's errata.
    if (row["paper"].is_number() && id != "f=tanh,slope=table") {
      EXPECT_NEAR(row["measured"].get<double>(), row["paper"].get<double>(), 1.01e-4) << row;
    }
  }
  EXPECT_NEAR(rows["f=relu,slope=true"]["measured"].get<double>(), 0.53281, 5e-5);
  EXPECT_EQ(bias.json()["claims"][3]["verdict"], "not reproduced");

  const Result tuning = Reproduce("merkel/fig3");
  ASSERT_EQ(tuning.exit_code, 0) << tuning.err;
  for (const auto& [id, row] : ById(tuning.json())) {
    if (!row["reference"].is_number()) continue;
    const double tolerance = row["unit"] == "degree" ? 0.2 : 6e-4;
    EXPECT_NEAR(row["measured"].get<double>(), row["reference"].get<double>(), tolerance) << row;
  }
  EXPECT_THAT(ReadFile(Path("out/merkel-fig3.html")), HasSubstr("(degree)"));
}

TEST_F(ReproduceTest, ChoosesSavingsOnHeldOutSamples) {
  WriteRecipe(
      "savings", 1,
      "    network: {rate: {layers: [{name: out, dense: {}, activation: SIGMOID}]}}\n"
      "    train: {epochs: 10, learning_rate: 1e-2, validation_samples: 400}\n"
      "    savings:\n"
      "      - {bias: [NONE, HOMOGENEOUS], ratio: 0.7, floor: 0.05, allowed_loss: 0.02,\n"
      "         tuned_epsilon: [0.9, 0.8], tunings: [{name: tuned, tune: {epochs: 1}}]}\n"
      "      - {prefix: noise=0.01, title: noise, bias: [HOMOGENEOUS], ratio: 0.7, floor: 0.05,\n"
      "         allowed_loss: 0.02, column_noise: 0.01, noise_seeds: 3}\n");
  const Result result = Torpor(ReproduceRecipe());
  ASSERT_EQ(result.exit_code, 0) << result.err;
  auto rows = ById(result.json());
  // Homogeneous biases lose nothing: the grid is gone down to its end, 0.7^8.
  const double last = std::pow(0.7, 8);
  EXPECT_NEAR(rows["bias=homogeneous,metric=epsilon"]["measured"].get<double>(), last, 1e-9);
  EXPECT_NEAR(rows["bias=homogeneous"]["measured"].get<double>(), 1 - last, 1e-6);
  EXPECT_NEAR(rows["bias=homogeneous,metric=loss_of_accuracy"]["measured"].get<double>(), 0, 1e-9);
  EXPECT_TRUE(rows["bias=none"]["measured"].is_number()) << rows["bias=none"];
  EXPECT_TRUE(rows["bias=tuned,metric=accuracy"]["measured"].is_number()) << result.out;
  EXPECT_LE(rows["noise=0.01,bias=homogeneous"]["measured"], rows["bias=homogeneous"]["measured"]);
  // No test sample chose anything.
  const Json made = result.json();
  for (const Json& name : made["jobs"]) {
    const Json sweep =
        Torpor({"job", "get", name, "-o", "json"}).json()["spec"].value("power_sweep", Json());
    if (sweep.is_null()) continue;
    EXPECT_EQ(sweep["split"], sweep["modes"].empty() ? "validation" : "test") << sweep;
    if (sweep["split"] == "validation") {
      EXPECT_EQ(sweep["samples"], 400) << sweep;
    }
  }
}

TEST_F(ReproduceTest, ComparesModesOfEqualPowerUnderNoise) {
  WriteRecipe(
      "noise", 1,
      "    network:\n"
      "      rate:\n"
      "        layers: [{name: hidden, dense: {units: 16}, activation: RELU},\n"
      "                 {name: out, dense: {}, activation: SIGMOID}]\n"
      "    train: {epochs: 10, learning_rate: 1e-2}\n"
      "    equal_power:\n"
      "      nasp: [0.3]\n"
      "      noise: {levels: [0.1], seeds: 3}\n"
      "      schemes:\n"
      "        - {name: single, title: one, base: {bias: HOMOGENEOUS}}\n"
      "        - {name: first, title: first, base: {bias: HOMOGENEOUS, layer_epsilon: {out: 1}}}\n"
      "        - {name: voltage, title: volts, base: {bias: HOMOGENEOUS, epsilon_by: "
      "READ_VOLTAGE}}\n");
  const Result result = Torpor(ReproduceRecipe());
  ASSERT_EQ(result.exit_code, 0) << result.err;
  auto rows = ById(result.json());
  for (const char* mode : {"single", "first", "voltage"}) {
    const std::string id = std::string("nasp=0.3,mode=") + mode;
    // Found on training samples, measured on test samples.
    EXPECT_NEAR(rows[id + ",metric=nasp"]["measured"].get<double>(), 0.3, 0.03) << mode;
    EXPECT_EQ(rows["noise=0.1," + id]["seeds"], 3) << rows["noise=0.1," + id];
    EXPECT_LE(rows["noise=0.1," + id]["low"], rows["noise=0.1," + id]["measured"]);
    // Without noise all keep the classes of full power.
    EXPECT_EQ(rows["noise=0," + id]["measured"], rows["noise=0,nasp=0.3,mode=single"]["measured"]);
  }
  EXPECT_EQ(rows["nasp=0.3,mode=first,metric=epsilon.out"]["measured"], 1.0);
  const auto epsilon = [&rows](const std::string& mode) {
    return rows["nasp=0.3,mode=" + mode + ",metric=epsilon.hidden"]["measured"].get<double>();
  };
  EXPECT_LT(epsilon("first"), epsilon("single"));
  // The same power by voltage leaves a larger signal.
  EXPECT_GT(epsilon("voltage"), epsilon("single"));
}

TEST_F(ReproduceTest, ExplainsMissingDataAndAFolderThatCannotBeWritten) {
  const Result data = Reproduce("merkel/fig4", {"--quick"});
  EXPECT_EQ(data.exit_code, 2);
  EXPECT_THAT(data.err, HasSubstr("the server has no dataset `mnist`"));
  EXPECT_THAT(data.err, HasSubstr("try: torpor dataset list"));
  Write("file", "x");
  const Result folder =
      Torpor({"reproduce", "run", "merkel/fig2", "--out", Path("file") + "/below"});
  EXPECT_EQ(folder.exit_code, 2);
  EXPECT_THAT(folder.err, HasSubstr("cannot be written"));
}

}  // namespace
}  // namespace torpor::e2e
