// Compiled for the machine that builds it, in a namespace of its own, so that no other file's Eigen
// is taken for this one.
#define Eigen TorporNativeEigen
#include "Eigen/Core"

namespace torpor {

void EigenProduct(const float* a, const float* b, float* c, int m, int k, int n) {
  using Rows = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  const Eigen::Map<const Rows> left(a, m, k);
  if (n == 1) {
    Eigen::Map<Eigen::VectorXf>(c, m).noalias() = left * Eigen::Map<const Eigen::VectorXf>(b, k);
  } else {
    Eigen::Map<Rows>(c, m, n).noalias() = left * Eigen::Map<const Rows>(b, k, n);
  }
}

}  // namespace torpor
