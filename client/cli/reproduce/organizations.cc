// What arrays of weights cost in memory organisations, without any training (study.h).
#include <cmath>
#include <string>

#include "absl/strings/str_cat.h"
#include "client/cli/errors.h"
#include "client/cli/memory_flags.h"
#include "client/cli/reproduce/memory_rows.h"
#include "client/cli/reproduce/study.h"
#include "client/cli/rpc.h"
#include "torpor/v1/memory.grpc.pb.h"

namespace torpor::cli::reproduce {
namespace {

constexpr double kMilli = 1e-3;

// One width and density of a plan; without density the arrays' own.
struct Stored {
  const recipe::OrganizationPlan& plan;
  int bits = 0;
  double density = std::nan("");
};

v1::MemorySubject SubjectOf(const Stored& stored) {
  v1::MemorySubject subject;
  for (const v1::WeightArray& array : stored.plan.arrays()) {
    v1::WeightArray& own = *subject.add_arrays();
    own = array;
    own.set_bits(stored.bits);
    if (!std::isnan(stored.density)) own.set_density(stored.density);
  }
  return subject;
}

// Of all figures in one scheme; see FigureOf.
Place PlaceOf(const Stored& stored, v1::MemoryScheme::Kind scheme) {
  const std::string name = SchemeName(scheme);
  const std::string density =
      std::isnan(stored.density) ? "" : absl::StrCat("density=", ShortNumber(stored.density));
  Place place;
  place.base_id = JoinId({stored.plan.prefix(), absl::StrCat("scheme=", name),
                          absl::StrCat("bits=", stored.bits), density});
  place.what = absl::StrCat(stored.plan.title(), ", ", name, ", ", stored.bits, " bits",
                            density.empty() ? "" : ", ", density);
  place.group = stored.plan.title();
  place.line = absl::StrCat(stored.bits, " bits", density.empty() ? "" : ", ", density);
  place.column = name;
  place.x = stored.bits;
  place.x_lever = "precision_bits";
  return place;
}

void AddEstimate(Study& study, const Stored& stored, const v1::MemoryEstimate& total) {
  const Place base = PlaceOf(stored, total.scheme());
  if (!stored.plan.leakage()) {
    AddPassEnergies(base, total, study.rows);
  } else if (total.has_leakage_mw()) {
    study.rows.Add(FigureOf(base, "leakage", "leakage", Unit::kWatt),
                   {.value = total.leakage_mw() * kMilli});
  }
}

void AddSaving(Study& study, const Stored& stored, const v1::MemoryComparison& comparison) {
  const Place base = PlaceOf(stored, comparison.scheme());
  const auto add = [&](const char* metric, const std::string& what, double value) {
    study.rows.Add(FigureOf(base, metric, what, Unit::kFraction), {.value = value});
  };
  const std::string against =
      absl::StrCat("saving in backward pass and update against ", SchemeName(comparison.against()));
  add("saving_rate", against, comparison.saving());
  // The 5th, 25th, 50th, 75th and 95th; none without draws.
  if (comparison.percentiles_size() != 5) return;
  add("saving_p5", absl::StrCat("5th percentile over draws of the ", against),
      comparison.percentiles(0));
  add("saving_p50", absl::StrCat("median over draws of the ", against), comparison.percentiles(2));
  add("saving_p95", absl::StrCat("95th percentile over draws of the ", against),
      comparison.percentiles(4));
  add("robustness", absl::StrCat("share of draws with a ", against), comparison.robustness());
}

// Costs as the plan's profile has them.
template <typename Request>
Request RequestOf(const Stored& stored) {
  Request request;
  *request.mutable_subject() = SubjectOf(stored);
  *request.mutable_schemes() = stored.plan.schemes();
  if (!stored.plan.profile().empty()) {
    request.mutable_costs()->set_profile_name(stored.plan.profile());
  }
  return request;
}

// Adds what is saved against the plan's scheme; returns the estimates behind it.
absl::StatusOr<v1::EstimateMemoryResponse> Compare(Study& study, const Stored& stored) {
  auto request = RequestOf<v1::CompareMemoryRequest>(stored);
  request.set_draws(stored.plan.draws());
  CLI_ASSIGN_OR_RETURN(
      const v1::CompareMemoryResponse response,
      Call<v1::MemoryService>(study.context, &v1::MemoryService::Stub::CompareMemory, request));
  for (const v1::MemoryComparison& comparison : response.comparisons()) {
    if (comparison.against() == stored.plan.against() &&
        comparison.quantity() == v1::MemoryQuantity::BACKWARD_UPDATE) {
      AddSaving(study, stored, comparison);
    }
  }
  return response.estimates();
}

absl::Status RunStored(Study& study, const Stored& stored) {
  const bool alone = stored.plan.against() == v1::MemoryScheme::UNSPECIFIED;
  CLI_ASSIGN_OR_RETURN(
      const v1::EstimateMemoryResponse estimates,
      alone ? Call<v1::MemoryService>(study.context, &v1::MemoryService::Stub::EstimateMemory,
                                      RequestOf<v1::EstimateMemoryRequest>(stored))
            : Compare(study, stored));
  for (const v1::MemoryEstimate& total : estimates.totals()) AddEstimate(study, stored, total);
  return absl::OkStatus();
}

}  // namespace

absl::Status RunOrganizations(Study& study) {
  for (const recipe::OrganizationPlan& plan : study.recipe.organizations()) {
    for (const recipe::OrganizationPlan::Points& points : plan.points()) {
      for (const int bits : points.bits()) {
        if (points.density().empty()) {
          CLI_RETURN_IF_ERROR(RunStored(study, {plan, bits, std::nan("")}));
        }
        for (const double density : points.density()) {
          CLI_RETURN_IF_ERROR(RunStored(study, {plan, bits, density}));
        }
      }
    }
  }
  return absl::OkStatus();
}

}  // namespace torpor::cli::reproduce
