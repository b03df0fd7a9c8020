#include "truenorth_floats.h"

#include <algorithm>

#include "engine/base/simd.h"

namespace torpor {
namespace {

TORPOR_SIMD void Fire(float* __restrict membranes, int count, float leak) {
  for (int i = 0; i < count; ++i) membranes[i] = membranes[i] + leak > 0 ? 1.0f : 0.0f;
}

ConstMatrixView Of(const float* data, int rows, int columns) {
  return ConstMatrixView(data, rows, columns, Eigen::OuterStride<>(columns));
}

}  // namespace

void BlasProduct(const float* a, const float* b, float* c, int m, int k, int n) {
  // One column is a product of a matrix and a vector.
  if (n == 1) {
    GemmAbt(Of(b, 1, k), Of(a, m, k), 0, MatrixView(c, 1, m, Eigen::OuterStride<>(m)));
  } else {
    GemmAb(Of(a, m, k), Of(b, k, n), 0, MatrixView(c, m, n, Eigen::OuterStride<>(n)));
  }
}

FloatGrid::FloatGrid(const BinaryGrid& grid, int batch)
    : grid_(grid), batch_(batch), axons_(static_cast<size_t>(kCoreAxons * batch)) {
  const auto add = [&](int lines) { levels_.emplace_back(static_cast<size_t>(lines * batch)); };
  add(grid.plan->features);
  for (size_t l = 0; l < grid.layers.size(); ++l) {
    add(grid.plan->layers[l].neurons);
    std::vector<Core>& cores = layers_.emplace_back();
    for (size_t c = 0; c < grid.layers[l].size(); ++c) {
      const BinaryCore& sites = grid.layers[l][c];
      const CorePlan& plan = grid.plan->layers[l].cores[c];
      Core& core = cores.emplace_back();
      core.weights.resize(plan.neurons, plan.axons());
      std::copy(sites.weight.begin(), sites.weight.end(), core.weights.data());
      core.leak.assign(sites.leak.begin(), sites.leak.end());
    }
  }
}

void FloatGrid::Run(Product product) {
  for (size_t l = 0; l < layers_.size(); ++l) {
    for (size_t c = 0; c < layers_[l].size(); ++c) {
      const CorePlan& plan = grid_.plan->layers[l].cores[c];
      const Core& core = layers_[l][c];
      for (int i = 0; i < plan.axons(); ++i) {
        std::copy_n(levels_[l].data() + int64_t{plan.sources[static_cast<size_t>(i)]} * batch_,
                    batch_, axons_.data() + int64_t{i} * batch_);
      }
      float* out = levels_[l + 1].data() + int64_t{plan.first_neuron} * batch_;
      product(core.weights.data(), axons_.data(), out, plan.neurons, plan.axons(), batch_);
      for (int j = 0; j < plan.neurons; ++j) {
        Fire(out + int64_t{j} * batch_, batch_, core.leak[static_cast<size_t>(j)]);
      }
    }
  }
}

}  // namespace torpor
