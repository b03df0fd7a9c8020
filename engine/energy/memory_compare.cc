#include "engine/energy/memory_compare.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/energy/memory_break_even.h"

namespace torpor {
namespace {

constexpr int kMostDraws = 100000;
constexpr int kDefaultDraws = 4000;
constexpr double kSavingPercentiles[] = {5, 25, 50, 75, 95};
constexpr double kBreakEvenPercentiles[] = {5, 50, 95};

using Schemes = std::vector<v1::MemoryScheme::Kind>;

// Those asked for, which must hold every array, or all that do.
absl::StatusOr<Schemes> Comparable(std::span<const v1::WeightArray> arrays,
                                   const MemorySchemeList& asked) {
  const auto refusal = [&](v1::MemoryScheme::Kind scheme) -> std::string {
    for (const v1::WeightArray& array : arrays) {
      const std::string why = WhyNot(scheme, array);
      if (!why.empty())
        return absl::StrCat("must hold every array, not '", array.name(), "': ", why);
    }
    return "";
  };
  Schemes schemes;
  Violations violations;
  for (int i = 0; i < asked.size(); ++i) {
    schemes.push_back(static_cast<v1::MemoryScheme::Kind>(asked[i]));
    const std::string why = refusal(schemes.back());
    if (!why.empty()) violations.Add(absl::StrCat("schemes[", i, "]"), why);
  }
  if (asked.size() == 1) violations.Add("schemes", "must be at least 2, or empty for all, got 1");
  TORPOR_RETURN_IF_ERROR(violations.ToStatus());
  if (!asked.empty()) return schemes;
  for (const v1::MemoryScheme::Kind scheme : MemorySchemes()) {
    if (refusal(scheme).empty()) schemes.push_back(scheme);
  }
  return schemes;
}

// 1 where nothing costs anything.
double Ratio(double cost, double against) {
  if (against == 0) return cost == 0 ? 1 : HUGE_VAL;
  return cost / against;
}

// What all arrays cost, in each scheme.
class Costing {
 public:
  Costing(std::span<const v1::WeightArray> arrays, const Schemes& schemes) {
    for (const v1::MemoryScheme::Kind scheme : schemes) {
      std::vector<MemoryTraffic>& traffic = traffic_.emplace_back();
      for (const v1::WeightArray& array : arrays) traffic.push_back(TrafficOf(scheme, array));
    }
  }
  std::vector<MemoryFigures> At(const MemoryCosts& costs) const {
    std::vector<MemoryFigures> figures;
    for (const std::vector<MemoryTraffic>& traffic : traffic_) {
      MemoryFigures sum;
      for (const MemoryTraffic& one : traffic) sum += FiguresOf(one, costs);
      figures.push_back(sum);
    }
    return figures;
  }

 private:
  std::vector<std::vector<MemoryTraffic>> traffic_;
};

// Savings of one pair in one quantity, sorted.
void ReportDraws(std::vector<double> savings, v1::MemoryComparison& comparison) {
  if (savings.empty()) return;
  std::sort(savings.begin(), savings.end());
  for (const double p : kSavingPercentiles) comparison.add_percentiles(Percentile(savings, p));
  const auto saves = savings.end() - std::upper_bound(savings.begin(), savings.end(), 0.0);
  comparison.set_robustness(static_cast<double>(saves) / static_cast<double>(savings.size()));
}

void AddComparisons(const Schemes& schemes, const std::vector<MemoryFigures>& at_values,
                    const std::vector<std::vector<MemoryFigures>>& at_draws,
                    v1::CompareMemoryResponse& response) {
  for (size_t a = 0; a < schemes.size(); ++a) {
    for (size_t b = 0; b < schemes.size(); ++b) {
      if (a == b) continue;
      for (const v1::MemoryQuantity::Kind quantity : kMemoryQuantities) {
        const auto saving = [&](const std::vector<MemoryFigures>& figures) {
          return 1 - Ratio(figures[a].Of(quantity), figures[b].Of(quantity));
        };
        v1::MemoryComparison& comparison = *response.add_comparisons();
        comparison.set_scheme(schemes[a]);
        comparison.set_against(schemes[b]);
        comparison.set_quantity(quantity);
        comparison.set_saving(saving(at_values));
        std::vector<double> savings;
        savings.reserve(at_draws.size());
        for (const std::vector<MemoryFigures>& figures : at_draws) {
          savings.push_back(saving(figures));
        }
        ReportDraws(std::move(savings), comparison);
      }
    }
  }
}

absl::Status AddBreakEvens(std::span<const v1::WeightArray> arrays, const Schemes& schemes,
                           const MemoryCosts& costs, std::span<const MemoryCosts> drawn,
                           const Cancellation& cancellation, v1::CompareMemoryResponse& response) {
  const DensityCurves curves(arrays, schemes);
  const DensityCurves::Grid fine = curves.Fine(costs);
  std::vector<std::vector<double>> firsts;
  for (size_t a = 1; a < schemes.size(); ++a) {
    for (size_t b = 0; b < a; ++b) {
      for (const v1::MemoryQuantity::Kind quantity : kMemoryQuantities) {
        TORPOR_RETURN_IF_ERROR(cancellation.Check());
        const Crossing crossing = curves.Cross(fine, a, b, quantity, costs);
        v1::BreakEven& even = *response.add_break_evens();
        even.set_scheme(schemes[a]);
        even.set_against(schemes[b]);
        even.set_quantity(quantity);
        even.mutable_density()->Add(crossing.densities.begin(), crossing.densities.end());
        even.set_cheaper_below(crossing.below);
        firsts.emplace_back();
      }
    }
  }
  for (const MemoryCosts& draw : drawn) {
    TORPOR_RETURN_IF_ERROR(cancellation.Check());
    const DensityCurves::Grid grid = curves.Coarse(draw);
    size_t n = 0;
    for (size_t a = 1; a < schemes.size(); ++a) {
      for (size_t b = 0; b < a; ++b) {
        for (const v1::MemoryQuantity::Kind quantity : kMemoryQuantities) {
          const auto first = DensityCurves::FirstCrossing(grid, a, b, quantity);
          if (first) firsts[n].push_back(*first);
          ++n;
        }
      }
    }
  }
  for (size_t n = 0; n < firsts.size(); ++n) {
    if (2 * firsts[n].size() <= drawn.size()) continue;
    std::sort(firsts[n].begin(), firsts[n].end());
    for (const double p : kBreakEvenPercentiles) {
      response.mutable_break_evens(static_cast<int>(n))->add_percentiles(Percentile(firsts[n], p));
    }
  }
  return absl::OkStatus();
}

}  // namespace

double Percentile(std::span<const double> sorted, double p) {
  TORPOR_CHECK(!sorted.empty());
  const double rank = p / 100 * static_cast<double>(sorted.size() - 1);
  const size_t below = static_cast<size_t>(rank);
  if (below + 1 >= sorted.size()) return sorted.back();
  // Savings are -infinity against what costs nothing: no line leads from there.
  if (std::isinf(sorted[below])) return sorted[below];
  const double share = rank - static_cast<double>(below);
  return sorted[below] + share * (sorted[below + 1] - sorted[below]);
}

void CheckMemoryDraws(const v1::CompareMemoryRequest& request, Violations& violations) {
  if (!request.has_draws() || (request.draws() >= 0 && request.draws() <= kMostDraws)) return;
  violations.Add("draws", absl::StrCat("must be in 0..", kMostDraws, ", got ", request.draws()));
}

absl::StatusOr<v1::CompareMemoryResponse> CompareMemory(std::span<const v1::WeightArray> arrays,
                                                        const v1::CompareMemoryRequest& request,
                                                        const v1::DeviceProfile& profile,
                                                        const Cancellation& cancellation) {
  TORPOR_ASSIGN_OR_RETURN(const Schemes schemes, Comparable(arrays, request.schemes()));
  v1::CompareMemoryResponse response;
  TORPOR_ASSIGN_OR_RETURN(*response.mutable_estimates(),
                          EstimateMemory(arrays, request.schemes(), profile));
  const Costing costing(arrays, schemes);
  const MemoryCosts costs = MemoryCostsOf(profile);
  const int draws = request.has_draws() ? request.draws() : kDefaultDraws;
  std::vector<MemoryCosts> drawn;
  std::vector<std::vector<MemoryFigures>> at_draws;
  for (int n = 0; n < draws; ++n) {
    TORPOR_RETURN_IF_ERROR(cancellation.Check());
    const MemoryCosts draw = DrawMemoryCosts(profile, request.seed(), static_cast<uint64_t>(n));
    at_draws.push_back(costing.At(draw));
    if (n < kBreakEvenDraws) drawn.push_back(draw);
  }
  AddComparisons(schemes, costing.At(costs), at_draws, response);
  TORPOR_RETURN_IF_ERROR(AddBreakEvens(arrays, schemes, costs, drawn, cancellation, response));
  return response;
}

}  // namespace torpor
