// Plots of rows: a figure for each group of rows and metric that has a horizontal axis. Pure
// functions.
#pragma once

#include <string>
#include <vector>

#include "client/cli/plot.h"
#include "client/cli/reproduce/rows.h"
#include "client/cli/reproduce/study.h"

namespace torpor::cli::reproduce {

// An empty plot with its legend below, for curves that go through every corner.
Plot LegendBelow(const std::string& name, const std::string& title);
// Moves the legend to the right, where there is room for more names; the plot becomes `width`
// pixels wide with it.
void LegendBeside(int width, Plot& plot);

// NASP in per cent, logarithmic, with ticks at round numbers.
Axis NaspAxis(double minimum, double maximum);

// Accuracy, NASP and loss against epsilon, and accuracy against NASP, one curve a column, with
// intervals; in the order of the rows.
std::vector<Drawing> DrawRows(const std::vector<Row>& rows);

}  // namespace torpor::cli::reproduce
