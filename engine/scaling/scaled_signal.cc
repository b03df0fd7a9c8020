#include "engine/scaling/scaled_signal.h"

#include <cmath>
#include <vector>

#include "engine/base/status.h"
#include "engine/scaling/neuron_activation.h"

namespace torpor {
namespace {

using Eigen::Index;
using Eigen::VectorXd;

double BiasOf(const ScalingLayer& layer, Index unit) {
  return layer.bias.empty() ? 0.0 : double{layer.bias[static_cast<size_t>(unit)]};
}

// Weights of one unit that see one unit (channel) of the layer below: channels lie one after
// another in every layout.
Index TapsOfChannel(const ScalingLayer& layer, const ScaledSignal& inputs) {
  const Index channels = inputs.slope.size();
  TORPOR_CHECK(channels > 0 && layer.fan_in() % channels == 0);
  return layer.fan_in() / channels;
}

}  // namespace

bool HasSignalStatistics(const ScalingLayer& layer) {
  return layer.statistics != nullptr && layer.statistics->quantiles.size() > 0;
}

ScaledSum SumOf(const ScalingLayer& layer, const ScaledSignal& inputs) {
  ScaledSum sum;
  sum.exact = inputs.exact;
  if (inputs.exact) {
    sum.gain = layer.epsilon * inputs.gain;
    if (layer.statistics == nullptr) return sum;
    sum.mean = layer.statistics->mean;
    for (Index i = 0; i < layer.units(); ++i) {
      sum.mean[i] = sum.gain * (sum.mean[i] - BiasOf(layer, i));
    }
    return sum;
  }
  const LayerStatistics& statistics = *layer.statistics;
  const Index taps = TapsOfChannel(layer, inputs);
  VectorXd means(layer.fan_in());
  for (Index j = 0; j < layer.fan_in(); ++j) {
    const Index k = j / taps;
    const double present = layer.presence.size() > 0 ? layer.presence[j] : 1.0;
    means[j] = inputs.offset[k] * present + inputs.slope[k] * statistics.mean_input[j];
  }
  const double kept = inputs.slope.dot(statistics.input_covariance);
  const double all = statistics.input_covariance.sum();
  // Sums that do not vary have no gain of their own: that of their inputs is as good as any.
  sum.gain = layer.epsilon * (all > 0 ? kept / all : inputs.slope.mean());
  sum.mean.resize(layer.units());
  for (Index i = 0; i < layer.units(); ++i) {
    sum.mean[i] = layer.epsilon * layer.weight->row(i).cast<double>().transpose().dot(means);
  }
  return sum;
}

bool StaysExact(const ScalingLayer& layer, const ScaledSum& sum, const ScaledBias& c) {
  if (!sum.exact) return false;
  const bool same = c.values.empty() || (c.factor.has_value() && *c.factor == sum.gain);
  return same && (sum.gain == 1 || IsPositivelyHomogeneous(layer.activation));
}

void ScaledGroups(const ScalingLayer& layer, const ScaledSum& sum, Index unit, double c,
                  std::span<double> groups) {
  const LayerStatistics& statistics = *layer.statistics;
  TORPOR_CHECK(static_cast<Index>(groups.size()) == statistics.quantiles.cols());
  const double shift = sum.mean[unit] - sum.gain * statistics.mean[unit] + c;
  const float* s = statistics.quantiles.data() + unit * statistics.quantiles.cols();
  for (size_t g = 0; g < groups.size(); ++g) groups[g] = sum.gain * s[g] + shift;
}

ScaledSignal OutputOf(const ScalingLayer& layer, const ScaledSum& sum, const ScaledBias& c) {
  if (StaysExact(layer, sum, c))
    return {.exact = true, .gain = sum.gain, .offset = {}, .slope = {}};
  const Matrix& quantiles = layer.statistics->quantiles;
  const size_t n = static_cast<size_t>(quantiles.cols());
  ScaledSignal out{.exact = false,
                   .gain = 1,
                   .offset = VectorXd(layer.units()),
                   .slope = VectorXd(layer.units())};
  std::vector<double> scaled(n);
  std::vector<double> full(n);
  for (Index i = 0; i < layer.units(); ++i) {
    ScaledGroups(layer, sum, i, c.values.empty() ? 0 : c.values[static_cast<size_t>(i)], scaled);
    double mean_full = 0;
    double mean_scaled = 0;
    for (size_t g = 0; g < n; ++g) {
      full[g] = ActivationValue(layer.activation, quantiles(i, static_cast<Index>(g)));
      scaled[g] = ActivationValue(layer.activation, scaled[g]);
      mean_full += full[g];
      mean_scaled += scaled[g];
    }
    mean_full /= static_cast<double>(n);
    mean_scaled /= static_cast<double>(n);
    double variance = 0;
    double covariance = 0;
    for (size_t g = 0; g < n; ++g) {
      variance += (full[g] - mean_full) * (full[g] - mean_full);
      covariance += (full[g] - mean_full) * scaled[g];
    }
    // A unit whose output does not vary carries no signal to keep.
    out.slope[i] = variance > 0 ? covariance / variance : 0;
    out.offset[i] = mean_scaled - out.slope[i] * mean_full;
  }
  return out;
}

std::optional<ScaledSum> LastSum(std::span<const ScalingLayer> layers,
                                 std::span<const ScaledBias> biases) {
  TORPOR_CHECK(layers.size() == biases.size() && !layers.empty());
  ScaledSignal signal;
  for (size_t l = 0;; ++l) {
    if (!signal.exact && !HasSignalStatistics(layers[l])) return std::nullopt;
    ScaledSum sum = SumOf(layers[l], signal);
    if (l + 1 == layers.size()) return sum;
    if (!StaysExact(layers[l], sum, biases[l]) && !HasSignalStatistics(layers[l])) {
      return std::nullopt;
    }
    signal = OutputOf(layers[l], sum, biases[l]);
  }
}

}  // namespace torpor
