#include "engine/scaling/calibration.h"

#include <cmath>

#include "engine/base/simd.h"
#include "engine/base/status.h"

namespace torpor {
namespace {

// Row-wise loops, so that memory is read in order and each unit's sum runs over samples in order.
TORPOR_SIMD void AddRow(const float* row, int64_t n, double* sum, double* active) {
  for (int64_t i = 0; i < n; ++i) {
    sum[i] += row[i];
    active[i] += row[i] > 0 ? 1.0 : 0.0;
  }
}

TORPOR_SIMD void AddSquaredDeviations(const float* row, const double* mean, int64_t n, double* m2) {
  for (int64_t i = 0; i < n; ++i) {
    const double deviation = row[i] - mean[i];
    m2[i] += deviation * deviation;
  }
}

TORPOR_SIMD void AddSquares(const float* row, int64_t n, double* sum) {
  for (int64_t i = 0; i < n; ++i) sum[i] += static_cast<double>(row[i]) * row[i];
}

}  // namespace

double LayerStatistics::PooledStddev() const {
  const double pooled_mean = mean.mean();
  const double variance = (stddev.array().square() + (mean.array() - pooled_mean).square()).mean();
  return std::sqrt(variance);
}

LayerSums LayerSums::OfBlock(ConstMatrixView pre_activations, ConstMatrixView inputs) {
  TORPOR_CHECK(pre_activations.rows() == inputs.rows() && inputs.rows() >= 1);
  const int64_t units = pre_activations.cols();
  LayerSums sums;
  sums.samples_ = inputs.rows();
  sums.mean_ = Eigen::VectorXd::Zero(units);
  sums.m2_ = Eigen::VectorXd::Zero(units);
  sums.active_ = Eigen::VectorXd::Zero(units);
  sums.squared_inputs_ = Eigen::VectorXd::Zero(inputs.cols());
  for (int64_t p = 0; p < sums.samples_; ++p) {
    AddRow(pre_activations.row(p).data(), units, sums.mean_.data(), sums.active_.data());
    AddSquares(inputs.row(p).data(), inputs.cols(), sums.squared_inputs_.data());
  }
  sums.mean_ /= static_cast<double>(sums.samples_);
  for (int64_t p = 0; p < sums.samples_; ++p) {
    AddSquaredDeviations(pre_activations.row(p).data(), sums.mean_.data(), units, sums.m2_.data());
  }
  return sums;
}

void LayerSums::Merge(const LayerSums& next) {
  if (next.samples_ == 0) return;
  if (samples_ == 0) {
    *this = next;
    return;
  }
  const double na = static_cast<double>(samples_);
  const double nb = static_cast<double>(next.samples_);
  const Eigen::VectorXd delta = next.mean_ - mean_;
  mean_ += delta * (nb / (na + nb));
  m2_ += next.m2_ + delta.cwiseAbs2() * (na * nb / (na + nb));
  active_ += next.active_;
  squared_inputs_ += next.squared_inputs_;
  samples_ += next.samples_;
}

LayerStatistics LayerSums::Statistics() const {
  TORPOR_CHECK(samples_ >= 1);
  const double n = static_cast<double>(samples_);
  return {.mean = mean_,
          .stddev = (m2_ / n).cwiseSqrt(),
          .active = active_ / n,
          .mean_squared_input = squared_inputs_ / n};
}

}  // namespace torpor
