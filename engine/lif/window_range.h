// Which windows along one axis of an image see a place of it.
#pragma once

#include <algorithm>

namespace torpor {

struct WindowRange {
  int first = 0;
  int count = 0;
};

// Of `outputs` windows of `kernel` places each, `stride` apart, over an axis with `padding` before
// it, those that see place `at` of the axis.
inline WindowRange WindowsThatSee(int at, int kernel, int stride, int padding, int outputs) {
  const int last = std::min((at + padding) / stride, outputs - 1);
  const int below = at + padding - kernel;
  const int first = below < 0 ? 0 : below / stride + 1;
  return {first, std::max(last - first + 1, 0)};
}

}  // namespace torpor
