// Products with the weights of a narrow layer.
#pragma once

#include <span>

#include "engine/base/gemm.h"
#include "engine/base/simd.h"

namespace torpor {

// sums = inputs W^T for W [units x inputs], inputs [n x inputs], sums [n x units]: one dot product
// a unit and sample, each taken in one order that depends on the number of inputs alone. The answer
// to a sample is the same to the bit whatever its company. `with` is what the CPU has; tests pass
// less.
void DotProducts(ConstMatrixView weights, ConstMatrixView inputs, MatrixView sums,
                 Instructions with = BestInstructions());
// The plain loop in double that the tests compare with, for any product of this form.
void ReferenceProduct(ConstMatrixView weights, ConstMatrixView inputs, MatrixView sums);

}  // namespace torpor
