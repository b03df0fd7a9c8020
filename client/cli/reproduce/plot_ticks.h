// Ticks at round numbers, for logarithmic axes. Pure functions; from 0.001 on, none below.
#pragma once

#include <vector>

namespace torpor::cli::reproduce {

// 1, 10, 100, as far as they are in [least, most].
std::vector<double> DecadeTicks(double least, double most);
// 1, 2, 5, 10, as far as they are in [least, most].
std::vector<double> RoundTicks(double least, double most);

}  // namespace torpor::cli::reproduce
