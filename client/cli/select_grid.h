// A selection as flags give it.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "torpor/v1/network.pb.h"
#include "torpor/v1/selection.pb.h"

namespace torpor::cli {

// Lists are by comma; empty: not said.
struct SelectGrid {
  std::string dataset = "";
  // Candidates: each size with each rule.
  std::string neurons = "", rules = "";
  // Storages: each scheme with each rounding, number of bits and scope.
  std::string schemes = "", roundings = "", bits = "", scopes = "";
  std::string seeds = "";
  std::string max_memory = "", max_joules = "", min_accuracy = "", reference = "";
  // 0: not said.
  int epochs = 0;
  int64_t train_samples = 0, validation_samples = 0, label_samples = 0;
  bool no_early_stop = false;
};

// A number of bytes from "300000", "300kB", "1.5 MB", "512KiB".
absl::StatusOr<double> ParseBytes(const std::string& text, const std::string& flag);
// Joules from "2e-5", "20uJ", "0.5 mJ".
absl::StatusOr<double> ParseJoules(const std::string& text, const std::string& flag);
// A share from "0.85" or "85%".
absl::StatusOr<double> ParseShare(const std::string& text, const std::string& flag);

// Says which flag is wrong without a server; what the network of the session is to be tried for
// comes later.
absl::Status CheckSelectGrid(const SelectGrid& grid);

// A recipe's selection with what the flags say instead: candidates and storages that they name
// stand for the recipe's. Candidates are `network`, the session's, in other sizes. Usage errors
// name the flag.
absl::StatusOr<v1::SelectSpec> LaySelectGridOver(v1::SelectSpec recipe, const SelectGrid& grid,
                                                 const v1::Network& network);

// Names the flag of the first field that the server refused.
absl::Status NameSelectFlag(absl::Status status);

}  // namespace torpor::cli
