// torpor completion: scripts for shells, made from the commands themselves so that they cannot fall
// behind.
#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "client/cli/command.h"
#include "client/cli/errors.h"

namespace torpor::cli {
namespace {

// A command with what may follow it.
struct Place {
  // "torpor session create".
  std::string path;
  std::string purpose;
  // Commands of it, each with its purpose.
  std::vector<std::pair<std::string, std::string>> commands;
  // Long flags with their purpose, the global ones included.
  std::vector<std::pair<std::string, std::string>> flags;
};

void AddFlags(const CLI::App& app, Place& place) {
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) {
      place.flags.emplace_back("--" + name, option->get_description());
    }
  }
}

void Collect(const CLI::App& app, const CLI::App& root, const std::string& path,
             std::vector<Place>& places) {
  Place place{path, app.get_description(), {}, {}};
  AddFlags(app, place);
  if (&app != &root) {
    for (const CLI::Option* option : root.get_options()) {
      for (const std::string& name : option->get_lnames()) {
        if (name != "help" && name != "version") {
          place.flags.emplace_back("--" + name, option->get_description());
        }
      }
    }
  }
  const auto subs = app.get_subcommands([](const CLI::App*) { return true; });
  for (const CLI::App* sub : subs) {
    place.commands.emplace_back(sub->get_name(), sub->get_description());
  }
  places.push_back(std::move(place));
  for (const CLI::App* sub : subs) {
    Collect(*sub, root, absl::StrCat(path, " ", sub->get_name()), places);
  }
}

std::string Words(const Place& place) {
  const auto first = [](std::string* out, const auto& pair) { absl::StrAppend(out, pair.first); };
  return absl::StrCat(absl::StrJoin(place.commands, " ", first), place.commands.empty() ? "" : " ",
                      absl::StrJoin(place.flags, " ", first));
}

// A `case` over the path so far that sets `words`; the same text in bash and zsh.
std::string CaseOfPlaces(const std::vector<Place>& places) {
  std::string text = "  case \"$path\" in\n";
  for (const Place& place : places) {
    absl::StrAppend(&text, "    \"", place.path, "\") words=\"", Words(place), "\" ;;\n");
  }
  return text + "  esac\n";
}

// All paths, so that the walk knows which words are commands rather than ids or values.
std::string KnownPaths(const std::vector<Place>& places) {
  return absl::StrJoin(places, "|", [](std::string* out, const Place& place) {
    absl::StrAppend(out, "\"", place.path, "\"");
  });
}

std::string Bash(const std::vector<Place>& places) {
  return absl::StrCat(
      "# bash: source <(torpor completion bash)\n"
      "_torpor() {\n"
      "  local current=\"${COMP_WORDS[COMP_CWORD]}\" path=torpor words=\"\" i\n"
      "  for ((i = 1; i < COMP_CWORD; i++)); do\n"
      "    case \"$path ${COMP_WORDS[i]}\" in\n"
      "      ",
      KnownPaths(places),
      ") path=\"$path ${COMP_WORDS[i]}\" ;;\n"
      "    esac\n"
      "  done\n",
      CaseOfPlaces(places),
      "  COMPREPLY=($(compgen -W \"$words\" -- \"$current\"))\n"
      "}\n"
      "complete -o default -F _torpor torpor\n");
}

std::string Zsh(const std::vector<Place>& places) {
  // In zsh `path` is tied to PATH and `words` is the command line: the function has its own names
  // for both.
  std::string body =
      absl::StrReplaceAll(CaseOfPlaces(places), {{"$path", "$place"}, {"words=", "choices="}});
  return absl::StrCat(
      "#compdef torpor\n"
      "# zsh: torpor completion zsh > ~/.zfunc/_torpor, with that folder in fpath\n"
      "_torpor() {\n"
      "  local place=torpor words_so_far i choices\n"
      "  words_so_far=(\"${(@)words[1,CURRENT-1]}\")\n",
      "  for ((i = 2; i <= ${#words_so_far}; i++)); do\n"
      "    case \"$place ${words_so_far[i]}\" in\n"
      "      ",
      KnownPaths(places),
      ") place=\"$place ${words_so_far[i]}\" ;;\n"
      "    esac\n"
      "  done\n",
      body,
      "  compadd -- ${=choices}\n"
      "  _files\n"
      "}\n"
      "compdef _torpor torpor\n");
}

std::string Fish(const std::vector<Place>& places) {
  const auto quoted = [](const std::string& text) {
    return absl::StrCat("'", absl::StrReplaceAll(text, {{"\\", "\\\\"}, {"'", "\\'"}}), "'");
  };
  std::string text =
      "# fish: torpor completion fish > ~/.config/fish/completions/torpor.fish\n"
      "function __torpor_at\n"
      "  # True when the commands on the line so far are exactly those given.\n"
      "  set -l path torpor\n"
      "  for word in (commandline -opc)[2..-1]\n"
      "    if contains -- \"$path $word\" $__torpor_places\n"
      "      set path \"$path $word\"\n"
      "    end\n"
      "  end\n"
      "  test \"$path\" = \"$argv[1]\"\n"
      "end\n";
  absl::StrAppend(&text, "set -g __torpor_places");
  for (const Place& place : places) absl::StrAppend(&text, " ", quoted(place.path));
  text += '\n';
  for (const Place& place : places) {
    const std::string condition =
        absl::StrCat("complete -c torpor -n \"__torpor_at '", place.path, "'\"");
    for (const auto& [name, purpose] : place.commands) {
      absl::StrAppend(&text, condition, " -f -a ", name, " -d ", quoted(purpose), "\n");
    }
    for (const auto& [name, purpose] : place.flags) {
      absl::StrAppend(&text, condition, " -l ", name.substr(2), " -d ", quoted(purpose), "\n");
    }
  }
  return text;
}

}  // namespace

void AddCompletionCommand(CLI::App& root, Context& context) {
  auto shell = std::make_shared<std::string>();
  AddCommand(root, "completion", "Prints a script that completes commands and flags.",
             "source <(torpor completion bash)", context,
             [=, &root, &context]() -> absl::Status {
               std::vector<Place> places;
               Collect(root, root, "torpor", places);
               if (*shell == "bash") {
                 context.out << Bash(places);
               } else if (*shell == "zsh") {
                 context.out << Zsh(places);
               } else if (*shell == "fish") {
                 context.out << Fish(places);
               } else {
                 return UsageError(absl::StrCat("no completion for `", *shell, "`"),
                                   "torpor completion", "torpor completion bash, zsh or fish");
               }
               return absl::OkStatus();
             })
      ->add_option("shell", *shell, "bash, zsh or fish")
      ->required();
}

}  // namespace torpor::cli
