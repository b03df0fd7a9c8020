#include "engine/base/gemm.h"

#include <algorithm>
#include <mutex>

#include "engine/base/status.h"

#ifdef TORPOR_HAVE_OPENBLAS
#if __has_include(<openblas-serial/cblas.h>)
#include <openblas-serial/cblas.h>
#else
#include <cblas.h>
#endif
#endif

#ifdef TORPOR_HAVE_OPENBLAS
// The serial OpenBLAS keeps a table of buffers for its packed panels and takes one with a plain
// read and a plain write: of two threads that call it at once, both may get the same buffer, and
// now and then a product is wrong. The linker (--wrap in engine/CMakeLists.txt) sends its calls
// here. Giving a buffer back is a single store and needs no lock.
extern "C" void* __real_blas_memory_alloc(int process);
extern "C" void* __wrap_blas_memory_alloc(int process) {
  static std::mutex mutex;
  std::lock_guard lock(mutex);
  return __real_blas_memory_alloc(process);
}
#endif

namespace torpor {
namespace {

#ifdef TORPOR_HAVE_OPENBLAS

// BLAS wants a positive stride even for an empty or single row.
int Stride(Eigen::Index stride, Eigen::Index columns) {
  return static_cast<int>(std::max<Eigen::Index>({stride, columns, 1}));
}

void Sgemm(CBLAS_TRANSPOSE transpose_a, CBLAS_TRANSPOSE transpose_b, Eigen::Index k,
           const ConstMatrixView& a, const ConstMatrixView& b, float beta, MatrixView& c) {
  cblas_sgemm(CblasRowMajor, transpose_a, transpose_b, static_cast<int>(c.rows()),
              static_cast<int>(c.cols()), static_cast<int>(k), 1.0f, a.data(),
              Stride(a.outerStride(), a.cols()), b.data(), Stride(b.outerStride(), b.cols()), beta,
              c.data(), Stride(c.outerStride(), c.cols()));
}

// y = M x + beta y or, transposed, y = M^T x + beta y: a product with a single row is a
// matrix-vector product, which reads the matrix once instead of packing it.
void Sgemv(CBLAS_TRANSPOSE transpose, const ConstMatrixView& m, const float* x, float beta,
           float* y) {
  cblas_sgemv(CblasRowMajor, transpose, static_cast<int>(m.rows()), static_cast<int>(m.cols()),
              1.0f, m.data(), Stride(m.outerStride(), m.cols()), x, 1, beta, y, 1);
}

#endif

// A product over no terms is zero; BLAS kernels and maps of nothing are left out of it.
bool Trivial(Eigen::Index k, float beta, MatrixView& c) {
  TORPOR_CHECK(beta == 0.0f || beta == 1.0f);
  if (c.size() == 0) return true;
  if (k != 0) return false;
  if (beta == 0.0f) c.setZero();
  return true;
}

}  // namespace

void GemmAbt(ConstMatrixView a, ConstMatrixView b, float beta, MatrixView c) {
  TORPOR_CHECK(a.cols() == b.cols() && c.rows() == a.rows() && c.cols() == b.rows());
  if (Trivial(a.cols(), beta, c)) return;
#ifdef TORPOR_HAVE_OPENBLAS
  if (c.rows() == 1) {
    Sgemv(CblasNoTrans, b, a.data(), beta, c.data());
  } else {
    Sgemm(CblasNoTrans, CblasTrans, a.cols(), a, b, beta, c);
  }
#else
  if (beta == 0.0f) {
    c.noalias() = a * b.transpose();
  } else {
    c.noalias() += a * b.transpose();
  }
#endif
}

void GemmAtb(ConstMatrixView a, ConstMatrixView b, float beta, MatrixView c) {
  TORPOR_CHECK(a.rows() == b.rows() && c.rows() == a.cols() && c.cols() == b.cols());
  if (Trivial(a.rows(), beta, c)) return;
#ifdef TORPOR_HAVE_OPENBLAS
  Sgemm(CblasTrans, CblasNoTrans, a.rows(), a, b, beta, c);
#else
  if (beta == 0.0f) {
    c.noalias() = a.transpose() * b;
  } else {
    c.noalias() += a.transpose() * b;
  }
#endif
}

void GemmAb(ConstMatrixView a, ConstMatrixView b, float beta, MatrixView c) {
  TORPOR_CHECK(a.cols() == b.rows() && c.rows() == a.rows() && c.cols() == b.cols());
  if (Trivial(a.cols(), beta, c)) return;
#ifdef TORPOR_HAVE_OPENBLAS
  if (c.rows() == 1) {
    Sgemv(CblasTrans, b, a.data(), beta, c.data());
  } else {
    Sgemm(CblasNoTrans, CblasNoTrans, a.cols(), a, b, beta, c);
  }
#else
  if (beta == 0.0f) {
    c.noalias() = a * b;
  } else {
    c.noalias() += a * b;
  }
#endif
}

ConstMatrixView View(const Matrix& m) {
  return ConstMatrixView(m.data(), m.rows(), m.cols(), Eigen::OuterStride<>(m.cols()));
}

MatrixView View(Matrix& m) {
  return MatrixView(m.data(), m.rows(), m.cols(), Eigen::OuterStride<>(m.cols()));
}

ConstMatrixView Rows(const Matrix& m, Eigen::Index first, Eigen::Index count) {
  TORPOR_CHECK(first >= 0 && count >= 0 && first + count <= m.rows());
  return ConstMatrixView(m.data() + first * m.cols(), count, m.cols(),
                         Eigen::OuterStride<>(m.cols()));
}

void ReferenceGemmAbt(ConstMatrixView a, ConstMatrixView b, float beta, MatrixView c) {
  for (Eigen::Index i = 0; i < c.rows(); ++i) {
    for (Eigen::Index j = 0; j < c.cols(); ++j) {
      float sum = beta == 0.0f ? 0.0f : c(i, j);
      for (Eigen::Index k = 0; k < a.cols(); ++k) sum += a(i, k) * b(j, k);
      c(i, j) = sum;
    }
  }
}

std::string GemmName() {
#ifdef TORPOR_HAVE_OPENBLAS
  return std::string("openblas/") + openblas_get_corename();
#else
  return "eigen";
#endif
}

}  // namespace torpor
