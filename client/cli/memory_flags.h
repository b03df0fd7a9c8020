// What `torpor memory` is asked: arrays, schemes and costs as flags give them.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "CLI/App.hpp"
#include "absl/status/statusor.h"
#include "client/cli/context.h"
#include "client/cli/definition.h"
#include "torpor/v1/memory.pb.h"

namespace torpor::cli {

struct MemoryFlags {
  // "784x128"; "28x28x3x3x32x32": height, width, kernel height, kernel width, input channels,
  // output channels.
  std::vector<std::string> dense, conv;
  std::string session, model;
  // Empty: not given.
  std::string bits, density, input_activity;
  // Names, each also a list by comma.
  std::vector<std::string> schemes;
  std::string profile;
};

void AddMemoryFlags(CLI::App& command, MemoryFlags& flags);

// "pointer-index".
std::string SchemeName(v1::MemoryScheme::Kind scheme);
// A usage error at `where` with the choices.
absl::StatusOr<v1::MemoryScheme::Kind> ParseScheme(const std::string& word,
                                                   absl::string_view where);

struct MemoryQuestion {
  v1::MemorySubject subject;
  std::vector<v1::MemoryScheme::Kind> schemes;
  v1::MemoryCosts costs;
  // Of the costs, to name in errors; null where they are the server's.
  std::shared_ptr<const Definition> file;
};

// No call but to find the session, the model or the profile. Values out of their bounds are left to
// the server.
absl::StatusOr<MemoryQuestion> ParseMemoryFlags(Context& context, const MemoryFlags& flags);

// Says which flag is the place of the first field that the server refused.
absl::Status NameMemoryFlag(absl::Status status, const MemoryFlags& flags,
                            const MemoryQuestion& question);

}  // namespace torpor::cli
