#include "engine/learn/train_checks.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace torpor {
namespace {

// `name` gives a value's name, empty for values that are not known.
template <typename Kind, typename Name>
void CheckKind(Kind kind, std::initializer_list<Kind> own, const std::string& path, Name name,
               Violations& violations) {
  if (static_cast<int>(kind) == 0 || std::find(own.begin(), own.end(), kind) != own.end()) return;
  const std::string names = absl::StrJoin(
      own, ", ", [&](std::string* out, Kind one) { absl::StrAppend(out, name(one)); });
  const std::string got = name(kind);
  violations.Add(path, absl::StrCat("must be ", own.size() > 1 ? "one of " : "", names,
                                    " for a network of this family, got ",
                                    got.empty() ? absl::StrCat(static_cast<int>(kind)) : got));
}

}  // namespace

void CheckLoss(v1::Loss::Kind loss, std::initializer_list<v1::Loss::Kind> own,
               const std::string& path, Violations& violations) {
  CheckKind(
      loss, own, path, [](v1::Loss::Kind kind) { return v1::Loss::Kind_Name(kind); }, violations);
}

void CheckOptimizer(v1::Optimizer::Kind optimizer, std::initializer_list<v1::Optimizer::Kind> own,
                    const std::string& path, Violations& violations) {
  CheckKind(
      optimizer, own, path, [](v1::Optimizer::Kind kind) { return v1::Optimizer::Kind_Name(kind); },
      violations);
}

void CheckFamilySettings(const v1::TrainSpec& spec, v1::Network::FamilyCase own,
                         Violations& violations) {
  const struct {
    v1::Network::FamilyCase family;
    const char* name;
    bool given;
  } kSettings[] = {{v1::Network::kTruenorth, "truenorth", spec.has_truenorth()},
                   {v1::Network::kStdp, "stdp", spec.has_stdp()},
                   {v1::Network::kLif, "lif", spec.has_lif()}};
  for (const auto& settings : kSettings) {
    if (settings.family == own || !settings.given) continue;
    violations.Add(settings.name,
                   absl::StrCat("is for networks of the family ", settings.name, " alone"));
  }
}

}  // namespace torpor
