// Curves of plots that are made of rows.
#pragma once

#include <string>

#include "client/cli/plot.h"
#include "client/cli/reproduce/rows.h"

namespace torpor::cli::reproduce {

// The plot's curve of this name; begun with `look` where there is none yet. Valid until another is
// begun.
Series& SeriesNamed(const std::string& name, int look, Plot& plot);

// What was measured, and its interval where there is one, at `x`; in the unit that rows are shown
// in (ShownScale). The row has a value.
Point PointAt(double x, const Row& row);

}  // namespace torpor::cli::reproduce
