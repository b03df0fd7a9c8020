// Measured power modes as rows of a table: one shape for sweeps, searches, reports and their CSV.
#pragma once

#include <string>
#include <vector>

#include "client/cli/output.h"
#include "torpor/v1/job.pb.h"

namespace torpor::cli {

// Rows as JSON, flat enough for columns to find every figure.
struct ModeTable {
  std::vector<Column> columns;
  std::vector<Json> rows;
};

// One measured mode. A row that could not be measured shows its error instead of zeros that look
// like figures.
Json ModeRowJson(const v1::PowerSweepRow& row);

// Title of the accuracy under column noise of a level, e.g. "at 1 % noise".
std::string NoiseTitle(double level);

// Levels of column noise that some row was measured under, ascending.
std::vector<double> NoiseLevels(const v1::Job& job);
// The accuracy at that level, or null.
const v1::NoiseAccuracy* AtNoise(const v1::PowerSweepRow& row, double level);

// `every_figure`: intervals and counts too, and an error column whether or not there was one, as
// programs want it; else what fits a terminal.
ModeTable MakeModeTable(const v1::Job& job, bool every_figure);

// Prints a job's modes: a table for people, every figure and interval in CSV, the job's and the
// session's names with the rows in JSON.
void PrintModeRows(Context& context, const v1::Job& job);

// All columns as CSV, fractions 0..1.
std::string ModeCsv(const v1::Job& job);

}  // namespace torpor::cli
