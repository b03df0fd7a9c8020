// Elementwise steps of the soft network, a row of n values at a time. Arrays do not overlap.
#pragma once

#include <cstdint>

namespace torpor {

// x = `from` clamped to 0..1; second = x - x^2 or, with probabilities, x^2.
void ClampedInputs(const float* from, int64_t n, bool probability, float* x, float* second);

// Of sites with connection c and strength s: w = s and ws = s^2 where c > 1/2, else 0.
void BinarySites(const float* c, const float* s, int64_t n, float* w, float* ws);
// w = c s, ws = c s^2, squared = -(c s)^2.
void ProbableSites(const float* c, const float* s, int64_t n, float* w, float* ws, float* squared);

// dL/dc with probabilities, s mean + s^2 (first - 2 c second), from the sums over samples of x Gmu
// (in `mean`, where the result goes), x Gvar and x^2 Gvar.
void ProbabilityGradient(const float* c, const float* s, const float* first, const float* second,
                         int64_t n, float* mean);

// values *= factor
void MultiplyRow(const float* factor, int64_t n, float* values);
// out += 2 x y
void AddTwiceProduct(const float* x, const float* y, int64_t n, float* out);
// sums += values
void AddRow(const float* values, int64_t n, float* sums);

// What an update leaves behind. values = clamped to 0..1.
void ClampToUnit(int64_t n, float* values);
// average += share (values - average)
void MoveAverage(const float* values, float share, int64_t n, float* average);

}  // namespace torpor
