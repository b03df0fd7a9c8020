#include "client/cli/command.h"

#include <algorithm>
#include <memory>
#include <sstream>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/time.h"
#include "client/cli/errors.h"
#include "client/cli/exit_code.h"

namespace torpor::cli {
namespace {

// Help that begins with an example: what most readers look for.
class ExampleFormatter : public CLI::Formatter {
 public:
  explicit ExampleFormatter(std::string example) : example_(std::move(example)) {
    column_width(34);
    label("SUBCOMMAND", "COMMAND");
    label("Subcommands", "Commands");
    label("Positionals", "Arguments");
  }

  std::string make_help(const CLI::App* app, std::string name,
                        CLI::AppFormatMode mode) const override {
    if (mode == CLI::AppFormatMode::Sub) return CLI::Formatter::make_help(app, name, mode);
    std::string text = "Example:\n";
    for (const absl::string_view line : absl::StrSplit(example_, '\n')) {
      absl::StrAppend(&text, "  ", line, "\n");
    }
    absl::StrAppend(&text, "\n", app->get_description(), "\n\n", make_usage(app, name),
                    make_positionals(app), make_groups(app, mode), make_subcommands(app, mode));
    if (const CLI::App* parent = app->get_parent(); parent != nullptr) {
      absl::StrAppend(&text,
                      "\nEvery command also takes -o table|json|csv, --server, --timeout, -q, "
                      "--no-color (torpor --help).\n");
    }
    return text;
  }

 private:
  std::string example_;
};

CLI::App* AddApp(CLI::App& parent, const std::string& name, const std::string& purpose,
                 const std::string& example) {
  CLI::App* app = parent.add_subcommand(name, purpose);
  app->group("Commands");
  app->formatter(std::make_shared<ExampleFormatter>(example));
  app->fallthrough();
  return app;
}

struct GlobalFlags {
  std::string server, timeout, format;
  bool no_color = false, quiet = false;
};

void AddGlobalFlags(CLI::App& root, GlobalFlags& flags) {
  root.add_option("--server", flags.server, "host:port of the server (else TORPOR_SERVER)");
  root.add_option("--timeout", flags.timeout, "longest time a call may take, e.g. 30s or 2m");
  root.add_option("-o,--output", flags.format, "table, json or csv (else TORPOR_OUTPUT)");
  root.add_flag("--no-color", flags.no_color, "no colour, no moving line (else NO_COLOR)");
  root.add_flag("-q,--quiet", flags.quiet, "only data and errors");
}

absl::Status ApplyGlobalFlags(const GlobalFlags& flags, Context& context) {
  Options& options = context.options;
  options.server =
      flags.server.empty() ? context.Env("TORPOR_SERVER", kDefaultServer) : flags.server;
  options.no_color = flags.no_color || !context.Env("NO_COLOR").empty();
  options.quiet = flags.quiet;
  const std::string format =
      flags.format.empty() ? context.Env("TORPOR_OUTPUT", "table") : flags.format;
  if (format == "table") {
    options.format = Format::kTable;
  } else if (format == "json") {
    options.format = Format::kJson;
  } else if (format == "csv") {
    options.format = Format::kCsv;
  } else {
    return UsageError(absl::StrCat("output format `", format, "` is not known"),
                      flags.format.empty() ? "TORPOR_OUTPUT" : "-o", "-o table, -o json or -o csv");
  }
  if (!flags.timeout.empty()) {
    // A bare number is seconds.
    const bool bare = flags.timeout.find_first_not_of("0123456789.") == std::string::npos;
    if (!absl::ParseDuration(bare ? flags.timeout + "s" : flags.timeout, &options.timeout) ||
        options.timeout <= absl::ZeroDuration() || options.timeout > absl::Hours(24 * 365)) {
      return UsageError(absl::StrCat("not a time: `", flags.timeout, "`"), "--timeout",
                        "--timeout 30s or --timeout 2m");
    }
  }
  return absl::OkStatus();
}

// The visible words that may follow in `app`: commands and long flags.
std::vector<std::string> Candidates(const CLI::App& app, bool flags) {
  std::vector<std::string> words;
  if (!flags) {
    for (const CLI::App* sub : app.get_subcommands([](const CLI::App*) { return true; })) {
      words.push_back(sub->get_name());
    }
    return words;
  }
  for (const CLI::App* at = &app; at != nullptr; at = at->get_parent()) {
    for (const CLI::Option* option : at->get_options()) {
      for (const std::string& name : option->get_lnames()) words.push_back("--" + name);
    }
  }
  return words;
}

// "torpor session create" for the app of that verb.
std::string CommandPath(const CLI::App& app) {
  const CLI::App* parent = app.get_parent();
  return parent == nullptr ? app.get_name()
                           : absl::StrCat(CommandPath(*parent), " ", app.get_name());
}

// Finds the first word that the command line does not have and suggests the nearest one that it
// has.
absl::Status ExplainParseError(const CLI::App& root, const std::vector<std::string>& arguments,
                               const CLI::ParseError& error) {
  const CLI::App* app = &root;
  for (const std::string& word : arguments) {
    if (word == "--") break;
    const std::string help = absl::StrCat(CommandPath(*app), " --help");
    if (absl::StartsWith(word, "--")) {
      const std::string flag = word.substr(0, word.find('='));
      const std::vector<std::string> known = Candidates(*app, true);
      if (std::find(known.begin(), known.end(), flag) != known.end()) continue;
      const std::string close = ClosestTo(flag, known);
      return UsageError(absl::StrCat("unknown flag `", flag, "`"), CommandPath(*app),
                        close.empty() ? help : close);
    }
    const std::vector<std::string> known = Candidates(*app, false);
    if (known.empty() || absl::StartsWith(word, "-")) continue;
    if (std::find(known.begin(), known.end(), word) != known.end()) {
      app = app->get_subcommand(word);
      continue;
    }
    // The value of a flag that stands before the command, e.g. `torpor -o json session list`.
    const size_t index = &word - arguments.data();
    if (index > 0 && absl::StartsWith(arguments[index - 1], "-")) continue;
    const std::string close = ClosestTo(word, known);
    return UsageError(absl::StrCat("unknown command `", word, "`"), CommandPath(*app),
                      close.empty() ? help : absl::StrCat(CommandPath(*app), " ", close));
  }
  const std::string help = absl::StrCat(CommandPath(*app), " --help");
  if (!Candidates(*app, false).empty()) {
    return UsageError("a command is missing", CommandPath(*app), help);
  }
  return UsageError(error.what(), CommandPath(*app), help);
}

// The verb that the parsed command line named, or the noun, or the program.
const CLI::App& CommandGiven(const CLI::App& root) {
  const CLI::App* app = &root;
  while (!app->get_subcommands().empty()) app = app->get_subcommands().front();
  return *app;
}

}  // namespace

CLI::App* AddNoun(CLI::App& root, const std::string& name, const std::string& purpose,
                  const std::string& example) {
  CLI::App* noun = AddApp(root, name, purpose, example);
  noun->require_subcommand(1, 1);
  return noun;
}

CLI::App* AddCommand(CLI::App& parent, const std::string& name, const std::string& purpose,
                     const std::string& example, Context& context,
                     std::function<absl::Status()> action) {
  CLI::App* command = AddApp(parent, name, purpose, example);
  command->callback([&context, action = std::move(action)] { context.action = action; });
  return command;
}

void AddAllCommands(CLI::App& root, Context& context) {
  AddDemoCommand(root, context);
  AddDoctorCommand(root, context);
  AddServerCommands(root, context);
  AddNetworkCommands(root, context);
  AddDatasetCommands(root, context);
  AddSessionCommands(root, context);
  AddJobCommands(root, context);
  AddPowerCommands(root, context);
  AddSelectCommand(root, context);
  AddEnergyCommands(root, context);
  AddMemoryCommands(root, context);
  AddModelCommands(root, context);
  AddNeuronCommands(root, context);
  AddReportCommand(root, context);
  AddReproduceCommands(root, context);
  AddCompletionCommand(root, context);
}

int RunCommandLine(std::vector<std::string> arguments, Context& context) {
  CLI::App root(
      "Torpor: simulated neuromorphic networks whose power is turned down while they run.",
      "torpor");
  root.formatter(std::make_shared<ExampleFormatter>(
      "torpor demo                                     # see it work, about a minute\n"
      "torpor server start\n"
      "torpor session create s1 -f client/recipes/mlp-784-1000-10.yaml\n"
      "torpor job submit train s1 --dataset fashion-mnist --watch\n"
      "torpor power set s1 --epsilon 0.4 --bias homogeneous"));
  root.require_subcommand(1, 1);
  GlobalFlags flags;
  AddGlobalFlags(root, flags);
  root.set_version_flag("--version", "torpor " TORPOR_VERSION, "the version, and nothing else");
  AddAllCommands(root, context);

  absl::Status status;
  try {
    // CLI11 takes them from the back.
    root.parse(std::vector<std::string>(arguments.rbegin(), arguments.rend()));
    status = ApplyGlobalFlags(flags, context);
  } catch (const CLI::Success& help) {
    // --help and --version; CLI11 prints the help of the command that was named last.
    return root.exit(help, context.out, context.err);
  } catch (const CLI::ParseError& error) {
    status = ExplainParseError(root, arguments, error);
  }
  if (status.ok() && context.action) status = context.action();
  // Where nothing better is known, the command's own examples.
  if (!status.ok())
    status = WithTry(status, absl::StrCat(CommandPath(CommandGiven(root)), " --help"));
  context.out.flush();
  context.err << FormatError(status, context.UseColor()) << std::flush;
  return ExitCodeOfError(status);
}

}  // namespace torpor::cli
