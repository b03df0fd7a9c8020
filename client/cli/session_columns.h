// How a session's network stands: its power mode, its simulated hardware, and what its levers may
// be.
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

// A row for each lever: its fields, and `values`, the range or the choices.
std::vector<Json> LeverRows(const google::protobuf::RepeatedPtrField<v1::Lever>& levers);

}  // namespace torpor::cli
