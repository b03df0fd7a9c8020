// Networks with traces from the outside: described, trained in floats and in integers, turned down,
// streamed spike by spike, asked for their memory, and wrong settings refused.
#include "gmock/gmock.h"
#include "world.h"

namespace torpor::e2e {
namespace {

using ::testing::HasSubstr;

// For the synthetic set of 12 x 12 pixels.
constexpr char kNetwork[] =
    "network:\n"
    "  lif:\n"
    "    input: {shape: [12, 12]}\n"
    "    steps: 12\n"
    "    layers:\n"
    "      - {name: hidden, dense: {units: 32}, initialScale: 2}\n"
    "      - {name: out, dense: {units: 10}}\n"
    "train: {epochs: 4, learningRate: 0.01}\n";

// Two layers that spike, for streams.
constexpr char kStream[] =
    "network:\n"
    "  lif:\n"
    "    input: {shape: [8]}\n"
    "    readOut: SPIKES\n"
    "    neuron: {threshold: 0.3}\n"
    "    layers:\n"
    "      - {dense: {units: 16, recurrent: true}, initialScale: 2}\n"
    "      - {dense: {units: 5}, initialScale: 2}\n";

class LeakyNeuronsTest : public World {
 protected:
  void Create(const std::string& session, const std::string& text) {
    const Result created =
        Torpor({"session", "create", session, "-f", Write(session + ".yaml", text), "--seed", "3"});
    ASSERT_EQ(created.exit_code, 0) << created.err;
  }
  Json Train(const std::string& session, const std::vector<std::string>& more = {}) {
    std::vector<std::string> arguments = {
        "job",       "submit",           "train",  session, "-f",  Path(session + ".yaml"),
        "--dataset", "synthetic-digits", "--wait", "-o",    "json"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const Result trained = Torpor(arguments);
    EXPECT_EQ(trained.exit_code, 0) << trained.err;
    return trained.exit_code == 0 ? trained.json() : Json();
  }
  Json Sweep(const std::string& session, const std::vector<std::string>& axes) {
    std::vector<std::string> arguments = {
        "power", "sweep", session, "--dataset", "synthetic-digits", "-o", "json"};
    arguments.insert(arguments.end(), axes.begin(), axes.end());
    const Result swept = Torpor(arguments);
    EXPECT_EQ(swept.exit_code, 0) << swept.err;
    return swept.exit_code == 0 ? swept.json()["rows"] : Json();
  }
};

TEST_F(LeakyNeuronsTest, LearnsAndIsTurnedDown) {
  Create("s1", kNetwork);
  const Json job = Train("s1");
  EXPECT_GT(job["metrics"]["test_accuracy"], 0.75) << job;
  const Json steps = Sweep("s1", {"steps=12,6"});
  EXPECT_LT(steps[1]["nasp"].get<double>(), 0.9);
  const Json margins = Sweep("s1", {"margin=0.5"});
  EXPECT_LT(margins[0]["steps"]["mean"], 12);
  const Json bits = Sweep("s1", {"precision_bits=8,2"});
  EXPECT_GT(bits[0]["agreement"], 0.95);
  EXPECT_GT(bits[0]["joules"]["mean"], bits[1]["joules"]["mean"]);
  const Json scaled = Sweep("s1", {"--epsilon", "0.5", "--bias", "homogeneous"});
  EXPECT_EQ(scaled[0]["agreement"], 1.0);
  EXPECT_NEAR(scaled[0]["nasp"].get<double>(), 0.5, 1e-9);

  const Result memory = Torpor({"memory", "estimate", "--session", "s1", "-o", "json"});
  ASSERT_EQ(memory.exit_code, 0) << memory.err;
  EXPECT_THAT(memory.out, HasSubstr("hidden"));
}

TEST_F(LeakyNeuronsTest, LearnsInIntegers) {
  std::string text = kNetwork;
  text.replace(text.find("    steps: 12\n"), 14,
               "    steps: 12\n    quantization: {scheme: WAGE, weightBits: 6, membraneBits: 8}\n");
  text.replace(text.find("train: {epochs: 4, learningRate: 0.01}"), 38,
               "train: {epochs: 6, lif: {integers: {}}}");
  Create("s1", text);
  EXPECT_GT(Train("s1")["metrics"]["test_accuracy"], 0.5);
}

TEST_F(LeakyNeuronsTest, StreamsGoOnFromChunkToChunk) {
  Create("s1", kStream);
  std::string events;
  for (int step = 0; step < 50; ++step) {
    for (int input = 0; input < 8; ++input) {
      if ((step * 5 + input * 3) % 7 == 0) {
        events += std::to_string(step) + " " + std::to_string(input) + "\n";
      }
    }
  }
  const auto run = [&](const std::string& chunk, const std::string& input) {
    const Result ran = Torpor({"session", "spikes", "s1", "--chunk", chunk}, input);
    EXPECT_EQ(ran.exit_code, 0) << ran.err;
    return ran.out;
  };
  const std::string whole = run("50", events);
  EXPECT_THAT(whole, HasSubstr("\n")) << "nothing spikes";
  EXPECT_EQ(run("1", events), whole);
  EXPECT_EQ(run("10", events), whole);
  EXPECT_EQ(run("1", events + "reset\n" + events), whole + whole);
}

TEST_F(LeakyNeuronsTest, RefusesWhatCannotBe) {
  struct Bad {
    const char* from;
    const char* to;
    const char* part;
  };
  for (const Bad& bad :
       {Bad{"steps: 12", "steps: 5000", "must be 1..4096 steps, got 5000"},
        Bad{"units: 32", "units: 0", "must be in 1..65536, got 0"},
        Bad{"initialScale: 2", "neuron: {alpha: 1}", "must be in [0, 1), got 1"},
        Bad{"initialScale: 2", "neuron: {threshold: 0}", "must be in [1e-06, 1e+06], got 0"},
        Bad{"name: out, dense: {units: 10}", "name: out, dense: {units: 10, recurrent: true}",
            "has no spikes to go back"}}) {
    std::string text = kNetwork;
    text.replace(text.find(bad.from), std::string(bad.from).size(), bad.to);
    const Result result = Torpor({"session", "create", "bad", "-f", Write("bad.yaml", text)});
    EXPECT_NE(result.exit_code, 0);
    EXPECT_THAT(result.err, HasSubstr(bad.part));
  }
  Create("s1", kStream);
  const auto refused = [&](const std::string& input, const char* part) {
    const Result result = Torpor({"session", "spikes", "s1"}, input);
    EXPECT_NE(result.exit_code, 0) << input;
    EXPECT_THAT(result.err, HasSubstr(part));
  };
  refused("0 8\n", "must be in 0..7, got 8");
  refused("0 3\n0 1\n", "in the same step; got 1");
  refused("4 3\n2 1\n", "line 2 of the input");
  refused("4 three\n", "is no spike");
  Create("s2", kNetwork);
  const Result unfit = Torpor({"power", "set", "s2", "neuron_bits=4"});
  EXPECT_NE(unfit.exit_code, 0);
  EXPECT_THAT(unfit.err, HasSubstr("neuron_bits"));
}

}  // namespace
}  // namespace torpor::e2e
