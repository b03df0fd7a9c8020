#include "client/cli/reproduce/interval.h"

#include <algorithm>
#include <cmath>

namespace torpor::cli::reproduce {
namespace {

// P(|T| <= t), from Abramowitz and Stegun 26.7.3 and 26.7.4 (finite sums for whole degrees).
double TwoSided(double t, int degrees) {
  const double theta = std::atan(t / std::sqrt(degrees));
  const double cosine = std::cos(theta), sine = std::sin(theta);
  const bool odd = degrees % 2 == 1;
  double sum = 0, term = odd ? cosine : 1;
  for (int k = odd ? 1 : 0; k <= degrees - 2; k += 2) {
    sum += term;
    term *= cosine * cosine * (k + 1) / (k + 2);
  }
  return odd ? 2 / M_PI * (theta + sine * sum) : sine * sum;
}

}  // namespace

double StudentQuantile(int degrees) {
  double low = 0, high = 13;  // 12.706 for one degree is the largest
  for (int i = 0; i < 60; ++i) {
    const double middle = (low + high) / 2;
    (TwoSided(middle, std::max(1, degrees)) < 0.95 ? low : high) = middle;
  }
  return (low + high) / 2;
}

double Mean(const std::vector<double>& values) {
  double sum = 0;
  for (const double value : values) sum += value;
  return sum / static_cast<double>(values.size());
}

double Deviation(const std::vector<double>& values) {
  if (values.size() < 2) return 0;
  const double mean = Mean(values);
  double sum = 0;
  for (const double value : values) sum += (value - mean) * (value - mean);
  return std::sqrt(sum / static_cast<double>(values.size() - 1));
}

std::optional<Interval> StudentInterval(const std::vector<double>& values) {
  const int n = static_cast<int>(values.size());
  if (n < 3) return std::nullopt;
  const double half = StudentQuantile(n - 1) * Deviation(values) / std::sqrt(n);
  return Interval{Mean(values) - half, Mean(values) + half};
}

}  // namespace torpor::cli::reproduce
