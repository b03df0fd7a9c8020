#include "engine/lif/weights.h"

#include <cmath>

#include "absl/strings/str_cat.h"
#include "engine/base/random.h"
#include "engine/base/status.h"
#include "engine/lif/layouts.h"
#include "engine/lif/plan_of.h"
#include "engine/network/calibration_archive.h"

namespace torpor {
namespace {

void FromBorder(const LifDefinition& definition, size_t layer, std::span<const float> border,
                std::vector<float>& family) {
  const LifLayerShape& shape = definition.layers[layer];
  family.resize(border.size());
  if (shape.kind == LifLayerKind::kConv2d) {
    ConvWeightsFromBorder(ConvShapeOf(shape), border, family);
  } else {
    DenseWeightsFromBorder(shape.units, ImageBelow(definition, layer), border, family);
  }
}

std::vector<float> ToBorder(const LifDefinition& definition, size_t layer,
                            std::span<const float> family) {
  const LifLayerShape& shape = definition.layers[layer];
  std::vector<float> border(family.size());
  if (shape.kind == LifLayerKind::kConv2d) {
    ConvWeightsToBorder(ConvShapeOf(shape), family, border);
  } else {
    DenseWeightsToBorder(shape.units, ImageBelow(definition, layer), family, border);
  }
  return border;
}

std::vector<int64_t> BorderShape(const LifLayerShape& shape) {
  if (shape.kind != LifLayerKind::kConv2d) return {shape.units, shape.fan_in};
  return {shape.units, shape.input_image.channels, shape.kernel.height, shape.kernel.width};
}

// Recurrent weights stand on their own layer as on a list.
LifImage ListOf(int units) { return {.channels = units}; }

std::string WeightName(const std::string& prefix, const LifLayerShape& shape) {
  return absl::StrCat(prefix, shape.name, "/weight");
}
std::string RecurrentName(const std::string& prefix, const LifLayerShape& shape) {
  return absl::StrCat(prefix, shape.name, "/recurrent");
}

}  // namespace

LifParameters FreshLifWeights(const LifDefinition& definition, uint64_t seed) {
  LifParameters parameters(definition.layers.size());
  for (size_t l = 0; l < definition.layers.size(); ++l) {
    const LifLayerShape& shape = definition.layers[l];
    if (!shape.has_weights()) continue;
    std::vector<float> input(static_cast<size_t>(shape.input_synapses()));
    std::vector<float> recurrent(static_cast<size_t>(shape.recurrent_synapses()));
    const float range = static_cast<float>(shape.initial_range);
    // The same scale for as many inputs as there are units.
    const float own =
        range *
        static_cast<float>(std::sqrt(static_cast<double>(shape.fan_in) / std::max(shape.units, 1)));
    const size_t fan_in = static_cast<size_t>(shape.fan_in);
    const size_t units = static_cast<size_t>(shape.units);
    for (size_t i = 0; i < units; ++i) {
      RandomStream random(seed, RandomPurpose::kInitialisation, static_cast<uint32_t>(l), i);
      for (size_t j = 0; j < fan_in; ++j) {
        input[i * fan_in + j] = range * (2 * random.NextFloat() - 1);
      }
      for (size_t j = 0; shape.recurrent && j < units; ++j) {
        recurrent[i * units + j] = own * (2 * random.NextFloat() - 1);
      }
    }
    FromBorder(definition, l, input, parameters[l].input);
    parameters[l].recurrent.resize(recurrent.size());
    if (shape.recurrent) {
      DenseWeightsFromBorder(shape.units, ListOf(shape.units), recurrent, parameters[l].recurrent);
    }
  }
  return parameters;
}

LifParameters ZerosLike(const LifParameters& parameters) {
  LifParameters zeros(parameters.size());
  for (size_t l = 0; l < parameters.size(); ++l) {
    zeros[l].input.assign(parameters[l].input.size(), 0.0f);
    zeros[l].recurrent.assign(parameters[l].recurrent.size(), 0.0f);
  }
  return zeros;
}

void SaveLifWeights(const LifDefinition& definition, const LifParameters& parameters,
                    const std::string& prefix, ArchiveWriter& archive) {
  for (size_t l = 0; l < parameters.size(); ++l) {
    const LifLayerShape& shape = definition.layers[l];
    if (!shape.has_weights()) continue;
    archive.AddFloats(WeightName(prefix, shape), BorderShape(shape),
                      ToBorder(definition, l, parameters[l].input));
    if (!shape.recurrent) continue;
    std::vector<float> border(parameters[l].recurrent.size());
    DenseWeightsToBorder(shape.units, ListOf(shape.units), parameters[l].recurrent, border);
    archive.AddFloats(RecurrentName(prefix, shape), {shape.units, shape.units}, border);
  }
}

absl::StatusOr<LifParameters> LoadLifWeights(const LifDefinition& definition,
                                             const std::string& prefix,
                                             const ArchiveReader& archive) {
  LifParameters parameters(definition.layers.size());
  for (size_t l = 0; l < definition.layers.size(); ++l) {
    const LifLayerShape& shape = definition.layers[l];
    if (!shape.has_weights()) continue;
    TORPOR_ASSIGN_OR_RETURN(const std::vector<float> input,
                            archive.Floats(WeightName(prefix, shape), BorderShape(shape)));
    FromBorder(definition, l, input, parameters[l].input);
    if (!shape.recurrent) continue;
    TORPOR_ASSIGN_OR_RETURN(
        const std::vector<float> recurrent,
        archive.Floats(RecurrentName(prefix, shape), {shape.units, shape.units}));
    parameters[l].recurrent.resize(recurrent.size());
    DenseWeightsFromBorder(shape.units, ListOf(shape.units), recurrent, parameters[l].recurrent);
  }
  return parameters;
}

std::string DigestOf(const LifParameters& parameters) {
  ParametersDigest digest;
  for (const LifLayerWeights& layer : parameters) {
    digest.Add(layer.input);
    digest.Add(layer.recurrent);
  }
  return digest.FinishHex();
}

std::vector<LifWeights> ViewsOf(const LifDefinition& definition, const LifParameters& parameters) {
  std::vector<LifWeights> views;
  for (size_t l = 0; l < parameters.size(); ++l) {
    if (definition.layers[l].kind == LifLayerKind::kFlatten) continue;
    views.push_back({.input = parameters[l].input, .recurrent = parameters[l].recurrent});
  }
  return views;
}

std::vector<LifGradients> GradientViewsOf(const LifDefinition& definition,
                                          LifParameters& gradients) {
  std::vector<LifGradients> views;
  for (size_t l = 0; l < gradients.size(); ++l) {
    if (definition.layers[l].kind == LifLayerKind::kFlatten) continue;
    views.push_back({.input = gradients[l].input, .recurrent = gradients[l].recurrent});
  }
  return views;
}

}  // namespace torpor
