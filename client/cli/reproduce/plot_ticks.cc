#include "client/cli/reproduce/plot_ticks.h"

#include <initializer_list>

namespace torpor::cli::reproduce {
namespace {

// `steps` of every decade that are in [least, most].
std::vector<double> TicksOf(std::initializer_list<double> steps, double least, double most) {
  std::vector<double> ticks;
  for (double decade = 1e-3; decade <= most; decade *= 10) {
    for (const double step : steps) {
      const double tick = step * decade;
      if (tick >= least && tick <= most) ticks.push_back(tick);
    }
  }
  return ticks;
}

}  // namespace

std::vector<double> DecadeTicks(double least, double most) { return TicksOf({1}, least, most); }

std::vector<double> RoundTicks(double least, double most) {
  return TicksOf({1, 2, 5}, least, most);
}

}  // namespace torpor::cli::reproduce
