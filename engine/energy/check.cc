// What a profile and a report of activity must be before they are priced.
#include <algorithm>
#include <cmath>
#include <set>
#include <string>
#include <string_view>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "engine/base/status.h"
#include "engine/energy/coefficients.h"
#include "engine/energy/price.h"

namespace torpor {
namespace {

constexpr int kMostPoints = 100;
constexpr int kLongestName = 63;

bool IsName(const std::string& name) {
  if (name.empty() || name.size() > kLongestName || !absl::ascii_islower(name[0])) return false;
  return std::all_of(name.begin(), name.end(), [](char c) {
    return absl::ascii_islower(c) || absl::ascii_isdigit(c) || c == '-';
  });
}

bool IsAmount(double value) { return std::isfinite(value) && value >= 0; }

std::string CoefficientNames() {
  return absl::StrJoin(Coefficients(), ", ", [](std::string* out, const CoefficientInfo& info) {
    absl::StrAppend(out, info.name);
  });
}

std::set<std::string> CountNames() {
  std::set<std::string> names;
  ForEachQuantity([&](const char* name, Quantity LayerActivity::*) { names.insert(name); });
  return names;
}

void CheckCoefficient(const v1::Coefficient& c, const std::string& path, Violations& violations) {
  const CoefficientInfo* info = FindCoefficient(c.name());
  if (info == nullptr) {
    violations.Add(absl::StrCat(path, ".name"),
                   absl::StrCat("no coefficient '", c.name(), "'; there are ", CoefficientNames()));
  } else if (c.unit() != info->unit) {
    violations.Add(absl::StrCat(path, ".unit"), absl::StrCat("must be '", info->unit, "' for ",
                                                             c.name(), ", got '", c.unit(), "'"));
  }
  if (!IsAmount(c.value())) {
    violations.Add(absl::StrCat(path, ".value"),
                   absl::StrCat("must be a finite number of at least 0, got ", c.value()));
  }
  const bool whole = info != nullptr && info->whole;
  if (whole && std::isfinite(c.value()) && (c.value() < 1 || c.value() != std::floor(c.value()))) {
    violations.Add(absl::StrCat(path, ".value"),
                   absl::StrCat("must be a whole number of at least 1, got ", c.value()));
  }
  const bool ranged = c.low() != 0 || c.high() != 0;
  if (ranged && !(IsAmount(c.low()) && std::isfinite(c.high()) && c.low() <= c.value() &&
                  c.value() <= c.high())) {
    violations.Add(absl::StrCat(path, ".low"),
                   absl::StrCat("low <= value <= high must hold with finite numbers of at least 0, "
                                "got ",
                                c.low(), ", ", c.value(), ", ", c.high()));
  }
  if (whole && ranged) {
    violations.Add(absl::StrCat(path, ".low"), "sizes of arrays have no range");
  }
  if (c.source().empty()) {
    violations.Add(absl::StrCat(path, ".source"), "must say where the value is from");
  }
  if (c.kind() == v1::Coefficient::UNSPECIFIED || !v1::Coefficient::Kind_IsValid(c.kind())) {
    violations.Add(absl::StrCat(path, ".kind"),
                   "must be one of MEASURED, PUBLISHED, ASSUMED, FITTED");
  }
}

void CheckPoint(const v1::PublishedPoint& point, const std::string& path, Violations& violations) {
  if (!(std::isfinite(point.joules()) && point.joules() > 0)) {
    violations.Add(absl::StrCat(path, ".joules"),
                   absl::StrCat("must be a finite number above 0, got ", point.joules()));
  }
  const auto count = [&](const char* name, int32_t value) {
    if (value >= 1) return;
    violations.Add(absl::StrCat(path, ".", name), absl::StrCat("must be at least 1, got ", value));
  };
  count("cores", point.cores());
  count("copies", point.copies());
  count("ticks", point.ticks());
  if (!IsAmount(point.synaptic_events())) {
    violations.Add(
        absl::StrCat(path, ".synaptic_events"),
        absl::StrCat("must be a finite number of at least 0, got ", point.synaptic_events()));
  }
}

}  // namespace

void CheckProfile(const v1::DeviceProfile& profile, const std::string& path,
                  Violations& violations) {
  if (!IsName(profile.name())) {
    violations.Add(path + "name",
                   absl::StrCat("must match [a-z][a-z0-9-]{0,62}, got '", profile.name(), "'"));
  }
  if (profile.coefficients().empty()) {
    violations.Add(path + "coefficients", "must hold at least one coefficient");
  }
  std::set<std::string> names;
  for (int i = 0; i < profile.coefficients_size(); ++i) {
    const v1::Coefficient& c = profile.coefficients(i);
    const std::string at = absl::StrCat(path, "coefficients[", i, "]");
    CheckCoefficient(c, at, violations);
    if (!names.insert(c.name()).second) {
      violations.Add(absl::StrCat(at, ".name"), absl::StrCat("'", c.name(), "' comes twice"));
    }
  }
  const std::set<std::string> counts = CountNames();
  for (int i = 0; i < profile.contained_size(); ++i) {
    if (counts.count(profile.contained(i)) > 0) continue;
    violations.Add(absl::StrCat(path, "contained[", i, "]"),
                   absl::StrCat("no count '", profile.contained(i), "'; there are ",
                                absl::StrJoin(counts, ", ")));
  }
  if (profile.points_size() > kMostPoints) {
    violations.Add(path + "points",
                   absl::StrCat("must be at most ", kMostPoints, ", got ", profile.points_size()));
  }
  for (int i = 0; i < std::min(profile.points_size(), kMostPoints); ++i) {
    CheckPoint(profile.points(i), absl::StrCat(path, "points[", i, "]"), violations);
  }
}

absl::Status CheckProfile(const v1::DeviceProfile& profile) {
  Violations violations;
  CheckProfile(profile, "", violations);
  return violations.ToStatus();
}

absl::Status CheckActivity(const v1::ActivityReport& activity) {
  Violations violations;
  if (activity.layers().empty()) violations.Add("layers", "must hold at least one layer");
  for (int l = 0; l < activity.layers_size(); ++l) {
    const v1::LayerActivityReport& layer = activity.layers(l);
    const std::string path = absl::StrCat("layers[", l, "].");
    ForEachQuantity([&](const char* name, Quantity LayerActivity::*) {
      const auto* field = v1::LayerActivityReport::descriptor()->FindFieldByName(name);
      const double count = layer.GetReflection()->GetDouble(layer, field);
      if (IsAmount(count)) return;
      violations.Add(absl::StrCat(path, name),
                     absl::StrCat("must be a finite number of at least 0, got ", count));
    });
    const auto size = [&](const char* name, int64_t value) {
      if (value >= 0) return;
      violations.Add(absl::StrCat(path, name), absl::StrCat("must be at least 0, got ", value));
    };
    size("synapses", layer.synapses());
    size("weight_bits", layer.weight_bits());
    size("state_bits", layer.state_bits());
    // Products of these must stay exact.
    const auto side = [&](const char* name, int64_t value) {
      if (value >= 0 && value <= (int64_t{1} << 30)) return;
      violations.Add(absl::StrCat(path, name), absl::StrCat("must be in 0..2^30, got ", value));
    };
    side("rows", layer.rows());
    side("columns", layer.columns());
    side("places", layer.places());
    const auto scale = [&](const char* name, bool set, double value) {
      if (!set || (std::isfinite(value) && value > 0)) return;
      violations.Add(absl::StrCat(path, name),
                     absl::StrCat("must be a finite number above 0, got ", value));
    };
    scale("largest_weight", layer.has_largest_weight(), layer.largest_weight());
    scale("full_scale_input", layer.has_full_scale_input(), layer.full_scale_input());
  }
  return violations.ToStatus();
}

}  // namespace torpor
