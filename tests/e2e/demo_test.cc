// `torpor demo` and `torpor report` on a small dataset of the IDX format, made here.
#include "gmock/gmock.h"
#include "world.h"

namespace torpor::e2e {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

std::string BigEndian(uint32_t value) {
  return {static_cast<char>(value >> 24), static_cast<char>(value >> 16),
          static_cast<char>(value >> 8), static_cast<char>(value)};
}

class DemoTest : public World {
 protected:
  void SetUp() override {
    World::SetUp();
    std::filesystem::create_directories(Path("tmp"));
    environment_ = {"TMPDIR=" + Path("tmp")};
  }

  // Whether a demo has left anything behind.
  bool CleanedUp() const { return std::filesystem::is_empty(Path("tmp")); }

  // Images of 6 x 6 pixels in four classes: a bright row, with some noise of a small generator.
  void WriteStripes() {
    std::filesystem::create_directories(Path("datasets/stripes"));
    WriteSplit("train", 600);
    WriteSplit("t10k", 200);
  }

  void WriteSplit(const std::string& split, uint32_t count) {
    std::string images =
        std::string("\0\0\x08\x03", 4) + BigEndian(count) + BigEndian(6) + BigEndian(6);
    std::string labels = std::string("\0\0\x08\x01", 4) + BigEndian(count);
    uint32_t state = count;
    for (uint32_t i = 0; i < count; ++i) {
      const int label = static_cast<int>(i % 4);
      labels.push_back(static_cast<char>(label));
      for (int pixel = 0; pixel < 36; ++pixel) {
        state = state * 1664525u + 1013904223u;
        images.push_back(static_cast<char>((pixel / 6 == label ? 180 : 20) + (state >> 26)));
      }
    }
    Write("datasets/stripes/" + split + "-images-idx3-ubyte", images);
    Write("datasets/stripes/" + split + "-labels-idx1-ubyte", labels);
  }
};

TEST_F(DemoTest, SwitchesALiveStreamAndDropsNothing) {
  WriteStripes();
  const Result result = Torpor({"demo", "--dataset", "stripes", "--dataset-path", Path("datasets"),
                                "--units", "16", "--epochs", "60", "--seconds-per-mode", "0",
                                "--html", Path("demo.html"), "-o", "json"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const Json json = result.json();
  ASSERT_EQ(json["rows"].size(), 12u);
  EXPECT_EQ(json["rows"][0]["nasp"], 1.0);
  EXPECT_EQ(json["rows"][0]["agreement"], 1.0);
  EXPECT_GT(json["rows"][0]["accuracy"], 0.9);
  for (const Json& row : json["rows"]) {
    EXPECT_EQ(row["samples"], 200);
    // Epsilon 1 is full power under every policy, on the same realisation: the same answers.
    if (row["epsilon"] == 1.0) {
      EXPECT_EQ(row["agreement"], 1.0) << row;
      EXPECT_NEAR(row["nasp"].get<double>(), 1.0, 1e-9) << row;
    } else {
      EXPECT_LT(row["nasp"], 1.0) << row;
    }
  }
  EXPECT_EQ(json["stream"]["dropped"], 0);
  EXPECT_EQ(json["stream"]["refused"], 0);
  EXPECT_EQ(json["stream"]["wrong_generation"], 0);
  EXPECT_GE(json["stream"]["images"], 12 * 200);

  const std::string page = ReadFile(Path("demo.html"));
  EXPECT_THAT(page, HasSubstr("36 - 16 ReLU - 4 sigmoid"));
  EXPECT_THAT(page, HasSubstr("homogeneous, no noise"));
  EXPECT_THAT(page, HasSubstr("</html>"));
  EXPECT_THAT(page, Not(HasSubstr("<script")));
  EXPECT_THAT(page, Not(HasSubstr("<img")));
  EXPECT_TRUE(CleanedUp());
}

TEST_F(DemoTest, KeepsItsServerWhenAsked) {
  WriteStripes();
  const Result demo =
      Torpor({"demo", "--dataset", "stripes", "--dataset-path", Path("datasets"), "--units", "8",
              "--epochs", "1", "--seconds-per-mode", "0", "--epsilon", "1", "--bias", "none",
              "--html", Path("demo.html"), "--keep"});
  ASSERT_EQ(demo.exit_code, 0) << demo.err;
  EXPECT_THAT(demo.out, HasSubstr("epsilon  bias"));
  EXPECT_THAT(demo.out, HasSubstr("0 of "));
  const std::string mark = "TORPOR_SERVER=";
  const size_t at = demo.err.find(mark);
  ASSERT_NE(at, std::string::npos) << demo.err;
  const std::string server =
      demo.err.substr(at + mark.size(), demo.err.find('\n', at) - at - mark.size());
  EXPECT_EQ(Torpor({"power", "get", "demo", "--server", server}).exit_code, 0);
  EXPECT_EQ(Torpor({"server", "stop", "--server", server}).exit_code, 0);
}

TEST_F(DemoTest, LeavesNothingBehindWhenInterrupted) {
  WriteStripes();
  const Running demo =
      StartTorpor({"demo", "--dataset", "stripes", "--dataset-path", Path("datasets"), "--units",
                   "8", "--epochs", "100000", "--html", Path("demo.html")});
  ASSERT_TRUE(WaitFor([&] { return ReadFile(demo.err_file).find("train") != std::string::npos; }));
  ASSERT_TRUE(WaitFor([&] { return Worker() > 0; }));
  kill(demo.pid, SIGINT);
  const Result result = Wait(demo);
  EXPECT_EQ(result.exit_code, 130) << result.err;
  EXPECT_THAT(result.err, Not(HasSubstr("goes on in the server")));
  EXPECT_TRUE(CleanedUp());
  EXPECT_TRUE(WaitFor([&] { return Worker() == 0; }));
}

TEST_F(DemoTest, ExplainsAMissingDataset) {
  const Result result = Torpor({"demo", "--dataset-path", Path("nowhere")});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.err, HasSubstr("fashion-mnist"));
  EXPECT_THAT(result.err, HasSubstr(Path("nowhere")));
  EXPECT_THAT(result.err, HasSubstr("try: apt-get install dataset-fashion-mnist"));
}

TEST_F(DemoTest, ReportMeasuresASession) {
  WriteStripes();
  Write(
      "net.yaml",
      "rate: {input: {shape: [36]}, layers: [{name: hidden, dense: {units: 16}, activation: RELU}, "
      "{name: out, dense: {units: 4}, activation: SIGMOID}]}\n");
  ASSERT_EQ(Torpor({"session", "create", "-f", Path("net.yaml"), "--name", "s1"}).exit_code, 0);
  const Result trained =
      Torpor({"job", "submit", "train", "s1", "--dataset", "stripes", "--epochs", "3", "--wait"});
  ASSERT_EQ(trained.exit_code, 0) << trained.err;
  const Result result = Torpor({"report", "create", "s1", "--dataset", "stripes", "--epsilon",
                                "1,0.2", "--html", Path("out.html"), "-o", "json"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const Json files = result.json()["files"];
  // The page, the table, five plots and one for each level of noise, weights and biases.
  EXPECT_EQ(files.size(), 11u);
  for (const Json& file : files) {
    EXPECT_GT(ReadFile(file).size(), 100u) << file;
  }
  const std::string page = ReadFile(Path("out.html"));
  EXPECT_THAT(page, HasSubstr("Power report of s1"));
  EXPECT_THAT(page, HasSubstr("data digest"));
  EXPECT_THAT(ReadFile(Path("out.csv")), HasSubstr("epsilon,bias,accuracy"));

  const Result nowhere = Torpor({"report", "create", "s1", "--dataset", "stripes", "--html",
                                 Path("no/such/folder/out.html")});
  EXPECT_EQ(nowhere.exit_code, 2);
}

}  // namespace
}  // namespace torpor::e2e
