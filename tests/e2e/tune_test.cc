// Tuning from the outside: a job trains biases, the session keeps them, and power set uses them.
#include "gmock/gmock.h"
#include "world.h"

namespace torpor::e2e {
namespace {

using ::testing::HasSubstr;

class TuneTest : public World {
 protected:
  void SetUp() override {
    World::SetUp();
    const std::string net = Write("net.yaml", kSmallNetwork);
    ASSERT_EQ(Torpor({"session", "create", "s1", "-f", net, "--seed", "7"}).exit_code, 0);
    const Result trained =
        Torpor({"job", "submit", "train", "s1", "--dataset", "synthetic-digits", "--epochs", "20",
                "--learning-rate", "1e-2", "--wait", "-o", "json"});
    ASSERT_EQ(trained.exit_code, 0) << trained.err;
  }
  Json Session() { return Torpor({"session", "get", "s1", "-o", "json"}).json(); }
};

TEST_F(TuneTest, TunedBiasesAreMadeKeptAndUsed) {
  // Without a tuning the error says how to make one.
  const Result without = Torpor({"power", "set", "s1", "--epsilon", "0.2", "--bias", "tuned"});
  EXPECT_NE(without.exit_code, 0);
  EXPECT_THAT(without.err, HasSubstr("torpor job submit tune"));
  EXPECT_THAT(without.err, HasSubstr("--epsilon 0.2"));

  const Result set = Torpor({"power", "set", "s1", "--epsilon", "0.2", "-o", "json"});
  ASSERT_EQ(set.exit_code, 0) << set.err;
  const Json before =
      Torpor({"session", "evaluate", "s1", "--dataset", "synthetic-digits", "-o", "json"}).json();

  const Result tuned = Torpor({"job", "submit", "tune", "s1", "--dataset", "synthetic-digits",
                               "--epsilon", "0.5,0.2", "--epochs", "10", "--wait", "-o", "json"});
  ASSERT_EQ(tuned.exit_code, 0) << tuned.err;
  const Json job = tuned.json();
  EXPECT_EQ(job["state"], "succeeded") << job;
  EXPECT_EQ(job["kind"], "tune");
  ASSERT_EQ(job["rows"].size(), 2u) << job;
  EXPECT_EQ(job["rows"][1]["bias"], "tuned");
  EXPECT_LT(job["rows"][1]["loss"].get<double>(), before["metrics"]["loss"].get<double>());

  // The session has them and keeps its mode.
  const Json session = Session();
  EXPECT_EQ(session["model"], job["model"]);
  EXPECT_EQ(session["power_mode"]["epsilon"], 0.2);
  EXPECT_FALSE(session["power_mode"].contains("bias")) << session;
  ASSERT_EQ(session["tunings"].size(), 2u) << session;
  EXPECT_EQ(session["tunings"][1]["layer_epsilon"]["hidden"], 0.2);
  const Result used = Torpor({"power", "set", "s1", "--bias", "tuned", "-o", "json"});
  ASSERT_EQ(used.exit_code, 0) << used.err;
  EXPECT_EQ(used.json()["power_mode"]["bias"], "tuned");
  const Json after =
      Torpor({"session", "evaluate", "s1", "--dataset", "synthetic-digits", "-o", "json"}).json();
  EXPECT_NEAR(after["metrics"]["loss"].get<double>(), job["rows"][1]["loss"].get<double>(), 1e-4);

  // They survive the server.
  EXPECT_EQ(StopServer(SIGTERM), 0);
  StartServer();
  EXPECT_EQ(Session()["tunings"].size(), 2u);
  const Result missing = Torpor({"power", "set", "s1", "--epsilon", "0.3"});
  EXPECT_NE(missing.exit_code, 0);
  EXPECT_THAT(missing.err, HasSubstr("0.5; 0.2"));
}

TEST_F(TuneTest, ASeparateModelAndWrongSettings) {
  const Result aside = Torpor({"job", "submit", "tune", "s1", "--dataset", "synthetic-digits",
                               "--epsilon", "0.4", "--layer-epsilon", "out=1", "--start", "table",
                               "--no-deploy", "--wait", "-o", "json"});
  ASSERT_EQ(aside.exit_code, 0) << aside.err;
  EXPECT_FALSE(Session().contains("tunings") && !Session()["tunings"].empty());
  const std::string model = aside.json()["model"].get<std::string>();
  const Json kept = Torpor({"model", "get", model, "-o", "json"}).json();
  ASSERT_EQ(kept["tunings"].size(), 1u) << kept;
  EXPECT_EQ(kept["tunings"][0]["layer_epsilon"]["out"], 1);
  EXPECT_EQ(kept["tunings"][0]["start"], "table");

  struct Case {
    std::vector<std::string> arguments;
    const char* where;
  };
  for (const Case& c : std::vector<Case>{{{"--epsilon", "1.5"}, "--epsilon"},
                                         {{"--epsilon", "0.5", "--start", "tuned"}, "--start"},
                                         {{"--epsilon", "0.5", "--method", "newton"}, "--method"},
                                         {{"--epsilon", "0.5", "--epochs", "0"}, "--epochs"},
                                         {{"--layer-epsilon", "out"}, "--layer-epsilon"},
                                         {{"--layer-epsilon", "nobody=1"}, "--layer-epsilon"}}) {
    std::vector<std::string> arguments = {"job", "submit",    "tune",
                                          "s1",  "--dataset", "synthetic-digits"};
    arguments.insert(arguments.end(), c.arguments.begin(), c.arguments.end());
    const Result refused = Torpor(arguments);
    EXPECT_NE(refused.exit_code, 0) << c.where;
    EXPECT_THAT(refused.err, HasSubstr(c.where));
  }
}

}  // namespace
}  // namespace torpor::e2e
