// Line plots as SVG, drawn by gnuplot through a pipe: axes, ticks and legends are its work, not
// ours. Thread-safe.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace torpor::cli {

struct Axis {
  // With the unit, e.g. "accuracy (%)".
  std::string label;
  bool logarithmic = false;
  // Unset: chosen from the data.
  std::optional<double> minimum;
  std::optional<double> maximum;
  // Values to label, e.g. the measured epsilons on a logarithmic axis; empty: chosen by gnuplot.
  std::vector<double> ticks;
};

struct Point {
  double x = 0;
  double y = 0;
  // 95 % interval of y; drawn as a bar when any point of the series has one.
  std::optional<double> low;
  std::optional<double> high;
  // Written beside it; may be empty.
  std::string label = {};
};

// How many looks there are.
constexpr int kLookCount = 7;

struct Series {
  // kFrames: open squares around points that other series draw. kBars and kWideBars: a level bar of
  // length 1 for each point, as rasters of spikes have them; wide ones lie around thin ones.
  enum class Style {
    kLinesAndPoints,
    kLine,
    kSteps,
    kThickLine,
    kPoints,
    kFrames,
    kBars,
    kWideBars
  };
  // Shown in the legend; empty: not shown.
  std::string name;
  // Points with a number that is not finite are left out.
  std::vector<Point> points;
  Style style = Style::kLinesAndPoints;
  // Which of the palette's colours, dash patterns and symbols: 0..kLookCount - 1. Equal numbers
  // look equal in all plots of a page.
  int look = 0;
};

// A vertical line, e.g. at the moment of a switch.
struct Mark {
  double x = 0;
  // Written along the line; may be empty.
  std::string label;
};

struct Plot {
  // Letters, digits, '-' and '_': prefix of every id inside the SVG, so that several can share a
  // page; also a file name.
  std::string name;
  std::string title;
  Axis x;
  Axis y;
  std::vector<Series> series;
  std::vector<Mark> marks;
  // Pixels.
  int width = 640;
  int height = 420;
  // Where the legend stands, in gnuplot's words, e.g. "bottom right".
  std::string legend = "bottom right";
  // Empty space above the highest point, as a share of the range; has no effect when y.maximum is
  // set.
  double headroom = 0;
};

// The commands and data for gnuplot, so that a plot can be made or changed by hand too.
std::string GnuplotScript(const Plot& plot);

// One <svg> element without XML prologue. An error that names the package (exit code 1) when
// gnuplot is missing; INTERNAL with gnuplot's words when it fails; INVALID_ARGUMENT when no series
// has a point.
absl::StatusOr<std::string> RenderSvg(const Plot& plot, const std::string& gnuplot = "gnuplot");

// OK when gnuplot can draw: ask before long work.
absl::Status CheckPlotting();

// The same as a file of its own, with prologue.
std::string StandaloneSvg(const std::string& svg);

}  // namespace torpor::cli
