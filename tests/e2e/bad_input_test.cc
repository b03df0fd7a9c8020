// Bad input: every error names field and bound on three lines, has its exit code, and loses
// nothing.
#include <csignal>

#include "gmock/gmock.h"
#include "world.h"

namespace torpor::e2e {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

class BadInputTest : public World {
 protected:
  void SetUp() override {
    World::SetUp();
    ASSERT_EQ(Torpor({"session", "create", "s1", "-f", Write("net.yaml", kSmallNetwork)}).exit_code,
              0);
  }

  // The sessions that are there, before and after: a refused request leaves no trace.
  void TearDown() override {
    EXPECT_EQ(Torpor({"session", "list", "-o", "json"}).json()["sessions"].size(), 1u);
    EXPECT_EQ(Torpor({"session", "get", "s1", "-o", "json"}).json()["generation"], 1);
    World::TearDown();
  }

  // Runs a command that must fail with `exit_code` and an error of the usual form that holds
  // `parts`.
  void ExpectError(const std::vector<std::string>& arguments, int exit_code,
                   const std::vector<std::string>& parts, const std::string& input = "") {
    const Result result = Torpor(arguments, input);
    std::string line = "torpor";
    for (const std::string& word : arguments) line += " " + word;
    EXPECT_EQ(result.exit_code, exit_code) << line << "\n" << result.err << result.out;
    EXPECT_THAT(result.err, StartsWith("error: ")) << line;
    for (const std::string& part : parts) EXPECT_THAT(result.err, HasSubstr(part)) << line;
    EXPECT_EQ(result.out, "") << line;
  }

  // A network file with this layer list must be refused, naming `parts`.
  void ExpectNetworkError(const std::string& layers, const std::vector<std::string>& parts,
                          const std::string& shape = "[784]") {
    const std::string file =
        Write("bad.yaml", "rate:\n  input: {shape: " + shape + "}\n  layers:\n" + layers);
    for (const char* verb : {"validate", "describe"}) {
      ExpectError({"network", verb, "-f", file}, 67, parts);
    }
    ExpectError({"session", "create", "bad", "-f", file}, 67, parts);
  }
};

TEST_F(BadInputTest, Networks) {
  ExpectNetworkError("    - {name: a, convolution: {units: 3}, activation: RELU}\n",
                     {"convolution", "bad.yaml:4"});
  ExpectNetworkError(
      "    - {name: a, dense: {units: 3}, activation: RELU}\n"
      "    - {name: b, dense: {units: 0}, activation: RELU}\n",
      {"layers[1].dense.units", "1..65536", "got 0", "bad.yaml:5"});
  ExpectNetworkError("    - {name: a, dense: {units: -3}, activation: RELU}\n",
                     {"layers[0].dense.units", "got -3", "bad.yaml:4"});
  ExpectNetworkError("    - {name: a, dense: {units: 2147483647}, activation: RELU}\n",
                     {"layers[0].dense.units", "got 2147483647"});
  ExpectNetworkError("    - {name: a, dense: {units: 99999999999}, activation: RELU}\n",
                     {"layers[0].dense.units", "32 bits"});
  ExpectNetworkError("    - {name: a, dense: {units: 3}}\n", {"layers[0].activation"});
  ExpectNetworkError("    - {name: a, activation: RELU}\n", {"layers[0]"});
  ExpectNetworkError(
      "    - {name: a, dense: {units: 3}, activation: RELU}\n"
      "    - {name: a, dense: {units: 3}, activation: RELU}\n",
      {"layers[1].name"});
  ExpectNetworkError("    - {name: a, dense: {units: 3}, activation: RELU}\n", {"input.shape"},
                     "[0]");
  ExpectNetworkError("    - {name: a, dense: {units: 3}, activation: RELU}\n", {"input.shape"},
                     "[65536, 65536, 65536, 65536]");
  ExpectError({"network", "validate", "-f", "-"}, 67, {"family"}, "displayName: empty\n");
  ExpectError({"network", "validate", "-f", "-"}, 67, {"stdin:"}, "rate: {layers: [\n");
  ExpectError({"network", "validate", "-f", Path("missing.yaml")}, 2, {"missing.yaml"});
}

TEST_F(BadInputTest, PowerModes) {
  ExpectError({"power", "set", "s1", "--epsilon", "0"}, 67, {"epsilon", "(0, 1]", "--epsilon"});
  ExpectError({"power", "set", "s1", "--epsilon", "1.5"}, 67, {"epsilon", "(0, 1]", "1.5"});
  ExpectError({"power", "set", "s1", "--epsilon", "nan"}, 67, {"epsilon", "(0, 1]"});
  ExpectError({"power", "set", "s1", "--epsilon", "elsewhere=0.5"}, 67, {"elsewhere"});
  ExpectError({"power", "set", "s1", "steps=4"}, 67, {"steps", "epsilon", "bias"});
  ExpectError({"power", "set", "s1", "--bias", "tunedd"}, 2, {"none, table, homogeneous", "tuned"});
  ExpectError({"power", "set", "s1", "--bias", "tuned"}, 73, {"torpor job submit tune"});
  ExpectError({"power", "set", "s1", "epsilon_by=magic"}, 2, {"reprogram, read_voltage"});
  ExpectError({"power", "set", "s1", "--epsilon", "0.5", "--nasp", "0.3"}, 2, {"--nasp"});
  // The closed form needs statistics, which an untrained session does not have.
  ExpectError({"power", "set", "s1", "--epsilon", "0.5", "--bias", "table"}, 73, {"calibrat"});
  ExpectError({"power", "set", "nobody", "--epsilon", "0.5"}, 69, {"nobody"});
  ExpectError({"power", "set", "s1", "--epsilon", "0.5", "--etag", "\"stale\""}, 67,
              {"etag", "--etag"});
}

TEST_F(BadInputTest, Jobs) {
  ExpectError({"job", "submit", "train", "s1", "--dataset", "nothing"}, 69, {"nothing"});
  ExpectError({"job", "submit", "train", "s1"}, 2, {"dataset"});
  ExpectError({"job", "submit", "train", "s1", "--dataset", "synthetic-digits", "--epochs", "0"}, 2,
              {"--epochs", "1..100000"});
  ExpectError({"job", "submit", "train", "s1", "--dataset", "synthetic-digits", "--epochs", "-1"},
              2, {"--epochs"});
  ExpectError(
      {"job", "submit", "train", "s1", "--dataset", "synthetic-digits", "--learning-rate", "-1"},
      67, {"learning_rate", "--learning-rate"});
  ExpectError({"job", "submit", "train", "s1", "--dataset", "synthetic-digits", "--loss", "hinge"},
              2, {"bce, mse, ce"});
  ExpectError({"job", "get", "nothing"}, 69, {"nothing"});
  ExpectError({"power", "sweep", "s1", "--dataset", "synthetic-digits", "--epsilon", "1,2"}, 67,
              {"epsilon"});
  EXPECT_EQ(Torpor({"job", "list", "-o", "json"}).json()["jobs"].size(), 0u);
}

TEST_F(BadInputTest, Inputs) {
  const auto npy = [&](const std::string& type, const std::string& shape, const std::string& data) {
    std::string header =
        "{'descr': '" + type + "', 'fortran_order': False, 'shape': " + shape + ", }";
    while ((10 + header.size() + 1) % 64 != 0) header += ' ';
    header += '\n';
    return Write("in.npy", std::string("\x93NUMPY\x01\x00", 8) + static_cast<char>(header.size()) +
                               '\0' + header + data);
  };
  ExpectError({"session", "infer", "s1", "--input", npy("|u1", "(1, 143)", std::string(143, 'a'))},
              67, {"input", "144"});
  std::string nan_image;
  for (int i = 0; i < 144; ++i) nan_image += std::string("\x00\x00\xc0\x7f", 4);
  ExpectError({"session", "infer", "s1", "--input", npy("<f4", "(1, 144)", nan_image)}, 67,
              {"finite"});
  ExpectError({"session", "infer", "s1", "--input", npy("|u1", "(1, 144)", "short")}, 2,
              {"holds 5 bytes"});
  // A message over the limit.
  ExpectError({"session", "infer", "s1", "--input",
               npy("|u1", "(120000, 144)", std::string(120000 * 144, 'a'))},
              72, {});
  ExpectError({"session", "infer", "s1"}, 2, {"--dataset"});
}

TEST_F(BadInputTest, Sessions) {
  ExpectError({"session", "create", "s1", "-f", Path("net.yaml")}, 70, {"s1"});
  ExpectError({"session", "create", "S 1", "-f", Path("net.yaml")}, 67, {"session_id"});
  ExpectError({"session", "create", "x", "-f", Path("net.yaml"), "--column-noise", "-1"}, 67,
              {"column_noise", "--column-noise"});
  ExpectError({"session", "create", "x"}, 2, {"-f net.yaml"});
  ExpectError({"session", "create", "x", "--model", "nothing"}, 69, {"nothing"});
  ExpectError({"session", "delete", "nothing"}, 69, {"nothing"});
}

TEST_F(BadInputTest, MislabelledAndTruncatedDatasets) {
  const std::string folder = Path("datasets") + "/broken";
  std::filesystem::create_directories(folder);
  const auto idx = [&](const std::string& name, const std::string& bytes) {
    std::ofstream(folder + "/" + name, std::ios::binary) << bytes;
  };
  const std::string images =
      std::string("\x00\x00\x08\x03\x00\x00\x00\x02\x00\x00\x00\x02\x00\x00\x00\x02", 16);
  const std::string labels = std::string("\x00\x00\x08\x01\x00\x00\x00\x02", 8);
  idx("train-images-idx3-ubyte", images + "12345678");
  idx("train-labels-idx1-ubyte", labels + std::string("\x00\x01", 2));
  idx("t10k-images-idx3-ubyte", images + "1234567");
  idx("t10k-labels-idx1-ubyte", labels + std::string("\x00\x01", 2));
  ExpectError({"dataset", "verify", "broken"}, 79, {"t10k-images-idx3-ubyte"});
  idx("t10k-images-idx3-ubyte", labels + std::string("\x00\x01", 2));
  ExpectError({"dataset", "verify", "broken"}, 79, {"t10k-images-idx3-ubyte"});
  ExpectError({"dataset", "verify", "../../etc"}, 67, {});
}

TEST_F(BadInputTest, Deadlines) {
  // A server that does not answer.
  ASSERT_EQ(kill(server(), SIGSTOP), 0);
  const Result result = Torpor({"session", "list", "--timeout", "200ms"});
  EXPECT_EQ(kill(server(), SIGCONT), 0);
  EXPECT_EQ(result.exit_code, 68) << result.err;
  EXPECT_THAT(result.err, HasSubstr("--timeout"));
}

}  // namespace
}  // namespace torpor::e2e
