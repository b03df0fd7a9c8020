// The coefficients that a device profile may hold. Each has one unit and one meaning.
#pragma once

#include <span>
#include <string_view>

namespace torpor {

struct CoefficientInfo {
  const char* name;
  // "J", "V", "S", "s", "W" or "1".
  const char* unit;
  // One sentence.
  const char* description;
  // A number of things: at least 1, without range.
  bool whole = false;
};

// All, in the order in which they are documented.
std::span<const CoefficientInfo> Coefficients();

// Null for a name that does not exist.
const CoefficientInfo* FindCoefficient(std::string_view name);

}  // namespace torpor
