// Densities at which two memory organisations cost the same.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "absl/status/status.h"
#include "engine/base/cancellation.h"
#include "engine/energy/memory_costs.h"
#include "engine/energy/memory_estimate.h"

namespace torpor {

inline constexpr v1::MemoryQuantity::Kind kMemoryQuantities[] = {
    v1::MemoryQuantity::STORAGE, v1::MemoryQuantity::FORWARD, v1::MemoryQuantity::BACKWARD_UPDATE,
    v1::MemoryQuantity::LEARNING};
// Break-evens of draws look at the first so many.
inline constexpr int kBreakEvenDraws = 1000;

// Where one curve of cost over density crosses another.
struct Crossing {
  // Ascending, in (0, 1]. Curves jump where an address takes one bit more; a jump across is a
  // crossing too.
  std::vector<double> densities;
  // Whether the first curve is the lower one at the least densities.
  bool below = false;
};

// Arrays at one common density in several schemes. Immutable; any thread may call it.
class DensityCurves {
 public:
  // `schemes` can hold each of the `arrays`, whose own densities play no part. Arrays that are then
  // alike are computed once.
  DensityCurves(std::span<const v1::WeightArray> arrays,
                std::span<const v1::MemoryScheme::Kind> schemes);

  // Figures at evenly spaced densities up to 1: [density][scheme].
  using Grid = std::vector<std::vector<MemoryFigures>>;
  // 1000 of them.
  Grid Fine(const MemoryCosts& costs) const;
  // 200, many times faster: for draws.
  Grid Coarse(const MemoryCosts& costs) const;

  // Of scheme a against scheme b, by index: found on the fine grid of these costs and bisected.
  Crossing Cross(const Grid& fine, size_t a, size_t b, v1::MemoryQuantity::Kind quantity,
                 const MemoryCosts& costs) const;
  // The first crossing on a grid, between its points by a line.
  static std::optional<double> FirstCrossing(const Grid& grid, size_t a, size_t b,
                                             v1::MemoryQuantity::Kind quantity);

 private:
  struct Alike {
    v1::WeightArray array;
    double count = 0;
  };
  MemoryFigures At(double density, size_t scheme, const MemoryCosts& costs) const;

  std::vector<Alike> arrays_;
  std::vector<v1::MemoryScheme::Kind> schemes_;
  // Of the coarse grid: [density][scheme][array].
  std::vector<std::vector<std::vector<MemoryTraffic>>> coarse_;
};

}  // namespace torpor
