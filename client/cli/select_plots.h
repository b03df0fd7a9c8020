// What a selection looks like: the figures 6 to 9 of R. V. W. Putra and M. Shafique, "tinySNN:
// Towards Memory- and Energy-Efficient Spiking Neural Networks", from its arms.
#pragma once

#include <string>
#include <vector>

#include "client/cli/plot.h"
#include "torpor/v1/job.pb.h"

namespace torpor::cli {

struct SelectPlot {
  Plot plot;
  std::string caption;
};

// A plot for each candidate and scope (qW, qWN) that was quantised: accuracy, or energy, against
// bits, a curve for each scheme and rounding, the candidate in its own storage as a line across.
std::vector<SelectPlot> AccuracyByBits(const v1::Job& job);
std::vector<SelectPlot> EnergyByBits(const v1::Job& job);
// Memory against bits for each scope; candidates that need equal memory share their curves.
std::vector<SelectPlot> MemoryByBits(const v1::Job& job);
// The reward of each arm that wins somewhere against mu, under their upper envelope.
std::vector<SelectPlot> RewardByMu(const v1::Job& job);
// Accuracy against memory, the Pareto set marked.
std::vector<SelectPlot> AccuracyByMemory(const v1::Job& job);

}  // namespace torpor::cli
