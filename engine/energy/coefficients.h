// The coefficients that a device profile may hold. Each has one unit and one meaning.
#pragma once

#include <span>
#include <string_view>

namespace torpor {

struct CoefficientInfo {
  std::string_view name;
  // "J", "V", "S", "s" or "1".
  std::string_view unit;
  // One sentence.
  std::string_view description;
};

// All, in the order in which they are documented.
std::span<const CoefficientInfo> Coefficients();

// Null for a name that does not exist.
const CoefficientInfo* FindCoefficient(std::string_view name);

}  // namespace torpor
