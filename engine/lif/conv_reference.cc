#include "engine/lif/conv_reference.h"

#include <cstddef>

namespace torpor {
namespace {

// body(output, weight, input) for every product of the definition that is not with the padding.
template <typename Body>
void ForEachProduct(const LifConvShape& s, Body body) {
  for (int o = 0; o < s.channels; ++o) {
    for (int y = 0; y < s.output_height(); ++y) {
      for (int x = 0; x < s.output_width(); ++x) {
        for (int c = 0; c < s.input_channels; ++c) {
          for (int i = 0; i < s.kernel_height; ++i) {
            for (int j = 0; j < s.kernel_width; ++j) {
              const int row = y * s.stride_height - s.padding_height + i;
              const int column = x * s.stride_width - s.padding_width + j;
              if (row < 0 || row >= s.input_height || column < 0 || column >= s.input_width) {
                continue;
              }
              body(static_cast<size_t>((o * s.output_height() + y) * s.output_width() + x),
                   static_cast<size_t>(
                       ((o * s.input_channels + c) * s.kernel_height + i) * s.kernel_width + j),
                   static_cast<size_t>((c * s.input_height + row) * s.input_width + column));
            }
          }
        }
      }
    }
  }
}

}  // namespace

void ReferenceConvDrive(const LifConvShape& shape, std::span<const double> weights,
                        std::span<const double> image, std::span<double> drive) {
  ForEachProduct(shape, [&](size_t output, size_t weight, size_t input) {
    drive[output] += weights[weight] * image[input];
  });
}

void ReferenceConvWeightGradient(const LifConvShape& shape, std::span<const double> image,
                                 std::span<const double> errors, std::span<double> gradient) {
  ForEachProduct(shape, [&](size_t output, size_t weight, size_t input) {
    gradient[weight] += errors[output] * image[input];
  });
}

void ReferenceConvInputErrors(const LifConvShape& shape, std::span<const double> weights,
                              std::span<const double> errors, std::span<double> input_errors) {
  ForEachProduct(shape, [&](size_t output, size_t weight, size_t input) {
    input_errors[input] += weights[weight] * errors[output];
  });
}

}  // namespace torpor
