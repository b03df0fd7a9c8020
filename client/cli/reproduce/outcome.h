// The result of a reproduction as a page, as JSON and as tables.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "client/cli/output.h"
#include "client/cli/reproduce/claims.h"
#include "client/cli/reproduce/rows.h"
#include "client/cli/reproduce/study.h"
#include "torpor/v1/job.pb.h"

namespace torpor::cli::reproduce {

struct Outcome {
  recipe::Recipe recipe;
  bool quick = false;
  std::vector<Row> rows;
  std::vector<Finding> findings;
  std::vector<Drawing> drawings;
  // In the order they were run.
  std::vector<v1::Job> jobs;
  int taken_up = 0;
};

struct Page {
  std::string html;
  // (suffix such as "-accuracy-1.svg", content)
  std::vector<std::pair<std::string, std::string>> files;
};

// The page, self-contained; fails as RenderSvg does.
absl::StatusOr<Page> MakePage(const Outcome& outcome);

// {"recipe", "quick", "rows": [...], "claims": [...], "jobs": [...]}.
Json OutcomeJson(const Outcome& outcome);

// For a terminal: the main tables, then what became of the paper's claims.
std::string OutcomeText(const Outcome& outcome);

}  // namespace torpor::cli::reproduce
