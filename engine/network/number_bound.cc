#include "engine/network/number_bound.h"

#include "absl/strings/str_cat.h"

namespace torpor {

bool CheckNumber(const std::string& path, double value, const NumberBound& bound,
                 Violations& violations) {
  // What is left of it in a float, which may be an excluded end.
  const double held = static_cast<double>(static_cast<float>(value));
  // So written that NaN fails.
  const bool above =
      bound.low_excluded ? value > bound.low && held > bound.low : value >= bound.low;
  const bool below =
      bound.high_excluded ? value < bound.high && held < bound.high : value <= bound.high;
  if (above && below) return true;
  const bool bounded = bound.high < std::numeric_limits<float>::max();
  violations.Add(
      path, bounded ? absl::StrCat("must be in ", bound.low_excluded ? "(" : "[", bound.low, ", ",
                                   bound.high, bound.high_excluded ? ")" : "]", ", got ", value)
                    : absl::StrCat("must be ", bound.low_excluded ? "above " : "at least ",
                                   bound.low, " and finite, got ", value));
  return false;
}

double NumberOr(const std::string& path, bool given, double value, double fallback,
                const NumberBound& bound, Violations& violations) {
  return given && CheckNumber(path, value, bound, violations) ? value : fallback;
}

}  // namespace torpor
