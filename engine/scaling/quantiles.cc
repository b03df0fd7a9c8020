#include "engine/scaling/quantiles.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "engine/base/status.h"

namespace torpor {

Matrix GroupedQuantiles(const Matrix& values, ThreadPool* pool) {
  const int64_t samples = values.rows();
  TORPOR_CHECK(samples >= 1);
  const int64_t groups = std::min<int64_t>(kQuantileGroups, samples);
  Matrix quantiles(values.cols(), groups);
  pool->ParallelFor(static_cast<int>(values.cols()), [&](int i) {
    std::vector<float> sorted(static_cast<size_t>(samples));
    for (int64_t p = 0; p < samples; ++p) sorted[static_cast<size_t>(p)] = values(p, i);
    // NaN of a diverged network goes last: an order without a place for it would not be one.
    std::sort(sorted.begin(), sorted.end(),
              [](float a, float b) { return a < b || (std::isnan(b) && !std::isnan(a)); });
    for (int64_t g = 0; g < groups; ++g) {
      const int64_t first = g * samples / groups;
      const int64_t end = (g + 1) * samples / groups;
      double sum = 0;
      for (int64_t p = first; p < end; ++p) sum += sorted[static_cast<size_t>(p)];
      quantiles(i, g) = static_cast<float>(sum / static_cast<double>(end - first));
    }
  });
  return quantiles;
}

}  // namespace torpor
