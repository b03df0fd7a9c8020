// The slides' equations written plainly, in any number: what the fast path is compared with.
//
// Forward, Q and P are kept for every input, before the weights, as on the slides; connections of
// any kind are a list. Backward is schaefer's adjoint (section 7), also with the step replaced by
// what the surrogate is the derivative of, for which it is the exact gradient. Slow; for tests.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "engine/lif/neuron.h"

namespace torpor {

namespace reference {
#include "engine/lif/trace_steps.inc"
}  // namespace reference

// A weight between an input and a unit; convolutions name one weight often.
struct ReferenceConnection {
  uint32_t input = 0;
  uint32_t unit = 0;
  uint32_t weight = 0;
};

// Weights as in LifSynapses: [inputs x units].
std::vector<ReferenceConnection> inline DenseConnections(int inputs, int units) {
  std::vector<ReferenceConnection> all;
  for (uint32_t j = 0; j < static_cast<uint32_t>(inputs); ++j) {
    for (uint32_t i = 0; i < static_cast<uint32_t>(units); ++i) {
      all.push_back({j, i, j * static_cast<uint32_t>(units) + i});
    }
  }
  return all;
}

// Symbols of neuron.h in another number; no membrane bits.
template <typename Real>
struct ReferenceLayer {
  int inputs = 0;
  int units = 0;
  std::vector<ReferenceConnection> connections;
  // Times every weight: pools.
  Real scale = 1;
  Real alpha = 0.7, beta = 0.9, gamma = 0.9, delta = 1, threshold = 1;
  // False: integrates; the last one only.
  bool spikes = true;
  std::vector<Real> weights;
  // [units x units], from the spikes of the step before; empty: none.
  std::vector<Real> recurrent;
};

template <typename Real>
struct ReferenceNetwork {
  // [steps][units].
  using Rows = std::vector<std::vector<Real>>;
  struct Gradient {
    std::vector<Real> weights;
    std::vector<Real> recurrent;
  };

  std::vector<ReferenceLayer<Real>> layers;
  LifOrder order = LifOrder::kImmediate;
  Real slope = 5;
  bool reset_gradient = false;
  // In the place of the hard step.
  bool smooth = false;

  // Of the last Forward, by layer: X, and S or, of a layer that integrates, P.
  std::vector<Rows> membranes;
  std::vector<Rows> outputs;

  // `input`: spikes, or any numbers in their place.
  void Forward(const Rows& input) {
    input_ = input;
    membranes.assign(layers.size(), {});
    outputs.assign(layers.size(), {});
    for (size_t l = 0; l < layers.size(); ++l) ForwardLayer(l);
  }

  // Time means of the last layer's P, or the sums of its spikes.
  std::vector<Real> Scores() const {
    const ReferenceLayer<Real>& last = layers.back();
    std::vector<Real> scores(static_cast<size_t>(last.units));
    for (const auto& row : outputs.back()) {
      for (size_t i = 0; i < scores.size(); ++i) scores[i] += row[i];
    }
    if (!last.spikes) {
      for (Real& score : scores) score /= static_cast<Real>(outputs.back().size());
    }
    return scores;
  }

  std::vector<Gradient> BackwardFromScores(std::span<const Real> score_errors) const {
    const auto steps = static_cast<Real>(outputs.back().size());
    Rows errors(outputs.back().size(), {score_errors.begin(), score_errors.end()});
    if (!layers.back().spikes) {
      for (auto& row : errors) {
        for (Real& error : row) error /= steps;
      }
    }
    return Backward(std::move(errors));
  }

  // `errors`: gradient of the last layer's outputs.
  std::vector<Gradient> Backward(Rows errors) const {
    std::vector<Gradient> gradients(layers.size());
    for (size_t l = layers.size(); l-- > 0;) errors = BackwardLayer(l, errors, gradients[l]);
    return gradients;
  }

 private:
  // Q and P of one source of spikes.
  struct PreTraces {
    explicit PreTraces(size_t n) : q(n), p(n) {}
    void Step(const ReferenceLayer<Real>& layer, LifOrder order, const std::vector<Real>& spikes) {
      for (size_t j = 0; j < q.size(); ++j) {
        if (order == LifOrder::kImmediate) {
          q[j] = layer.alpha * q[j] + spikes[j];
          p[j] = layer.beta * p[j] + q[j];
        } else {
          p[j] = layer.beta * p[j] + q[j];
          q[j] = layer.alpha * q[j] + spikes[j];
        }
      }
    }
    std::vector<Real> q, p;
  };

  const Rows& Below(size_t l) const { return l == 0 ? input_ : outputs[l - 1]; }

  Real Spike(Real x) const {
    const Constants c{0, 0, 0, 0, 0, slope};
    return smooth ? reference::SmoothStep::Spike(x, c) : reference::HardStep::Spike(x, c);
  }

  void ForwardLayer(size_t l) {
    const ReferenceLayer<Real>& layer = layers[l];
    const auto units = static_cast<size_t>(layer.units);
    PreTraces pre(static_cast<size_t>(layer.inputs));
    PreTraces own(units);
    std::vector<Real> r(units);
    std::vector<Real> last(units);
    for (const std::vector<Real>& spikes : Below(l)) {
      if (order == LifOrder::kImmediate) {
        pre.Step(layer, order, spikes);
        own.Step(layer, order, last);
      }
      std::vector<Real> p(units);
      for (const ReferenceConnection& c : layer.connections) {
        p[c.unit] += layer.scale * layer.weights[c.weight] * pre.p[c.input];
      }
      for (size_t k = 0; k < layer.recurrent.size(); ++k) {
        p[k % units] += layer.recurrent[k] * own.p[k / units];
      }
      std::vector<Real> x(units);
      std::vector<Real> s(units);
      for (size_t i = 0; i < units; ++i) {
        x[i] = p[i] - layer.delta * r[i] - layer.threshold;
        s[i] = Spike(x[i]);
        r[i] =
            order == LifOrder::kImmediate ? layer.gamma * (r[i] + s[i]) : layer.gamma * r[i] + s[i];
      }
      if (order == LifOrder::kDelayed) {
        pre.Step(layer, order, spikes);
        own.Step(layer, order, last);
      }
      last = s;
      membranes[l].push_back(x);
      outputs[l].push_back(layer.spikes ? s : p);
    }
  }

  Rows BackwardLayer(size_t l, const Rows& errors, Gradient& gradient) const {
    const ReferenceLayer<Real>& layer = layers[l];
    const auto units = static_cast<size_t>(layer.units);
    gradient.weights.assign(layer.weights.size(), 0);
    gradient.recurrent.assign(layer.recurrent.size(), 0);
    Rows below(errors.size(), std::vector<Real>(static_cast<size_t>(layer.inputs)));
    std::vector<reference::TraceValues<Real>> traces(units);
    // Of the step behind.
    std::vector<Real> h(units);
    for (size_t n = errors.size(); n-- > 0;) {
      std::vector<Real> total = errors[n];
      for (size_t k = 0; k < layer.recurrent.size(); ++k) {
        total[k / units] += layer.recurrent[k] * h[k % units];
        gradient.recurrent[k] += outputs[l][n][k / units] * h[k % units];
      }
      for (size_t i = 0; i < units; ++i) {
        h[i] = BackwardUnit(layer, membranes[l][n][i], total[i], traces[i]);
      }
      for (const ReferenceConnection& c : layer.connections) {
        gradient.weights[c.weight] += layer.scale * Below(l)[n][c.input] * h[c.unit];
        below[n][c.input] += layer.scale * layer.weights[c.weight] * h[c.unit];
      }
    }
    return below;
  }

  using Constants = reference::TraceConstants<Real>;

  Real BackwardUnit(const ReferenceLayer<Real>& layer, Real x, Real error,
                    reference::TraceValues<Real>& t) const {
    // What integrates is a neuron whose P goes straight out.
    const Constants c{layer.alpha, layer.beta,      layer.gamma,
                      layer.delta, layer.threshold, layer.spikes ? slope : 0};
    const bool reset = layer.spikes && reset_gradient;
    using reference::StepBackward;
    if (order == LifOrder::kImmediate) {
      return reset ? StepBackward<LifOrder::kImmediate, true>(x, error, c, t)
                   : StepBackward<LifOrder::kImmediate, false>(x, error, c, t);
    }
    return reset ? StepBackward<LifOrder::kDelayed, true>(x, error, c, t)
                 : StepBackward<LifOrder::kDelayed, false>(x, error, c, t);
  }

  Rows input_;
};

}  // namespace torpor
