#include "client/cli/definition.h"

#include <fstream>

#include "client/cli/errors.h"
#include "client/cli/output.h"
#include "gmock/gmock.h"
#include "google/protobuf/util/message_differencer.h"
#include "gtest/gtest.h"
#include "torpor/v1/job.pb.h"
#include "torpor/v1/network.pb.h"

namespace torpor::cli {
namespace {

using ::google::protobuf::util::MessageDifferencer;
using ::testing::HasSubstr;

// Lines are counted from 1.
constexpr char kYaml[] =
    "displayName: mlp\n"            // 1
    "rate:\n"                       // 2
    "  input: {shape: [784]}\n"     // 3
    "  layers:\n"                   // 4
    "    - name: hidden\n"          // 5
    "      dense:\n"                // 6
    "        units: 1000\n"         // 7
    "      activation: RELU\n"      // 8
    "    - name: out\n"             // 9
    "      dense: {units: 10}\n"    // 10
    "      activation: sigmoid\n";  // 11

v1::Network Expected() {
  v1::Network network;
  network.set_display_name("mlp");
  network.mutable_rate()->mutable_input()->add_shape(784);
  auto* hidden = network.mutable_rate()->add_layers();
  hidden->set_name("hidden");
  hidden->mutable_dense()->set_units(1000);
  hidden->set_activation(v1::Activation::RELU);
  auto* out = network.mutable_rate()->add_layers();
  out->set_name("out");
  out->mutable_dense()->set_units(10);
  out->set_activation(v1::Activation::SIGMOID);
  return network;
}

// The error of reading `text` as a network, formatted as the user sees it.
std::string ErrorOf(const std::string& text) {
  auto definition = Definition::Parse(text, "net.yaml");
  v1::Network network;
  const absl::Status status = definition.ok() ? definition->Read("", network) : definition.status();
  EXPECT_FALSE(status.ok()) << text;
  EXPECT_EQ(ExitCodeOfError(status), 67);
  return FormatError(status, false);
}

TEST(DefinitionTest, ReadsYaml) {
  auto definition = Definition::Parse(kYaml, "net.yaml");
  ASSERT_TRUE(definition.ok()) << definition.status();
  v1::Network network;
  ASSERT_TRUE(definition->Read("", network).ok());
  EXPECT_TRUE(MessageDifferencer::Equals(network, Expected())) << network.DebugString();
}

TEST(DefinitionTest, ReadsJsonInEitherCase) {
  for (const char* name : {"displayName", "display_name"}) {
    auto definition = Definition::Parse(
        std::string("{\"") + name +
            "\": \"mlp\", \"rate\": {\"input\": {\"shape\": [784]}, \"layers\": ["
            "{\"name\": \"hidden\", \"dense\": {\"units\": 1000}, \"activation\": \"RELU\"},"
            "{\"name\": \"out\", \"dense\": {\"units\": 10}, \"activation\": \"SIGMOID\"}]}}",
        "net.json");
    ASSERT_TRUE(definition.ok()) << definition.status();
    v1::Network network;
    ASSERT_TRUE(definition->Read("", network).ok());
    EXPECT_TRUE(MessageDifferencer::Equals(network, Expected())) << network.DebugString();
  }
}

TEST(DefinitionTest, ReadsTheFlowFormOfTheManual) {
  auto definition = Definition::Parse(
      "{displayName: mlp, rate: {input: {shape: [784]}, layers: [{name: hidden, dense: {units: "
      "1000},"
      " activation: RELU}, {name: out, dense: {units: 10}, activation: SIGMOID}]}}",
      "net.yaml");
  ASSERT_TRUE(definition.ok()) << definition.status();
  v1::Network network;
  ASSERT_TRUE(definition->Read("", network).ok());
  EXPECT_TRUE(MessageDifferencer::Equals(network, Expected())) << network.DebugString();
}

TEST(DefinitionTest, ReadsOwnJsonBack) {
  // What `-o json` prints can be fed in again.
  auto definition = Definition::Parse(Dump(ToJson(Expected())), "net.json");
  ASSERT_TRUE(definition.ok()) << definition.status();
  v1::Network network;
  ASSERT_TRUE(definition->Read("", network).ok()) << definition->Read("", network);
  EXPECT_TRUE(MessageDifferencer::Equals(network, Expected())) << network.DebugString();
}

TEST(DefinitionTest, KnowsTheLineOfEveryField) {
  auto definition = Definition::Parse(kYaml, "net.yaml");
  ASSERT_TRUE(definition.ok());
  v1::Network network;
  ASSERT_TRUE(definition->Read("", network).ok());
  EXPECT_EQ(definition->Where("display_name"), "net.yaml:1");
  EXPECT_EQ(definition->Where("rate.input.shape"), "net.yaml:3");
  EXPECT_EQ(definition->Where("rate.layers[0].dense.units"), "net.yaml:7");
  EXPECT_EQ(definition->Where("rate.layers[1].dense.units"), "net.yaml:10");
  // Not in the file: the nearest thing around it.
  EXPECT_EQ(definition->Where("rate.layers[1].dense.without_bias"), "net.yaml:10");
  EXPECT_EQ(definition->Where("rate.layers[7].name"), "net.yaml:4");
  EXPECT_EQ(definition->Where("nothing.at.all"), "net.yaml:1");
}

TEST(DefinitionTest, LocatesAnErrorOfTheServer) {
  auto definition = Definition::Parse(kYaml, "net.yaml");
  v1::Network network;
  ASSERT_TRUE(definition->Read("", network).ok());
  google::rpc::BadRequest bad;
  auto* violation = bad.add_field_violations();
  violation->set_field("network.rate.layers[0].dense.units");
  violation->set_description("must be in 1..65536, got 0");
  absl::Status status = absl::InvalidArgumentError("units");
  status.SetPayload("type.googleapis.com/google.rpc.BadRequest",
                    absl::Cord(bad.SerializeAsString()));
  EXPECT_THAT(FormatError(definition->Locate(status, "network."), false),
              HasSubstr("\n  net.yaml:7\n"));
}

TEST(DefinitionTest, ReadsThePartsOfARecipe) {
  auto definition = Definition::Parse(
      "network: {displayName: x}\n"
      "train: {dataset: mnist, epochs: 25, loss: MSE, learningRate: 1e-3}\n"
      "sweep: {epsilon: [1, 0.5], bias: [NONE, table]}\n",
      "recipe.yaml");
  ASSERT_TRUE(definition.ok());
  EXPECT_TRUE(definition->Has("train"));
  EXPECT_FALSE(definition->Has("model"));
  v1::TrainSpec train;
  ASSERT_TRUE(definition->Read("train", train).ok());
  EXPECT_EQ(train.epochs(), 25);
  EXPECT_EQ(train.loss(), v1::Loss::MSE);
  EXPECT_DOUBLE_EQ(train.learning_rate(), 1e-3);
  v1::PowerSweepSpec sweep;
  ASSERT_TRUE(definition->Read("sweep", sweep).ok());
  EXPECT_THAT(sweep.epsilon(), ::testing::ElementsAre(1, 0.5));
  EXPECT_THAT(sweep.bias(), ::testing::ElementsAre(v1::BiasPolicy::NONE, v1::BiasPolicy::TABLE));
}

TEST(DefinitionTest, ReadsMaps) {
  auto definition = Definition::Parse("layer_epsilon: {hidden: 0.2, out: 1}\nepsilon: 0.5\n", "m");
  v1::PowerMode mode;
  ASSERT_TRUE(definition->Read("", mode).ok());
  EXPECT_DOUBLE_EQ(mode.layer_epsilon().at("hidden"), 0.2);
  EXPECT_DOUBLE_EQ(mode.layer_epsilon().at("out"), 1);
}

TEST(DefinitionTest, NamesUnknownFieldsWithTheNearestKnown) {
  EXPECT_EQ(ErrorOf("rate:\n  layrs: []\n"),
            "error: rate.layrs: unknown field; did you mean `layers`?\n  net.yaml:2\n");
  // An unknown kind of layer.
  EXPECT_THAT(ErrorOf("rate:\n  layers:\n  - convolution: {}\n"),
              HasSubstr("rate.layers[0].convolution: unknown field; known are name, dense"));
}

TEST(DefinitionTest, NamesWrongValues) {
  EXPECT_EQ(ErrorOf("rate:\n  layers:\n  - dense:\n      units: many\n"),
            "error: rate.layers[0].dense.units: must be a whole number within 32 bits, got `many`\n"
            "  net.yaml:4\n");
  EXPECT_THAT(ErrorOf("rate: {layers: [{dense: {units: 99999999999}}]}"), HasSubstr("32 bits"));
  EXPECT_THAT(ErrorOf("rate: {layers: [{activation: RELO}]}"),
              HasSubstr("must be one of LINEAR, RELU, SIGMOID, TANH, STEP, SOFTMAX, got `RELO`"));
  EXPECT_THAT(ErrorOf("rate: {layers: [{activation: UNSPECIFIED}]}"), HasSubstr("must be one of"));
  EXPECT_THAT(ErrorOf("rate: {layers: {a: 1}}"), HasSubstr("must be a list, got a mapping"));
  EXPECT_THAT(ErrorOf("rate: [1]"), HasSubstr("must be a mapping of fields, got a list"));
  EXPECT_THAT(ErrorOf("rate: {layers: [{dense: {without_bias: maybe}}]}"),
              HasSubstr("must be true or false"));
  EXPECT_THAT(ErrorOf("displayName: [a]"), HasSubstr("must be text, got a list"));
  EXPECT_THAT(ErrorOf("displayName: a\ndisplay_name: b"), HasSubstr("is given twice"));
}

TEST(DefinitionTest, NamesEveryWrongField) {
  const std::string error = ErrorOf("rate: {layers: [{dense: {units: a}}, {dense: {units: b}}]}");
  EXPECT_THAT(error, HasSubstr("error: rate.layers[0].dense.units"));
  EXPECT_THAT(error, HasSubstr("also rate.layers[1].dense.units"));
}

TEST(DefinitionTest, RefusesWhatIsNoNumber) {
  for (const char* value : {".nan", "nan", ".inf", "-inf", "''", "1,5"}) {
    auto definition = Definition::Parse(std::string("epsilon: ") + value, "mode");
    ASSERT_TRUE(definition.ok());
    v1::PowerMode mode;
    EXPECT_FALSE(definition->Read("", mode).ok()) << value;
  }
}

TEST(DefinitionTest, RefusesBrokenYamlWithItsLine) {
  EXPECT_THAT(ErrorOf("rate:\n  layers: [\n"), HasSubstr("\n  net.yaml:"));
  EXPECT_THAT(ErrorOf("just a sentence"), HasSubstr("holds no definition"));
  EXPECT_THAT(ErrorOf(""), HasSubstr("holds no definition"));
  EXPECT_THAT(ErrorOf("- a\n- b"), HasSubstr("holds no definition"));
}

TEST(DefinitionTest, BoundsWhatAliasesStandFor) {
  // 1,000 layers by alias, each with a list of 1,000 inputs by alias: a million values in a few
  // kilobytes.
  std::string text = "network:\n  rate:\n    input: {shape: &s [1";
  for (int i = 1; i < 1000; ++i) text += ", 1";
  text += "]}\nrecipes: &r {input: {shape: *s}}\nsweep:\n  epsilon: [1]\nmany: [";
  text += "*r]\n";
  auto shapes = Definition::Parse(text, "alias.yaml");
  ASSERT_TRUE(shapes.ok()) << shapes.status();
  v1::Network network;
  ASSERT_TRUE(shapes->Read("network", network).ok());
  EXPECT_EQ(network.rate().input().shape_size(), 1000);

  std::string bomb = "rate:\n  layers:\n    - &l {name: a, dense: {units: 1}, activation: RELU}\n";
  for (int i = 0; i < 100000; ++i) bomb += "    - *l\n";
  auto definition = Definition::Parse(bomb, "bomb.yaml");
  ASSERT_TRUE(definition.ok());
  const absl::Status status = definition->Read("", network);
  EXPECT_THAT(FormatError(status, false), HasSubstr("stands for too many values"));
}

TEST(DefinitionTest, LoadSaysWhichFileIsMissing) {
  std::istringstream in;
  std::ostringstream out, err;
  Context context(in, out, err);
  const auto definition = Definition::Load(context, "/no/such/net.yaml");
  ASSERT_FALSE(definition.ok());
  EXPECT_EQ(ExitCodeOfError(definition.status()), 2);
  EXPECT_THAT(FormatError(definition.status(), false), HasSubstr("/no/such/net.yaml"));
}

TEST(DefinitionTest, LoadReadsStandardInput) {
  std::istringstream in(kYaml);
  std::ostringstream out, err;
  Context context(in, out, err);
  auto loaded = LoadNetwork<v1::Network>(context, "-");
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  EXPECT_TRUE(MessageDifferencer::Equals(loaded->second, Expected()));
  EXPECT_EQ(loaded->first.Where("rate"), "stdin:2");
}

TEST(DefinitionTest, RecipesAreWhole) {
  for (const char* name : {"single-784-10", "mlp-784-1000-10"}) {
    const std::string path = std::string(TORPOR_SOURCE_ROOT) + "/client/recipes/" + name + ".yaml";
    std::istringstream in;
    std::ostringstream out, err;
    Context context(in, out, err);
    auto loaded = LoadNetwork<v1::Network>(context, path);
    ASSERT_TRUE(loaded.ok()) << loaded.status();
    EXPECT_EQ(loaded->second.rate().layers().rbegin()->dense().units(), 10);
    v1::TrainSpec train;
    EXPECT_TRUE(loaded->first.Read("train", train).ok());
    EXPECT_EQ(train.epochs(), 25);
    v1::PowerSweepSpec sweep;
    EXPECT_TRUE(loaded->first.Read("sweep", sweep).ok());
    EXPECT_EQ(sweep.bias_size(), 3);
  }
}

TEST(DefinitionTest, OtherEncodingsAreRefusedWithTheirLine) {
  const auto latin = Definition::Parse("a: b\ndisplayName: Z\xFCrich\n", "net.yaml");
  ASSERT_FALSE(latin.ok());
  EXPECT_THAT(std::string(latin.status().message()), HasSubstr("UTF-8"));
  EXPECT_THAT(latin.status().ToString(), HasSubstr("net.yaml:2"));
}

}  // namespace
}  // namespace torpor::cli
