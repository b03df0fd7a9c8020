// Selecting from the outside: arms, limits, a worker that is killed on the way, and the report.
#include <filesystem>

#include "gmock/gmock.h"
#include "world.h"

namespace torpor::e2e {
namespace {

using ::testing::HasSubstr;

constexpr char kCompeting[] = R"(network:
  stdp:
    input: {shape: [12, 12]}
    neurons: 24
    steps: 60
    rateHz: 300
    thetaPlusMv: 0.3
)";

class SelectTest : public World {
 protected:
  void SetUp() override {
    World::SetUp();
    const std::string net = Write("net.yaml", kCompeting);
    ASSERT_EQ(Torpor({"session", "create", "s1", "-f", net}).exit_code, 0);
  }
  // Twelve arms by two seeds.
  std::vector<std::string> Command(std::vector<std::string> more) {
    std::vector<std::string> words = {"select",
                                      "s1",
                                      "--dataset",
                                      "synthetic-digits",
                                      "--neurons",
                                      "16,24",
                                      "--rule",
                                      "windowed,pairwise",
                                      "--scheme",
                                      "ptq,itq",
                                      "--rounding",
                                      "stochastic",
                                      "--bits",
                                      "6",
                                      "--seeds",
                                      "1,2",
                                      "--validation-samples",
                                      "500",
                                      "--epochs",
                                      "4"};
    words.insert(words.end(), more.begin(), more.end());
    return words;
  }
};

TEST_F(SelectTest, AKilledWorkerChangesNothingInTheTable) {
  const Result whole = Torpor(Command({"--max-memory", "1kB", "--mu", "0.2", "-o", "json"}));
  ASSERT_EQ(whole.exit_code, 0) << whole.err;
  const Json expected = whole.json();
  ASSERT_EQ(expected["arms"].size(), 12u) << expected;
  EXPECT_THAT(expected["limits_verdict"].get<std::string>(), HasSubstr("No arm meets all limits"));
  EXPECT_EQ(expected["best"]["mu"], 0.2);

  const Result submitted =
      Torpor(Command({"--max-memory", "1kB", "--job-id", "killed", "--no-wait"}));
  ASSERT_EQ(submitted.exit_code, 0) << submitted.err;
  const Running watch = StartTorpor({"job", "watch", "killed"});
  ASSERT_TRUE(
      WaitFor([&] { return ReadFile(watch.err_file).find(" seed ") != std::string::npos; }));
  EXPECT_TRUE(KillWorker());
  const Result watched = Wait(watch);
  EXPECT_EQ(watched.exit_code, 0) << watched.err;
  EXPECT_THAT(watched.err, HasSubstr("attempt 2 goes on after measurement"));
  const Json job = Torpor({"job", "get", "killed", "-o", "json"}).json();
  EXPECT_EQ(job["attempt"], 2);
  EXPECT_EQ(job["arms"], expected["arms"]);
  EXPECT_EQ(job["limits_verdict"], expected["limits_verdict"]);

  const std::string page = Path("page.html");
  const Result report = Torpor({"report", "select", "killed", "--html", page});
  EXPECT_EQ(report.exit_code, 0) << report.err;
  EXPECT_TRUE(std::filesystem::exists(Path("page-fig9-reward.svg")));
  EXPECT_TRUE(std::filesystem::exists(Path("page.csv")));
}

TEST_F(SelectTest, BadInputIsRefusedByNameAndBound) {
  struct Case {
    std::vector<std::string> more;
    const char* what;
    const char* where;
  };
  for (const Case& c : std::vector<Case>{
           {{"--mu", "-1"}, "at least 0", "--mu"},
           {{"--max-memory", "0"}, "above 0", "--max-memory"},
           {{"--reference", "other"}, "must be a candidate, one of n16-pairwise", "--reference"},
       }) {
    const Result result = Torpor(Command(c.more));
    EXPECT_NE(result.exit_code, 0);
    EXPECT_THAT(result.err, HasSubstr(c.what));
    EXPECT_THAT(result.err, HasSubstr(std::string("\n  ") + c.where));
  }
  const std::string file = Write("bad.yaml", R"(select:
  dataset: synthetic-digits
  validation_samples: 500
  candidates:
  - name: a
  storages:
  - scheme: ptq_by_hand
)");
  Result result = Torpor({"select", "s1", "-f", file});
  EXPECT_THAT(result.err, HasSubstr("bad.yaml:7"));
  const std::string bits = Write("bits.yaml", R"(select:
  dataset: synthetic-digits
  validation_samples: 500
  candidates:
  - name: a
  storages:
  - scheme: in_training
    quantization:
      weight_bits: 99
)");
  result = Torpor({"select", "s1", "-f", bits});
  EXPECT_THAT(result.err, HasSubstr("1..32, got 99"));
  EXPECT_THAT(result.err, HasSubstr("bits.yaml:9"));
}

}  // namespace
}  // namespace torpor::e2e
