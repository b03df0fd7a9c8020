// Samples of the server's datasets from the outside: listed, written to files, classified,
// streamed.
#include "gmock/gmock.h"
#include "world.h"

namespace torpor::e2e {
namespace {

using ::testing::HasSubstr;

class DatasetTest : public World {};

TEST_F(DatasetTest, AFileOfSamplesIsWhatInferenceTakes) {
  const std::string small =
      "network: {rate: {input: {shape: [144]}, layers: [{dense: {units: 10}, activation: "
      "SIGMOID}]}}\n";
  ASSERT_EQ(Torpor({"session", "create", "s1", "-f", Write("small.yaml", small)}).exit_code, 0);
  const Result listed = Torpor({"dataset", "samples", "synthetic-digits", "--first", "20",
                                "--count", "3", "--inputs", Path("digits.npy"), "-o", "json"});
  ASSERT_EQ(listed.exit_code, 0) << listed.err;
  EXPECT_EQ(listed.json()["split_samples"], 500);
  ASSERT_EQ(listed.json()["samples"].size(), 3u);
  EXPECT_EQ(listed.json()["samples"][0]["sample"], 20);

  const Result file =
      Torpor({"session", "infer", "s1", "--input", Path("digits.npy"), "-o", "json"});
  ASSERT_EQ(file.exit_code, 0) << file.err;
  const Result named = Torpor({"session", "infer", "s1", "--dataset", "synthetic-digits", "--index",
                               "20", "--count", "3", "-o", "json"});
  ASSERT_EQ(named.exit_code, 0) << named.err;
  EXPECT_EQ(named.json()["scores"], file.json()["scores"]);
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(named.json()["labels"][i], listed.json()["samples"][i]["label"]);
  }
}

TEST_F(DatasetTest, ASpikeTrainIsStreamed) {
  const std::string network =
      "network: {lif: {spikes: {}, readOut: SPIKES, input: {shape: [250, 700]}, neuron: "
      "{threshold: "
      "0.3}, layers: [{dense: {units: 250}, initialScale: 2}]}}\n";
  const Result created =
      Torpor({"session", "create", "s1", "-f", Write("pattern.yaml", network), "--seed", "3"});
  ASSERT_EQ(created.exit_code, 0) << created.err;
  const Result input = Torpor({"dataset", "spikes", "synthetic-pattern"});
  ASSERT_EQ(input.exit_code, 0) << input.err;
  const Result output = Torpor({"session", "spikes", "s1", "--chunk", "50"}, input.out);
  EXPECT_EQ(output.exit_code, 0) << output.err;
  EXPECT_THAT(output.out, HasSubstr("\n")) << "nothing spikes";
  const Result target = Torpor({"dataset", "spikes", "synthetic-pattern", "--target"});
  ASSERT_EQ(target.exit_code, 0) << target.err;
  EXPECT_NE(target.out, input.out);
}

TEST_F(DatasetTest, RefusesWhatIsNotThere) {
  const Result past = Torpor({"dataset", "samples", "synthetic-digits", "--first", "500"});
  EXPECT_EQ(past.exit_code, 67);
  EXPECT_THAT(past.err, HasSubstr("0..499"));
  const Result pictures = Torpor({"dataset", "spikes", "fashion-mnist"});
  EXPECT_NE(pictures.exit_code, 0);
  const Result digits = Torpor({"dataset", "spikes", "synthetic-digits", "--target"});
  EXPECT_EQ(digits.exit_code, 2);
  EXPECT_THAT(digits.err, HasSubstr("no spike trains"));
  const Result targets =
      Torpor({"dataset", "samples", "synthetic-digits", "--targets", Path("t.npy")});
  EXPECT_EQ(targets.exit_code, 2);
  EXPECT_THAT(targets.err, HasSubstr("--inputs"));
  const Result beyond = Torpor({"dataset", "samples", "synthetic-digits", "--count", "0"});
  EXPECT_EQ(beyond.exit_code, 2);
}

}  // namespace
}  // namespace torpor::e2e
