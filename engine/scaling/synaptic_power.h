// Synaptic power of a layer (Merkel, eq. 3), in units of Vdd^2 Gmax.
//
// Eq. 3 is followed literally, also for hidden inputs above 1 (a ReLU layer exceeds Vdd): no
// rescaling is made.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "Eigen/Core"
#include "engine/base/gemm.h"

namespace torpor {

// Sum over units of |W| for each input: `weights` [units x inputs], result [inputs].
std::vector<double> ColumnPower(ConstMatrixView weights);

// (u o u) . column_power, summed in one fixed order in double, so that the same inputs give the
// same bits.
double WeightPower(std::span<const float> inputs, std::span<const double> column_power);

// Inputs that are not zero.
int64_t CountNonZero(std::span<const float> inputs);

// Sum of |c|.
double BiasPower(std::span<const float> bias);

}  // namespace torpor
