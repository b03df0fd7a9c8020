#include "engine/rate/windows.h"

#include "engine/base/status.h"

namespace torpor {
namespace {

using Eigen::VectorXd;

// Calls body(tap, input) for every pair of a tap and an input that it sees, of one channel: tap in
// 0..kernel - 1, input in 0..plane - 1.
template <typename Body>
void ForEachTap(const RateLayerShape& shape, Body body) {
  const ImageShape& in = shape.input_image;
  const ImageShape& out = shape.output_image;
  for (int i = 0; i < shape.kernel.height; ++i) {
    for (int j = 0; j < shape.kernel.width; ++j) {
      const int tap = i * shape.kernel.width + j;
      for (int y = 0; y < out.height; ++y) {
        const int row = y * shape.stride.height + i - shape.padding.height;
        if (row < 0 || row >= in.height) continue;
        for (int x = 0; x < out.width; ++x) {
          const int column = x * shape.stride.width + j - shape.padding.width;
          if (column >= 0 && column < in.width) body(tap, row * in.width + column);
        }
      }
    }
  }
}

int Taps(const RateLayerShape& shape) { return shape.kernel.height * shape.kernel.width; }

}  // namespace

VectorXd WindowMeans(const RateLayerShape& shape, const VectorXd& inputs) {
  TORPOR_CHECK(inputs.size() == shape.inputs && shape.has_weights());
  if (shape.kind == RateLayerKind::kDense) return inputs;
  const int taps = Taps(shape);
  const int64_t plane = shape.input_image.plane();
  VectorXd means = VectorXd::Zero(shape.fan_in);
  for (int c = 0; c < shape.input_image.channels; ++c) {
    ForEachTap(shape, [&](int tap, int input) {
      means[int64_t{c} * taps + tap] += inputs[c * plane + input];
    });
  }
  return means / static_cast<double>(shape.places);
}

VectorXd WindowPresence(const RateLayerShape& shape) {
  if (shape.padding.height == 0 && shape.padding.width == 0) return {};
  const int taps = Taps(shape);
  VectorXd channel = VectorXd::Zero(taps);
  ForEachTap(shape, [&](int tap, int) { channel[tap] += 1; });
  return (channel / static_cast<double>(shape.places)).replicate(shape.input_image.channels, 1);
}

std::vector<double> SumOverWindows(const RateLayerShape& shape, const std::vector<double>& taps) {
  TORPOR_CHECK(static_cast<int64_t>(taps.size()) == shape.fan_in);
  if (shape.kind == RateLayerKind::kDense) return taps;
  std::vector<double> sums(static_cast<size_t>(shape.inputs));
  for (int c = 0; c < shape.input_image.channels; ++c) {
    const double* own = taps.data() + int64_t{c} * Taps(shape);
    double* plane = sums.data() + c * shape.input_image.plane();
    ForEachTap(shape, [&](int tap, int input) { plane[input] += own[tap]; });
  }
  return sums;
}

std::vector<double> InputUses(const RateLayerShape& shape) {
  const double units = shape.units;
  std::vector<double> uses(static_cast<size_t>(shape.inputs),
                           shape.kind == RateLayerKind::kDense ? units : 0);
  if (shape.kind == RateLayerKind::kDense) return uses;
  const size_t plane = static_cast<size_t>(shape.input_image.plane());
  ForEachTap(shape, [&](int, int input) { uses[static_cast<size_t>(input)] += units; });
  for (size_t j = plane; j < uses.size(); ++j) uses[j] = uses[j - plane];
  return uses;
}

}  // namespace torpor
