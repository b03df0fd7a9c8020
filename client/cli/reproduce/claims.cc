#include "client/cli/reproduce/claims.h"

#include "absl/strings/str_cat.h"

namespace torpor::cli::reproduce {
namespace {

enum class Outcome { kHolds, kFails, kMissing };

std::string Bounds(const recipe::Check& check, Unit unit) {
  const auto shown = [&](double bound) {
    return check.minus().empty() ? FormatValue(bound, unit) : FormatDifference(bound, unit);
  };
  std::string text;
  if (check.has_at_least()) {
    absl::StrAppend(&text, "at least ", shown(check.at_least()));
  }
  if (check.has_at_most()) {
    absl::StrAppend(&text, text.empty() ? "" : " and ", "at most ", shown(check.at_most()));
  }
  return text;
}

Outcome Judge(const recipe::Check& check, const std::vector<Row>& rows, const std::string& dataset,
              std::string& evidence) {
  const Row* row = FindMeasured(rows, dataset, check.row());
  const Row* minus = check.minus().empty() ? nullptr : FindMeasured(rows, dataset, check.minus());
  if (row == nullptr || (minus == nullptr && !check.minus().empty())) {
    evidence = absl::StrCat(check.row(), ": not measured");
    return Outcome::kMissing;
  }
  const Unit unit = row->place.unit;
  double value = *row->measured;
  evidence = absl::StrCat(row->id, ": ", FormatValue(value, unit));
  if (minus != nullptr) {
    value -= *minus->measured;
    absl::StrAppend(&evidence, ", minus ", FormatValue(*minus->measured, unit), " (", minus->id,
                    ") is ", FormatDifference(value, unit));
  }
  const bool holds = (!check.has_at_least() || value >= check.at_least()) &&
                     (!check.has_at_most() || value <= check.at_most());
  absl::StrAppend(&evidence, holds ? "; asked: " : "; but asked: ", Bounds(check, unit));
  return holds ? Outcome::kHolds : Outcome::kFails;
}

Finding JudgeClaim(const recipe::Claim& claim, const std::vector<Row>& rows,
                   const std::string& dataset, bool quick) {
  Finding finding{claim.text(), claim.source(), dataset, Verdict::kNotMeasured, {}, ""};
  int holds = 0, fails = 0, missing = 0;
  for (const recipe::Check& check : claim.checks()) {
    finding.evidence.emplace_back();
    switch (Judge(check, rows, dataset, finding.evidence.back())) {
      case Outcome::kHolds:
        ++holds;
        break;
      case Outcome::kFails:
        ++fails;
        break;
      case Outcome::kMissing:
        ++missing;
        break;
    }
  }
  if (missing > 0 || holds + fails == 0) return finding;
  if (fails == 0) {
    finding.verdict = Verdict::kConfirmed;
  } else if (quick) {
    finding.verdict = Verdict::kNotDecided;
    finding.reason = "a quick run is shorter than what this is about";
  } else {
    finding.verdict = holds == 0 ? Verdict::kNotReproduced : Verdict::kPartly;
    finding.reason = claim.reason();
  }
  return finding;
}

}  // namespace

std::vector<Finding> JudgeClaims(const recipe::Recipe& recipe, const std::vector<Row>& rows,
                                 bool quick) {
  // Of a recipe that has nothing to shorten, a quick run is the whole.
  const bool shortened = quick && recipe.has_quick();
  std::vector<Finding> findings;
  std::vector<std::string> datasets(recipe.datasets().begin(), recipe.datasets().end());
  if (datasets.empty()) datasets.emplace_back();
  for (const recipe::Claim& claim : recipe.claims()) {
    for (const std::string& dataset : datasets) {
      if (!claim.dataset().empty() && claim.dataset() != dataset) continue;
      findings.push_back(JudgeClaim(claim, rows, dataset, shortened));
    }
  }
  return findings;
}

std::string VerdictName(Verdict verdict) {
  switch (verdict) {
    case Verdict::kConfirmed:
      return "confirmed";
    case Verdict::kPartly:
      return "partly";
    case Verdict::kNotReproduced:
      return "not reproduced";
    case Verdict::kNotDecided:
      return "not decided";
    case Verdict::kNotMeasured:
      return "not measured";
  }
  return "";
}

Json FindingJson(const Finding& finding) {
  Json json = {{"claim", finding.claim},
               {"source", finding.source},
               {"verdict", VerdictName(finding.verdict)},
               {"evidence", finding.evidence}};
  if (!finding.dataset.empty()) json["dataset"] = finding.dataset;
  if (!finding.reason.empty()) json["reason"] = finding.reason;
  return json;
}

}  // namespace torpor::cli::reproduce
