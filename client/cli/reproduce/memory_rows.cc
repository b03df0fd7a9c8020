#include "client/cli/reproduce/memory_rows.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "client/cli/memory_flags.h"
#include "client/cli/reproduce/study.h"

namespace torpor::cli::reproduce {
namespace {

constexpr double kMicro = 1e-6;

// Several estimates of an array say the same of it: it is described once a scheme.
void AddDensity(Place base, const v1::MemoryEstimate& estimate, RowCollector& rows) {
  const v1::WeightArray& array = estimate.of();
  base.base_id = JoinId({base.base_id, absl::StrCat("layer=", estimate.array())});
  absl::StrAppend(&base.what, ", ", estimate.array());
  base.column = estimate.array();
  rows.Add(
      FigureOf(std::move(base), "density", "share of weights that are not zero", Unit::kFraction),
      {.value = array.has_density() ? array.density() : 1});
}

}  // namespace

Place FigureOf(Place base, const std::string& metric, const std::string& what, Unit unit) {
  base.base_id = JoinId({base.base_id, absl::StrCat("metric=", metric)});
  base.what = absl::StrCat(what, " of ", base.what);
  base.metric = metric;
  base.unit = unit;
  return base;
}

void AddPassEnergies(const Place& base, const v1::MemoryEstimate& total, RowCollector& rows) {
  const auto add = [&](const char* metric, const char* what, double microjoules) {
    rows.Add(FigureOf(base, metric, what, Unit::kJoule), {.value = microjoules * kMicro});
  };
  add("forward", "energy of a forward pass", total.forward_uj());
  add("backward_update", "energy of backward pass and update", total.backward_update_uj());
  add("learning", "energy of forward pass, backward pass and update",
      total.forward_uj() + total.backward_update_uj());
}

void AddNetworkMemory(const Place& base, const v1::EstimateMemoryResponse& estimates,
                      RowCollector& rows) {
  for (const v1::MemoryEstimate& estimate : estimates.estimates()) {
    if (estimate.scheme() == estimates.estimates(0).scheme()) AddDensity(base, estimate, rows);
  }
  for (const v1::MemoryEstimate& total : estimates.totals()) {
    const std::string scheme = SchemeName(total.scheme());
    Place stored = base;
    stored.base_id = JoinId({base.base_id, absl::StrCat("scheme=", scheme)});
    absl::StrAppend(&stored.what, ", ", scheme);
    stored.column = scheme;
    AddPassEnergies(stored, total, rows);
  }
}

}  // namespace torpor::cli::reproduce
