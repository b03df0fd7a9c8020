// The shape of the command line: nouns with verbs, whose help leads with an example.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "CLI/App.hpp"
#include "CLI/Config.hpp"
#include "CLI/Formatter.hpp"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "client/cli/context.h"

namespace torpor::cli {

// A group of verbs, e.g. `session`. `example` is one or more full command lines.
CLI::App* AddNoun(CLI::App& root, const std::string& name, const std::string& purpose,
                  const std::string& example);

// A command that does `action` after the whole line was parsed; `parent` is a noun or the root
// (`demo`, `doctor`). Variables that options write to must outlive parsing: capture them in
// `action` through a shared_ptr.
CLI::App* AddCommand(CLI::App& parent, const std::string& name, const std::string& purpose,
                     const std::string& example, Context& context,
                     std::function<absl::Status()> action);

// One function a noun, each in the file of that name.
void AddServerCommands(CLI::App& root, Context& context);
void AddNetworkCommands(CLI::App& root, Context& context);
void AddDatasetCommands(CLI::App& root, Context& context);
void AddSessionCommands(CLI::App& root, Context& context);
void AddJobCommands(CLI::App& root, Context& context);
void AddPowerCommands(CLI::App& root, Context& context);
void AddEnergyCommands(CLI::App& root, Context& context);
void AddMemoryCommands(CLI::App& root, Context& context);
void AddModelCommands(CLI::App& root, Context& context);
void AddNeuronCommands(CLI::App& root, Context& context);
void AddDoctorCommand(CLI::App& root, Context& context);
void AddCompletionCommand(CLI::App& root, Context& context);
void AddSelectCommand(CLI::App& root, Context& context);
// demo.cc and report.cc.
void AddDemoCommand(CLI::App& root, Context& context);
void AddReportCommand(CLI::App& root, Context& context);

// reproduce/command.cc.
void AddReproduceCommands(CLI::App& root, Context& context);

// All of the above, in the order of the help.
void AddAllCommands(CLI::App& root, Context& context);

// Parses `arguments` (without the program's name), runs the command and returns the exit code.
int RunCommandLine(std::vector<std::string> arguments, Context& context);

}  // namespace torpor::cli
