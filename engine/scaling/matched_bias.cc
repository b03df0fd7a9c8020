#include "engine/scaling/matched_bias.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "engine/base/status.h"
#include "engine/scaling/neuron_activation.h"
#include "engine/scaling/scaled_signal.h"

namespace torpor {
namespace {

using Eigen::Index;

// Wide enough for any trained network: beyond it sigmoid and tanh are flat in float.
constexpr double kReach = 60;
constexpr int kSteps = 60;
constexpr double kTolerance = 1e-10;

// Mean of f(s' + c) over groups, and its derivative by c.
struct MeanAndSlope {
  double mean = 0;
  double slope = 0;
};

MeanAndSlope MeanOf(v1::Activation::Kind activation, std::span<const double> groups, double c) {
  MeanAndSlope at;
  for (double s : groups) {
    const double x = ActivationValue(activation, s + c);
    at.mean += x;
    at.slope += activation == v1::Activation::TANH ? 1 - x * x : x * (1 - x);
  }
  at.mean /= static_cast<double>(groups.size());
  at.slope /= static_cast<double>(groups.size());
  return at;
}

// c with MeanOf(c) = target, from `start` on.
double Solve(v1::Activation::Kind activation, std::span<const double> groups, double target,
             double start) {
  double low = start - kReach;
  double high = start + kReach;
  double c = start;
  for (int i = 0; i < kSteps; ++i) {
    const MeanAndSlope at = MeanOf(activation, groups, c);
    const double error = at.mean - target;
    if (error == 0) break;
    (error < 0 ? low : high) = c;
    const double step = error / at.slope;
    // So written that a step of no number halves the bracket, too.
    const bool inside = c - step > low && c - step < high;
    const double next = inside ? c - step : (low + high) / 2;
    const double moved = std::fabs(next - c);
    c = next;
    if (moved <= kTolerance) break;
  }
  return c;
}

// Sigmoid and tanh.
void MatchMeans(const ScalingLayer& layer, const ScaledSum& sum, std::span<float> c) {
  const LayerStatistics& statistics = *layer.statistics;
  std::vector<double> scaled(static_cast<size_t>(statistics.quantiles.cols()));
  for (Index i = 0; i < layer.units(); ++i) {
    double target = 0;
    for (Index g = 0; g < statistics.quantiles.cols(); ++g) {
      target += ActivationValue(layer.activation, statistics.quantiles(i, g));
    }
    target /= static_cast<double>(statistics.quantiles.cols());
    ScaledGroups(layer, sum, i, 0, scaled);
    const double start = sum.gain * statistics.mean[i] - sum.mean[i];
    c[static_cast<size_t>(i)] = static_cast<float>(Solve(layer.activation, scaled, target, start));
  }
}

}  // namespace

std::optional<std::vector<ScaledBias>> MatchedBiases(std::span<const ScalingLayer> layers) {
  std::vector<ScaledBias> biases;
  ScaledSignal signal;
  for (size_t l = 0; l < layers.size(); ++l) {
    const ScalingLayer& layer = layers[l];
    const bool last = l + 1 == layers.size();
    if (!signal.exact && !HasSignalStatistics(layer)) return std::nullopt;
    const ScaledSum sum = SumOf(layer, signal);
    const bool follows = last || IsPositivelyHomogeneous(layer.activation) ||
                         layer.activation == v1::Activation::STEP || sum.gain == 1;
    ScaledBias c;
    if (sum.exact && follows) {
      c = BiasTimes(sum.gain, layer.bias);
    } else if (!HasSignalStatistics(layer)) {
      return std::nullopt;
    } else if (!layer.bias.empty()) {
      c.values.resize(layer.bias.size());
      if (follows) {
        for (Index i = 0; i < layer.units(); ++i) {
          c.values[static_cast<size_t>(i)] =
              static_cast<float>(sum.gain * layer.statistics->mean[i] - sum.mean[i]);
        }
      } else {
        MatchMeans(layer, sum, c.values);
      }
    }
    if (!last) {
      if (!StaysExact(layer, sum, c) && !HasSignalStatistics(layer)) return std::nullopt;
      signal = OutputOf(layer, sum, c);
    }
    biases.push_back(std::move(c));
  }
  return biases;
}

}  // namespace torpor
