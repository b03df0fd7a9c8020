// Sizes of a convolution of spikes.
#pragma once

#include <cstdint>

namespace torpor {

// Cross-correlation of an image, zeros around it: output (o, y, x) is the sum over (c, i, j) of
// weight (o, c, i, j) times input (c, y stride - padding + i, x stride - padding + j).
struct LifConvShape {
  int input_channels = 1;
  int input_height = 1;
  int input_width = 1;
  int channels = 1;
  int kernel_height = 1;
  int kernel_width = 1;
  int stride_height = 1;
  int stride_width = 1;
  // Zeros on each side, below the kernel's size.
  int padding_height = 0;
  int padding_width = 0;

  int output_height() const {
    return (input_height + 2 * padding_height - kernel_height) / stride_height + 1;
  }
  int output_width() const {
    return (input_width + 2 * padding_width - kernel_width) / stride_width + 1;
  }
  int places() const { return output_height() * output_width(); }
  int inputs() const { return input_channels * input_height * input_width; }
  int outputs() const { return channels * places(); }
  // Inputs that an output sees, those of the padding included.
  int window() const { return kernel_height * kernel_width * input_channels; }
  int64_t weights() const { return int64_t{channels} * window(); }
};

}  // namespace torpor
