// Columns that say how a session's network stands: its power mode and its simulated hardware.
#pragma once

#include <vector>

#include "client/cli/output.h"
#include "torpor/v1/session.pb.h"

namespace torpor::cli {

// Every lever of `power_mode`, in the order of the message; those at full power have no value and
// are left out where an object is printed.
std::vector<Column> PowerModeColumns();

// What of `realisation` was asked for. Column noise also stands where it is 0, on networks that can
// be scaled: it is what their small signals are held against.
std::vector<Column> RealisationColumns(const v1::Session& session);

}  // namespace torpor::cli
