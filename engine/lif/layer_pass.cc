#include "engine/lif/layer_pass.h"

#include <algorithm>

#include "engine/base/status.h"

namespace torpor {

LifLayerPass::LifLayerPass(const LifLayerPlan* layer, LifOrder order, Instructions with)
    : layer_(layer), traces_(layer->neuron, order, with) {
  TORPOR_CHECK(layer->synapses != nullptr);
}

void LifLayerPass::AddInputDrive(const LifWeights& weights, const LifInput& input, float scale) {
  const LifSynapses& synapses = *layer_->synapses;
  tile_.Clear();
  if (input.spikes != nullptr) {
    TORPOR_CHECK(input.spikes->steps() == tile_.steps());
    synapses.AddDrive(weights.input, *input.spikes, tile_.View());
    if (scale != 1) tile_.View() *= scale;
    return;
  }
  const auto units = static_cast<size_t>(tile_.units());
  synapses.AddCurrentDrive(weights.input, input.currents, {tile_.row(0), units});
  if (scale != 1) tile_.Rows(0, 1) *= scale;
  for (int n = 1; n < tile_.steps(); ++n) std::copy_n(tile_.row(0), units, tile_.row(n));
}

void LifLayerPass::Forward(const LifWeights& weights, const LifInput& input, float scale, int steps,
                           LifLayerState& state) {
  tile_.Resize(steps, layer_->synapses->outputs());
  spikes_.Clear();
  if (steps == 0) return;
  AddInputDrive(weights, input, scale);
  if (layer_->recurrent == nullptr) {
    traces_.Forward(tile_, 0, steps, state.traces, spikes_);
    return;
  }
  for (int n = 0; n < steps; ++n) {
    const std::span<const uint32_t> before =
        n == 0 ? std::span<const uint32_t>(state.last) : spikes_.At(n - 1);
    layer_->recurrent->AddRows(weights.recurrent, before, tile_.row(n));
    traces_.Forward(tile_, n, 1, state.traces, spikes_);
  }
  const std::span<const uint32_t> last = spikes_.At(steps - 1);
  state.last.assign(last.begin(), last.end());
}

void LifLayerPass::Backward(const LifWeights& weights, const LifSurrogate& surrogate,
                            const LifSpikeErrors& errors) {
  adjoints_.Reset(tile_.units());
  if (layer_->recurrent == nullptr) {
    traces_.Backward(surrogate, errors, tile_, 0, tile_.steps(), adjoints_);
  } else {
    BackwardRecurrent(weights, surrogate, errors);
  }
}

// The gradient of S[n] has one part more: V h[n+1], known only when step n+1 is done.
void LifLayerPass::BackwardRecurrent(const LifWeights& weights, const LifSurrogate& surrogate,
                                     const LifSpikeErrors& errors) {
  const int units = tile_.units();
  const ConstMatrixView recurrent(weights.recurrent.data(), units, units,
                                  Eigen::OuterStride<>(units));
  const LifTile& tile = tile_;
  row_.Resize(1, units);
  ones_.assign(static_cast<size_t>(tile_.steps()), 1.0f);
  for (int n = tile_.steps() - 1; n >= 0; --n) {
    row_.Clear();
    if (n + 1 < tile_.steps()) GemmAbt(tile.Rows(n + 1, 1), recurrent, 0, row_.View());
    const float factor = errors.factors[static_cast<size_t>(n)];
    const float* direct = errors.rows + n * errors.stride;
    for (int i = 0; i < units; ++i) row_.row(0)[i] += factor * direct[i];
    traces_.Backward(surrogate, LifSpikeErrors::Repeated(row_, ones_), tile_, n, 1, adjoints_);
  }
}

void LifLayerPass::AddGradients(const LifInput& input, float scale, const LifGradients& gradients) {
  const LifTile& tile = tile_;
  if (layer_->recurrent != nullptr) {
    // Spikes of step n-1 meet the errors of step n.
    LifSpikes before = spikes_;
    before.begin.pop_back();
    before.index.resize(static_cast<size_t>(before.begin.back()));
    layer_->recurrent->AddWeightGradient(before, tile.Rows(1, tile.steps() - 1),
                                         gradients.recurrent);
  }
  if (scale != 1) tile_.View() *= scale;
  if (input.spikes != nullptr) {
    layer_->synapses->AddWeightGradient(*input.spikes, tile.View(), gradients.input);
    return;
  }
  row_.Resize(1, tile.units());
  row_.Clear();
  for (int n = 0; n < tile.steps(); ++n) row_.View() += tile.Rows(n, 1);
  layer_->synapses->AddCurrentGradient(
      input.currents, {row_.row(0), static_cast<size_t>(tile.units())}, gradients.input);
}

}  // namespace torpor
