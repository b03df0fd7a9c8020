#include "engine/rate/pool2d.h"

#include <algorithm>
#include <vector>

#include "engine/base/simd.h"
#include "engine/base/status.h"

namespace torpor {
namespace {

#define TORPOR_ALWAYS_INLINE inline __attribute__((always_inline))

template <bool kMax>
TORPOR_ALWAYS_INLINE float Join(float a, float b) {
  if constexpr (kMax) return a > b ? a : b;
  return a + b;
}

// First down the window's rows, where neighbours lie side by side, then across `row` [width].
template <bool kMax>
TORPOR_ALWAYS_INLINE void ForwardPlane(const RateLayerShape& shape, const float* __restrict in,
                                       float* __restrict row, float* __restrict out) {
  const int64_t width = shape.input_image.width;
  const int64_t out_width = shape.output_image.width;
  const int64_t step = shape.stride.width;
  const float scale = 1.0f / static_cast<float>(shape.kernel.height * shape.kernel.width);
  for (int64_t y = 0; y < shape.output_image.height; ++y, out += out_width) {
    const float* top = in + y * shape.stride.height * width;
    std::copy_n(top, width, row);
    for (int64_t i = 1; i < shape.kernel.height; ++i) {
      const float* next = top + i * width;
      for (int64_t x = 0; x < width; ++x) row[x] = Join<kMax>(row[x], next[x]);
    }
    if (shape.kernel.width == 2 && step == 2) {
      for (int64_t x = 0; x < out_width; ++x) out[x] = Join<kMax>(row[2 * x], row[2 * x + 1]);
    } else {
      for (int64_t x = 0; x < out_width; ++x) {
        float value = row[x * step];
        for (int64_t j = 1; j < shape.kernel.width; ++j) {
          value = Join<kMax>(value, row[x * step + j]);
        }
        out[x] = value;
      }
    }
    if constexpr (!kMax) {
      for (int64_t x = 0; x < out_width; ++x) out[x] *= scale;
    }
  }
}

TORPOR_SIMD void MaxPlane(const RateLayerShape& shape, const float* in, float* row, float* out) {
  ForwardPlane<true>(shape, in, row, out);
}

TORPOR_SIMD void AveragePlane(const RateLayerShape& shape, const float* in, float* row,
                              float* out) {
  ForwardPlane<false>(shape, in, row, out);
}

// Each delta is spread over `row` once and added to the window's rows.
TORPOR_SIMD void AverageBackwardPlane(const RateLayerShape& shape, const float* __restrict delta,
                                      float* __restrict row, float* __restrict input_delta) {
  const int64_t width = shape.input_image.width;
  const int64_t out_width = shape.output_image.width;
  const int64_t step = shape.stride.width;
  const float scale = 1.0f / static_cast<float>(shape.kernel.height * shape.kernel.width);
  std::fill_n(row, width, 0.0f);
  for (int64_t y = 0; y < shape.output_image.height; ++y, delta += out_width) {
    if (shape.kernel.width == 2 && step == 2) {
      for (int64_t x = 0; x < out_width; ++x) row[2 * x] = row[2 * x + 1] = scale * delta[x];
    } else {
      std::fill_n(row, width, 0.0f);
      for (int64_t x = 0; x < out_width; ++x) {
        for (int64_t j = 0; j < shape.kernel.width; ++j) row[x * step + j] += scale * delta[x];
      }
    }
    float* top = input_delta + y * shape.stride.height * width;
    for (int64_t i = 0; i < shape.kernel.height; ++i) {
      for (int64_t x = 0; x < width; ++x) top[i * width + x] += row[x];
    }
  }
}

// Windows of 2 x 2 that do not overlap: no branches, so that it vectorises.
TORPOR_SIMD void MaxBackwardPairs(const float* __restrict upper, const float* __restrict lower,
                                  const float* __restrict largest, const float* __restrict delta,
                                  int64_t n, float* __restrict to_upper,
                                  float* __restrict to_lower) {
  for (int64_t x = 0; x < n; ++x) {
    const float top = largest[x];
    float left = delta[x];
    const float a = upper[2 * x] == top ? left : 0.0f;
    left = upper[2 * x] == top ? 0.0f : left;
    const float b = upper[2 * x + 1] == top ? left : 0.0f;
    left = upper[2 * x + 1] == top ? 0.0f : left;
    const float c = lower[2 * x] == top ? left : 0.0f;
    left = lower[2 * x] == top ? 0.0f : left;
    to_upper[2 * x] = a;
    to_upper[2 * x + 1] = b;
    to_lower[2 * x] = c;
    to_lower[2 * x + 1] = left;
  }
}

// Position of the window's first largest value.
int64_t FirstLargest(const RateLayerShape& shape, const float* window) {
  int64_t at = 0;
  for (int64_t i = 0; i < shape.kernel.height; ++i) {
    for (int64_t j = 0; j < shape.kernel.width; ++j) {
      const int64_t here = i * shape.input_image.width + j;
      if (window[here] > window[at]) at = here;
    }
  }
  return at;
}

void MaxBackwardPlane(const RateLayerShape& shape, const float* in, const float* out,
                      const float* delta, float* input_delta) {
  const int64_t width = shape.input_image.width;
  const int64_t out_width = shape.output_image.width;
  const bool pairs = shape.kernel.height == 2 && shape.kernel.width == 2 &&
                     shape.stride.height == 2 && shape.stride.width == 2;
  for (int64_t y = 0; y < shape.output_image.height; ++y) {
    const int64_t top = y * shape.stride.height * width;
    if (pairs) {
      MaxBackwardPairs(in + top, in + top + width, out, delta, out_width, input_delta + top,
                       input_delta + top + width);
    } else {
      for (int64_t x = 0; x < out_width; ++x) {
        const int64_t first = top + x * shape.stride.width;
        input_delta[first + FirstLargest(shape, in + first)] += delta[x];
      }
    }
    out += out_width;
    delta += out_width;
  }
}

void CheckSizes(const RateLayerShape& shape, size_t inputs, size_t outputs) {
  TORPOR_CHECK(shape.kind == RateLayerKind::kAvgPool2d || shape.kind == RateLayerKind::kMaxPool2d);
  TORPOR_CHECK(static_cast<int>(inputs) == shape.inputs &&
               static_cast<int>(outputs) == shape.outputs);
}

#undef TORPOR_ALWAYS_INLINE

}  // namespace

void PoolForward(const RateLayerShape& shape, std::span<const float> inputs,
                 std::span<float> outputs) {
  CheckSizes(shape, inputs.size(), outputs.size());
  std::vector<float> row(static_cast<size_t>(shape.input_image.width));
  const auto plane = shape.kind == RateLayerKind::kMaxPool2d ? MaxPlane : AveragePlane;
  for (int64_t c = 0; c < shape.input_image.channels; ++c) {
    plane(shape, inputs.data() + c * shape.input_image.plane(), row.data(),
          outputs.data() + c * shape.output_image.plane());
  }
}

void PoolBackward(const RateLayerShape& shape, std::span<const float> inputs,
                  std::span<const float> outputs, std::span<const float> delta,
                  std::span<float> input_delta) {
  CheckSizes(shape, inputs.size(), outputs.size());
  CheckSizes(shape, input_delta.size(), delta.size());
  std::fill(input_delta.begin(), input_delta.end(), 0.0f);
  std::vector<float> row(static_cast<size_t>(shape.input_image.width));
  for (int64_t c = 0; c < shape.input_image.channels; ++c) {
    const int64_t in = c * shape.input_image.plane();
    const int64_t out = c * shape.output_image.plane();
    if (shape.kind == RateLayerKind::kMaxPool2d) {
      MaxBackwardPlane(shape, inputs.data() + in, outputs.data() + out, delta.data() + out,
                       input_delta.data() + in);
    } else {
      AverageBackwardPlane(shape, delta.data() + out, row.data(), input_delta.data() + in);
    }
  }
}

namespace {

// Calls body(output position, positions of the window's inputs in row order).
template <typename Body>
void ForEachWindow(const RateLayerShape& shape, Body body) {
  const ImageShape &in = shape.input_image, &out = shape.output_image;
  size_t at = 0;
  for (int c = 0; c < out.channels; ++c) {
    for (int y = 0; y < out.height; ++y) {
      for (int x = 0; x < out.width; ++x) {
        std::vector<size_t> window;
        for (int i = 0; i < shape.kernel.height; ++i) {
          for (int j = 0; j < shape.kernel.width; ++j) {
            window.push_back(static_cast<size_t>(
                (int64_t{c} * in.height + y * shape.stride.height + i) * in.width +
                x * shape.stride.width + j));
          }
        }
        body(at++, window);
      }
    }
  }
}

size_t LargestOf(std::span<const float> inputs, const std::vector<size_t>& window) {
  return *std::max_element(window.begin(), window.end(),
                           [&](size_t a, size_t b) { return inputs[a] < inputs[b]; });
}

}  // namespace

void ReferencePoolForward(const RateLayerShape& shape, std::span<const float> inputs,
                          std::span<float> outputs) {
  ForEachWindow(shape, [&](size_t at, const std::vector<size_t>& window) {
    double sum = 0;
    for (size_t j : window) sum += inputs[j];
    outputs[at] = shape.kind == RateLayerKind::kMaxPool2d
                      ? inputs[LargestOf(inputs, window)]
                      : static_cast<float>(sum / static_cast<double>(window.size()));
  });
}

void ReferencePoolBackward(const RateLayerShape& shape, std::span<const float> inputs,
                           std::span<const float> delta, std::span<float> input_delta) {
  std::fill(input_delta.begin(), input_delta.end(), 0.0f);
  ForEachWindow(shape, [&](size_t at, const std::vector<size_t>& window) {
    if (shape.kind == RateLayerKind::kMaxPool2d) {
      input_delta[LargestOf(inputs, window)] += delta[at];
    } else {
      for (size_t j : window) input_delta[j] += delta[at] / static_cast<float>(window.size());
    }
  });
}

}  // namespace torpor
