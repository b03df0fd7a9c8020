#include "engine/scaling/bias_policy.h"

#include <optional>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "engine/base/status.h"
#include "engine/scaling/empirical_bias.h"
#include "engine/scaling/homogeneous_bias.h"
#include "engine/scaling/matched_bias.h"
#include "engine/scaling/none_bias.h"
#include "engine/scaling/table_bias.h"

namespace torpor {
namespace {

bool Calibrated(std::span<const ScalingLayer> layers) {
  for (const ScalingLayer& layer : layers) {
    if (layer.statistics == nullptr) return false;
  }
  return true;
}

bool HasDeltas(std::span<const ScalingLayer> layers) {
  for (const ScalingLayer& layer : layers) {
    if (layer.statistics->delta_mean.size() != layer.units()) return false;
  }
  return true;
}

absl::Status DeltasRequired() {
  return WithHelp(
      WithReason(absl::FailedPreconditionError(
                     "bias: the policy empirical needs the deltas of the model's loss, and this "
                     "model's calibration has none"),
                 "CALIBRATION_REQUIRED", {{"field", "bias"}}),
      "Calibrate a network that was trained here or imported with its loss, without step "
      "activations, on data whose labels are its classes: `torpor job submit calibrate SESSION "
      "--dataset NAME`.");
}

template <typename Policy>
std::vector<ScaledBias> EachBy(Policy policy, std::span<const ScalingLayer> layers) {
  std::vector<ScaledBias> biases;
  for (const ScalingLayer& layer : layers) biases.push_back(policy(layer));
  return biases;
}

}  // namespace

absl::StatusOr<std::vector<ScaledBias>> ClosedFormBiases(v1::BiasPolicy::Kind policy,
                                                         std::span<const ScalingLayer> layers) {
  switch (policy) {
    case v1::BiasPolicy::UNSPECIFIED:
    case v1::BiasPolicy::NONE:
      return EachBy(NoneBias, layers);
    case v1::BiasPolicy::HOMOGENEOUS:
      return EachBy(HomogeneousBias, layers);
    case v1::BiasPolicy::TABLE:
      if (!Calibrated(layers)) return CalibrationRequired("bias: the policy table");
      return EachBy(TableBias, layers);
    case v1::BiasPolicy::EMPIRICAL:
      if (!Calibrated(layers)) return CalibrationRequired("bias: the policy empirical");
      if (!HasDeltas(layers)) return DeltasRequired();
      return EachBy(EmpiricalBias, layers);
    case v1::BiasPolicy::MATCHED: {
      if (!Calibrated(layers)) return CalibrationRequired("bias: the policy matched");
      std::optional<std::vector<ScaledBias>> biases = MatchedBiases(layers);
      if (!biases.has_value()) return CalibrationRequired("bias: the policy matched", true);
      return *std::move(biases);
    }
    default:
      TORPOR_CHECK(false && "policy was validated");
  }
}

absl::Status CheckHomogeneous(std::span<const ScalingLayer> layers) {
  const ScalingLayer* layer = FirstNotHomogeneous(layers);
  if (layer == nullptr) return absl::OkStatus();
  return WithHelp(
      WithReason(absl::FailedPreconditionError(absl::StrCat(
                     "bias: homogeneous keeps classes only when every hidden activation is relu "
                     "or linear; layer \"",
                     layer->name, "\" has ",
                     absl::AsciiStrToLower(v1::Activation::Kind_Name(layer->activation)))),
                 "NOT_HOMOGENEOUS", {{"field", "bias"}, {"layer", layer->name}}),
      "Use bias=matched for this network, or accept an approximation with approximate=true.");
}

absl::Status CalibrationRequired(const std::string& what, bool again) {
  return WithHelp(
      WithReason(absl::FailedPreconditionError(absl::StrCat(
                     what, " needs calibration statistics, and ",
                     again ? "this model's were gathered by an older version that did not keep them"
                           : "this model has none")),
                 "CALIBRATION_REQUIRED"),
      "Gather them with `torpor job submit calibrate SESSION --dataset NAME`.");
}

}  // namespace torpor
