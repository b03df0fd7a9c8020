// A copy of the model that a request names.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "engine/base/status.h"
#include "engine/network/model.h"
#include "server/session/models.h"
#include "server/session/registry.h"

namespace torpor {

// `name` is `sessions/{id}` or `models/{id}`; NOT_FOUND if there is none.
inline absl::StatusOr<std::unique_ptr<Model>> NamedModel(const std::string& name,
                                                         ModelStore& models,
                                                         SessionRegistry& sessions,
                                                         ModelFactory factory) {
  std::string archive;
  if (absl::StartsWith(name, "sessions/")) {
    TORPOR_ASSIGN_OR_RETURN(SessionSnapshot snapshot, sessions.Snapshot(name));
    archive = std::move(snapshot.archive);
  } else {
    TORPOR_ASSIGN_OR_RETURN(archive, models.ReadArchive(name));
  }
  return ParseModel(archive, factory);
}

}  // namespace torpor
