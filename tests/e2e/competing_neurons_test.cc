// Networks that learn by STDP from the outside: described, trained, served while they go on
// learning, turned down by bits, steps and margin, priced, and wrong settings refused.
#include "gmock/gmock.h"
#include "world.h"

namespace torpor::e2e {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

// For the synthetic set of 12 x 12 pixels.
constexpr char kNetwork[] =
    "network:\n"
    "  stdp:\n"
    "    input: {shape: [12, 12]}\n"
    "    neurons: 30\n"
    "    steps: 60\n"
    "    rateHz: 300\n"
    "    thetaPlusMv: 0.1\n"
    "train: {epochs: 1, learningRate: 0.05, stdp: {rule: WINDOWED, windowSteps: 5}}\n";

class CompetingNeuronsTest : public World {
 protected:
  void SetUp() override {
    World::SetUp();
    net_ = Write("net.yaml", kNetwork);
  }
  Json Train(const std::string& session, const std::vector<std::string>& more = {}) {
    const Result created = Torpor({"session", "create", session, "-f", net_});
    EXPECT_EQ(created.exit_code, 0) << created.err;
    std::vector<std::string> arguments = {"job",    "submit", "train",     session,
                                          "-f",     net_,     "--dataset", "synthetic-digits",
                                          "--wait", "-o",     "json"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const Result trained = Torpor(arguments);
    EXPECT_EQ(trained.exit_code, 0) << trained.err;
    return trained.exit_code == 0 ? trained.json() : Json();
  }
  Json Sweep(const std::string& session, const std::vector<std::string>& axes) {
    std::vector<std::string> arguments = {
        "power", "sweep", session,   "--dataset", "synthetic-digits",
        "-o",    "json",  "--noise", "none"};
    arguments.insert(arguments.end(), axes.begin(), axes.end());
    const Result swept = Torpor(arguments);
    EXPECT_EQ(swept.exit_code, 0) << swept.err;
    return swept.exit_code == 0 ? swept.json()["rows"] : Json();
  }
  // So many grey images, as a file of NumPy.
  std::string Images(int count) {
    const std::string header = "{'descr': '|u1', 'fortran_order': False, 'shape': (" +
                               std::to_string(count) + ", 144), }\n";
    return Write("images.npy", std::string("\x93NUMPY\x01\x00", 8) +
                                   static_cast<char>(header.size()) + '\0' + header +
                                   std::string(static_cast<size_t>(count) * 144, '\x60'));
  }
  void ExpectError(const std::vector<std::string>& arguments,
                   const std::vector<std::string>& parts) {
    const Result result = Torpor(arguments);
    EXPECT_NE(result.exit_code, 0) << result.out;
    for (const std::string& part : parts) EXPECT_THAT(result.err, HasSubstr(part));
  }

  std::string net_;
};

TEST_F(CompetingNeuronsTest, LearnsWithoutLabelsAndIsTurnedDown) {
  const Json job = Train("s1");
  // Chance is 0.1.
  EXPECT_GT(job["metrics"]["test_accuracy"], 0.6) << job;
  EXPECT_FALSE(job["metrics"].contains("train_loss")) << "no loss is descended";
  EXPECT_GT(job["metrics"]["train_joules"], 0);
  EXPECT_EQ(job["training_energy"]["profile"], "digital-45nm-events");

  const Json bits = Sweep("s1", {"precision_bits=16,8,2"});
  EXPECT_EQ(bits[1]["power_mode"]["precision_bits"], 8);
  EXPECT_GT(bits[1]["agreement"], 0.95);
  EXPECT_GT(bits[0]["joules"]["mean"], bits[1]["joules"]["mean"]);
  EXPECT_GT(bits[1]["joules"]["mean"], bits[2]["joules"]["mean"]);
  const Json steps = Sweep("s1", {"steps=60,30"});
  EXPECT_NEAR(steps[1]["nasp"].get<double>(), 0.5, 0.05);
  const Json margins = Sweep("s1", {"steps=60,30", "margin=1"});
  EXPECT_LT(margins[0]["steps"]["mean"], 60);
  EXPECT_LT(margins[0]["steps"]["p5"], margins[0]["steps"]["p95"]);
  // Everything that a potential meets scales along: a power of two leaves every spike.
  const Json scaled = Sweep("s1", {"--epsilon", "0.5", "--bias", "homogeneous"});
  EXPECT_EQ(scaled[0]["agreement"], 1.0);
  EXPECT_NEAR(scaled[0]["nasp"].get<double>(), 0.5, 1e-9);

  const Result set = Torpor({"power", "set", "s1", "precision_bits=8", "margin=1"});
  ASSERT_EQ(set.exit_code, 0) << set.err;
  const Result inferred = Torpor({"session", "infer", "s1", "--input", Images(3), "-o", "json"});
  ASSERT_EQ(inferred.exit_code, 0) << inferred.err;
  EXPECT_EQ(inferred.json()["steps"].size(), 3u);
  EXPECT_LE(inferred.json()["steps"][0], 60);
}

TEST_F(CompetingNeuronsTest, EpochsAreServedWhileTheNextOneTrains) {
  const Result created = Torpor({"session", "create", "s1", "-f", net_});
  ASSERT_EQ(created.exit_code, 0) << created.err;
  const Result submitted =
      Torpor({"job", "submit", "train", "s1", "-f", net_, "--job-id", "long", "--dataset",
              "synthetic-digits", "--epochs", "400", "--publish-every", "1"});
  ASSERT_EQ(submitted.exit_code, 0) << submitted.err;
  std::string model;
  for (int i = 0; i < 600 && model.empty(); ++i) {
    model = Torpor({"session", "get", "s1", "-o", "json"}).json().value("model", "");
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  EXPECT_THAT(model, StartsWith("models/long-epoch-"));
  EXPECT_EQ(Torpor({"job", "get", "long", "-o", "json"}).json()["state"], "running");
  const Result inferred = Torpor({"session", "infer", "s1", "--input", Images(1)});
  EXPECT_EQ(inferred.exit_code, 0) << inferred.err;
  EXPECT_EQ(Torpor({"job", "cancel", "long"}).exit_code, 0);
}

TEST_F(CompetingNeuronsTest, DescribesAndWarns) {
  const Result described = Torpor({"network", "describe", "-f", net_, "-o", "json"});
  ASSERT_EQ(described.exit_code, 0) << described.err;
  EXPECT_EQ(described.json()["family"], "stdp");
  EXPECT_EQ(described.json()["memory"][0]["what"], "weights");
  EXPECT_EQ(described.json()["memory"][0]["count"], 144 * 30);
  std::string text = kNetwork;
  text.replace(text.find("    steps: 60"), 13,
               "    quantization: {neuronBits: 10, rounding: TRUNCATE}\n    steps: 60");
  const Result warned = Torpor({"network", "describe", "-f", Write("coarse.yaml", text)});
  EXPECT_THAT(warned.out, AllOf(HasSubstr("warning: stdp.quantization.neuron_bits"),
                                HasSubstr("will not learn")));
}

TEST_F(CompetingNeuronsTest, RefusesWhatCannotBe) {
  struct Bad {
    const char* from;
    const char* to;
    std::vector<std::string> parts;
  };
  for (const Bad& bad : {
           Bad{"neurons: 30", "neurons: 0", {"net.yaml:4", "must be in 1..65536, got 0"}},
           Bad{"steps: 60", "steps: 0", {"net.yaml:5", "must be in 1..65535, got 0"}},
           Bad{"rateHz: 300", "rateHz: 3000", {"net.yaml:6", "at most 1000"}},
           Bad{"thetaPlusMv: 0.1", "excitatory: {tauMs: -1}", {"net.yaml:7", "above 0"}},
           Bad{"thetaPlusMv: 0.1",
               "quantization: {weightBits: 33}",
               {"net.yaml:7", "must be in 1..32, got 33"}},
       }) {
    std::string text = kNetwork;
    text.replace(text.find(bad.from), std::string(bad.from).size(), bad.to);
    ExpectError({"session", "create", "bad", "-f", Write("net.yaml", text)}, bad.parts);
  }
  net_ = Write("net.yaml", kNetwork);
  ASSERT_EQ(Torpor({"session", "create", "s1", "-f", net_}).exit_code, 0);
  ExpectError({"job", "submit", "train", "s1", "--dataset", "synthetic-digits", "--loss", "ce"},
              {"loss", "descends no loss"});
  ExpectError(
      {"job", "submit", "train", "s1", "--dataset", "synthetic-digits", "--rate-decay", "0"},
      {"rate_decay", "(0, 1]"});
  ExpectError({"power", "set", "s1", "copies=2"}, {"copies", "it has steps, margin"});
  ExpectError({"power", "set", "s1", "precision_bits=33"}, {"[1, 32], got 33"});
}

}  // namespace
}  // namespace torpor::e2e
