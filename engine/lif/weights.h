// The weights of a whole network: fresh, in archives, and as a pass takes them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "engine/lif/definition.h"
#include "engine/lif/network_plan.h"
#include "engine/network/archive.h"

namespace torpor {

// Of one layer, in the family's order (synapses.h); empty for layers without.
struct LifLayerWeights {
  // By input.
  std::vector<float> input;
  // [units x units], by the unit that spikes.
  std::vector<float> recurrent;
};
// One entry a layer of the definition.
using LifParameters = std::vector<LifLayerWeights>;

// Uniform in +- the layer's initial range: number i of (seed, layer, unit) for input i in the
// border's order; recurrent weights follow, in +- sqrt(3 / units) of the same scale.
LifParameters FreshLifWeights(const LifDefinition& definition, uint64_t seed);

// As many zeros.
LifParameters ZerosLike(const LifParameters& parameters);

// As other frameworks have them: "<prefix><layer>/weight" [units x inputs] or [channels x input
// channels x kernel height x kernel width], "<prefix><layer>/recurrent" [units x units], row = the
// unit that is reached.
void SaveLifWeights(const LifDefinition& definition, const LifParameters& parameters,
                    const std::string& prefix, ArchiveWriter& archive);
// DATA_LOSS names the tensor. Reads all before returning any.
absl::StatusOr<LifParameters> LoadLifWeights(const LifDefinition& definition,
                                             const std::string& prefix,
                                             const ArchiveReader& archive);

// SHA-256 (hex).
std::string DigestOf(const LifParameters& parameters);

// Weights and gradients of the layers of the plan that PlanOf makes: without flatten.
std::vector<LifWeights> ViewsOf(const LifDefinition& definition, const LifParameters& parameters);
std::vector<LifGradients> GradientViewsOf(const LifDefinition& definition,
                                          LifParameters& gradients);

}  // namespace torpor
