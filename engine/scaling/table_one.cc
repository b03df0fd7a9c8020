#include "engine/scaling/table_one.h"

#include <cmath>
#include <numbers>

#include "engine/base/status.h"

namespace torpor {
namespace {

constexpr double kSigmoidK = 1.05;
constexpr double kTanhK = 0.525;
// Below this mean / stddev the ReLU formula loses digits to cancellation and then underflows.
constexpr double kReluTail = -25;

// B of Table I.
double Shrink(double k, double stddev) { return k * k / (stddev * stddev + k * k); }

// Mean of s ~ N(mean, stddev) given s > 0.
double ReluMean(double mean, double stddev) {
  if (stddev == 0) return mean > 0 ? mean : 0;
  const double a = mean / stddev;
  if (a < kReluTail) {
    // mean + stddev phi/Phi in powers of 1/a; the next term is below 4e-7 of the first.
    const double r = -1 / a;
    return stddev * r * (1 - 2 * r * r + 10 * r * r * r * r);
  }
  const double density = std::exp(-a * a / 2) / std::sqrt(2 * std::numbers::pi);
  const double mass = std::erfc(-a / std::numbers::sqrt2) / 2;
  return mean + stddev * density / mass;
}

}  // namespace

double TableOneMean(v1::Activation::Kind activation, double mean, double stddev) {
  TORPOR_CHECK(!(stddev < 0));  // NaN of a diverged network passes through
  switch (activation) {
    case v1::Activation::LINEAR:
      return mean;
    case v1::Activation::RELU:
      return ReluMean(mean, stddev);
    case v1::Activation::SIGMOID:
      return Shrink(kSigmoidK, stddev) * mean;
    case v1::Activation::TANH:
      return Shrink(kTanhK, stddev) * mean;
    case v1::Activation::STEP:
      return 0;
    default:
      TORPOR_CHECK(false && "activation was validated");
  }
}

}  // namespace torpor
