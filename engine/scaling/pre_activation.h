// Expectations over the pre-activation of a single neuron.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "torpor/v1/analysis.pb.h"

namespace torpor {

// Points and weights whose weighted sum is an expectation. The logarithm of the weight is exact
// where the weight itself underflows.
struct WeightedPoints {
  std::vector<double> at;
  std::vector<double> weight;
  std::vector<double> log_weight;
};

// A place around which an integrand bends: within about `width` of `centre`. Width 0: a kink or a
// jump, with smooth pieces on both sides.
struct Bend {
  double centre = 0;
  double width = 0;
};

// The distribution of s. Immutable; calls from several threads are fine.
//
// Normal and uniform: Gauss-Legendre quadrature with 16 points on panels that end at every bend and
// grow from it, so that kinked and steep integrands are as exact as smooth ones (about 1e-13
// relative). Samples: the plain mean.
class PreActivationDistribution {
 public:
  // INVALID_ARGUMENT names wrong fields under `path`, e.g. "pre_activation.normal.stddev".
  static absl::StatusOr<PreActivationDistribution> Create(const v1::PreActivation& definition,
                                                          std::string_view path);

  // The pieces that carry all but 1e-22 of the probability, or the extremes of the samples.
  double low() const { return low_; }
  double high() const { return high_; }
  bool normal() const { return stddev_ > 0; }
  double mean() const { return mean_; }
  double stddev() const { return stddev_; }
  // Empty unless it is one of samples.
  std::span<const double> samples() const { return samples_; }

  // For E[g(s)] where g is smooth except at `bends`. `points` is overwritten.
  void Points(std::span<const Bend> bends, WeightedPoints& points) const;
  // The same where g spans so many magnitudes that it may move the mass as far as `reach` (a value
  // of s), up to there and as finely there as around the mean.
  void PointsReaching(std::span<const Bend> bends, std::span<const double> reach,
                      WeightedPoints& points) const;

 private:
  PreActivationDistribution() = default;
  void AddPanel(double from, double to, WeightedPoints& points) const;

  double low_ = 0;
  double high_ = 0;
  double mean_ = 0;
  // 0 unless normal.
  double stddev_ = 0;
  std::vector<double> samples_;
};

}  // namespace torpor
