// Losses of networks whose last layer spikes, and their gradients. Scores have cross-entropy too
// (engine/learn/loss.h).
#pragma once

#include <cmath>
#include <cstdint>
#include <span>

#include "engine/lif/spike_train.h"
#include "engine/lif/tile.h"

namespace torpor {

// Shares of steps in which the right class and the others should spike, in [0, 1].
struct SpikeShares {
  double right = 0.8;
  double other = 0;
};

// Sum over classes of (counts / steps - share)^2. `delta` = scale times its gradient by counts.
template <typename Real>
Real SpikeCountLoss(std::span<const Real> counts, int steps, int32_t label,
                    const SpikeShares& shares, Real scale, std::span<Real> delta) {
  Real sum = 0;
  for (size_t i = 0; i < counts.size(); ++i) {
    const auto share =
        static_cast<Real>(static_cast<int32_t>(i) == label ? shares.right : shares.other);
    const Real off = counts[i] / static_cast<Real>(steps) - share;
    sum += off * off;
    delta[i] = scale * 2 * off / static_cast<Real>(steps);
  }
  return sum;
}

// The van Rossum distance L = sqrt((1 / tau) sum over n and units of (f[n] - f*[n])^2) with
// f[n] = decay f[n-1] + S[n] and the target's f* alike (schaefer, section 1).
struct VanRossum {
  // In [0, 1).
  double decay = 0.75;
  // In the place of the authors' time constant, seconds.
  double tau = 5e-3;
};

// L of rows [steps x units] of S - S*, `stride` apart. Brings them to scale times the gradient by
// S: g[n] = decay g[n+1] + (f - f*)[n] / (tau L), which is 0 where L is.
template <typename Real>
Real VanRossumLoss(const VanRossum& loss, int steps, int units, Real scale, Real* rows,
                   int64_t stride) {
  const auto decay = static_cast<Real>(loss.decay);
  double sum = 0;
  for (int n = 0; n < steps; ++n) {
    Real* row = rows + n * stride;
    if (n > 0) {
      for (int i = 0; i < units; ++i) row[i] += decay * row[i - stride];
    }
    // In several sums, since each waits for its last addition.
    double parts[8] = {};
    int i = 0;
    for (; i + 8 <= units; i += 8) {
      for (int k = 0; k < 8; ++k) {
        parts[k] += static_cast<double>(row[i + k]) * static_cast<double>(row[i + k]);
      }
    }
    for (; i < units; ++i) parts[0] += static_cast<double>(row[i]) * static_cast<double>(row[i]);
    for (const double part : parts) sum += part;
  }
  const auto distance = static_cast<Real>(std::sqrt(sum / loss.tau));
  const Real factor = distance > 0 ? scale / (static_cast<Real>(loss.tau) * distance) : Real{0};
  for (int n = steps - 1; n >= 0; --n) {
    Real* row = rows + n * stride;
    for (int i = 0; i < units; ++i) {
      row[i] = factor * row[i] + (n + 1 < steps ? decay * row[i + stride] : Real{0});
    }
  }
  return distance;
}

// The same of a network's spikes, and the gradient into its output errors [steps x units].
float VanRossumLoss(const VanRossum& loss, const LifSpikes& spikes, const LifSpikes& target,
                    float scale, MatrixView errors);

// The squared distance of `target` from no spikes at all, without going through its silent steps:
// between two spikes of a unit f* is a geometric series. Units are below `units`.
double SilentDistanceSquared(const VanRossum& loss, const LifSpikes& target, int units);

}  // namespace torpor
