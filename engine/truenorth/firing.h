// The probability that a normal membrane fires, and its slopes.
#pragma once

#include <span>

namespace torpor {

// One sample's neurons. Phi comes from Abramowitz and Stegun, "Handbook of Mathematical Functions",
// 7.1.26: within 2e-7.
//   mean:      sum_i x_i W_ij on entry; on return Phi(z), z = (mean + leak - 1/2) / sqrt(v),
//              v = max(variance, 0) + floor
//   variance:  on return dPhi/dmean = phi(z) / sqrt(v)
//   variance_slope, unless empty: dPhi/dvariance = -phi(z) z / (2 v)
// `leak` was rounded. All spans that are not empty have one length.
void FiringProbabilities(std::span<const float> leak, float floor, std::span<float> mean,
                         std::span<float> variance, std::span<float> variance_slope);

}  // namespace torpor
