#include "engine/scaling/output_shift.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "engine/base/status.h"
#include "engine/scaling/neuron_activation.h"

namespace torpor {
namespace {

constexpr double kLargestStep = 2;
constexpr int kSteps = 50;
constexpr double kTolerance = 1e-12;

}  // namespace

double OutputShift(const ScalingLayer& layer, const ScaledSum& sum, const ScaledBias& c,
                   double output_gain) {
  TORPOR_CHECK(HasSignalStatistics(layer) && layer.units() >= 2);
  const size_t groups = static_cast<size_t>(layer.statistics->quantiles.cols());
  std::vector<double> scores(static_cast<size_t>(layer.units()) * groups);
  for (Eigen::Index i = 0; i < layer.units(); ++i) {
    const size_t unit = static_cast<size_t>(i);
    ScaledGroups(layer, sum, i, c.values.empty() ? 0 : c.values[unit],
                 std::span(scores).subspan(unit * groups, groups));
  }
  double t = 0;
  for (int i = 0; i < kSteps; ++i) {
    double total = 0;
    double slope = 0;
    for (double score : scores) {
      const double x = ActivationValue(v1::Activation::SIGMOID, output_gain * score + t);
      total += x;
      slope += x * (1 - x);
    }
    const double error = (total / static_cast<double>(groups) - 1);
    const double step = error * static_cast<double>(groups) / slope;
    // A flat sum gives a step of no number: then only its direction is known.
    const double bounded = std::isfinite(step) ? std::clamp(step, -kLargestStep, kLargestStep)
                                               : std::copysign(kLargestStep, error);
    t -= bounded;
    if (std::fabs(bounded) <= kTolerance) break;
  }
  return t;
}

}  // namespace torpor
