// Models as files, from the outside: NumPy on one side, torpor on the other.
#include <filesystem>

#include "gmock/gmock.h"
#include "world.h"

namespace torpor::e2e {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class ModelFilesTest : public World {
 protected:
  // Runs Debian's Python, which has numpy, on a script in this world's folder.
  Result Python(const std::string& script) {
    return Wait(
        Start({"/usr/bin/python3", "-c", "import os\nos.chdir('" + Path("") + "')\n" + script}));
  }

  // A session `s1` trained for a moment, and its model.
  void Train() {
    net_ = Write("net.yaml", kSmallNetwork);
    const Result created = Torpor({"session", "create", "s1", "-f", net_, "--seed", "7"});
    ASSERT_EQ(created.exit_code, 0) << created.err;
    const Result trained =
        Torpor({"job", "submit", "train", "s1", "--dataset", "synthetic-digits", "--epochs", "2",
                "--learning-rate", "1e-2", "--wait", "-o", "json"});
    ASSERT_EQ(trained.exit_code, 0) << trained.err;
    model_ = trained.json()["model"];
  }

  Json ScoresOf(const std::string& session) {
    const Result result =
        Torpor({"session", "infer", session, "--input", Path("images.npy"), "-o", "json"});
    EXPECT_EQ(result.exit_code, 0) << result.err;
    return result.exit_code == 0 ? result.json()["scores"] : Json();
  }

  std::string net_, model_;
};

TEST_F(ModelFilesTest, NumpyReadsTheWeightsAndTheyComeBackBitForBit) {
  Train();
  const Result exported =
      Torpor({"model", "export", model_, "--file", Path("weights.npz"), "-o", "json"});
  ASSERT_EQ(exported.exit_code, 0) << exported.err;
  EXPECT_EQ(exported.json()["model"], model_);
  EXPECT_EQ(exported.json()["bytes"], std::filesystem::file_size(Path("weights.npz")));
  // numpy itself computes the network, and saves it as other programs do.
  const Result python = Python(
      "import numpy as np\n"
      "z = np.load('weights.npz')\n"
      "assert sorted(z) == ['hidden.bias', 'hidden.weight', 'out.bias', 'out.weight'], list(z)\n"
      "assert z['hidden.weight'].shape == (32, 144) and z['out.bias'].shape == (10,)\n"
      "u = np.random.RandomState(1).rand(5, 144).astype('f4')\n"
      "np.save('images.npy', u)\n"
      "h = np.maximum(u @ z['hidden.weight'].T + z['hidden.bias'], 0)\n"
      "for row in h @ z['out.weight'].T + z['out.bias']: print(*row)\n"
      "np.savez_compressed('double.npz', **{k: np.asfortranarray(v.astype('f8'))"
      " for k, v in z.items()})\n");
  ASSERT_EQ(python.exit_code, 0) << python.err;
  const Result imported = Torpor({"model", "import", Path("double.npz"), "--network", net_, "--id",
                                  "back", "--loss", "bce", "-o", "json"});
  ASSERT_EQ(imported.exit_code, 0) << imported.err;
  EXPECT_EQ(imported.json()["name"], "models/back");
  EXPECT_EQ(imported.json()["loss"], "bce");
  ASSERT_EQ(Torpor({"session", "create", "s2", "--model", "back"}).exit_code, 0);
  const Json scores = ScoresOf("s2");
  EXPECT_EQ(scores, ScoresOf("s1"));
  std::istringstream numbers(python.out);
  for (const Json& row : scores) {
    for (const Json& score : row) {
      double expected = 0;
      ASSERT_TRUE(numbers >> expected);
      EXPECT_NEAR(score.get<double>(), expected, 1e-4);
    }
  }
  // Trained elsewhere is as good as trained here: it can be calibrated and turned down.
  const Result calibrated = Torpor({"job", "submit", "calibrate", "s2", "--dataset",
                                    "synthetic-digits", "--wait", "-o", "json"});
  EXPECT_EQ(calibrated.exit_code, 0) << calibrated.err;
}

TEST_F(ModelFilesTest, AnArchiveCarriesTheCalibrationToo) {
  Train();
  const std::string file = Path("s1.torpor");
  // By the session that serves it.
  const Result exported = Torpor({"model", "export", "sessions/s1", "-f", file});
  ASSERT_EQ(exported.exit_code, 0) << exported.err;
  const Result imported = Torpor({"model", "import", file, "--id", "copy", "-o", "json"});
  ASSERT_EQ(imported.exit_code, 0) << imported.err;
  const Json original = Torpor({"model", "get", model_, "-o", "json"}).json();
  EXPECT_EQ(imported.json()["digest"], original["digest"]);
  EXPECT_EQ(imported.json()["calibration"], original["calibration"]);
  EXPECT_EQ(imported.json()["calibration"]["dataset"], "datasets/synthetic-digits");

  std::string bytes = ReadFile(file);
  bytes[bytes.size() - 5] ^= 1;
  const Result damaged = Torpor({"model", "import", Write("damaged.torpor", bytes)});
  EXPECT_NE(damaged.exit_code, 0);
  EXPECT_THAT(damaged.err, HasSubstr("tensor"));
  EXPECT_THAT(damaged.err, HasSubstr("damaged.torpor"));
}

TEST_F(ModelFilesTest, ErrorsSayWhatAndWhere) {
  const std::string net = Write("net.yaml", kSmallNetwork);
  ASSERT_EQ(Torpor({"session", "create", "s1", "-f", net}).exit_code, 0);
  const Result python = Python(
      "import numpy as np\n"
      "np.savez('wrong.npz', **{'hidden.weight': np.zeros((144, 32), 'f4'),"
      " 'hidden.bias': np.full(32, np.nan, 'f4'), 'out.bias': np.zeros(10, 'f4'),"
      " 'extra': np.zeros(3, 'f4')})\n");
  ASSERT_EQ(python.exit_code, 0) << python.err;
  const Result wrong = Torpor({"model", "import", Path("wrong.npz"), "--network", net});
  EXPECT_EQ(wrong.exit_code, 67) << wrong.err;
  EXPECT_THAT(wrong.err, HasSubstr("hidden.weight: must have the shape [32, 144], has [144, 32]"));
  EXPECT_THAT(wrong.err, HasSubstr("out.weight: is missing"));
  EXPECT_THAT(wrong.err, HasSubstr("extra: belongs to no layer"));
  EXPECT_THAT(wrong.err, HasSubstr("wrong.npz"));
  EXPECT_THAT(Torpor({"model", "import", Path("wrong.npz")}).err, HasSubstr("--network net.yaml"));
  EXPECT_THAT(Torpor({"model", "import", net}).err, HasSubstr("neither an NPZ nor an archive"));
  EXPECT_EQ(Torpor({"model", "import", Path("absent.npz")}).exit_code, 2);
  const std::string bad = Write("bad.yaml",
                                "rate:\n  input: {shape: [4]}\n  layers:\n"
                                "    - {dense: {units: 0}, activation: RELU}\n");
  EXPECT_THAT(Torpor({"model", "import", Path("wrong.npz"), "--network", bad}).err,
              HasSubstr("bad.yaml:4"));

  // A session whose parameters are no model yet; a file that cannot be; a failure leaves no file.
  EXPECT_THAT(Torpor({"model", "export", "sessions/s1", "--file", Path("x.npz")}).err,
              HasSubstr("torpor model snapshot s1"));
  EXPECT_THAT(Torpor({"model", "export", "sessions/s1", "--file", Path("x.bin")}).err,
              HasSubstr("--format"));
  EXPECT_NE(Torpor({"model", "export", "nothing", "--file", Path("x.npz")}).exit_code, 0);
  ASSERT_EQ(Torpor({"model", "snapshot", "s1", "--name", "kept"}).exit_code, 0);
  EXPECT_THAT(Torpor({"model", "export", "kept", "--file", "/no/folder/x.npz"}).err,
              HasSubstr("cannot be written"));
  for (const auto& entry : std::filesystem::directory_iterator(Path(""))) {
    EXPECT_THAT(entry.path().string(), Not(HasSubstr(".part")));
    EXPECT_NE(entry.path().filename(), "x.npz");
  }
}

TEST_F(ModelFilesTest, AnalysesNeurons) {
  const Result bias =
      Torpor({"neuron", "bias", "--activation", "relu", "--mean", "-0.1", "--stddev", "0.25",
              "--bias", "0.7", "--epsilon", "0:2:0.1", "-o", "json"});
  ASSERT_EQ(bias.exit_code, 0) << bias.err;
  const Json json = bias.json();
  ASSERT_EQ(json["points"].size(), 21u);
  EXPECT_NEAR(json["points"][5]["optimal_change"].get<double>(), -.2852, 1e-4);
  EXPECT_NEAR(json["points"][5]["table_change"].get<double>(), -.2664, 1e-4);
  EXPECT_NEAR(json["optimal_slope"].get<double>(), .53281, 1e-5);
  const Result table = Torpor({"neuron", "bias", "--uniform", "-1,2", "--epsilon", "0.5"});
  EXPECT_THAT(table.out, HasSubstr("slope at epsilon 1"));
  EXPECT_THAT(
      Torpor({"neuron", "bias", "--samples", "-", "--epsilon", "0.5", "-o", "csv"}, "0.5, 1\n-2 3")
          .out,
      HasSubstr("epsilon,optimal_change,table_change,tangent_change"));

  const std::string figure = Path("tuning.svg");
  const Result tuning = Torpor({"neuron", "tuning", "--activation", "relu", "--epsilon",
                                "1,0.5,0.2", "--svg", figure, "-o", "json"});
  ASSERT_EQ(tuning.exit_code, 0) << tuning.err;
  const Json curves = tuning.json()["curves"];
  ASSERT_EQ(curves.size(), 3u);
  EXPECT_NEAR(curves[1]["width"].get<double>(), 168.3, 0.2);
  EXPECT_EQ(curves[1]["response"].size(), 361u);
  const std::string svg = ReadFile(figure);
  EXPECT_THAT(svg, HasSubstr("angle between input and weights (degree)"));
  EXPECT_THAT(svg, HasSubstr("epsilon 0.2"));

  EXPECT_THAT(Torpor({"neuron", "tuning", "--epsilon", "1.5"}).err, HasSubstr("--epsilon"));
  EXPECT_THAT(Torpor({"neuron", "bias", "--stddev", "0", "--epsilon", "1"}).err,
              HasSubstr("--stddev"));
  EXPECT_THAT(Torpor({"neuron", "bias", "--activation", "rely", "--epsilon", "1"}).err,
              HasSubstr("try: --activation relu"));
}

}  // namespace
}  // namespace torpor::e2e
