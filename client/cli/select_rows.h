// The arms of a selection as a table, and as words.
#pragma once

#include <string>
#include <vector>

#include "client/cli/output.h"
#include "torpor/v1/job.pb.h"

namespace torpor::cli {

// "8-bit qW nearest PTQ"; qWN where neurons are quantised too; "own" without a storage.
std::string StorageText(const v1::SelectArm& arm);
// "n400-windowed 8-bit qW nearest PTQ".
std::string ArmText(const v1::SelectArm& arm);
// "pareto, chosen", or why the arm is not finished.
std::string ArmMarks(const v1::SelectArm& arm);
// "0.0267 .. 0.4", "0.4 ..", or "" for an arm that wins for no mu.
std::string MuText(const v1::SelectArm& arm);
// "34.1 kB", "12.3 uJ".
std::string MemoryText(double bytes);

// R = accuracy - mu M / M_0 (tinySNN, eq. 3).
double RewardOf(const v1::SelectArm& arm, double mu);
// The finished arm of the highest reward; of equals the more accurate. Null without finished arms.
const v1::SelectArm* BestAt(const v1::Job& job, double mu);

struct ArmTable {
  std::vector<Column> columns;
  std::vector<Json> rows;
};
// `every_figure`: what programs want instead of what fits a terminal.
ArmTable MakeArmTable(const v1::Job& job, bool every_figure);

// A table for people, CSV or JSON (job, session, arms, limits_verdict and what is in `more`).
void PrintArms(Context& context, const v1::Job& job, const Json& more = Json::object());

// All figures as CSV.
std::string ArmCsv(const v1::Job& job);

}  // namespace torpor::cli
