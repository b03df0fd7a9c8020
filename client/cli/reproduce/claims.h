// Holds the paper's statements against what was measured. Pure functions.
#pragma once

#include <string>
#include <vector>

#include "client/cli/output.h"
#include "client/cli/reproduce/rows.h"

namespace torpor::cli::reproduce {

enum class Verdict {
  kConfirmed,      // every check holds
  kPartly,         // some do
  kNotReproduced,  // none does
  kNotDecided,     // some check does not hold of a quick run
  kNotMeasured,    // a row is missing
};

struct Finding {
  std::string claim, source, dataset;
  Verdict verdict = Verdict::kNotMeasured;
  // What was measured, one entry a check.
  std::vector<std::string> evidence;
  // What explains a statement that does not hold; empty where it does.
  std::string reason;
};

// One finding a claim and measured dataset that it is about. Of a quick run, which is shorter than
// what claims are about, none says that one does not hold.
std::vector<Finding> JudgeClaims(const recipe::Recipe& recipe, const std::vector<Row>& rows,
                                 bool quick = false);

// "confirmed", "partly", "not reproduced", "not measured".
std::string VerdictName(Verdict verdict);
Json FindingJson(const Finding& finding);

}  // namespace torpor::cli::reproduce
