// What a number of a definition or of a training's settings must be.
#pragma once

#include <limits>
#include <string>

#include "engine/base/status.h"

namespace torpor {

// An interval; by default the numbers above 0 that float holds. What float rounds to an excluded
// end is outside.
struct NumberBound {
  double low = 0;
  bool low_excluded = true;
  double high = std::numeric_limits<float>::max();
  bool high_excluded = false;
};

// Whether `value` is within, which NaN never is; adds `path` with the bound and the value if not.
bool CheckNumber(const std::string& path, double value, const NumberBound& bound,
                 Violations& violations);

// The value; `fallback` where none is given, or a wrong one, which is added.
double NumberOr(const std::string& path, bool given, double value, double fallback,
                const NumberBound& bound, Violations& violations);

}  // namespace torpor
