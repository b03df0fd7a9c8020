#include <algorithm>
#include <cmath>

#include "engine/base/random.h"
#include "engine/data/catalogue.h"

namespace torpor {
namespace {

constexpr int kSteps = 250;
constexpr int kInputs = 700;
constexpr int kUnits = 250;
// Channels that share a mean interval.
constexpr int kGroup = 5;
constexpr double kFirstInterval = 1.25;
constexpr double kIntervalGrowth = 0.25;
// The set is fixed: its seed is part of its definition.
constexpr uint64_t kSeed = 20200326;

// From the distribution function's inverse; means here are at most 36.
int Poisson(double mean, RandomStream& random) {
  const double u = random.NextDouble();
  double term = std::exp(-mean);
  double sum = term;
  int k = 0;
  // Far beyond any interval that matters, where rounding could keep the sum below u for ever.
  while (u >= sum && k < kSteps) {
    ++k;
    term *= mean / k;
    sum += term;
  }
  return k;
}

// [steps x inputs], 255 at a spike.
std::vector<uint8_t> InputSpikes() {
  std::vector<uint8_t> raster(static_cast<size_t>(kSteps) * kInputs);
  for (int input = 0; input < kInputs; ++input) {
    RandomStream random(kSeed, RandomPurpose::kSyntheticData, 0, static_cast<uint64_t>(input));
    const double interval = kFirstInterval + kIntervalGrowth * (input / kGroup);
    for (int step = Poisson(interval, random); step < kSteps; step += Poisson(interval, random)) {
      raster[static_cast<size_t>(step) * kInputs + static_cast<size_t>(input)] = 255;
    }
  }
  return raster;
}

// A circle, or the part of it between two angles atan2(steps, units) from its centre.
struct Ring {
  double step, unit, radius;
  double from = -4, to = 4;
};
constexpr Ring kFace[] = {{.step = 130, .unit = 125, .radius = 105},
                          {.step = 100, .unit = 85, .radius = 10},
                          {.step = 100, .unit = 165, .radius = 10},
                          {.step = 130, .unit = 125, .radius = 60, .from = 0.35, .to = 2.8},
                          {.step = 140, .unit = 125, .radius = 7}};
// Half of a line's width.
constexpr double kLine = 1.2;

bool OnRing(const Ring& ring, int step, int unit) {
  const double down = step - ring.step;
  const double right = unit - ring.unit;
  if (std::fabs(std::hypot(down, right) - ring.radius) >= kLine) return false;
  const double angle = std::atan2(down, right);
  return angle >= ring.from && angle <= ring.to;
}

// [steps x units], 1 at a spike.
std::vector<uint8_t> Face() {
  std::vector<uint8_t> raster;
  raster.reserve(static_cast<size_t>(kSteps) * kUnits);
  for (int step = 0; step < kSteps; ++step) {
    for (int unit = 0; unit < kUnits; ++unit) {
      const bool spike = std::any_of(std::begin(kFace), std::end(kFace),
                                     [&](const Ring& ring) { return OnRing(ring, step, unit); });
      raster.push_back(spike ? 1 : 0);
    }
  }
  return raster;
}

}  // namespace

Dataset SyntheticPattern(v1::Split::Kind) {
  return Dataset::FromBytes(InputSpikes(), {kSteps, kInputs}, {0}, kUnits)
      .WithTargets(Face(), {kSteps, kUnits});
}

}  // namespace torpor
