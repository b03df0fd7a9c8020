// A grid of cores as a float network, as fast as matrix libraries make it: what the kernels of
// engine/truenorth are measured against.
#pragma once

#include <vector>

#include "engine/base/gemm.h"
#include "engine/truenorth/grid.h"

namespace torpor {

// Row-major products of floats: C = A B with A [m x k], B [k x n].
using Product = void (*)(const float* a, const float* b, float* c, int m, int k, int n);
void BlasProduct(const float* a, const float* b, float* c, int m, int k, int n);
// Eigen compiled for this machine's processor.
void EigenProduct(const float* a, const float* b, float* c, int m, int k, int n);

// Lines lie in rows of a batch, so that gathering a core's axons is copying rows.
class FloatGrid {
 public:
  FloatGrid(const BinaryGrid& grid, int batch);
  // [features x batch], 0 or 1.
  float* pixels() { return levels_.front().data(); }
  // [neurons of the last layer x batch].
  const std::vector<float>& outputs() const { return levels_.back(); }
  void Run(Product product);

 private:
  struct Core {
    Matrix weights;
    std::vector<float> leak;
  };
  const BinaryGrid& grid_;
  int batch_;
  std::vector<std::vector<Core>> layers_;
  std::vector<std::vector<float>> levels_;
  std::vector<float> axons_;
};

}  // namespace torpor
