// Drawings of how weights and biases are distributed (Jimeno Yepes and Tang, figures 2 and 3).
// Thread-safe.
#pragma once

#include <string>
#include <vector>

#include "client/cli/plot.h"
#include "torpor/v1/analysis.pb.h"

namespace torpor::cli {

// Shares of a histogram's counts, 0..1.
std::vector<double> SharesOf(const v1::Histogram& histogram);

// One plot of weights and, where there are any, one of biases; a curve for each layer. `prefix`
// goes before their names, `title` before what they show.
std::vector<Plot> WeightPlots(const v1::WeightAnalysis& analysis, const std::string& prefix,
                              const std::string& title);

}  // namespace torpor::cli
