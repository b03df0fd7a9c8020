// The page that says what a selection found.
#pragma once

#include "CLI/App.hpp"
#include "absl/status/statusor.h"
#include "client/cli/context.h"
#include "client/cli/report_page.h"
#include "torpor/v1/job.pb.h"

namespace torpor::cli {

// Draws and writes the page of an ended selection; fails as RenderSvg does.
absl::StatusOr<Report> MakeSelectReport(const v1::Job& job);

// torpor report select.
void AddReportSelect(CLI::App& report, Context& context);

}  // namespace torpor::cli
