// Convolutional rate networks for tests, written as text, and their plain evaluation.
#pragma once

#include <cmath>
#include <string>
#include <vector>

#include "engine/base/status.h"
#include "engine/rate/definition.h"
#include "engine/rate/weights.h"
#include "google/protobuf/text_format.h"

namespace torpor::testing {

// `layers` in protobuf's text form, e.g. "layers { flatten {} }"; `input` as "1, 28, 28".
inline v1::Network ConvnetOf(const std::string& input, const std::string& layers) {
  v1::Network network;
  TORPOR_CHECK(google::protobuf::TextFormat::ParseFromString(
      "rate { input { shape: [" + input + "] } " + layers + " }", &network));
  return network;
}

// A convolution, both poolings, flatten and dense layers.
inline v1::Network SmallConvnet() {
  return ConvnetOf("2, 9, 8", R"(
      layers { name: "conv" conv2d { channels: 3 kernel: 3 padding: 1 } activation: RELU }
      layers { name: "largest" max_pool2d { kernel: 2 } }
      layers { name: "strided" conv2d { channels: 5 kernel: [2, 3] stride: [1, 2] padding: [0, 1] }
               activation: TANH }
      layers { name: "mean" avg_pool2d { kernel: [2, 1] stride: 1 } }
      layers { name: "flat" flatten {} }
      layers { name: "out" dense { units: 4 } activation: SIGMOID })");
}

// Calls body(unit, place, weight position in the unit, input position or -1 in the padding) for
// every use of every weight, by the definition of a convolution alone.
template <typename Body>
void ForEachUse(const RateLayerShape& shape, Body body) {
  const ImageShape &in = shape.input_image, &out = shape.output_image;
  for (int unit = 0; unit < shape.units; ++unit) {
    for (int y = 0; y < out.height; ++y) {
      for (int x = 0; x < out.width; ++x) {
        int weight = 0;
        for (int c = 0; c < in.channels; ++c) {
          for (int i = 0; i < shape.kernel.height; ++i) {
            for (int j = 0; j < shape.kernel.width; ++j, ++weight) {
              const int row = y * shape.stride.height + i - shape.padding.height;
              const int column = x * shape.stride.width + j - shape.padding.width;
              const bool inside = row >= 0 && row < in.height && column >= 0 && column < in.width;
              body(unit, y * out.width + x, weight,
                   inside ? (c * in.height + row) * in.width + column : -1);
            }
          }
        }
      }
    }
  }
}

// One layer in double. [outputs] pre-activations, or a pooling layer's outputs.
inline Eigen::VectorXd PlainLayer(const RateLayerShape& shape,
                                  const RateLayerParameters& parameters, const Eigen::VectorXd& u) {
  const auto bias = [&](int unit) {
    return parameters.bias.empty() ? 0.0 : parameters.bias[static_cast<size_t>(unit)];
  };
  if (shape.kind == RateLayerKind::kFlatten) return u;
  Eigen::VectorXd s = Eigen::VectorXd::Zero(shape.outputs);
  if (shape.kind == RateLayerKind::kDense) {
    s = parameters.weight.cast<double>() * u;
    for (int unit = 0; unit < shape.units; ++unit) s[unit] += bias(unit);
    return s;
  }
  if (shape.kind == RateLayerKind::kConv2d) {
    for (int k = 0; k < shape.outputs; ++k) s[k] = bias(k / shape.places);
    ForEachUse(shape, [&](int unit, int place, int weight, int input) {
      if (input >= 0) {
        s[unit * shape.places + place] +=
            static_cast<double>(parameters.weight(unit, weight)) * u[input];
      }
    });
    return s;
  }
  const ImageShape &in = shape.input_image, &out = shape.output_image;
  const bool largest = shape.kind == RateLayerKind::kMaxPool2d;
  int at = 0;
  for (int c = 0; c < out.channels; ++c) {
    for (int y = 0; y < out.height; ++y) {
      for (int x = 0; x < out.width; ++x, ++at) {
        s[at] = largest ? -HUGE_VAL : 0;
        for (int i = 0; i < shape.kernel.height; ++i) {
          for (int j = 0; j < shape.kernel.width; ++j) {
            const double value = u[(c * in.height + y * shape.stride.height + i) * in.width +
                                   x * shape.stride.width + j];
            s[at] = largest ? std::max(s[at], value)
                            : s[at] + value / (shape.kernel.height * shape.kernel.width);
          }
        }
      }
    }
  }
  return s;
}

}  // namespace torpor::testing
