// Plots of the analysis of single neurons (figures 2 and 3 of paper 1). Thread-safe.
#pragma once

#include <string>

#include "client/cli/plot.h"
#include "torpor/v1/analysis.pb.h"

namespace torpor::cli {

// Bias change against epsilon: the optimum, Table I where it applies, and eq. 11. `title` names the
// neuron.
Plot NeuronBiasPlot(const v1::AnalyzeNeuronBiasResponse& response, const std::string& title);

// Response over its peak against the angle, one curve an epsilon.
Plot NeuronTuningPlot(const v1::AnalyzeNeuronTuningResponse& response, const std::string& title);

}  // namespace torpor::cli
