// Convolution straight from its definition, in double and in the border's order: what the tests of
// ConvSynapses compare with.
#pragma once

#include <span>

#include "engine/lif/conv_shape.h"

namespace torpor {

// Images [channels x height x width], weights [channels x input channels x kernel height x kernel
// width]. drive += weights * image.
void ReferenceConvDrive(const LifConvShape& shape, std::span<const double> weights,
                        std::span<const double> image, std::span<double> drive);
// gradient += d/dweights of the sum of errors times drive.
void ReferenceConvWeightGradient(const LifConvShape& shape, std::span<const double> image,
                                 std::span<const double> errors, std::span<double> gradient);
// input_errors += d/dimage of the same sum.
void ReferenceConvInputErrors(const LifConvShape& shape, std::span<const double> weights,
                              std::span<const double> errors, std::span<double> input_errors);

}  // namespace torpor
