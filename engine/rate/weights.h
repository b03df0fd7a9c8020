// Parameters of a rate network: the ones that training changes, and the frozen form that
// deployments share.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "engine/base/gemm.h"
#include "engine/rate/definition.h"
#include "engine/rate/packed_weights.h"
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
  // Exactly one of the two is filled: the first for wide layers, W [units x inputs] for narrow
  // ones.
  PackedWeights packed;
  Matrix weight;
  std::vector<float> bias;
  // Column sums of |W| [inputs] (engine/scaling/synaptic_power.h).
  std::vector<double> column_power;
  // The same rounded to float, for metering.
  std::vector<float> metered_power;
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

// sums = inputs W^T for inputs [n x inputs], sums [n x units]. A sample's sums are the same to the
// bit in every batch and alone.
void LayerProduct(const FrozenLayer& layer, ConstMatrixView inputs, MatrixView sums);
// The same for one sample; skips what zero inputs would add.
void LayerProduct(const FrozenLayer& layer, std::span<const float> inputs, std::span<float> sums);

std::shared_ptr<const FrozenWeights> Freeze(const std::vector<RateLayerShape>& shapes,
                                            const std::vector<RateLayerParameters>& parameters);

}  // namespace torpor
