// What the modes of a job differ in, whatever the family: the levers that make axes, curves and
// columns. Thread-safe.
#pragma once

#include <string>
#include <vector>

#include "torpor/v1/job.pb.h"

namespace torpor::cli {

struct ModeLevers {
  // The numeric lever that figures are drawn against: epsilon where modes have it, else the first
  // one that differs.
  std::string x = "epsilon";
  // Others that differ, in the order of PowerMode, without maps.
  std::vector<std::string> others;
};

ModeLevers LeversOf(const std::vector<v1::PowerSweepRow>& rows);

// A numeric lever of the mode; 0 where it is not set. The epsilon of a row is the grid's.
double LeverNumber(const v1::PowerSweepRow& row, const std::string& lever);
// In words, e.g. "table" or "0.5"; empty where it is not set.
std::string LeverText(const v1::PowerSweepRow& row, const std::string& lever);
// What an axis is called, e.g. "steps: ticks of a sample".
std::string LeverLabel(const std::string& lever);

}  // namespace torpor::cli
