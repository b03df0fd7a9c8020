// Definition files: YAML or JSON to protobuf, remembering the line of every field so that an error
// can say `net.yaml:14`.
//
// Fields go by their proto name (snake_case) or JSON name (camelCase); enums by name in either
// case. A file's top level is a message (a network), or a recipe that holds several under the keys
// `network`, `train`, `sweep`.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "client/cli/context.h"
#include "google/protobuf/message.h"

namespace YAML {
class Node;
}

namespace torpor::cli {

// A parsed file. Not thread-safe.
class Definition {
 public:
  // `path` may be "-" for standard input. Errors: a usage error when the file cannot be read or is
  // larger than 4 MiB, INVALID_ARGUMENT with the line when it is no YAML.
  static absl::StatusOr<Definition> Load(Context& context, const std::string& path);
  // `name` stands for the file in messages.
  static absl::StatusOr<Definition> Parse(const std::string& text, const std::string& name);

  // Whether the top level has this key.
  bool Has(absl::string_view key) const;

  // Reads the value at the top-level key (empty: the whole file) into `message`, which is cleared
  // first. INVALID_ARGUMENT names every wrong field: unknown (with the nearest known one), of the
  // wrong type, outside its range, given twice.
  absl::Status Read(absl::string_view key, google::protobuf::Message& message);

  // "net.yaml:14" for a field of a message that was read, by its path in proto names, e.g.
  // `rate.layers[1].dense.units`; the nearest enclosing field when the path itself is not in the
  // file.
  std::string Where(absl::string_view path) const;

  // Sets the place of an error of the server to the line of its first wrong field; `prefix` leads
  // from the request to the message that was read, e.g. "network.".
  absl::Status Locate(absl::Status status, absl::string_view prefix) const;

 private:
  Definition(std::shared_ptr<const YAML::Node> root, std::string name);

  std::shared_ptr<const YAML::Node> root_;
  std::string name_;
  // Field path -> line, from 1.
  std::map<std::string, int, std::less<>> lines_;
};

// A network from `path`: the file itself, or its key `network` when it is a recipe.
template <typename Network>
absl::StatusOr<std::pair<Definition, Network>> LoadNetwork(Context& context,
                                                           const std::string& path) {
  auto definition = Definition::Load(context, path);
  if (!definition.ok()) return definition.status();
  Network network;
  const absl::Status status =
      definition->Read(definition->Has("network") ? "network" : "", network);
  if (!status.ok()) return status;
  return std::make_pair(*std::move(definition), std::move(network));
}

}  // namespace torpor::cli
