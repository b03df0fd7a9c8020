#include "client/cli/plot.h"

#include <algorithm>
#include <cmath>
#include <iterator>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "client/cli/errors.h"
#include "client/cli/subprocess.h"

namespace torpor::cli {
namespace {

// The palette of Okabe and Ito (2008), told apart with any common colour blindness; dash pattern
// and symbol differ too, so that a print in grey can be read.
struct Look {
  const char* colour;
  const char* dash;
  int symbol;  // gnuplot's pointtype: filled circle, square, triangle, ...
};
constexpr Look kLooks[] = {
    {"#D55E00", "solid", 7},  {"#0072B2", "(12,4)", 5},      {"#009E73", "solid", 9},
    {"#CC79A7", "(4,4)", 11}, {"#E69F00", "(12,4,4,4)", 13}, {"#56B4E9", "solid", 6},
    {"#000000", "(4,4)", 4},
};
static_assert(std::size(kLooks) == kLookCount);

// A gnuplot string: single quotes, in which nothing is substituted; a quote is doubled.
std::string Quoted(absl::string_view text) {
  std::string safe(text);
  for (char& c : safe) {
    if (static_cast<unsigned char>(c) < 0x20) c = ' ';
  }
  return absl::StrCat("'", absl::StrReplaceAll(safe, {{"'", "''"}}), "'");
}

bool Drawable(const Point& point) { return std::isfinite(point.x) && std::isfinite(point.y); }

bool HasInterval(const Series& series) {
  return std::any_of(series.points.begin(), series.points.end(), [](const Point& p) {
    return p.low.has_value() && p.high.has_value() && std::isfinite(*p.low) &&
           std::isfinite(*p.high);
  });
}

bool HasPoints(const Series& series) {
  return std::any_of(series.points.begin(), series.points.end(), Drawable);
}

// Nine digits: StrCat's six would round times and intervals.
std::string Number(double value) {
  char text[32];
  std::snprintf(text, sizeof(text), "%.9g", value);
  return text;
}

std::string AxisCommands(absl::string_view which, const Axis& axis) {
  std::string out = absl::StrCat("set ", which, "label ", Quoted(axis.label), "\n");
  if (axis.logarithmic) absl::StrAppend(&out, "set logscale ", which, "\n");
  absl::StrAppend(&out, "set ", which, "range [", axis.minimum ? Number(*axis.minimum) : "*", ":",
                  axis.maximum ? Number(*axis.maximum) : "*", "]\n");
  if (!axis.ticks.empty()) {
    const std::string ticks = absl::StrJoin(axis.ticks, ", ", [](std::string* to, double tick) {
      absl::StrAppend(to, Quoted(absl::StrCat(tick)), " ", Number(tick));
    });
    absl::StrAppend(&out, "set ", which, "tics (", ticks, ")\nunset m", which, "tics\n");
  }
  return out;
}

std::string DataBlock(const Series& series, size_t index) {
  std::string out = absl::StrCat("$data", index, " << END\n");
  for (const Point& point : series.points) {
    if (!Drawable(point)) continue;
    absl::StrAppend(&out, Number(point.x), " ", Number(point.y), " ",
                    Number(point.low.value_or(point.y)), " ", Number(point.high.value_or(point.y)),
                    "\n");
  }
  absl::StrAppend(&out, "END\n");
  return out;
}

// Above the point and to its right, where a falling curve leaves room.
std::string LabelCommands(const Series& series) {
  std::string out;
  for (const Point& point : series.points) {
    if (point.label.empty() || !Drawable(point)) continue;
    absl::StrAppend(&out, "set label ", Quoted(point.label), " at ", Number(point.x), ",",
                    Number(point.y), " left offset character 0.5,0.5 font ',11' ",
                    "textcolor rgb '#444444'\n");
  }
  return out;
}

std::string PlotElement(const Series& series, size_t index) {
  const Look& look = kLooks[std::clamp(series.look, 0, kLookCount - 1)];
  const std::string data = absl::StrCat("$data", index);
  const std::string line = absl::StrCat("lc rgb '", look.colour, "' lw 2 dt ", look.dash);
  const std::string symbol = absl::StrCat("pt ", look.symbol, " ps 0.7");
  const std::string bar = " using ($1-0.5):2:(1):(0) with vectors nohead";
  const std::string title =
      series.name.empty() ? "notitle" : absl::StrCat("title ", Quoted(series.name));
  std::string out;
  if (HasInterval(series)) {
    absl::StrAppend(&out, data, " using 1:2:3:4 with yerrorbars lc rgb '", look.colour, "' lw 1 ",
                    symbol, " notitle, ");
  }
  switch (series.style) {
    case Series::Style::kLinesAndPoints:
      return absl::StrCat(out, data, " using 1:2 with linespoints ", line, " ", symbol, " ", title);
    case Series::Style::kLine:
      return absl::StrCat(out, data, " using 1:2 with lines ", line, " ", title);
    case Series::Style::kThickLine:
      // Half transparent, so that the lines that it goes along are seen: #AARRGGBB.
      return absl::StrCat(out, data, " using 1:2 with lines lc rgb '#80", look.colour + 1,
                          "' lw 7 dt solid ", title);
    case Series::Style::kPoints:
      return absl::StrCat(out, data, " using 1:2 with points lc rgb '", look.colour, "' ", symbol,
                          " ", title);
    case Series::Style::kFrames:
      return absl::StrCat(out, data, " using 1:2 with points lc rgb '", look.colour,
                          "' pt 4 ps 1.6 lw 2 ", title);
    case Series::Style::kBars:
      return absl::StrCat(data, bar, " lc rgb '", look.colour, "' lw 1.2 ", title);
    case Series::Style::kWideBars:
      return absl::StrCat(data, bar, " lc rgb '#80", look.colour + 1, "' lw 4 ", title);
    case Series::Style::kSteps:
      return absl::StrCat(out, data, " using 1:2 with steps ", line, " ", title);
  }
  return out;
}

// gnuplot names its elements alike in every file; on one page the names must differ.
std::string WithOwnIds(std::string svg, const std::string& name) {
  return absl::StrReplaceAll(svg, {{" id=\"", absl::StrCat(" id=\"", name, "-")},
                                   {" id='", absl::StrCat(" id='", name, "-")},
                                   {"href='#", absl::StrCat("href='#", name, "-")},
                                   {"href=\"#", absl::StrCat("href=\"#", name, "-")},
                                   {"url(#", absl::StrCat("url(#", name, "-")}});
}

}  // namespace

std::string GnuplotScript(const Plot& plot) {
  std::string out = absl::StrCat(
      "set encoding utf8\n"
      "set terminal svg noenhanced size ",
      plot.width, ",", plot.height,
      " dynamic font 'sans-serif,14' background '#ffffff'\n"
      "set title ",
      Quoted(plot.title), "\n",
      "set border 3 lw 1\n"
      "set tics nomirror out\n"
      "set grid lc rgb '#dddddd' lw 1 lt 1\n"
      "set key ",
      plot.legend,
      " samplen 3 spacing 1.2\n"
      "set style fill solid\n");
  absl::StrAppend(&out, AxisCommands("x", plot.x), AxisCommands("y", plot.y));
  if (plot.headroom > 0) {
    absl::StrAppend(&out, "set offsets 0, 0, graph ", Number(plot.headroom), ", 0\n");
  }
  for (const Mark& mark : plot.marks) {
    absl::StrAppend(&out, "set arrow from ", Number(mark.x), ", graph 0 to ", Number(mark.x),
                    ", graph 1 nohead lc rgb '#777777' lw 1 dt (2,4) back\n");
    if (!mark.label.empty()) {
      absl::StrAppend(&out, "set label ", Quoted(mark.label), " at ", Number(mark.x),
                      ", graph 0.985 rotate by 90 right offset character 0.6,0 font ',11' "
                      "textcolor rgb '#444444'\n");
    }
  }
  std::vector<std::string> elements;
  for (size_t i = 0; i < plot.series.size(); ++i) {
    if (!HasPoints(plot.series[i])) continue;
    absl::StrAppend(&out, LabelCommands(plot.series[i]), DataBlock(plot.series[i], i));
    elements.push_back(PlotElement(plot.series[i], i));
  }
  absl::StrAppend(&out, "plot ", absl::StrJoin(elements, ", "), "\n");
  return out;
}

absl::StatusOr<std::string> RenderSvg(const Plot& plot, const std::string& gnuplot) {
  if (std::none_of(plot.series.begin(), plot.series.end(), HasPoints)) {
    return absl::InvalidArgumentError(absl::StrCat("plot '", plot.name, "' has no points"));
  }
  // A user's settings must not change our plots, nor the locale our numbers.
  absl::StatusOr<ProgramResult> result =
      RunProgram({gnuplot, "--default-settings", "-"}, GnuplotScript(plot), absl::Seconds(30),
                 {"LC_ALL=C", "GNUPLOT_LIB=", "HOME=/nonexistent"});
  if (absl::IsNotFound(result.status())) {
    return WorkFailed("gnuplot, which draws the plots, is not installed", "plots",
                      "apt-get install gnuplot-nox");
  }
  if (!result.ok()) return result.status();
  const size_t begin = result->output.find("<svg");
  if (result->exit_code != 0 || begin == std::string::npos ||
      !absl::StrContains(result->output, "</svg>")) {
    return absl::InternalError(absl::StrCat("gnuplot failed on plot '", plot.name, "' (exit code ",
                                            result->exit_code,
                                            "): ", absl::StripAsciiWhitespace(result->errors)));
  }
  return WithOwnIds(result->output.substr(begin), plot.name);
}

absl::Status CheckPlotting() {
  Plot plot;
  plot.name = "probe";
  plot.series = {{"", {{0, 0, std::nullopt, std::nullopt}, {1, 1, std::nullopt, std::nullopt}}}};
  return RenderSvg(plot).status();
}

std::string StandaloneSvg(const std::string& svg) {
  return absl::StrCat("<?xml version=\"1.0\" encoding=\"utf-8\" standalone=\"no\"?>\n", svg);
}

}  // namespace torpor::cli
