// Models as files on the user's disk: torpor model export and import.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "client/cli/context.h"
#include "torpor/v1/model.pb.h"

namespace torpor::cli {

struct ExportFlags {
  // A model, or `sessions/ID` for the model that a session serves.
  std::string model;
  std::string file;
  // "npz", "archive" or empty: by the file's ending (.npz; .torpor for archives).
  std::string format;
};

struct ImportFlags {
  std::string file;
  // "npz", "archive" or empty: by how the file begins.
  std::string format;
  // Definition of the network of an NPZ or of cores, YAML or JSON.
  std::string network;
  // Id of the model; empty: chosen by the server.
  std::string id;
  // "bce", "mse", "ce" or empty.
  std::string loss;
  std::string request_id;
};

// What was exported, and how long it is.
struct ExportedModel {
  std::string model;
  int64_t bytes = 0;
};

// Writes the whole file or nothing: to a neighbour, then renamed.
absl::StatusOr<ExportedModel> ExportModel(Context& context, const ExportFlags& flags);
absl::StatusOr<v1::Model> ImportModel(Context& context, const ImportFlags& flags);

}  // namespace torpor::cli
