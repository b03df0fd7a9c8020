#include "engine/energy/memory_break_even.h"

#include <map>
#include <string>

namespace torpor {
namespace {

constexpr size_t kFine = 1000;
constexpr size_t kCoarse = 200;
constexpr int kBisections = 50;

// The i-th of n.
double Density(size_t i, size_t n) { return static_cast<double>(i + 1) / static_cast<double>(n); }

MemoryFigures Times(MemoryFigures figures, double count) {
  figures.storage_bits *= count;
  figures.forward *= count;
  figures.backward *= count;
  figures.update *= count;
  return figures;
}

}  // namespace

DensityCurves::DensityCurves(std::span<const v1::WeightArray> arrays,
                             std::span<const v1::MemoryScheme::Kind> schemes)
    : schemes_(schemes.begin(), schemes.end()) {
  std::map<std::string, size_t> places;
  for (v1::WeightArray array : arrays) {
    array.clear_name();
    array.clear_density();
    const auto [place, is_new] = places.emplace(array.SerializeAsString(), arrays_.size());
    if (is_new) arrays_.push_back({array, 0});
    arrays_[place->second].count += 1;
  }
  coarse_.resize(kCoarse);
  for (size_t i = 0; i < coarse_.size(); ++i) {
    for (const v1::MemoryScheme::Kind scheme : schemes_) {
      std::vector<MemoryTraffic>& traffic = coarse_[i].emplace_back();
      for (Alike& alike : arrays_) {
        alike.array.set_density(Density(i, kCoarse));
        traffic.push_back(TrafficOf(scheme, alike.array));
      }
    }
  }
}

MemoryFigures DensityCurves::At(double density, size_t scheme, const MemoryCosts& costs) const {
  MemoryFigures sum;
  for (const Alike& alike : arrays_) {
    v1::WeightArray array = alike.array;
    array.set_density(density);
    sum += Times(FiguresOf(TrafficOf(schemes_[scheme], array), costs), alike.count);
  }
  return sum;
}

DensityCurves::Grid DensityCurves::Fine(const MemoryCosts& costs) const {
  Grid grid(kFine);
  for (size_t i = 0; i < kFine; ++i) {
    for (size_t s = 0; s < schemes_.size(); ++s) grid[i].push_back(At(Density(i, kFine), s, costs));
  }
  return grid;
}

DensityCurves::Grid DensityCurves::Coarse(const MemoryCosts& costs) const {
  Grid grid(kCoarse);
  for (size_t i = 0; i < kCoarse; ++i) {
    for (const std::vector<MemoryTraffic>& traffic : coarse_[i]) {
      MemoryFigures sum;
      for (size_t n = 0; n < traffic.size(); ++n) {
        sum += Times(FiguresOf(traffic[n], costs), arrays_[n].count);
      }
      grid[i].push_back(sum);
    }
  }
  return grid;
}

Crossing DensityCurves::Cross(const Grid& fine, size_t a, size_t b,
                              v1::MemoryQuantity::Kind quantity, const MemoryCosts& costs) const {
  Crossing crossing;
  // Where curves touch, the side before counts.
  double before = 0;
  double before_density = 0;
  for (size_t i = 0; i < fine.size(); ++i) {
    const double density = Density(i, fine.size());
    const double here = fine[i][a].Of(quantity) - fine[i][b].Of(quantity);
    if (here == 0) continue;
    if (before == 0) {
      crossing.below = here < 0;
    } else if ((before < 0) != (here < 0)) {
      double low = before_density;
      double high = density;
      for (int n = 0; n < kBisections; ++n) {
        const double middle = (low + high) / 2;
        const double value = At(middle, a, costs).Of(quantity) - At(middle, b, costs).Of(quantity);
        const bool same = value != 0 && (value < 0) == (before < 0);
        (same ? low : high) = middle;
      }
      crossing.densities.push_back(high);
    }
    before = here;
    before_density = density;
  }
  return crossing;
}

std::optional<double> DensityCurves::FirstCrossing(const Grid& grid, size_t a, size_t b,
                                                   v1::MemoryQuantity::Kind quantity) {
  double before = 0;
  double before_density = 0;
  for (size_t i = 0; i < grid.size(); ++i) {
    const double here = grid[i][a].Of(quantity) - grid[i][b].Of(quantity);
    if (here == 0) continue;
    const double density = Density(i, grid.size());
    if (before != 0 && (before < 0) != (here < 0)) {
      return before_density + (density - before_density) * before / (before - here);
    }
    before = here;
    before_density = density;
  }
  return std::nullopt;
}

}  // namespace torpor
