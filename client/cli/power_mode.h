// Power modes and grids from the words of the command line.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "google/protobuf/field_mask.pb.h"
#include "torpor/v1/power.pb.h"

namespace torpor::cli {

// What `power set` changes: the levers in `mask` take the values in `mode`, the others stay.
struct PowerChange {
  v1::PowerMode mode;
  google::protobuf::FieldMask mask;
};

// `levers`: name=value with a field name of PowerMode, e.g. epsilon=0.4, bias=table,
// layer_epsilon.hidden=0.2. `epsilon`: 0.4 (all layers, which ends settings of single layers) or
// hidden=0.2,out=1. `bias`: a policy.
absl::StatusOr<PowerChange> ParsePowerChange(const std::vector<std::string>& levers,
                                             const std::string& epsilon, const std::string& bias);

// `none`, `table`, ... ; a usage error with the choices.
absl::StatusOr<v1::BiasPolicy::Kind> ParseBias(const std::string& word);
// The policies as words, e.g. for help: "none, table, ...".
std::string BiasWords();

// A list by comma of numbers and ranges start:end:step (both ends included): 1,0.5 or 0.1:1:0.1. At
// most 1000 values.
absl::StatusOr<std::vector<double>> ParseGrid(const std::string& text, const std::string& flag);

}  // namespace torpor::cli
