#include "client/cli/command.h"

#include <functional>

#include "absl/strings/match.h"
#include "cli_testing.h"
#include "client/cli/output.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace torpor::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

// Every command of the tree with the words that lead to it.
std::vector<std::vector<std::string>> AllCommands() {
  std::istringstream in;
  std::ostringstream out, err;
  Context context(in, out, err);
  CLI::App root("", "torpor");
  AddAllCommands(root, context);
  std::vector<std::vector<std::string>> paths;
  const std::function<void(const CLI::App&, std::vector<std::string>)> walk =
      [&](const CLI::App& app, const std::vector<std::string>& path) {
        paths.push_back(path);
        for (const CLI::App* sub : app.get_subcommands([](const CLI::App*) { return true; })) {
          std::vector<std::string> longer = path;
          longer.push_back(sub->get_name());
          walk(*sub, longer);
        }
      };
  walk(root, {});
  return paths;
}

TEST(HelpTest, EveryNounAndVerbLeadsWithAnExample) {
  const auto commands = AllCommands();
  EXPECT_GT(commands.size(), 40u);
  for (std::vector<std::string> path : commands) {
    path.push_back("--help");
    const RunResult result = RunTorpor(path);
    EXPECT_EQ(result.exit_code, 0);
    EXPECT_THAT(result.out, StartsWith("Example:\n  ")) << path[0];
    EXPECT_THAT(result.out, HasSubstr("torpor")) << path[0];
    EXPECT_EQ(result.err, "");
  }
}

TEST(HelpTest, NounsOfTheGrammar) {
  const std::string help = RunTorpor({"--help"}).out;
  for (const char* noun : {"demo", "doctor", "server", "network", "dataset", "session", "job",
                           "power", "model", "report", "completion"}) {
    EXPECT_THAT(help, HasSubstr(std::string("\n  ") + noun + " ")) << noun;
  }
}

TEST(HelpTest, VersionGoesToStandardOutput) {
  const RunResult result = RunTorpor({"--version"});
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_THAT(result.out, StartsWith("torpor "));
}

TEST(UsageTest, UnknownWordsSuggestCorrections) {
  RunResult result = RunTorpor({"sesion", "list"});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_EQ(result.err, "error: unknown command `sesion`\n  torpor\n  try: torpor session\n");
  EXPECT_EQ(result.out, "");
  result = RunTorpor({"-o", "json", "session", "craete"});
  EXPECT_THAT(result.err, HasSubstr("try: torpor session create\n"));
  result = RunTorpor({"job", "submit", "train", "s1", "--epoch", "5"});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.err, HasSubstr("unknown flag `--epoch`"));
  EXPECT_THAT(result.err, HasSubstr("try: --epochs\n"));
}

TEST(UsageTest, MissingWords) {
  EXPECT_EQ(RunTorpor({}).exit_code, 2);
  EXPECT_THAT(RunTorpor({"power"}).err, HasSubstr("a command is missing\n  torpor power\n"));
  EXPECT_EQ(RunTorpor({"power", "get"}).exit_code, 2);
  EXPECT_EQ(RunTorpor({"power", "set", "s1"}).exit_code, 2);
  EXPECT_THAT(RunTorpor({"job", "submit", "train", "s1", "--epochs", "many"}).err,
              HasSubstr("--epochs = many"));
}

TEST(UsageTest, WrongGlobalFlags) {
  EXPECT_EQ(RunTorpor({"session", "list", "-o", "xml"}).exit_code, 2);
  EXPECT_EQ(RunTorpor({"session", "list"}, {{"TORPOR_OUTPUT", "xml"}}).exit_code, 2);
  EXPECT_EQ(RunTorpor({"session", "list", "--timeout", "soon"}).exit_code, 2);
  EXPECT_EQ(RunTorpor({"session", "list", "--timeout", "-5s"}).exit_code, 2);
}

TEST(UsageTest, AnIdMayBeTheNameOfANoun) {
  // `server` is an id here, not a command: the call is tried, and nobody answers.
  const RunResult result =
      RunTorpor({"session", "get", "server", "--server", "127.0.0.1:1", "--timeout", "1"});
  EXPECT_EQ(result.exit_code, 78) << result.err;
}

TEST(ServerFlagTest, FlagBeforeEnvironment) {
  const std::map<std::string, std::string> environment = {{"TORPOR_SERVER", "127.0.0.1:2"}};
  EXPECT_THAT(RunTorpor({"session", "list", "--timeout", "1"}, environment).err,
              HasSubstr("127.0.0.1:2"));
  EXPECT_THAT(
      RunTorpor({"session", "list", "--timeout", "1", "--server", "127.0.0.1:1"}, environment).err,
      HasSubstr("127.0.0.1:1"));
}

TEST(DoctorTest, ExplainsWhatIsMissing) {
  const RunResult result =
      RunTorpor({"doctor", "--server", "127.0.0.1:1", "-o", "json"},
                {{"TORPOR_DATASET_PATH", "/no/such/folder"}, {"HOME", "/tmp"}});
  EXPECT_EQ(result.exit_code, 1);
  const Json json = Json::parse(result.out);
  EXPECT_EQ(json["ok"], false);
  EXPECT_EQ(json["checks"][0]["check"], "server");
  EXPECT_EQ(json["checks"][0]["state"], "problem");
  EXPECT_EQ(json["checks"][1]["check"], "datasets");
  EXPECT_EQ(json["checks"][1]["state"], "warning");
  EXPECT_THAT(json["checks"][1]["try"].get<std::string>(),
              ::testing::AllOf(HasSubstr("apt-get install dataset-fashion-mnist"),
                               HasSubstr("TORPOR_DATASET_PATH")));
}

TEST(CompletionTest, EveryShellKnowsEveryCommand) {
  for (const char* shell : {"bash", "zsh", "fish"}) {
    const RunResult result = RunTorpor({"completion", shell});
    ASSERT_EQ(result.exit_code, 0) << result.err;
    for (const std::vector<std::string>& path : AllCommands()) {
      std::string words = "torpor";
      for (const std::string& word : path) words += " " + word;
      EXPECT_THAT(result.out, HasSubstr(words)) << shell;
    }
    EXPECT_THAT(result.out, HasSubstr("learning-rate"));
    EXPECT_THAT(result.out, HasSubstr("timeout"));
  }
  EXPECT_EQ(RunTorpor({"completion", "tcsh"}).exit_code, 2);
}

}  // namespace
}  // namespace torpor::cli
