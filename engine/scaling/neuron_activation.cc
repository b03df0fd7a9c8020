#include "engine/scaling/neuron_activation.h"

#include <cmath>
#include <limits>
#include <numbers>

#include "absl/strings/str_cat.h"
#include "engine/base/status.h"

namespace torpor {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// ln of the sigmoid's slope.
double LogSigmoidSlope(double s) {
  const double a = std::abs(s);
  return -a - 2 * std::log1p(std::exp(-a));
}

}  // namespace

absl::Status CheckNeuronActivation(v1::Activation::Kind activation) {
  switch (activation) {
    case v1::Activation::LINEAR:
    case v1::Activation::RELU:
    case v1::Activation::SIGMOID:
    case v1::Activation::TANH:
    case v1::Activation::STEP:
      return absl::OkStatus();
    case v1::Activation::SOFTMAX:
      return FieldError("activation",
                        "must be one of LINEAR, RELU, SIGMOID, TANH, STEP; SOFTMAX joins several "
                        "neurons");
    default:
      return FieldError("activation", "must be one of LINEAR, RELU, SIGMOID, TANH, STEP");
  }
}

double ActivationValue(v1::Activation::Kind activation, double s) {
  switch (activation) {
    case v1::Activation::LINEAR:
      return s;
    case v1::Activation::RELU:
      return s > 0 ? s : 0;
    case v1::Activation::SIGMOID:
      return 1 / (1 + std::exp(-s));
    case v1::Activation::TANH:
      return std::tanh(s);
    case v1::Activation::STEP:
      return s > 0 ? 1 : 0;
    default:
      TORPOR_CHECK(false && "activation was checked");
  }
}

ResponseAndSlope NeuronResponseAndSlope(v1::Activation::Kind activation, double s) {
  switch (activation) {
    case v1::Activation::LINEAR:
      return {s, 1};
    case v1::Activation::RELU:
      return s > 0 ? ResponseAndSlope{s, 1} : ResponseAndSlope{0, 0};
    case v1::Activation::SIGMOID: {
      const double e = std::exp(-std::abs(s)), right = 1 / (1 + e);
      return {s >= 0 ? right : e * right, e * right * right};
    }
    case v1::Activation::TANH: {
      const double e = std::exp(-2 * std::abs(s)), right = 1 / (1 + e);
      return {std::copysign((1 - e) * right, s), 4 * e * right * right};
    }
    case v1::Activation::STEP:
      return {s > 0 ? 1.0 : 0.0, 0};
    default:
      TORPOR_CHECK(false && "activation was checked");
  }
}

double LogSquaredSlope(v1::Activation::Kind activation, double s) {
  switch (activation) {
    case v1::Activation::LINEAR:
      return 0;
    case v1::Activation::RELU:
      return s > 0 ? 0 : -kInfinity;
    case v1::Activation::SIGMOID:
      return 2 * LogSigmoidSlope(s);
    case v1::Activation::TANH:
      // tanh' (s) = 4 sigmoid'(2 s).
      return 2 * (2 * std::numbers::ln2 + LogSigmoidSlope(2 * s));
    case v1::Activation::STEP:
      return -kInfinity;
    default:
      TORPOR_CHECK(false && "activation was checked");
  }
}

double BendWidth(v1::Activation::Kind activation) {
  switch (activation) {
    case v1::Activation::SIGMOID:
      return 1;
    case v1::Activation::TANH:
      return 0.5;
    case v1::Activation::LINEAR:
      return kInfinity;
    default:
      return 0;
  }
}

}  // namespace torpor
