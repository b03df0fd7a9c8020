// What a training specification says to a network with traces.
#pragma once

#include "absl/status/status.h"
#include "engine/lif/definition.h"
#include "engine/lif/neuron.h"
#include "engine/lif/spike_losses.h"
#include "torpor/v1/training.pb.h"

namespace torpor {

// Sets what the specification leaves open: CE, 2e-3, batches of 128, COSINE.
void FillLifDefaults(v1::TrainSpec& spec);

// INVALID_ARGUMENT names each wrong field: a loss that the read-out does not have, numbers out of
// bounds, settings of another family, integers without the scheme WAGE.
absl::Status CheckLifTraining(const LifDefinition& definition, const v1::TrainSpec& spec);

// Of a checked specification.
LifSurrogate SurrogateOf(const v1::LifTraining& training);
SpikeShares SharesOf(const v1::LifTraining& training);
VanRossum FilterOf(const v1::LifTraining& training);

// Bits and rounding of a training in integers, with defaults.
struct LifIntegers {
  int gradient_bits = 8;
  int error_bits = 8;
  v1::Rounding::Kind rounding = v1::Rounding::STOCHASTIC;
};
LifIntegers IntegersOf(const v1::IntegerTraining& training);

}  // namespace torpor
