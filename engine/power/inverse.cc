#include "engine/power/inverse.h"

#include <algorithm>
#include <cmath>

#include "engine/base/status.h"

namespace torpor {
namespace {

// Far below any change that a double's rounding leaves in a measured curve.
constexpr double kNarrow = 1e-13;
constexpr int kMaximumSteps = 200;
// A first step from `start` goes this far beyond where a slope of one would meet the target.
constexpr double kOvershoot = 1.3;

struct Point {
  double argument = 0;
  double value = 0;
};

}  // namespace

absl::StatusOr<Inverse> Invert(const std::function<absl::StatusOr<double>(double)>& curve,
                               double target, const InverseOptions& options) {
  TORPOR_CHECK(options.low < options.high && target > 0);
  auto reached = [&](const Point& p) { return std::fabs(p.value - target) <= options.tolerance; };
  auto found = [](const Point& p) { return Inverse{p.argument, p.value, Inverse::Place::kWithin}; };
  auto ask = [&](double argument, Point& point) -> absl::Status {
    point.argument = argument;
    TORPOR_ASSIGN_OR_RETURN(point.value, curve(argument));
    return absl::OkStatus();
  };

  // The bracket: below.value < target < above.value.
  Point below;
  Point above;
  bool has_below = false;
  bool has_above = false;
  Point point;
  TORPOR_RETURN_IF_ERROR(ask(std::clamp(options.start, options.low, options.high), point));
  for (double reach = kOvershoot; !(has_below && has_above); reach *= 2) {
    if (reached(point)) return found(point);
    const bool is_below = point.value < target;
    (is_below ? below : above) = point;
    (is_below ? has_below : has_above) = true;
    if (has_below && has_above) break;
    if (is_below && point.argument >= options.high) {
      return Inverse{point.argument, point.value, Inverse::Place::kAboveHigh};
    }
    if (!is_below && point.argument <= options.low) {
      return Inverse{point.argument, point.value, Inverse::Place::kBelowLow};
    }
    // The argument is meant to be a logarithm, along which such curves have a slope near one.
    const double step = std::max(reach * std::fabs(std::log(target / point.value)), 1e-6);
    const double next = point.argument + (is_below ? step : -step);
    TORPOR_RETURN_IF_ERROR(ask(std::clamp(next, options.low, options.high), point));
  }

  // Weights of the ends in the secant: an end that stays is made lighter, so that the next secant
  // moves it (the Illinois rule).
  double below_weight = 1;
  double above_weight = 1;
  int last_side = 0;
  double width = above.argument - below.argument;
  int slow = 0;
  for (int step = 0; step < kMaximumSteps; ++step) {
    if (above.argument - below.argument <= kNarrow) break;
    const double a = below_weight * std::log(below.value / target);
    const double b = above_weight * std::log(above.value / target);
    double next = below.argument - a * (above.argument - below.argument) / (b - a);
    const double middle = (below.argument + above.argument) / 2;
    if (slow >= 3 || !(next > below.argument && next < above.argument)) {
      next = middle;
      slow = 0;
    }
    if (!(next > below.argument && next < above.argument)) break;  // neighbouring doubles
    TORPOR_RETURN_IF_ERROR(ask(next, point));
    if (reached(point)) return found(point);
    const int side = point.value < target ? -1 : 1;
    if (side < 0) {
      below = point;
      below_weight = 1;
      if (last_side == side) above_weight /= 2;
    } else {
      above = point;
      above_weight = 1;
      if (last_side == side) below_weight /= 2;
    }
    last_side = side;
    const double now = above.argument - below.argument;
    slow = now > width / 2 ? slow + 1 : 0;
    width = now;
  }
  return found(target - below.value <= above.value - target ? below : above);
}

}  // namespace torpor
