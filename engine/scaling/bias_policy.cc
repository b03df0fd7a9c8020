#include "engine/scaling/bias_policy.h"

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "engine/base/status.h"
#include "engine/scaling/table_one.h"

namespace torpor {

std::vector<LayerScale> ScalesOf(std::span<const double> epsilons) {
  std::vector<LayerScale> scales;
  double gamma = 1;
  for (double epsilon : epsilons) {
    gamma *= epsilon;
    scales.push_back({epsilon, gamma});
  }
  return scales;
}

std::vector<float> ScaledBias(v1::BiasPolicy::Kind policy, v1::Activation::Kind activation,
                              const LayerScale& scale, std::span<const float> bias,
                              const LayerStatistics* statistics) {
  std::vector<float> scaled(bias.begin(), bias.end());
  if (bias.empty()) return scaled;
  switch (policy) {
    case v1::BiasPolicy::UNSPECIFIED:
    case v1::BiasPolicy::NONE:
      return scaled;
    case v1::BiasPolicy::HOMOGENEOUS:
      for (float& b : scaled) b = static_cast<float>(scale.gamma * b);
      return scaled;
    case v1::BiasPolicy::TABLE: {
      TORPOR_CHECK(statistics != nullptr &&
                   statistics->mean.size() == static_cast<int64_t>(bias.size()));
      for (size_t i = 0; i < scaled.size(); ++i) {
        const bool silent =
            activation == v1::Activation::RELU && statistics->active[static_cast<int64_t>(i)] == 0;
        const double m = silent
                             ? 0
                             : TableOneMean(activation, statistics->mean[static_cast<int64_t>(i)],
                                            statistics->stddev[static_cast<int64_t>(i)]);
        scaled[i] = static_cast<float>(scale.epsilon * scaled[i] + (1 - scale.epsilon) * m);
      }
      return scaled;
    }
    default:
      TORPOR_CHECK(false && "policy was validated");
  }
}

bool IsPositivelyHomogeneous(v1::Activation::Kind activation) {
  return activation == v1::Activation::LINEAR || activation == v1::Activation::RELU;
}

absl::Status CheckHomogeneous(std::span<const std::string> names,
                              std::span<const v1::Activation::Kind> activations) {
  TORPOR_CHECK(names.size() == activations.size());
  for (size_t l = 0; l + 1 < activations.size(); ++l) {
    if (IsPositivelyHomogeneous(activations[l])) continue;
    return WithHelp(
        WithReason(absl::FailedPreconditionError(absl::StrCat(
                       "bias: homogeneous keeps classes only when every hidden activation is "
                       "relu or linear; layer \"",
                       names[l], "\" has ",
                       absl::AsciiStrToLower(v1::Activation::Kind_Name(activations[l])))),
                   "NOT_HOMOGENEOUS", {{"field", "bias"}, {"layer", names[l]}}),
        "Use bias=table or bias=none for this network.");
  }
  return absl::OkStatus();
}

}  // namespace torpor
