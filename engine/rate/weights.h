// Parameters of a rate network: the ones that training changes, and the frozen form that
// deployments share.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "engine/base/gemm.h"
#include "engine/rate/definition.h"
#include "engine/rate/workspace.h"

namespace torpor {

// One layer's trainable parameters.
struct RateLayerParameters {
  // [units x inputs]
  Matrix weight;
  // [units], empty for a layer without bias.
  std::vector<float> bias;
};

// One layer as deployments read it. Immutable once built.
struct FrozenLayer {
  RateLayerShape shape;
  // Exactly one of the two is filled. Wide layers keep W transposed [inputs x units]: a batch is a
  // plain product with it, and a single sample adds up the rows of its non-zero inputs alone, which
  // is what makes batch 1 of sparse images fast. Narrow layers keep W [units x inputs]: one dot
  // product a unit beats both.
  Matrix weight_t;
  Matrix weight;
  std::vector<float> bias;
  // Column sums of |W| [inputs] (engine/scaling/synaptic_power.h).
  std::vector<double> column_power;
  // Share of non-zero weights.
  double density = 1;
};

// All layers. Unscaled: a deployment applies epsilon to each product (s = epsilon (W u) + c), so
// that all modes of a model share one copy of its weights and a power switch costs biases alone.
struct FrozenWeights {
  std::vector<FrozenLayer> layers;
  // Memory for running batches, not part of the weights.
  mutable WorkspacePool workspaces;
};

// Units below which a layer is narrow.
inline constexpr int kNarrowUnits = 32;

// sums = inputs W^T for inputs [n x inputs], sums [n x units].
void LayerProduct(const FrozenLayer& layer, ConstMatrixView inputs, MatrixView sums);
// The same for one sample; skips what zero inputs would add.
void LayerProduct(const FrozenLayer& layer, std::span<const float> inputs, std::span<float> sums);

std::shared_ptr<const FrozenWeights> Freeze(const std::vector<RateLayerShape>& shapes,
                                            const std::vector<RateLayerParameters>& parameters);

}  // namespace torpor
