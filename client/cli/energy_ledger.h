// Energy for people: amounts of joules, what a published point says, and the lines under a ledger.
#pragma once

#include <string>
#include <vector>

#include "client/cli/output.h"
#include "torpor/v1/energy.pb.h"
#include "torpor/v1/job.pb.h"

namespace torpor::cli {

// Four significant digits with a prefix, e.g. "56.25 nJ"; "0 J" for nothing.
std::string JoulesText(double joules);

// A ledger's entries as rows: layer, kind, synaptic, count, joules_each, joules, share, and the
// text of the last ones for tables, "unknown" where there is none.
std::vector<Json> LedgerRows(const v1::EnergyReport& report);
std::vector<Column> LedgerColumns(Format format);

// A published point against what the profile gives: figure, deviation in per cent, and in the same
// line whether the profile was fitted to it.
std::string PointLine(const v1::EnergyReport& report, const v1::PublishedPoint& point);

// Total, synaptic share, points, what is unknown, caveat: one a line. `joules` is the distribution
// over samples, or null.
std::vector<std::string> LedgerSummary(const v1::EnergyReport& report,
                                       const v1::Distribution* joules);

// The report with the deviation of each point and the distribution over samples.
Json LedgerJson(const v1::EnergyReport& report, const v1::Distribution* joules);

}  // namespace torpor::cli
