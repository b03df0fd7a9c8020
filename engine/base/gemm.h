// Matrix products: the one door to BLAS.
#pragma once

#include <string>

#include "Eigen/Core"

namespace torpor {

// Row-major float matrix: the layout of all weights [out x in] and batches [samples x features].
using Matrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using MatrixView = Eigen::Map<Matrix, 0, Eigen::OuterStride<>>;
using ConstMatrixView = Eigen::Map<const Matrix, 0, Eigen::OuterStride<>>;

// C = A B^T + beta C, with A [m x k], B [n x k], C [m x n]. Serial; callers parallelise over fixed
// blocks, since the bits of a product may depend on its shape. beta is 0 or 1.
void GemmAbt(ConstMatrixView a, ConstMatrixView b, float beta, MatrixView c);
// C = A^T B + beta C, with A [k x m], B [k x n], C [m x n].
void GemmAtb(ConstMatrixView a, ConstMatrixView b, float beta, MatrixView c);
// C = A B + beta C, with A [m x k], B [k x n], C [m x n].
void GemmAb(ConstMatrixView a, ConstMatrixView b, float beta, MatrixView c);

ConstMatrixView View(const Matrix& m);
MatrixView View(Matrix& m);
// Rows first..first+count of `m`.
ConstMatrixView Rows(const Matrix& m, Eigen::Index first, Eigen::Index count);

// Plain loops in the same order of sums for every shape: the reference that the tests compare with.
void ReferenceGemmAbt(ConstMatrixView a, ConstMatrixView b, float beta, MatrixView c);

// Library and kernel in use, e.g. "openblas/SkylakeX".
std::string GemmName();

}  // namespace torpor
