#include "engine/learn/intervals.h"

#include <array>
#include <cmath>
#include <vector>

#include "engine/base/random.h"
#include "engine/base/status.h"

namespace torpor {
namespace {

constexpr double kZ = 1.959963984540054;  // 97.5 % point of the standard normal

double Mean(std::span<const double> values) {
  double sum = 0;
  for (const double value : values) sum += value;
  return sum / static_cast<double>(values.size());
}

// Standard deviation with n - 1; 0 for a single value.
double Deviation(std::span<const double> values, double mean) {
  if (values.size() < 2) return 0;
  double sum = 0;
  for (const double value : values) sum += (value - mean) * (value - mean);
  return std::sqrt(sum / static_cast<double>(values.size() - 1));
}

// Regularised incomplete beta function I_x(a, b) for x below its mean a / (a + b), where the
// continued fraction (NIST Digital Library of Mathematical Functions, 8.17.22, by Lentz's method)
// converges fast.
double IncompleteBetaBelowMean(double a, double b, double x) {
  constexpr double kTiny = 1e-300;
  auto guarded = [](double value) { return std::fabs(value) < kTiny ? kTiny : value; };
  const double front = std::exp(a * std::log(x) + b * std::log1p(-x) + std::lgamma(a + b) -
                                std::lgamma(a) - std::lgamma(b)) /
                       a;
  double c = 1;
  double d = 1 / guarded(1 - (a + b) * x / (a + 1));
  double fraction = d;
  for (int m = 1; m <= 500; ++m) {
    const double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
    d = 1 / guarded(1 + even * d);
    c = guarded(1 + even / c);
    fraction *= d * c;
    const double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
    d = 1 / guarded(1 + odd * d);
    c = guarded(1 + odd / c);
    fraction *= d * c;
    if (std::fabs(d * c - 1) < 1e-15) break;
  }
  return front * fraction;
}

double IncompleteBeta(double a, double b, double x) {
  if (x <= 0) return 0;
  if (x >= 1) return 1;
  return x < (a + 1) / (a + b + 2) ? IncompleteBetaBelowMean(a, b, x)
                                   : 1 - IncompleteBetaBelowMean(b, a, 1 - x);
}

// P(T > t) for t >= 0.
double StudentTail(double t, int degrees) {
  return IncompleteBeta(degrees / 2.0, 0.5, degrees / (degrees + t * t)) / 2;
}

}  // namespace

Interval NormalInterval(double value, double standard_error) {
  return {.low = value - kZ * standard_error, .high = value + kZ * standard_error};
}

Interval MeanInterval(std::span<const double> values) {
  TORPOR_CHECK(!values.empty());
  const double mean = Mean(values);
  return NormalInterval(mean,
                        Deviation(values, mean) / std::sqrt(static_cast<double>(values.size())));
}

Interval RatioInterval(std::span<const double> numerators, std::span<const double> denominators) {
  TORPOR_CHECK(numerators.size() == denominators.size() && !numerators.empty());
  const double denominator = Mean(denominators);
  TORPOR_CHECK(denominator > 0);
  const double ratio = Mean(numerators) / denominator;
  std::vector<double> residuals;
  residuals.reserve(numerators.size());
  for (size_t i = 0; i < numerators.size(); ++i) {
    residuals.push_back(numerators[i] - ratio * denominators[i]);
  }
  // Their mean is 0 by the choice of the ratio.
  return NormalInterval(ratio, Deviation(residuals, 0) /
                                   std::sqrt(static_cast<double>(residuals.size())) / denominator);
}

double StudentQuantile(double p, int degrees) {
  TORPOR_CHECK(p >= 0.5 && p < 1 && degrees >= 1);
  double low = 0;
  double high = 1;
  while (StudentTail(high, degrees) > 1 - p) high *= 2;
  // Each step wins a bit.
  for (int i = 0; i < 100 && high - low > 1e-15 * high; ++i) {
    const double middle = (low + high) / 2;
    (StudentTail(middle, degrees) > 1 - p ? low : high) = middle;
  }
  return (low + high) / 2;
}

Interval StudentInterval(std::span<const double> values) {
  TORPOR_CHECK(values.size() >= 2);
  const double mean = Mean(values);
  const double half = StudentQuantile(0.975, static_cast<int>(values.size()) - 1) *
                      Deviation(values, mean) / std::sqrt(static_cast<double>(values.size()));
  return {.low = mean - half, .high = mean + half};
}

absl::StatusOr<double> CalibrationStandardError(std::span<const double> probabilities,
                                                std::span<const uint8_t> correct, int resamples,
                                                uint64_t seed, ThreadPool* pool,
                                                const Cancellation& cancellation) {
  const size_t n = probabilities.size();
  TORPOR_CHECK(correct.size() == n && n >= 1 && n <= UINT32_MAX && resamples >= 2);
  // All that the calibration error needs of a sample: its bin, and correct - probability.
  struct Sample {
    float residual;
    int32_t bin;
  };
  std::vector<Sample> samples(n);
  for (size_t i = 0; i < n; ++i) {
    samples[i] = {static_cast<float>((correct[i] != 0 ? 1 : 0) - probabilities[i]),
                  CalibrationError::BinOf(probabilities[i])};
  }
  std::vector<double> errors(static_cast<size_t>(resamples));
  std::vector<absl::Status> statuses(static_cast<size_t>(resamples));
  pool->ParallelFor(resamples, [&](int r) {
    statuses[static_cast<size_t>(r)] = cancellation.Check();
    if (!statuses[static_cast<size_t>(r)].ok()) return;
    RandomStream random(seed, RandomPurpose::kBootstrap, 0, static_cast<uint64_t>(r));
    std::array<double, CalibrationError::kBins> sums = {};
    for (size_t i = 0; i < n; ++i) {
      // High word of a product: uniform but for n / 2^32, which no standard error shows.
      const Sample& drawn = samples[(uint64_t{random.NextU32()} * n) >> 32];
      sums[static_cast<size_t>(drawn.bin)] += drawn.residual;
    }
    double error = 0;
    for (const double sum : sums) error += std::fabs(sum);
    errors[static_cast<size_t>(r)] = error / static_cast<double>(n);
  });
  for (const absl::Status& status : statuses) TORPOR_RETURN_IF_ERROR(status);
  return Deviation(errors, Mean(errors));
}

}  // namespace torpor
