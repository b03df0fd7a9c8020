#include "engine/stdp/observed.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "engine/base/status.h"
#include "engine/data/pixels.h"
#include "engine/stdp/population.h"
#include "engine/stdp/rate_encoder.h"
#include "engine/stdp/weight_rows.h"

namespace torpor {
namespace {

constexpr int64_t kMostSamples = 64;
// Neurons times steps that are looked at: some tens of milliseconds.
constexpr int64_t kMostValues = 10'000'000;

// Sums of a quantity and of its squares.
struct Moments {
  double count = 0;
  double sum = 0;
  double squares = 0;

  void Add(double x) {
    ++count;
    sum += x;
    squares += x * x;
  }
  double Deviation() const {
    if (count == 0) return 0;
    const double mean = sum / count;
    return std::sqrt(std::max(0.0, squares / count - mean * mean));
  }
};

}  // namespace

absl::StatusOr<StdpObserved> ObserveStdp(const StdpPlan& plan, const StdpWeights& weights,
                                         const Dataset& data, const Cancellation& cancellation) {
  const StdpParameters& p = plan.parameters;
  const size_t neurons = static_cast<size_t>(p.neurons);
  const WeightRows rows = WeightRows::Floats(weights.weights, p.inputs, p.neurons);
  RateEncoder encoder(p.steps, p.spike_chance, 0);
  Population population(p, weights.theta, {}, 0);
  std::vector<float> values(static_cast<size_t>(p.inputs));
  std::vector<uint8_t> pixels(values.size());
  std::vector<float> drive(neurons);
  SpikeTrain train;
  Moments moments;
  StdpObserved observed;
  const int64_t fits = kMostValues / (int64_t{p.neurons} * p.steps);
  const int64_t samples = std::min(data.size(), std::clamp<int64_t>(fits, 1, kMostSamples));
  for (int64_t i = 0; i < samples; ++i) {
    TORPOR_RETURN_IF_ERROR(cancellation.Check());
    data.CopySample(i, values);
    ReadPixels(values, pixels);
    encoder.Encode(pixels, static_cast<uint64_t>(i), train);
    population.Reset(static_cast<uint64_t>(i));
    std::span<const uint32_t> arriving;
    for (int t = 0; t < train.steps(); ++t) {
      population.Step(rows, arriving, false);
      observed.potentials.Observe(population.potentials());
      std::fill(drive.begin(), drive.end(), 0.0f);
      for (const uint32_t input : arriving) {
        const float* row = weights.weights.data() + input * neurons;
        for (size_t j = 0; j < neurons; ++j) drive[j] += row[j];
      }
      for (const float sum : drive) moments.Add(static_cast<double>(sum));
      arriving = train.At(t);
    }
  }
  std::vector<float> thresholds = weights.theta;
  for (float& threshold : thresholds) threshold += p.threshold;
  observed.potentials.Observe(thresholds);
  observed.drive_stddev = moments.Deviation();
  return observed;
}

}  // namespace torpor
