#include "engine/rate/dense_trainer.h"

#include <algorithm>

#include "engine/rate/kernels.h"

namespace torpor {
namespace {

// Tiles of weights: a gradient that stays in the second-level cache while the optimiser consumes
// it.
constexpr int kTileUnits = 128;
constexpr int kTileInputs = 1024;
// Tiles of activations [samples x units].
constexpr int kWideUnits = 256;
constexpr int kActivationUnits = 128;
constexpr int kActivationSamples = 32;

// Cuts a [samples x units] result: wide layers by units, narrow ones by samples.
struct ActivationTiles {
  ActivationTiles(Eigen::Index samples, Eigen::Index units)
      : samples(samples), units(units), wide(units >= kWideUnits) {}
  int count() const {
    return static_cast<int>(wide ? (units + kActivationUnits - 1) / kActivationUnits
                                 : (samples + kActivationSamples - 1) / kActivationSamples);
  }
  Eigen::Index first_sample(int i) const { return wide ? 0 : Eigen::Index{i} * kActivationSamples; }
  Eigen::Index sample_count(int i) const {
    return wide ? samples : std::min<Eigen::Index>(kActivationSamples, samples - first_sample(i));
  }
  Eigen::Index first_unit(int i) const { return wide ? Eigen::Index{i} * kActivationUnits : 0; }
  Eigen::Index unit_count(int i) const {
    return wide ? std::min<Eigen::Index>(kActivationUnits, units - first_unit(i)) : units;
  }

  Eigen::Index samples, units;
  bool wide;
};

}  // namespace

DenseTrainer::DenseTrainer(const RateLayerShape& shape, TrainingContext* context)
    : shape_(shape), context_(context) {
  for (int i = 0; i < shape.units; i += kTileUnits) {
    for (int j = 0; j < shape.inputs; j += kTileInputs) {
      tiles_.push_back(
          {i, std::min(kTileUnits, shape.units - i), j, std::min(kTileInputs, shape.inputs - j)});
    }
  }
}

void DenseTrainer::Forward(const RateLayerParameters& parameters, ConstMatrixView inputs,
                           bool products_given, bool raw, MatrixView outputs) {
  const ActivationTiles tiles(inputs.rows(), shape_.units);
  context_->pool->ParallelFor(tiles.count(), [&](int i) {
    const Eigen::Index row = tiles.first_sample(i), rows = tiles.sample_count(i);
    const Eigen::Index unit = tiles.first_unit(i), units = tiles.unit_count(i);
    MatrixView s = Tile(outputs, row, rows, unit, units);
    if (products_given) {
      s = Tile(inputs, row, rows, unit, units);
    } else {
      GemmAbt(Tile(inputs, row, rows, 0, inputs.cols()),
              Tile(View(parameters.weight), unit, units, 0, shape_.inputs), 0, s);
    }
    std::span<const float> bias = parameters.bias;
    if (!bias.empty()) {
      bias = bias.subspan(static_cast<size_t>(unit), static_cast<size_t>(units));
    }
    for (Eigen::Index p = 0; p < rows; ++p) {
      const std::span<float> values = RowSpan(s, p);
      ScaleAndShift(1, bias, 0, {}, values);
      if (!raw) Activate(shape_.activation, values, values);
    }
  });
}

void DenseTrainer::Backward(const RateLayerParameters& parameters, ConstMatrixView inputs,
                            ConstMatrixView, ConstMatrixView delta, v1::Activation::Kind below,
                            MatrixView input_delta) {
  if (input_delta.size() == 0) return;
  const ActivationTiles tiles(inputs.rows(), shape_.inputs);
  context_->pool->ParallelFor(tiles.count(), [&](int i) {
    const Eigen::Index row = tiles.first_sample(i), rows = tiles.sample_count(i);
    const Eigen::Index unit = tiles.first_unit(i), units = tiles.unit_count(i);
    MatrixView out = Tile(input_delta, row, rows, unit, units);
    GemmAb(Tile(delta, row, rows, 0, shape_.units),
           Tile(View(parameters.weight), 0, shape_.units, unit, units), 0, out);
    const ConstMatrixView x = Tile(inputs, row, rows, unit, units);
    for (Eigen::Index p = 0; p < rows; ++p) {
      MultiplyBySlope(below, RowSpan(x, p), RowSpan(out, p));
    }
  });
}

int64_t DenseTrainer::update_cost(int part) const {
  const WeightTile& tile = tiles_[static_cast<size_t>(part)];
  return int64_t{tile.units} * tile.inputs;
}

void DenseTrainer::Update(int part, const OptimizerStep& step, RateLayerParameters& parameters,
                          ConstMatrixView inputs, ConstMatrixView delta) {
  const WeightTile& tile = tiles_[static_cast<size_t>(part)];
  const Eigen::Index samples = inputs.rows();
  const ConstMatrixView own = Tile(delta, 0, samples, tile.first_unit, tile.units);
  const WorkspacePool::Lease workspace = context_->workspaces.Take();
  std::vector<float>& scratch = (*workspace).here;
  if (scratch.size() < size_t{kTileUnits} * kTileInputs) {
    scratch.resize(size_t{kTileUnits} * kTileInputs);
  }
  if (!context_->biases_only) {
    MatrixView gradient(scratch.data(), tile.units, tile.inputs, Eigen::OuterStride<>(tile.inputs));
    GemmAtb(own, Tile(inputs, 0, samples, tile.first_input, tile.inputs), 0, gradient);
    for (int i = 0; i < tile.units; ++i) {
      float* weights = &parameters.weight(tile.first_unit + i, tile.first_input);
      step.Update(RowSpan(gradient, i), {weights, static_cast<size_t>(tile.inputs)}, weight_moments,
                  static_cast<size_t>(weights - parameters.weight.data()));
    }
  }
  if (tile.first_input != 0 || parameters.bias.empty()) return;
  const size_t units = static_cast<size_t>(tile.units);
  for (int i = 0; i < tile.units; ++i) {
    float sum = 0;
    for (Eigen::Index p = 0; p < samples; ++p) sum += own(p, i);
    scratch[static_cast<size_t>(i)] = sum;
  }
  const size_t at = static_cast<size_t>(tile.first_unit);
  step.Update({scratch.data(), units}, {&parameters.bias[at], units}, bias_moments, at);
}

}  // namespace torpor
