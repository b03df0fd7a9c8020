// 95 % intervals of what was measured on several seeds. Pure functions.
#pragma once

#include <optional>
#include <vector>

namespace torpor::cli::reproduce {

// The t with P(|T| <= t) = 0.95 for Student's distribution with `degrees` >= 1 degrees of freedom,
// to 1e-9.
double StudentQuantile(int degrees);

struct Interval {
  double low = 0;
  double high = 0;
};

// Mean of finite `values` (one a seed; at least one).
double Mean(const std::vector<double>& values);
// Standard deviation with n - 1; 0 for fewer than two.
double Deviation(const std::vector<double>& values);
// Mean +- t s / sqrt(n) over seeds; nothing for fewer than three, as the spread of two says little.
std::optional<Interval> StudentInterval(const std::vector<double>& values);

}  // namespace torpor::cli::reproduce
