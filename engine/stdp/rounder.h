// Quantise for one format, without its calls of ldexp: for inner loops.
#pragma once

#include <cmath>

#include "engine/quantize/fixed_point.h"

namespace torpor {

struct Rounder {
  Rounder() = default;
  Rounder(const FixedPoint& format, v1::Rounding::Kind rounding)
      : scale(std::ldexp(1.0f, format.fraction_bits)),
        step(format.step()),
        // In steps.
        lowest(format.lowest() * scale),
        highest(format.highest() * scale),
        stochastic(rounding == v1::Rounding::STOCHASTIC),
        add(rounding == v1::Rounding::TRUNCATE || stochastic ? 0.0f : 0.5f) {}

  // Quantise(x, format, rounding, noise).
  float operator()(float x, float noise) const {
    const float steps = std::fmin(std::fmax(x * scale, lowest - 1), highest + 1);
    float whole = std::floor(steps);
    if (steps - whole + (stochastic ? noise : add) >= 1.0f) whole += 1.0f;
    return std::fmin(std::fmax(whole, lowest), highest) * step;
  }

  float scale = 1;
  float step = 1;
  float lowest = 0;
  float highest = 0;
  bool stochastic = false;
  // What is added before floor, unless stochastic.
  float add = 0;
};

}  // namespace torpor
