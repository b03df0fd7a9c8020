#include "engine/energy/memory_estimate.h"

#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "engine/energy/memory_profiles.h"
#include "engine/energy/price.h"
#include "engine/energy/profiles.h"

namespace torpor {
namespace {

constexpr int kMostArrays = 256;
constexpr double kMicro = 1e-6;
constexpr double kMilli = 1e-3;

struct Estimated {
  MemoryFigures figures;
  double forward_accesses = 0;
  double backward_accesses = 0;
  double update_accesses = 0;
  // Watts.
  std::optional<double> leakage;
};

Estimated Estimate(v1::MemoryScheme::Kind scheme, const v1::WeightArray& array,
                   const MemoryCosts& costs) {
  const MemoryTraffic traffic = TrafficOf(scheme, array);
  Estimated estimated{.figures = FiguresOf(traffic, costs),
                      .forward_accesses = Accesses(traffic.forward),
                      .backward_accesses = Accesses(traffic.backward),
                      .update_accesses = Accesses(traffic.update),
                      .leakage = {}};
  // The leakage of convolutions' small memories does not follow their bits.
  if (costs.leakage_bit && array.has_dense()) {
    estimated.leakage = *costs.leakage_bit * traffic.storage_bits;
  }
  return estimated;
}

void Add(const Estimated& part, Estimated& sum) {
  sum.figures += part.figures;
  sum.forward_accesses += part.forward_accesses;
  sum.backward_accesses += part.backward_accesses;
  sum.update_accesses += part.update_accesses;
  if (sum.leakage && part.leakage) {
    *sum.leakage += *part.leakage;
  } else {
    sum.leakage.reset();
  }
}

void Report(const Estimated& estimated, v1::MemoryEstimate& report) {
  const MemoryFigures& figures = estimated.figures;
  report.set_storage_bits(figures.storage_bits);
  report.set_forward_uj(figures.forward / kMicro);
  report.set_backward_uj(figures.backward / kMicro);
  report.set_update_uj(figures.update / kMicro);
  report.set_backward_update_uj((figures.backward + figures.update) / kMicro);
  if (estimated.leakage) report.set_leakage_mw(*estimated.leakage / kMilli);
  report.set_forward_accesses(estimated.forward_accesses);
  report.set_backward_accesses(estimated.backward_accesses);
  report.set_update_accesses(estimated.update_accesses);
}

// A request's schemes, or all.
std::vector<v1::MemoryScheme::Kind> SchemesOf(const MemorySchemeList& asked) {
  if (asked.empty()) return MemorySchemes();
  std::vector<v1::MemoryScheme::Kind> schemes;
  for (const int scheme : asked) schemes.push_back(static_cast<v1::MemoryScheme::Kind>(scheme));
  return schemes;
}

std::string NamesOfMemoryProfiles() {
  return absl::StrJoin(MemoryProfiles(), ", ",
                       [](std::string* out, const v1::DeviceProfile& profile) {
                         absl::StrAppend(out, profile.name());
                       });
}

}  // namespace

void CheckMemorySubject(const v1::MemorySubject& subject, const std::string& path,
                        Violations& violations) {
  const bool named = !subject.name().empty();
  if (named == !subject.arrays().empty()) {
    violations.Add(path + "arrays", named ? "must be empty where a name is given"
                                          : "must hold at least one array, or name be set");
  }
  if (subject.arrays_size() > kMostArrays) {
    violations.Add(path + "arrays",
                   absl::StrCat("must be at most ", kMostArrays, ", got ", subject.arrays_size()));
    return;
  }
  for (int i = 0; i < subject.arrays_size(); ++i) {
    CheckWeightArray(subject.arrays(i), absl::StrCat(path, "arrays[", i, "]."), violations);
  }
  if (!subject.has_bits()) return;
  if (!named) violations.Add(path + "bits", "must be unset without a name: arrays have their own");
  if (subject.bits() < 1 || subject.bits() > 32) {
    violations.Add(path + "bits", absl::StrCat("must be in 1..32, got ", subject.bits()));
  }
}

std::vector<v1::WeightArray> GivenArrays(const v1::MemorySubject& subject) {
  std::vector<v1::WeightArray> arrays(subject.arrays().begin(), subject.arrays().end());
  for (size_t i = 0; i < arrays.size(); ++i) {
    if (arrays[i].name().empty()) arrays[i].set_name(absl::StrCat("array", i));
  }
  return arrays;
}

void CheckMemorySchemes(const MemorySchemeList& schemes, Violations& violations) {
  std::set<int> seen;
  for (int i = 0; i < schemes.size(); ++i) {
    const std::string path = absl::StrCat("schemes[", i, "]");
    const int scheme = schemes[i];
    if (scheme == v1::MemoryScheme::UNSPECIFIED || !v1::MemoryScheme::Kind_IsValid(scheme)) {
      violations.Add(path, absl::StrCat("must be one of CROSSBAR, COORDINATE_LIST, POINTER_INDEX, "
                                        "POINTER_BITMAP, FUNCTIONAL, got ",
                                        scheme));
      // Their number is not bounded by that of the schemes.
      return;
    }
    if (!seen.insert(scheme).second) {
      violations.Add(path,
                     absl::StrCat(MemorySchemeName(static_cast<v1::MemoryScheme::Kind>(scheme)),
                                  " comes twice"));
      return;
    }
  }
}

absl::StatusOr<v1::DeviceProfile> MemoryProfileOf(const v1::MemoryCosts& costs) {
  if (costs.has_device_profile()) {
    const std::string path = "costs.device_profile.";
    Violations violations;
    CheckProfile(costs.device_profile(), path, violations);
    CheckMemoryCosts(costs.device_profile(), path, violations);
    TORPOR_RETURN_IF_ERROR(violations.ToStatus());
    return costs.device_profile();
  }
  TORPOR_ASSIGN_OR_RETURN(
      v1::DeviceProfile profile,
      FindProfile(costs.has_profile_name() ? costs.profile_name() : kMemoryProfile));
  if (!MissingMemoryCosts(profile).empty()) {
    return FieldError("costs.profile_name",
                      absl::StrCat("must price memories, as ", NamesOfMemoryProfiles(),
                                   " do; got '", profile.name(), "', which prices activity"));
  }
  return profile;
}

double MemoryFigures::Of(v1::MemoryQuantity::Kind quantity) const {
  switch (quantity) {
    case v1::MemoryQuantity::STORAGE:
      return storage_bits;
    case v1::MemoryQuantity::FORWARD:
      return forward;
    case v1::MemoryQuantity::BACKWARD_UPDATE:
      return backward + update;
    default:
      return forward + backward + update;
  }
}

MemoryFigures& operator+=(MemoryFigures& sum, const MemoryFigures& part) {
  sum.storage_bits += part.storage_bits;
  sum.forward += part.forward;
  sum.backward += part.backward;
  sum.update += part.update;
  return sum;
}

MemoryFigures FiguresOf(const MemoryTraffic& traffic, const MemoryCosts& costs) {
  return {.storage_bits = traffic.storage_bits,
          .forward = Joules(traffic.forward, costs),
          .backward = Joules(traffic.backward, costs),
          .update = Joules(traffic.update, costs)};
}

absl::StatusOr<v1::EstimateMemoryResponse> EstimateMemory(std::span<const v1::WeightArray> arrays,
                                                          const MemorySchemeList& schemes,
                                                          const v1::DeviceProfile& profile) {
  const MemoryCosts costs = MemoryCostsOf(profile);
  const std::vector<v1::MemoryScheme::Kind> asked = SchemesOf(schemes);
  struct Sum {
    Estimated of{.figures = {}, .leakage = 0.0};
    size_t held = 0;
    std::string refused;
  };
  std::vector<Sum> sums(asked.size());
  v1::EstimateMemoryResponse response;
  for (const v1::WeightArray& array : arrays) {
    for (size_t s = 0; s < asked.size(); ++s) {
      v1::MemoryEstimate& report = *response.add_estimates();
      report.set_array(array.name());
      report.set_scheme(asked[s]);
      *report.mutable_of() = array;
      report.set_refused(WhyNot(asked[s], array));
      if (!report.refused().empty()) {
        sums[s].refused = report.refused();
        continue;
      }
      const Estimated estimated = Estimate(asked[s], array, costs);
      Report(estimated, report);
      Add(estimated, sums[s].of);
      ++sums[s].held;
    }
  }
  Violations violations;
  for (size_t s = 0; s < asked.size(); ++s) {
    if (sums[s].held == 0 && !schemes.empty()) {
      violations.Add(absl::StrCat("schemes[", s, "]"),
                     absl::StrCat("must hold one array at least: ", sums[s].refused));
    }
    if (sums[s].held < arrays.size()) continue;
    v1::MemoryEstimate& total = *response.add_totals();
    total.set_scheme(asked[s]);
    Report(sums[s].of, total);
  }
  TORPOR_RETURN_IF_ERROR(violations.ToStatus());
  *response.mutable_profile() = profile;
  for (std::string& note : NotesOnFit(profile, arrays)) response.add_notes(std::move(note));
  return response;
}

}  // namespace torpor
