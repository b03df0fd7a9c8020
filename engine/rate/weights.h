// Parameters of a rate network: the ones that training changes, and the frozen form that
// deployments share.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "engine/base/cancellation.h"
#include "engine/base/gemm.h"
#include "engine/rate/conv2d.h"
#include "engine/rate/definition.h"
#include "engine/rate/packed_weights.h"
#include "engine/rate/workspace.h"

namespace torpor {

// One layer's trainable parameters; both empty for a layer without weights.
struct RateLayerParameters {
  // [units x fan_in]; of a convolution, each row is [channels x kernel height x kernel width].
  Matrix weight;
  // [units], empty for a layer without bias.
  std::vector<float> bias;
};

// One layer as deployments read it. Immutable once built.
struct FrozenLayer {
  RateLayerShape shape;
  // Of a layer with weights, exactly one of the two is filled: the first for wide dense layers, W
  // [units x fan_in] for narrow ones and for convolutions.
  PackedWeights packed;
  Matrix weight;
  std::vector<float> bias;
  // Memory layout of a convolution; else empty.
  std::optional<Conv2d> conv;
  // Sum of |w| over all uses of each input [inputs] (engine/scaling/synaptic_power.h): a shared
  // weight counts at each place where it sees the input. Empty without weights.
  std::vector<double> column_power;
  // The same rounded to float, for metering.
  std::vector<float> metered_power;
  // Uses of each input [inputs] by a convolution: units times windows that it is in. Empty else,
  // where the uses are the units.
  std::vector<float> uses;
  // Share of non-zero weights.
  double density = 1;
  // Largest |w|; 1 for a layer without weights or of zeros alone.
  double largest_weight = 1;
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

// Of a dense layer: sums = inputs W^T for inputs [n x inputs], sums [n x units]. A sample's sums
// are the same to the bit in every batch and alone.
void LayerProduct(const FrozenLayer& layer, ConstMatrixView inputs, MatrixView sums);
// The same for one sample; skips what zero inputs would add.
void LayerProduct(const FrozenLayer& layer, std::span<const float> inputs, std::span<float> sums);
// Of any layer: sums [n x outputs], unit by unit; pooling and flatten give their outputs. Looks at
// the cancellation within long convolutions, and may then end early with its status.
absl::Status LayerProduct(const FrozenLayer& layer, ConstMatrixView inputs, Workspace& workspace,
                          const Cancellation& cancellation, MatrixView sums);
// Work of one sample in about the time of a multiply-accumulate.
int64_t LayerWork(const FrozenLayer& layer);

std::shared_ptr<const FrozenWeights> Freeze(const std::vector<RateLayerShape>& shapes,
                                            const std::vector<RateLayerParameters>& parameters);

}  // namespace torpor
