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

// What a sample's inputs draw from a layer's weights.
struct InputPower {
  // (u o u) . column_power.
  double weight_power = 0;
  // Sum of u o u.
  double squares = 0;
  // Inputs that are not zero.
  int64_t non_zero = 0;
};
// One pass over the inputs with `column_power` rounded to float: short sums of products in float,
// added up in double, in one order fixed by the number of inputs. The same inputs give the same
// bits; all terms are positive, so that the relative error stays below 1e-6.
InputPower MeterInputs(std::span<const float> inputs, std::span<const float> column_power);
// The plain loop in double that the tests compare with.
InputPower ReferenceMeterInputs(std::span<const float> inputs,
                                std::span<const double> column_power);

// Inputs that are not zero.
int64_t CountNonZero(std::span<const float> inputs);

// Sum of |c|.
double BiasPower(std::span<const float> bias);

}  // namespace torpor
