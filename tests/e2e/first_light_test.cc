// The whole of Torpor from the outside: torpord, torpor-worker and torpor, as a user meets them.
#include <algorithm>

#include "gmock/gmock.h"
#include "world.h"

namespace torpor::e2e {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class FirstLightTest : public World {
 protected:
  // A trained session `s1`.
  void Train(const std::string& epochs = "40", const std::vector<std::string>& more = {}) {
    const std::string net = Write("net.yaml", kSmallNetwork);
    const Result created = Torpor({"session", "create", "s1", "-f", net, "--seed", "7"});
    ASSERT_EQ(created.exit_code, 0) << created.err;
    std::vector<std::string> arguments = {
        "job",      "submit", "train",           "s1",   "--dataset", "synthetic-digits",
        "--epochs", epochs,   "--learning-rate", "1e-2", "--wait",    "-o",
        "json"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const Result trained = Torpor(arguments);
    ASSERT_EQ(trained.exit_code, 0) << trained.err;
    job_ = trained.json();
  }

  Json job_;
};

TEST_F(FirstLightTest, TrainsServesAndTurnsThePowerDown) {
  Train();
  EXPECT_EQ(job_["state"], "succeeded") << job_;
  EXPECT_EQ(job_["kind"], "train");
  // The synthetic digits are easy; chance is 0.1.
  EXPECT_GT(job_["metrics"]["test_accuracy"], 0.9) << job_;
  EXPECT_THAT(job_["model"].get<std::string>(), HasSubstr("models/"));

  // The trained model is in the session, calibrated.
  Json session = Torpor({"session", "get", "s1", "-o", "json"}).json();
  EXPECT_EQ(session["name"], "sessions/s1");
  EXPECT_EQ(session["model"], job_["model"]);
  EXPECT_GT(session["generation"], 1);
  EXPECT_EQ(session["calibration"]["dataset"], "datasets/synthetic-digits");

  // A dry run predicts and changes nothing.
  const Result dry = Torpor({"power", "set", "s1", "--epsilon", "0.2", "--bias", "homogeneous",
                             "--dry-run", "-o", "json"});
  ASSERT_EQ(dry.exit_code, 0) << dry.err;
  EXPECT_LT(dry.json()["predicted_nasp_nominal"], 0.5);
  EXPECT_EQ(Torpor({"session", "get", "s1", "-o", "json"}).json()["generation"],
            session["generation"]);

  const Result set =
      Torpor({"power", "set", "s1", "epsilon=0.2", "bias=homogeneous", "-o", "json"});
  ASSERT_EQ(set.exit_code, 0) << set.err;
  EXPECT_EQ(set.json()["power_mode"]["epsilon"], 0.2);
  EXPECT_EQ(set.json()["power_mode"]["bias"], "homogeneous");
  EXPECT_EQ(set.json()["generation"], session["generation"].get<int>() + 1);

  // Levers that are not named stay.
  const Result layer =
      Torpor({"power", "set", "s1", "--epsilon", "hidden=0.1,out=1", "-o", "json"});
  ASSERT_EQ(layer.exit_code, 0) << layer.err;
  EXPECT_EQ(layer.json()["power_mode"]["layer_epsilon"]["hidden"], 0.1);
  EXPECT_EQ(layer.json()["power_mode"]["bias"], "homogeneous");
  const Result full = Torpor({"power", "set", "s1", "--full", "-o", "json"});
  ASSERT_EQ(full.exit_code, 0) << full.err;
  EXPECT_FALSE(full.json()["power_mode"].contains("epsilon"));

  // The version from before the changes is stale.
  const Result stale =
      Torpor({"power", "set", "s1", "--epsilon", "0.5", "--etag", session["etag"]});
  EXPECT_EQ(stale.exit_code, 74) << stale.err;
  EXPECT_THAT(stale.err, HasSubstr("try: "));

  const Result evaluated =
      Torpor({"session", "evaluate", "s1", "--dataset", "synthetic-digits", "-o", "json"});
  ASSERT_EQ(evaluated.exit_code, 0) << evaluated.err;
  EXPECT_NEAR(evaluated.json()["metrics"]["accuracy"].get<double>(),
              job_["metrics"]["test_accuracy"].get<double>(), 1e-9);
}

TEST_F(FirstLightTest, SweepsPrintRows) {
  Train();
  const Result sweep = Torpor({"power", "sweep", "s1", "--dataset", "synthetic-digits", "--epsilon",
                               "1,0.5,0.1", "--bias", "none,table,homogeneous", "-o", "json"});
  ASSERT_EQ(sweep.exit_code, 0) << sweep.err;
  const Json rows = sweep.json()["rows"];
  ASSERT_EQ(rows.size(), 9u);
  for (const Json& row : rows) {
    for (const char* key :
         {"epsilon", "accuracy", "loss", "ece", "agreement", "nasp", "nasp_nominal"}) {
      EXPECT_TRUE(row[key].is_number()) << key << " " << row;
    }
    EXPECT_NEAR(row["epsilon"].get<double>() == 1 ? row["nasp"].get<double>() : 1, 1, 1e-6);
    // Without noise the homogeneous policy keeps every class, by algebra.
    if (row["bias"] == "homogeneous") {
      EXPECT_GE(row["agreement"], 0.999) << row;
    }
    // A tenth of the weights draws a tenth of their power; the biases of `none` and `table` stay as
    // large.
    if (row["epsilon"] == 0.1 && row["bias"] == "homogeneous") {
      EXPECT_LT(row["nasp_nominal"], 0.3) << row;
    }
  }
  const Result table = Torpor({"power", "sweep", "s1", "--dataset", "synthetic-digits", "--epsilon",
                               "0.5", "--samples", "100"});
  EXPECT_THAT(table.out, HasSubstr(" %"));
  const Result csv = Torpor({"power", "sweep", "s1", "--dataset", "synthetic-digits", "--epsilon",
                             "0.5", "--samples", "100", "-o", "csv"});
  EXPECT_THAT(csv.out, HasSubstr("epsilon,bias,accuracy,accuracy_low,accuracy_high,loss,loss_low"));
}

TEST_F(FirstLightTest, ModelsOutliveSessions) {
  Train();
  ASSERT_EQ(Torpor({"model", "snapshot", "s1", "--name", "kept"}).exit_code, 0);
  ASSERT_EQ(Torpor({"session", "create", "s2", "--model", "kept"}).exit_code, 0);
  ASSERT_EQ(Torpor({"session", "delete", "s1"}).exit_code, 0);
  EXPECT_EQ(Torpor({"session", "get", "s1"}).exit_code, 69);
  const Result evaluated =
      Torpor({"session", "evaluate", "s2", "--dataset", "synthetic-digits", "-o", "json"});
  ASSERT_EQ(evaluated.exit_code, 0) << evaluated.err;
  EXPECT_NEAR(evaluated.json()["metrics"]["accuracy"].get<double>(),
              job_["metrics"]["test_accuracy"].get<double>(), 1e-9);
  EXPECT_EQ(Torpor({"model", "list", "-o", "json"}).json()["models"].size(), 2u);
  ASSERT_EQ(Torpor({"model", "delete", "kept"}).exit_code, 0);
  EXPECT_EQ(Torpor({"model", "get", "kept"}).exit_code, 69);
  EXPECT_EQ(Torpor({"session", "get", "s2"}).exit_code, 0);
}

TEST_F(FirstLightTest, InfersFromArrays) {
  Train();
  // Two grey images as numpy.save writes them.
  std::string header = "{'descr': '|u1', 'fortran_order': False, 'shape': (2, 144), }";
  while ((10 + header.size() + 1) % 64 != 0) header += ' ';
  header += '\n';
  std::string npy = std::string("\x93NUMPY\x01\x00", 8) + static_cast<char>(header.size()) + '\0' +
                    header + std::string(144, '\x40') + std::string(144, '\0');
  const std::string file = Write("two.npy", npy);
  const Result result = Torpor({"session", "infer", "s1", "--input", file, "-o", "json"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const Json json = result.json();
  EXPECT_EQ(json["classes"].size(), 2u);
  EXPECT_EQ(json["scores"][0].size(), 10u);
  EXPECT_EQ(json["synaptic_power"].size(), 2u);
  const std::vector<double> scores = json["scores"][1];
  EXPECT_EQ(std::max_element(scores.begin(), scores.end()) - scores.begin(),
            json["classes"][1].get<int>());
  // The same from standard input, as a table.
  const Result table = Torpor({"session", "infer", "s1", "--input", "-"}, npy);
  EXPECT_EQ(table.exit_code, 0) << table.err;
  EXPECT_THAT(table.out, HasSubstr("class"));
  EXPECT_EQ(
      Torpor({"session", "infer", "s1", "--input", file, "--require-generation", "99"}).exit_code,
      73);
}

TEST_F(FirstLightTest, ListsAndDescribes) {
  const std::string net = Write("net.yaml", kSmallNetwork);
  EXPECT_EQ(Torpor({"network", "validate", "-f", net, "-o", "json"}).json()["valid"], true);
  const Json description =
      Torpor({"network", "describe", "-f", "-", "-o", "json"}, kSmallNetwork).json();
  EXPECT_EQ(description["parameters"], 144 * 32 + 32 + 32 * 10 + 10);
  EXPECT_EQ(description["family"], "rate");
  const Json datasets = Torpor({"dataset", "list", "-o", "json"}).json();
  ASSERT_EQ(datasets["datasets"].size(), 2u) << datasets;
  EXPECT_EQ(datasets["datasets"][0]["name"], "datasets/synthetic-digits");
  EXPECT_EQ(datasets["datasets"][1]["name"], "datasets/synthetic-pattern");
  EXPECT_EQ(datasets["datasets"][1]["target_shape"].size(), 2u);
  EXPECT_THAT(Torpor({"dataset", "list"}).err, HasSubstr("apt-get install dataset-fashion-mnist"));
  const Result verified = Torpor({"dataset", "verify", "synthetic-digits", "-o", "json"});
  EXPECT_EQ(verified.exit_code, 0) << verified.err;
  EXPECT_EQ(verified.json()["digest"].get<std::string>().size(), 64u);
  const Result doctor = Torpor({"doctor", "-o", "json"});
  EXPECT_EQ(doctor.exit_code, 0) << doctor.out;
  EXPECT_THAT(doctor.out, HasSubstr("dataset-fashion-mnist"));
}

TEST_F(FirstLightTest, IdsMayBeShortenedAndTheNewestIsLatest) {
  const std::string net = Write("net.yaml", kSmallNetwork);
  // A label takes one word, not the name that follows it.
  const Result one =
      Torpor({"session", "create", "-f", net, "--label", "kind=first", "alpha-one", "-o", "json"});
  ASSERT_EQ(one.exit_code, 0) << one.err;
  EXPECT_EQ(one.json()["labels"]["kind"], "first");
  ASSERT_EQ(Torpor({"session", "create", "alpha-two", "-f", net}).exit_code, 0);
  EXPECT_EQ(Torpor({"session", "get", "alpha-o", "-o", "json"}).json()["name"],
            "sessions/alpha-one");
  EXPECT_EQ(Torpor({"session", "get", "sessions/alpha-two"}).exit_code, 0);
  const Result both = Torpor({"session", "get", "alpha"});
  EXPECT_EQ(both.exit_code, 2);
  EXPECT_THAT(both.err, HasSubstr("alpha-one, alpha-two"));
  EXPECT_THAT(Torpor({"session", "get", "alpha-tow"}).err, HasSubstr("`alpha-two`?"));
  const Result first = Torpor({"job", "submit", "calibrate", "alpha-one", "--dataset",
                               "synthetic-digits", "--wait", "-o", "json"});
  ASSERT_EQ(first.exit_code, 0) << first.err;
  const Result second = Torpor({"job", "submit", "evaluate", "alpha-one", "--dataset",
                                "synthetic-digits", "--wait", "-o", "json"});
  ASSERT_EQ(second.exit_code, 0) << second.err;
  EXPECT_EQ(Torpor({"job", "get", "latest", "-o", "json"}).json()["name"], second.json()["name"]);
  EXPECT_EQ(Torpor({"job", "list", "-o", "json"}).json()["jobs"].size(), 2u);
}

TEST_F(FirstLightTest, WatchingPrintsOneJsonLineAnEvent) {
  Train("2", {"--watch", "--job-id", "j1"});
  const Result watched = Torpor({"job", "watch", "j1", "-o", "json"});
  ASSERT_EQ(watched.exit_code, 0) << watched.err;
  std::istringstream lines(watched.out);
  int epochs = 0;
  int64_t sequence = 0;
  Json last;
  for (std::string line; std::getline(lines, line);) {
    last = Json::parse(line, nullptr, false);
    ASSERT_FALSE(last.is_discarded()) << line;
    if (!last.contains("sequence")) continue;
    EXPECT_GT(last["sequence"], sequence);
    sequence = last["sequence"];
    epochs += last.contains("epoch_done");
  }
  EXPECT_EQ(epochs, 2);
  EXPECT_EQ(last["state"], "succeeded");
  EXPECT_TRUE(last["metrics"].contains("test_accuracy"));
  // As text: plain lines on standard error, the job on standard output.
  const Result plain = Torpor({"job", "watch", "j1"});
  EXPECT_THAT(plain.err, HasSubstr("epoch 2"));
  EXPECT_THAT(plain.err, Not(HasSubstr("\x1b")));
  EXPECT_THAT(plain.out, HasSubstr("succeeded"));
}

TEST_F(FirstLightTest, InterruptingAWatchDetaches) {
  const std::string net = Write("net.yaml", kSmallNetwork);
  ASSERT_EQ(Torpor({"session", "create", "s1", "-f", net}).exit_code, 0);
  const Running watch =
      StartTorpor({"job", "submit", "train", "s1", "--dataset", "synthetic-digits", "--epochs",
                   "100000", "--job-id", "endless", "--watch"});
  ASSERT_TRUE(WaitFor([&] { return ReadFile(watch.err_file).find("epoch") != std::string::npos; }));
  kill(watch.pid, SIGINT);
  const Result detached = Wait(watch);
  EXPECT_EQ(detached.exit_code, 130);
  EXPECT_THAT(detached.err, HasSubstr("torpor job watch endless"));
  EXPECT_THAT(detached.err, HasSubstr("torpor job cancel endless"));
  EXPECT_EQ(Torpor({"job", "get", "endless", "-o", "json"}).json()["state"], "running");
  EXPECT_EQ(Torpor({"job", "cancel", "endless"}).exit_code, 0);
  const Result ended = Torpor({"job", "wait", "endless", "-o", "json"});
  EXPECT_EQ(ended.exit_code, 1);
  EXPECT_EQ(ended.json()["state"], "cancelled");
}

TEST_F(FirstLightTest, QuickstartOfPythonRuns) {
  const std::string package = std::string(TORPOR_BINARY_DIR) + "/../python";
  if (!std::filesystem::exists(package + "/torpor/v1/session_pb2.py")) {
    GTEST_SKIP() << "the Python package was not built";
  }
  environment_ = {"PYTHONPATH=" + package};
  const Result result = Wait(
      Start({"/usr/bin/python3", std::string(TORPOR_SOURCE_ROOT) + "/client/python/quickstart.py",
             "synthetic-digits"}));
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("SUCCEEDED test accuracy 0."));
  // Four modes, each seen by a part of the stream.
  for (const char* epsilon : {"epsilon 0.5", "epsilon 0.2", "epsilon 0.1"}) {
    EXPECT_THAT(result.out, HasSubstr(epsilon));
  }
  EXPECT_THAT(result.out, HasSubstr("mean NASP"));
}

}  // namespace
}  // namespace torpor::e2e
