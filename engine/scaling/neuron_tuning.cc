#include "engine/scaling/neuron_tuning.h"

#include <cmath>
#include <numbers>

#include "absl/strings/str_cat.h"
#include "engine/base/status.h"
#include "engine/scaling/neuron_activation.h"
#include "engine/scaling/table_one.h"

namespace torpor {
namespace {

constexpr int kMaxEpsilons = 100;
constexpr int kDefaultAngles = 361;
constexpr int kMinAngles = 3;
constexpr int kMaxAngles = 10000;
constexpr double kLargest = 1e12;

absl::Status CheckRequest(const v1::AnalyzeNeuronTuningRequest& request) {
  TORPOR_RETURN_IF_ERROR(CheckNeuronActivation(request.activation()));
  Violations violations;
  if (!(std::abs(request.mean()) <= kLargest)) {
    violations.Add("mean", absl::StrCat("must be in [-1e12, 1e12], got ", request.mean()));
  }
  if (!(request.stddev() > 0 && request.stddev() <= kLargest)) {
    violations.Add("stddev", absl::StrCat("must be in (0, 1e12], got ", request.stddev()));
  }
  if (!(std::abs(request.bias()) <= kLargest)) {
    violations.Add("bias", absl::StrCat("must be in [-1e12, 1e12], got ", request.bias()));
  }
  if (request.epsilon_size() < 1 || request.epsilon_size() > kMaxEpsilons) {
    violations.Add("epsilon", absl::StrCat("must be 1..", kMaxEpsilons, " values, has ",
                                           request.epsilon_size()));
  } else {
    for (int i = 0; i < request.epsilon_size(); ++i) {
      if (!(request.epsilon(i) > 0 && request.epsilon(i) <= 1)) {
        violations.Add(absl::StrCat("epsilon[", i, "]"),
                       absl::StrCat("must be in (0, 1], got ", request.epsilon(i)));
      }
    }
  }
  if (request.angles() != 0 && (request.angles() < kMinAngles || request.angles() > kMaxAngles)) {
    violations.Add("angles",
                   absl::StrCat("must be in ", kMinAngles, "..", kMaxAngles, ", or 0 for ",
                                kDefaultAngles, ", got ", request.angles()));
  }
  return violations.ToStatus();
}

}  // namespace

absl::StatusOr<v1::AnalyzeNeuronTuningResponse> AnalyzeNeuronTuning(
    const v1::AnalyzeNeuronTuningRequest& request) {
  TORPOR_RETURN_IF_ERROR(CheckRequest(request));
  const int angles = request.angles() == 0 ? kDefaultAngles : request.angles();
  const double m = TableOneMean(request.activation(), request.mean(), request.stddev());
  v1::AnalyzeNeuronTuningResponse response;
  for (const double epsilon : request.epsilon()) {
    v1::AnalyzeNeuronTuningResponse::Curve& curve = *response.add_curves();
    curve.set_epsilon(epsilon);
    curve.set_bias_change(request.unadjusted() ? 0 : (1 - epsilon) * (m - request.bias()));
    const auto at = [&](double degrees) {
      const double cosine = std::cos(degrees * std::numbers::pi / 180);
      return ActivationValue(request.activation(),
                             epsilon * cosine + request.bias() + curve.bias_change());
    };
    // f grows and the cosine falls from angle 0 to both sides.
    const double peak = at(0);
    if (!(peak > 0)) {
      return FieldError(
          "bias", absl::StrCat("must let the neuron answer: at epsilon ", epsilon, " its peak is ",
                               peak, ", and a curve is relative to a peak above 0"));
    }
    for (int i = 0; i < angles; ++i) {
      const double degrees = -180 + 360.0 * i / (angles - 1);
      curve.add_angle(degrees);
      curve.add_response(at(degrees) / peak);
    }
    curve.set_floor(at(180) / peak);
    double inside = 0, outside = 180;
    if (at(outside) >= peak / 2) {
      curve.set_width(360);
      continue;
    }
    for (int i = 0; i < 60; ++i) {
      const double middle = (inside + outside) / 2;
      (at(middle) >= peak / 2 ? inside : outside) = middle;
    }
    curve.set_width(inside + outside);
  }
  return response;
}

}  // namespace torpor
