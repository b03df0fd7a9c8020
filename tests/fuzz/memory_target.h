// Fuzz target of requests about memory organisations, as the service answers them.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <set>
#include <vector>

#include "engine/base/status.h"
#include "engine/energy/memory_compare.h"

namespace torpor::fuzz {

inline void CheckMemoryFigures(const v1::MemoryEstimate& estimate) {
  const double figures[] = {
      estimate.storage_bits(),     estimate.forward_uj(),         estimate.backward_uj(),
      estimate.update_uj(),        estimate.backward_update_uj(), estimate.leakage_mw(),
      estimate.forward_accesses(), estimate.backward_accesses(),  estimate.update_accesses()};
  for (const double figure : figures) {
    TORPOR_CHECK(std::isfinite(figure) && figure >= 0);
    TORPOR_CHECK(estimate.refused().empty() || figure == 0);
  }
}

inline void CheckEstimates(const v1::EstimateMemoryResponse& response, int arrays, int schemes) {
  TORPOR_CHECK(response.estimates_size() == arrays * schemes);
  TORPOR_CHECK(response.totals_size() <= schemes);
  for (const v1::MemoryEstimate& estimate : response.estimates()) CheckMemoryFigures(estimate);
  for (const v1::MemoryEstimate& total : response.totals()) {
    CheckMemoryFigures(total);
    double bits = 0;
    for (const v1::MemoryEstimate& estimate : response.estimates()) {
      if (estimate.scheme() == total.scheme()) bits += estimate.storage_bits();
    }
    TORPOR_CHECK(std::fabs(bits - total.storage_bits()) <= 1e-9 * bits);
  }
}

// Ascending, none of them NaN. Savings are -infinity against what costs nothing.
inline void CheckPercentiles(const google::protobuf::RepeatedField<double>& percentiles,
                             int count) {
  TORPOR_CHECK(percentiles.empty() || percentiles.size() == count);
  for (const double value : percentiles) TORPOR_CHECK(!std::isnan(value));
  TORPOR_CHECK(std::is_sorted(percentiles.begin(), percentiles.end()));
}

inline void CheckComparisons(const v1::CompareMemoryResponse& response) {
  std::set<int> schemes;
  for (const v1::MemoryComparison& comparison : response.comparisons()) {
    TORPOR_CHECK(comparison.saving() <= 1 && comparison.robustness() <= 1);
    CheckPercentiles(comparison.percentiles(), 5);
    schemes.insert(comparison.scheme());
  }
  const int n = static_cast<int>(schemes.size());
  TORPOR_CHECK(response.comparisons_size() == 4 * n * (n - 1));
  TORPOR_CHECK(response.break_evens_size() == 2 * n * (n - 1));
  for (const v1::BreakEven& even : response.break_evens()) {
    CheckPercentiles(even.percentiles(), 3);
    TORPOR_CHECK(std::is_sorted(even.density().begin(), even.density().end()));
    for (const double density : even.density()) TORPOR_CHECK(density > 0 && density <= 1);
  }
}

// An EstimateMemoryRequest behind a first byte that is even, a CompareMemoryRequest behind an odd
// one. Comparisons are of few arrays and draws, so that an input takes milliseconds.
inline int FuzzMemory(const uint8_t* data, size_t size) {
  constexpr int kMostDraws = 20;
  constexpr int kMostCompared = 2;
  if (size == 0) return 0;
  v1::EstimateMemoryRequest request;
  v1::CompareMemoryRequest compare;
  const bool compares = data[0] % 2 == 1;
  const int length = static_cast<int>(size - 1);
  if (compares) {
    if (!compare.ParseFromArray(data + 1, length)) return 0;
    *request.mutable_subject() = compare.subject();
    *request.mutable_schemes() = compare.schemes();
    *request.mutable_costs() = compare.costs();
  } else if (!request.ParseFromArray(data + 1, length)) {
    return 0;
  }
  Violations violations;
  CheckMemorySubject(request.subject(), "subject.", violations);
  CheckMemorySchemes(request.schemes(), violations);
  CheckMemoryDraws(compare, violations);
  // Names are for the server to find.
  if (!violations.ToStatus().ok() || request.subject().arrays().empty()) return 0;
  const auto profile = MemoryProfileOf(request.costs());
  if (!profile.ok()) {
    TORPOR_CHECK(!profile.status().message().empty());
    return 0;
  }
  const std::vector<v1::WeightArray> arrays = GivenArrays(request.subject());
  const int schemes =
      request.schemes().empty() ? static_cast<int>(MemorySchemes().size()) : request.schemes_size();
  const auto response = EstimateMemory(arrays, request.schemes(), *profile);
  if (response.ok()) CheckEstimates(*response, static_cast<int>(arrays.size()), schemes);
  if (!compares) return response.ok() ? 1 : 0;
  if (arrays.size() > kMostCompared) return 1;
  compare.set_draws(std::min(compare.has_draws() ? compare.draws() : kMostDraws, kMostDraws));
  const auto compared = CompareMemory(arrays, compare, *profile, Cancellation());
  if (!compared.ok()) {
    TORPOR_CHECK(compared.status().code() == absl::StatusCode::kInvalidArgument);
    return 0;
  }
  TORPOR_CHECK(response.ok() && compared->estimates().SerializeAsString().size() ==
                                    response->SerializeAsString().size());
  CheckComparisons(*compared);
  return 1;
}

}  // namespace torpor::fuzz
