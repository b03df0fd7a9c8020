// Grids of cores from the outside, as their user meets them: planned, trained, turned down by
// ticks, margin and copies, priced, written out and brought in as cores, joined, reported.
#include <filesystem>

#include "gmock/gmock.h"
#include "world.h"

namespace torpor::e2e {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

// Four cores on blocks of 8 x 8 pixels, one above; for the synthetic set.
constexpr char kGrid[] =
    "network:\n"
    "  displayName: grid\n"
    "  truenorth:\n"
    "    input: {shape: [12, 12]}\n"
    "    layers:\n"
    "      - {name: blocks, block: 8, stride: 4}\n"
    "      - {name: out, block: 2, stride: 1}\n"
    "    template: SIGNS\n"
    "    ticks: 8\n"
    "sweep:\n"
    "  dataset: mnist\n"
    "  axes:\n"
    "    - values: [{steps: 8}, {steps: 2}]\n";

class CoreGridsTest : public World {
 protected:
  void SetUp() override {
    World::SetUp();
    net_ = Write("grid.yaml", kGrid);
  }

  // A session `name` of the grid, trained for a moment; its model.
  std::string Train(const std::string& name, const std::vector<std::string>& more = {}) {
    const Result created = Torpor({"session", "create", name, "-f", net_});
    EXPECT_EQ(created.exit_code, 0) << created.err;
    std::vector<std::string> arguments = {
        "job",      "submit", "train",  name, "--dataset", "synthetic-digits",
        "--epochs", "12",     "--wait", "-o", "json"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const Result trained = Torpor(arguments);
    EXPECT_EQ(trained.exit_code, 0) << trained.err;
    if (trained.exit_code != 0) return "";
    // The synthetic digits are easy, also when they are turned and shifted; chance is 0.1.
    EXPECT_GT(trained.json()["metrics"]["test_accuracy"], 0.8) << trained.out;
    return trained.json()["model"];
  }

  Result Sweep(const std::string& session, std::vector<std::string> more) {
    more.insert(more.begin(), {"power", "sweep", session, "--dataset", "synthetic-digits"});
    return Torpor(more);
  }

  // Runs Debian's Python, which has numpy, on a script in this world's folder.
  Result Python(const std::string& script) {
    return Wait(
        Start({"/usr/bin/python3", "-c", "import os\nos.chdir('" + Path("") + "')\n" + script}));
  }

  // Fails with this exit code and three lines or more: what, where, what to try.
  void ExpectError(const std::vector<std::string>& arguments, int exit_code,
                   const std::vector<std::string>& parts) {
    const Result result = Torpor(arguments);
    EXPECT_EQ(result.exit_code, exit_code) << result.out << result.err;
    EXPECT_THAT(result.err, HasSubstr("  try: "));
    for (const std::string& part : parts) EXPECT_THAT(result.err, HasSubstr(part));
  }

  std::string net_;
};

TEST_F(CoreGridsTest, PlansAndRefusesWhatDoesNotFit) {
  const Result described = Torpor({"network", "describe", "-f", net_, "-o", "json"});
  ASSERT_EQ(described.exit_code, 0) << described.err;
  const Json plan = described.json();
  EXPECT_EQ(plan["family"], "truenorth");
  EXPECT_EQ(plan["cores"], 5);
  EXPECT_EQ(plan["layers"][0]["core_axons"], 64);
  EXPECT_EQ(plan["layers"][0]["core_neurons"], 64);
  EXPECT_EQ(plan["layers"][1]["core_axons"], 256);
  std::vector<std::string> levers;
  for (const Json& lever : plan["levers"]) levers.push_back(lever["name"]);
  EXPECT_THAT(levers, ElementsAre("steps", "copies", "margin"));

  struct Bad {
    const char* from;
    const char* to;
    std::vector<std::string> parts;
  };
  for (const Bad& bad : {
           Bad{"[12, 12]", "[7, 12]", {"grid.yaml:6", "at most the 7 pixels of height", "got 8"}},
           Bad{"[12, 12]",
               "[5, 12, 12]",
               {"layers[0].block",
                "layer \"blocks\": the core of block [0, 0] would need 320 axons",
                "a core has 256"}},
           Bad{"ticks: 8",
               "outputNeurons: 260",
               {"grid.yaml:9", "layer \"out\"", "would need 260 neurons, a core has 256"}},
           Bad{"block: 2, stride: 1",
               "block: 17, stride: 1",
               {"layers[1].block", "at most the 2 cores of height"}},
           Bad{"template: SIGNS",
               "template: [-1, 0, 1]",
               {"grid.yaml:8", "must be one of SIGNS, SIGNS_AND_DOUBLES"}},
           Bad{"ticks: 8", "ticks: 0", {"grid.yaml:9", "must be in 1..4096, got 0"}},
           Bad{"ticks: 8", "ticks: 4097", {"grid.yaml:9", "must be in 1..4096, got 4097"}},
           Bad{"ticks: 8", "ticks: 2.5", {"grid.yaml:9", "must be a whole number"}},
       }) {
    std::string text = kGrid;
    text.replace(text.find(bad.from), std::string(bad.from).size(), bad.to);
    const std::string file = Write("grid.yaml", text);
    ExpectError({"network", "describe", "-f", file}, 67, bad.parts);
    ExpectError({"session", "create", "bad", "-f", file}, 67, bad.parts);
  }
}

TEST_F(CoreGridsTest, TicksMarginAndCopiesTurnThePowerDown) {
  const std::string model = Train("s1", {"--augment", "aug1", "--shift", "1"});
  const Result swept = Sweep("s1", {"--ticks", "1,4,8", "-o", "json"});
  ASSERT_EQ(swept.exit_code, 0) << swept.err;
  const Json rows = swept.json()["rows"];
  ASSERT_EQ(rows.size(), 3u);
  for (size_t i = 0; i < 3; ++i) {
    const double ticks = i == 0 ? 1 : i == 1 ? 4 : 8;
    EXPECT_EQ(rows[i]["power_mode"]["steps"], ticks);
    EXPECT_EQ(rows[i]["steps"]["mean"], ticks);
    EXPECT_NEAR(rows[i]["nasp"].get<double>(), ticks / 8, 0.05);
    // 5 cores.
    EXPECT_NEAR(rows[i]["joules"]["mean"].get<double>(), 56.25e-9 * 5 * ticks, 1e-12);
  }
  EXPECT_EQ(rows[2]["agreement"], 1.0);
  // One mode is measured as it stands, and a recipe's grid as it is written.
  EXPECT_EQ(Sweep("s1", {"steps=4", "margin=8", "-o", "json"}).json()["rows"].size(), 1u);
  const Result recipe = Sweep("s1", {"-f", net_, "-o", "json"});
  ASSERT_EQ(recipe.exit_code, 0) << recipe.err;
  EXPECT_EQ(recipe.json()["rows"].size(), 2u);

  const Result set = Torpor({"power", "set", "s1", "steps=8", "margin=8"});
  ASSERT_EQ(set.exit_code, 0) << set.err;
  EXPECT_THAT(set.out, AllOf(HasSubstr("margin "), Not(HasSubstr("epsilon"))));
  const Result early = Torpor({"session", "evaluate", "s1", "--dataset", "synthetic-digits"});
  EXPECT_THAT(early.out, AllOf(HasSubstr("steps taken      "), HasSubstr("energy a sample  ")));
  const Result measured =
      Torpor({"session", "evaluate", "s1", "--dataset", "synthetic-digits", "-o", "json"});
  const Json steps = measured.json()["rows"][0]["steps"];
  EXPECT_LT(steps["mean"], 8) << "some samples are easy";
  EXPECT_LT(steps["p5"], steps["p95"]) << "samples differ";

  const std::string levers = "it has steps, copies, margin";
  ExpectError({"power", "set", "s1", "--epsilon", "0.5"}, 67, {"epsilon", levers, "--epsilon"});
  ExpectError({"power", "set", "s1", "steps=0"}, 67, {"must be in [1, 8], got 0", "lever steps"});
  ExpectError({"power", "set", "s1", "steps=4097"}, 67, {"[1, 8], got 4097", "lever steps"});
  ExpectError({"power", "sweep", "s1", "--dataset", "synthetic-digits", "--ticks", "0,4"}, 67,
              {"must be in [1, 8], got 0", "lever steps"});
  ExpectError({"power", "search", "s1", "--nasp", "0.5"}, 2, {levers, "torpor power sweep s1"});
  ExpectError({"job", "submit", "tune", "s1", "--dataset", "synthetic-digits", "--epsilon", "0.5"},
              76, {"no biases that could be tuned"});

  // Copies with connections drawn anew, which thresholded ones would not be.
  const Result copies = Torpor({"session", "create", "s4", "--model", model, "--connections",
                                "sampled", "--copies", "4", "--noise-seed", "3"});
  ASSERT_EQ(copies.exit_code, 0) << copies.err;
  EXPECT_THAT(copies.out, AllOf(HasSubstr("sampled"), HasSubstr("copies of the hardware  4")));
  const Json by_copies = Sweep("s4", {"copies=1,4", "-o", "json"}).json()["rows"];
  EXPECT_NEAR(by_copies[0]["joules"]["mean"].get<double>() * 4,
              by_copies[1]["joules"]["mean"].get<double>(), 1e-12);
  const Result many = Torpor({"power", "set", "s4", "copies=5"});
  EXPECT_NE(many.exit_code, 0);
  EXPECT_THAT(many.err, HasSubstr("power_mode.copies")) << many.err;
  ExpectError({"session", "create", "s5", "--model", model, "--copies", "2"}, 67,
              {"realisation.copies", "unless connections are SAMPLED", "--copies"});
}

TEST_F(CoreGridsTest, EnergyIsCalibratedAndSaysSo) {
  ASSERT_EQ(Torpor({"session", "create", "s1", "-f", net_}).exit_code, 0);
  const std::vector<std::string> report = {"energy",           "report",    "s1", "--dataset",
                                           "synthetic-digits", "--samples", "50"};
  const Result table = Torpor(report);
  ASSERT_EQ(table.exit_code, 0) << table.err;
  EXPECT_THAT(table.out, AllOf(HasSubstr("core_ticks"), HasSubstr("total: 2.25 uJ a sample"),
                               HasSubstr("108 uJ (+0.0 %) - calibration, not evidence")));
  std::vector<std::string> events = report;
  events.insert(events.end(), {"--profile", "truenorth-events", "-o", "json"});
  const Json ledger = Torpor(events).json();
  EXPECT_GT(ledger["synaptic_share"], 0);
  for (const Json& point : ledger["points"]) {
    ASSERT_TRUE(point.contains("deviation")) << point;
    EXPECT_LT(std::abs(point["deviation"].get<double>()), 0.06);
  }
  std::vector<std::string> wrong = report;
  wrong.insert(wrong.end(), {"--profile", Write("wrong.yaml",
                                                "name: mine\n"
                                                "coefficients:\n"
                                                "- {name: core_tick, value: 56, unit: nJ,\n"
                                                "   kind: assumed, source: a guess}\n")});
  ExpectError(wrong, 67, {"must be 'J' for core_tick, got 'nJ'", "wrong.yaml:3"});
}

TEST_F(CoreGridsTest, CoresGoOutAndComeBack) {
  const std::string model = Train("s1");
  const Result exported =
      Torpor({"model", "export", model, "--format", "cores", "--file", Path("cores.npz")});
  ASSERT_EQ(exported.exit_code, 0) << exported.err;
  // That a file holds cores is seen from what it holds, also when numpy has written it anew.
  const Result numpy = Python(
      "import numpy as np\n"
      "np.save('images.npy', np.random.RandomState(1).rand(40, 144).astype('f4'))\n"
      "d = dict(np.load('cores.npz'))\n"
      "assert d['blocks.crossbar'].shape == (4, 256, 32)\n"
      "on = np.unpackbits(d['out.crossbar'].astype('uint8'), axis=-1, bitorder='little')\n"
      "assert on.shape == (1, 256, 256) and 0 < on[:, :250].mean() < 1 and not on[:, 250:].any()\n"
      "np.savez_compressed('again.npz', **dict(reversed(d.items())))\n"
      "def bad(name, array, change):\n"
      "  e = {k: v.copy() for k, v in d.items()}\n"
      "  e[array] = change(e[array])\n"
      "  np.savez(name, **e)\n"
      "def put(where, value):\n"
      "  def change(a):\n"
      "    a[where] = value\n"
      "    return a\n"
      "  return change\n"
      "bad('leak.npz', 'blocks.leak', put((1, 3), 0.5))\n"
      "bad('shape.npz', 'blocks.crossbar', lambda a: a[:, :255])\n"
      "axon = d['blocks.destination_axon'][0, 0]\n"
      "bad('wire.npz', 'blocks.destination_axon', put((0, 1), axon))\n"
      "bad('table.npz', 'out.tables', put((0, 0), [3, -3, 3, -3]))\n");
  ASSERT_EQ(numpy.exit_code, 0) << numpy.err;
  for (const char* file : {"cores", "again"}) {
    const Result imported = Torpor({"model", "import", Path(file + std::string(".npz")),
                                    "--network", net_, "--id", file, "--loss", "ce"});
    ASSERT_EQ(imported.exit_code, 0) << imported.err;
    ASSERT_EQ(Torpor({"session", "create", file, "--model", file}).exit_code, 0);
    Json scores[2];
    for (int i = 0; i < 2; ++i) {
      const Result result = Torpor(
          {"session", "infer", i == 0 ? "s1" : file, "--input", Path("images.npy"), "-o", "json"});
      ASSERT_EQ(result.exit_code, 0) << result.err;
      scores[i] = result.json()["scores"];
    }
    EXPECT_EQ(scores[0].size(), 40u);
    EXPECT_EQ(scores[0], scores[1]);
  }
  // What comes from elsewhere votes with what was trained here.
  const Result joined = Torpor({"model", "ensemble", model, "again", "--id", "both"});
  EXPECT_EQ(joined.exit_code, 0) << joined.err;
  const auto refused = [&](const char* file, const std::vector<std::string>& parts) {
    ExpectError({"model", "import", Path(file), "--network", net_}, 67, parts);
  };
  refused("leak.npz", {"blocks.leak: must hold integers, has 0.5 at [1, 3]"});
  refused("shape.npz", {"blocks.crossbar: must have the shape [4, 256, 32], has [4, 255, 32]"});
  refused("wire.npz", {"blocks.destination_axon: neurons [0, 0] and [0, 1] both have axon",
                       "a neuron drives one axon"});
  refused("table.npz", {"out.tables: must be", "by the definition's plan, has 3 at [0, 0, 0]"});
  ExpectError({"model", "import", Path("cores.npz")}, 2, {"network", "--network net.yaml"});
}

// Every answer is whole, of one mode, and what the same samples get outside the stream.
constexpr char kStream[] = R"(
import threading
import numpy as np
import torpor
from torpor.v1 import inference_pb2, power_pb2, session_pb2
server, name = torpor.connect(), 'sessions/s1'
images = np.random.RandomState(3).randint(0, 256, (120, 4, 144)).astype('u1')
modes = [power_pb2.PowerMode(), power_pb2.PowerMode(steps=2), power_pb2.PowerMode(margin=8)]
in_flight = threading.Semaphore(8)
def set_mode(mode):
    request = session_pb2.SetPowerModeRequest(session=name, power_mode=mode)
    return server.sessions.SetPowerMode(request, timeout=30).session.generation
generations = []
def requests():
    yield inference_pb2.StreamInferRequest(open={'session': name, 'ordered': True})
    for seq, image in enumerate(images):
        if seq % 40 == 0:
            generations.append(set_mode(modes[seq // 40]))
        in_flight.acquire()
        yield inference_pb2.StreamInferRequest(item={'seq': seq, 'input': torpor.tensor(image)})
answers = []
for reply in server.inference.StreamInfer(requests(), timeout=60):
    if reply.HasField('result'):
        in_flight.release()
        assert reply.result.seq == len(answers), reply
        answers.append(reply.result.response)
    assert not reply.HasField('error'), reply
assert len(answers) == len(images)
power = {}
for mode, generation in zip(modes, generations):
    now = set_mode(mode)
    for image, answer in zip(images, answers):
        if answer.generation != generation:
            continue
        request = inference_pb2.InferRequest(session=name, input=torpor.tensor(image))
        alone = server.inference.Infer(request, timeout=30)
        assert alone.generation == now and alone.scores == answer.scores, (alone, answer)
        assert list(alone.synaptic_power) == list(answer.synaptic_power), (alone, answer)
        power.setdefault(generation, []).extend(answer.synaptic_power)
full, few, early = (np.mean(power[generation]) for generation in generations)
assert len(power[generations[1]]) >= 100, power
assert 0.2 < few / full < 0.3 and early < full, (full, few, early)
)";

TEST_F(CoreGridsTest, StreamsThroughSwitchesOfTicksAndMargin) {
  const std::string package = std::string(TORPOR_BINARY_DIR) + "/../python";
  if (!std::filesystem::exists(package + "/torpor/v1/session_pb2.py")) {
    GTEST_SKIP() << "the Python package was not built";
  }
  Train("s1");
  environment_ = {"PYTHONPATH=" + package};
  const Result streamed = Python(kStream);
  EXPECT_EQ(streamed.exit_code, 0) << streamed.err;
}

TEST_F(CoreGridsTest, NetworksVoteAndArePutOnAPage) {
  const std::string one = Train("one"), two = Train("two", {"--seed", "2"});
  const Result joined = Torpor({"model", "ensemble", one, two, "--name", "both"});
  ASSERT_EQ(joined.exit_code, 0) << joined.err;
  ASSERT_EQ(Torpor({"session", "create", "both", "--model", "both"}).exit_code, 0);
  const Result swept = Sweep("both", {"copies=1,2", "-o", "json"});
  ASSERT_EQ(swept.exit_code, 0) << swept.err;
  const Json rows = swept.json()["rows"];
  EXPECT_NEAR(rows[0]["joules"]["mean"].get<double>() * 2, rows[1]["joules"]["mean"].get<double>(),
              1e-12);
  EXPECT_EQ(rows[1]["agreement"], 1.0);

  std::string text = kGrid;
  text.replace(text.find("ticks: 8"), 8, "classes: 5");
  ASSERT_EQ(Torpor({"session", "create", "five", "-f", Write("five.yaml", text)}).exit_code, 0);
  ASSERT_EQ(Torpor({"model", "snapshot", "five", "--name", "five"}).exit_code, 0);
  ExpectError({"model", "ensemble", one, "five"}, 67,
              {"members[1]", "has 5 classes, the first member 10"});
  ExpectError({"model", "ensemble", one, "both"}, 67, {"members[1]", "must not be an ensemble"});

  const Result report = Torpor({"report", "create", "both", "steps=2,8", "copies=1,2", "--dataset",
                                "synthetic-digits", "--html", Path("page.html"), "-o", "json"});
  ASSERT_EQ(report.exit_code, 0) << report.err;
  EXPECT_EQ(report.json()["files"].size(), 9u) << "page, table, five figures, weights, biases";
  for (const Json& file : report.json()["files"]) {
    EXPECT_GT(std::filesystem::file_size(file.get<std::string>()), 300u) << file;
  }
  const std::string page = ReadFile(Path("page.html"));
  EXPECT_THAT(page, AllOf(HasSubstr("steps: ticks of a sample"), HasSubstr("copies 2"),
                          HasSubstr("energy (nJ a sample)"), HasSubstr("not evidence"),
                          Not(HasSubstr("epsilon")), Not(HasSubstr("column noise"))));
}

}  // namespace
}  // namespace torpor::e2e
