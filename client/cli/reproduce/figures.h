// Plots of rows: a figure for each group of rows and metric that has a horizontal axis. Pure
// functions.
#pragma once

#include <vector>

#include "client/cli/reproduce/rows.h"
#include "client/cli/reproduce/study.h"

namespace torpor::cli::reproduce {

// Accuracy, NASP and loss against epsilon, and accuracy against NASP, one curve a column, with
// intervals; in the order of the rows.
std::vector<Drawing> DrawRows(const std::vector<Row>& rows);

}  // namespace torpor::cli::reproduce
