#include "engine/rate/modes.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/base/status.h"
#include "engine/rate/windows.h"
#include "engine/scaling/bias_policy.h"
#include "engine/scaling/output_gain.h"
#include "engine/scaling/output_shift.h"
#include "engine/scaling/synaptic_power.h"

namespace torpor {
namespace {

std::vector<ScalingLayer> ScalingLayers(const RateKnowledge& model,
                                        const std::vector<double>& epsilons) {
  std::vector<ScalingLayer> layers;
  double gamma = 1;
  for (size_t l = 0; l < model.shapes.size(); ++l) {
    const RateLayerShape& shape = model.shapes[l];
    if (!shape.has_weights()) continue;
    gamma *= epsilons[l];
    // Softmax is taken digitally: what leaves the layer are its scores.
    const bool scores = shape.activation == v1::Activation::SOFTMAX;
    layers.push_back({.name = shape.name,
                      .activation = scores ? v1::Activation::LINEAR : shape.activation,
                      .epsilon = epsilons[l],
                      .gamma = gamma,
                      .weight = &model.parameters[l].weight,
                      .bias = model.parameters[l].bias,
                      .statistics = model.statistics.empty() ? nullptr : &model.statistics[l],
                      .presence = WindowPresence(shape)});
  }
  return layers;
}

// Biases of the layers with weights.
absl::StatusOr<std::vector<ScaledBias>> Biases(const RateKnowledge& model,
                                               v1::BiasPolicy::Kind policy,
                                               const std::vector<double>& epsilons,
                                               const std::vector<ScalingLayer>& layers) {
  if (policy != v1::BiasPolicy::TUNED) return ClosedFormBiases(policy, layers);
  TORPOR_ASSIGN_OR_RETURN(const TunedBiases* tuned, model.tunings.Find(epsilons));
  std::vector<ScaledBias> biases;
  for (size_t l = 0; l < model.shapes.size(); ++l) {
    if (!model.shapes[l].has_weights()) continue;
    biases.push_back({.values = tuned->bias[l], .factor = std::nullopt});
  }
  return biases;
}

// Factors on what the devices of a row draw when its signal shrinks to `epsilon`.
struct DrawFactors {
  // On the difference of the pair's conductances, and on the least that both conduct.
  double signal = 1;
  double floor = 1;
};

DrawFactors FactorsOf(v1::EpsilonBy::Kind by, double epsilon) {
  switch (by) {
    case v1::EpsilonBy::READ_VOLTAGE:
      return {epsilon * epsilon, epsilon * epsilon};
    case v1::EpsilonBy::READ_TIME:
      return {epsilon, epsilon};
    default:
      return {epsilon, 1};
  }
}

// Fills in what the layer draws.
void SetPower(const RateLayerShape& shape, const RateLayerParameters& parameters,
              const ScaledBias& bias, v1::EpsilonBy::Kind by, double off, RateLayerDrive& drive) {
  const DrawFactors rows = FactorsOf(by, drive.epsilon);
  drive.weight_power = (1 - off) * rows.signal;
  // Without a common factor of its biases the row is as one of epsilon 1 with other conductances.
  const DrawFactors row = FactorsOf(by, bias.factor.value_or(1));
  const double magnitudes =
      bias.factor.has_value() ? BiasPower(parameters.bias) : BiasPower(bias.values);
  double power = (1 - off) * row.signal * magnitudes;
  if (off > 0) {
    const double least = 2 * off * parameters.weight.cwiseAbs().maxCoeff();
    drive.floor_power = InputUses(shape);
    for (double& each : drive.floor_power) each *= rows.floor * least;
    power += row.floor * least * static_cast<double>(parameters.bias.size());
  }
  drive.bias_power = power * shape.places;
  drive.off_counted = off > 0;
  drive.off_power = rows.floor;
  drive.off_bias_power = row.floor * static_cast<double>(parameters.bias.size()) * shape.places;
}

// The largest value that leaves a layer, as far as its statistics tell: of its units the largest
// mean of a unit's largest group. 1 for bounded activations and without statistics.
double FullScaleBehind(const RateLayerShape& shape, const LayerStatistics* statistics) {
  const bool bounded =
      shape.activation != v1::Activation::RELU && shape.activation != v1::Activation::LINEAR;
  if (bounded || statistics == nullptr || statistics->quantiles.size() == 0) return 1;
  const double largest = shape.activation == v1::Activation::RELU
                             ? statistics->quantiles.maxCoeff()
                             : statistics->quantiles.cwiseAbs().maxCoeff();
  return largest > 0 ? largest : 1;
}

absl::StatusOr<DigitalOutput> OutputOfMode(const v1::PowerMode& mode,
                                           const std::vector<ScalingLayer>& layers,
                                           const std::vector<ScaledBias>& biases) {
  DigitalOutput output;
  if (!mode.output_gain() && !mode.output_shift()) return output;
  const std::optional<ScaledSum> sum = LastSum(layers, biases);
  const bool calibrated = layers.back().statistics != nullptr;
  if (mode.output_shift() && !HasSignalStatistics(layers.back())) {
    return CalibrationRequired("output_shift: the shift", calibrated);
  }
  if (!sum.has_value()) {
    return CalibrationRequired(mode.output_gain() ? "output_gain: the gain of this policy"
                                                  : "output_shift: the shift of this policy",
                               calibrated);
  }
  if (mode.output_gain()) output.gain = OutputGain(*sum);
  if (mode.output_shift()) {
    output.shift = OutputShift(layers.back(), *sum, biases.back(), output.gain);
  }
  return output;
}

}  // namespace

std::vector<double> EpsilonsOf(const v1::PowerMode& mode,
                               const std::vector<RateLayerShape>& shapes) {
  std::vector<double> epsilons;
  for (const RateLayerShape& shape : shapes) {
    auto own = mode.layer_epsilon().find(shape.name);
    epsilons.push_back(!shape.has_weights()                ? 1.0
                       : own != mode.layer_epsilon().end() ? own->second
                       : mode.has_epsilon()                ? mode.epsilon()
                                                           : 1.0);
  }
  return epsilons;
}

absl::StatusOr<RateMode> ResolveRateMode(const RateKnowledge& model, const v1::PowerMode& mode,
                                         const v1::Realisation& realisation) {
  RateMode resolved;
  v1::PowerMode& in_force = resolved.in_force;
  in_force = mode;
  in_force.set_epsilon(mode.has_epsilon() ? mode.epsilon() : 1.0);
  in_force.set_bias(mode.has_bias() ? mode.bias() : v1::BiasPolicy::NONE);
  in_force.set_epsilon_by(mode.has_epsilon_by() ? mode.epsilon_by() : v1::EpsilonBy::REPROGRAM);
  in_force.set_output_gain(mode.output_gain());
  in_force.set_output_shift(mode.output_shift());
  in_force.clear_approximate();

  const bool noisy = realisation.column_noise() > 0;
  if (noisy && model.statistics.empty()) return CalibrationRequired("column_noise: noise");
  const std::vector<double> epsilons = EpsilonsOf(mode, model.shapes);
  const std::vector<ScalingLayer> layers = ScalingLayers(model, epsilons);
  if (in_force.bias() == v1::BiasPolicy::HOMOGENEOUS) {
    const absl::Status exact = CheckHomogeneous(layers);
    if (!exact.ok() && !mode.approximate()) return exact;
    if (!exact.ok()) in_force.set_approximate(true);
  }
  TORPOR_ASSIGN_OR_RETURN(std::vector<ScaledBias> biases,
                          Biases(model, in_force.bias(), epsilons, layers));
  TORPOR_ASSIGN_OR_RETURN(resolved.output, OutputOfMode(mode, layers, biases));

  size_t with_weights = 0;
  // Pooling makes no value larger.
  double full_scale = 1;
  for (size_t l = 0; l < model.shapes.size(); ++l) {
    RateLayerDrive drive;
    if (model.shapes[l].has_weights()) {
      ScaledBias& bias = biases[with_weights++];
      drive.epsilon = epsilons[l];
      drive.full_scale_input = full_scale;
      full_scale = FullScaleBehind(model.shapes[l],
                                   model.statistics.empty() ? nullptr : &model.statistics[l]);
      SetPower(model.shapes[l], model.parameters[l], bias, in_force.epsilon_by(),
               realisation.off_conductance(), drive);
      drive.bias = std::move(bias.values);
      if (noisy) {
        drive.noise =
            static_cast<float>(realisation.column_noise() * model.statistics[l].PooledStddev());
      }
    }
    resolved.drives.push_back(std::move(drive));
  }
  return resolved;
}

}  // namespace torpor
