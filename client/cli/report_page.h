// The page that says what a session's power modes cost and save.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "torpor/v1/analysis.pb.h"
#include "torpor/v1/job.pb.h"
#include "torpor/v1/session.pb.h"

namespace torpor::cli {

// What a page is made of.
struct ReportInput {
  v1::Session session;
  // An ended power sweep with its rows and provenance.
  v1::Job job;
  // Of the session; without layers the page has no part on it.
  v1::WeightAnalysis weights;
};

// A page, and the files that go beside it: (suffix such as "-accuracy.svg", content).
struct Report {
  std::string html;
  std::vector<std::pair<std::string, std::string>> files;
};

// Draws and writes the page; fails as RenderSvg does.
absl::StatusOr<Report> MakeReport(const ReportInput& input);

// Name and value of what a figure was made with.
std::vector<std::pair<std::string, std::string>> ProvenanceEntries(
    const v1::Provenance& provenance);

}  // namespace torpor::cli
