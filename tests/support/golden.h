// Golden figures: files of tests/golden, made by the programs beside them.
#pragma once

#include <fstream>
#include <string>
#include <vector>

#include "engine/base/status.h"
#include "nlohmann/json.hpp"

namespace torpor::testing {

// The JSON file tests/golden/`name`; aborts if there is none.
inline nlohmann::json Golden(const std::string& name) {
  std::ifstream file(std::string(TORPOR_TEST_SOURCE_DIR) + "/golden/" + name);
  TORPOR_CHECK(file.good());
  return nlohmann::json::parse(file);
}

// The numbers of a list, or of a list of rows one after the other.
inline std::vector<float> Flat(const nlohmann::json& rows) {
  std::vector<float> values;
  for (const nlohmann::json& row : rows) {
    if (row.is_array()) {
      for (double value : row) values.push_back(static_cast<float>(value));
    } else {
      values.push_back(row.get<float>());
    }
  }
  return values;
}

}  // namespace torpor::testing
