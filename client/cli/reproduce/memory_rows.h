// Rows of what memory organisations cost. Pure functions but for what they add to.
#pragma once

#include <string>

#include "client/cli/reproduce/rows.h"
#include "torpor/v1/memory.pb.h"

namespace torpor::cli::reproduce {

// The place of one figure of an organisation. Of `base`, base_id goes without metric and `what`
// names what the figure is of, e.g. "700-400-250, crossbar, 2 bits".
Place FigureOf(Place base, const std::string& metric, const std::string& what, Unit unit);

// metric=forward, backward_update and learning, which is both together: joules of a pass.
void AddPassEnergies(const Place& base, const v1::MemoryEstimate& total, RowCollector& rows);

// Of a trained network: "layer=NAME,metric=density", the share of weights that are not zero, and
// "scheme=NAME" with AddPassEnergies', behind the prefix of `base`, whose `what` and `line` are the
// network's title.
void AddNetworkMemory(const Place& base, const v1::EstimateMemoryResponse& estimates,
                      RowCollector& rows);

}  // namespace torpor::cli::reproduce
