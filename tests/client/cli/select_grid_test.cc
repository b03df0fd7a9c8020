#include "client/cli/select_grid.h"

#include "client/cli/errors.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/client/cli/cli_testing.h"

namespace torpor::cli {
namespace {

using ::testing::HasSubstr;

v1::Network Tiny() {
  v1::Network network;
  network.mutable_stdp()->set_neurons(400);
  network.mutable_stdp()->set_steps(100);
  return network;
}

v1::SelectSpec Laid(const SelectGrid& grid, v1::SelectSpec recipe = {}) {
  const auto spec = LaySelectGridOver(std::move(recipe), grid, Tiny());
  EXPECT_TRUE(spec.ok()) << spec.status();
  return spec.value_or(v1::SelectSpec());
}

TEST(SelectGridTest, SizesTimesRulesAndSchemesTimesTheRest) {
  const v1::SelectSpec spec = Laid({.dataset = "mnist",
                                    .neurons = "100,400",
                                    .rules = "windowed,pairwise",
                                    .schemes = "ptq,itq",
                                    .roundings = "truncate,nearest,stochastic",
                                    .bits = "4,6,8",
                                    .scopes = "w,wn",
                                    .seeds = "1,2"});
  EXPECT_EQ(spec.dataset(), "datasets/mnist");
  ASSERT_EQ(spec.candidates_size(), 4);
  EXPECT_EQ(spec.candidates(1).name(), "n100-pairwise");
  EXPECT_EQ(spec.candidates(1).network().stdp().neurons(), 100);
  EXPECT_EQ(spec.candidates(1).network().stdp().steps(), 100);  // else the session's
  EXPECT_EQ(spec.candidates(1).train().stdp().rule(), v1::StdpTraining::Rule::PAIRWISE);
  EXPECT_EQ(spec.candidates(1).train().epochs(), 1);
  ASSERT_EQ(spec.storages_size(), 36);
  EXPECT_EQ(spec.storages(0).scheme(), v1::Scheme::POST_TRAINING);
  EXPECT_EQ(spec.storages(0).quantization().weight_bits(), 4);
  EXPECT_FALSE(spec.storages(0).quantization().has_neuron_bits());
  EXPECT_EQ(spec.storages(35).scheme(), v1::Scheme::IN_TRAINING);
  EXPECT_EQ(spec.storages(35).quantization().weight_bits(), 8);
  EXPECT_EQ(spec.storages(35).quantization().neuron_bits(), 8);
  EXPECT_EQ(spec.storages(35).quantization().rounding(), v1::Rounding::STOCHASTIC);
  EXPECT_EQ(spec.seeds_size(), 2);
}

TEST(SelectGridTest, TheSessionsNetworkIsTheCandidateWhereNoneIsNamed) {
  const v1::SelectSpec spec = Laid({.dataset = "mnist", .bits = "8"});
  ASSERT_EQ(spec.candidates_size(), 1);
  EXPECT_EQ(spec.candidates(0).name(), "session");
  EXPECT_FALSE(spec.candidates(0).has_network());
  ASSERT_EQ(spec.storages_size(), 1);
  EXPECT_EQ(spec.storages(0).quantization().rounding(), v1::Rounding::NEAREST);
}

TEST(SelectGridTest, FlagsGoBeforeTheFile) {
  v1::SelectSpec recipe;
  recipe.set_dataset("mnist");
  recipe.add_candidates()->set_name("mine");
  recipe.mutable_candidates(0)->mutable_train()->set_epochs(3);
  recipe.add_storages()->set_scheme(v1::Scheme::IN_TRAINING);
  recipe.mutable_limits()->set_joules(1);
  v1::SelectSpec spec = Laid({}, recipe);
  EXPECT_EQ(spec.candidates(0).train().epochs(), 3);
  EXPECT_EQ(spec.storages_size(), 1);
  spec =
      Laid({.dataset = "fashion-mnist", .bits = "4,8", .max_memory = "300kB", .epochs = 2}, recipe);
  EXPECT_EQ(spec.dataset(), "datasets/fashion-mnist");
  EXPECT_EQ(spec.candidates(0).name(), "mine");
  EXPECT_EQ(spec.candidates(0).train().epochs(), 2);
  EXPECT_EQ(spec.storages_size(), 2);
  EXPECT_EQ(spec.limits().memory_bytes(), 300e3);
  EXPECT_EQ(spec.limits().joules(), 1);
}

TEST(SelectGridTest, QuantitiesHaveUnits) {
  EXPECT_EQ(*ParseBytes("300000", "-"), 300000);
  EXPECT_EQ(*ParseBytes("1.5 MB", "-"), 1.5e6);
  EXPECT_EQ(*ParseBytes("2KiB", "-"), 2048);
  EXPECT_EQ(*ParseBytes("7B", "-"), 7);
  EXPECT_DOUBLE_EQ(*ParseJoules("20uJ", "-"), 2e-5);
  EXPECT_DOUBLE_EQ(*ParseJoules("2e-5", "-"), 2e-5);
  EXPECT_DOUBLE_EQ(*ParseJoules("3 J", "-"), 3);
  EXPECT_DOUBLE_EQ(*ParseShare("85%", "-"), 0.85);
  EXPECT_DOUBLE_EQ(*ParseShare("0.85", "-"), 0.85);
  for (const char* bad : {"", "kB", "-1kB", "0", "nan", "inf", "3 parsecs", "1kBB"}) {
    EXPECT_FALSE(ParseBytes(bad, "--max-memory").ok()) << bad;
  }
  for (const char* bad : {"", "-0.1", "1.1", "101%", "nan", "x"}) {
    EXPECT_FALSE(ParseShare(bad, "--min-accuracy").ok()) << bad;
  }
}

TEST(SelectGridTest, WrongWordsAreRefusedByFlagAndBound) {
  struct Case {
    SelectGrid grid;
    const char* flag;
    const char* bound;
  };
  for (const Case& c : std::vector<Case>{
           {{.dataset = "d", .bits = "4,33"}, "--bits", "1..32"},
           {{.dataset = "d", .bits = "0"}, "--bits", "1..32"},
           {{.dataset = "d", .bits = "4.5"}, "--bits", "1..32"},
           {{.dataset = "d", .schemes = "ptq"}, "--bits", "how many"},
           {{.dataset = "d", .schemes = "qat", .bits = "4"}, "--scheme", "ptq"},
           {{.dataset = "d", .roundings = "up", .bits = "4"}, "--rounding", "truncate"},
           {{.dataset = "d", .bits = "4", .scopes = "n"}, "--scope", "w (weights)"},
           {{.dataset = "d", .neurons = "0"}, "--neurons", "1..65536"},
           {{.dataset = "d", .rules = "hebb"}, "--rule", "windowed"},
           {{.dataset = "d", .seeds = "-1"}, "--seeds", "0 or more"},
           {{.dataset = "d", .max_memory = "-3kB"}, "--max-memory", "above 0"},
           {{.dataset = "d", .max_joules = "0"}, "--max-joules", "above 0"},
           {{.dataset = "d", .min_accuracy = "2"}, "--min-accuracy", "0..1"},
           {{}, "--dataset", "missing"},
       }) {
    const absl::Status status = CheckSelectGrid(c.grid);
    EXPECT_THAT(FormatError(status, false), HasSubstr(std::string("\n  ") + c.flag)) << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr(c.bound));
  }
  v1::Network rate;
  rate.mutable_rate();
  EXPECT_FALSE(LaySelectGridOver({}, {.dataset = "d", .neurons = "100"}, rate).ok());
}

TEST(SelectCommandTest, AnswersBeforeAnyServerIsAsked) {
  RunResult result = RunTorpor({"select", "s1", "--dataset", "mnist", "--mu", "-0.5"});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.err, HasSubstr("must be at least 0 and finite, got -0.5\n  --mu\n"));
  result = RunTorpor({"select", "--dataset", "mnist"});
  EXPECT_THAT(result.err, HasSubstr("a session to run in, or --job"));
  result = RunTorpor({"select", "s1", "--dataset", "mnist", "--epochs", "0"});
  EXPECT_THAT(result.err, HasSubstr("1..100000"));
  result = RunTorpor({"select", "s1", "--dataset", "mnist", "--train-samples", "-5"});
  EXPECT_THAT(result.err, HasSubstr("at least 1, got -5"));
}

TEST(SelectCommandTest, FieldsOfTheServerAreNamedAsFlags) {
  const auto flag = [](const std::string& path) {
    absl::Status status = absl::InvalidArgumentError("wrong");
    google::rpc::BadRequest bad;
    bad.add_field_violations()->set_field(path);
    status.SetPayload("type.googleapis.com/google.rpc.BadRequest",
                      absl::Cord(bad.SerializeAsString()));
    return FormatError(NameSelectFlag(status), false);
  };
  EXPECT_THAT(flag("spec.select.storages[3].quantization.weight_bits"), HasSubstr("\n  --bits"));
  EXPECT_THAT(flag("spec.select.limits.memory_bytes"), HasSubstr("\n  --max-memory"));
  EXPECT_THAT(flag("spec.select.limits.accuracy"), HasSubstr("\n  --min-accuracy"));
  EXPECT_THAT(flag("spec.select.candidates[0].network.stdp.neurons"), HasSubstr("\n  --neurons"));
  EXPECT_THAT(flag("spec.select.candidates[0].train.train_samples"),
              HasSubstr("\n  --train-samples"));
  EXPECT_THAT(flag("spec.select.seeds[1]"), HasSubstr("\n  --seeds"));
}

}  // namespace
}  // namespace torpor::cli
