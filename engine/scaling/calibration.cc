#include "engine/scaling/calibration.h"

#include <cmath>

#include "engine/base/simd.h"
#include "engine/base/status.h"

namespace torpor {
namespace {

using Eigen::VectorXd;

// Row-wise loops, so that memory is read in order and each sum runs over samples in order.
TORPOR_SIMD void AddRow(const float* row, int64_t n, double* sum) {
  for (int64_t i = 0; i < n; ++i) sum[i] += row[i];
}

TORPOR_SIMD void AddActive(const float* row, int64_t n, double* active) {
  for (int64_t i = 0; i < n; ++i) active[i] += row[i] > 0 ? 1.0 : 0.0;
}

TORPOR_SIMD void AddSquaredDeviations(const float* row, const double* mean, int64_t n, double* m2) {
  for (int64_t i = 0; i < n; ++i) {
    const double deviation = row[i] - mean[i];
    m2[i] += deviation * deviation;
  }
}

TORPOR_SIMD void AddProducts(const float* a, const float* b, int64_t n, double* sum) {
  for (int64_t i = 0; i < n; ++i) sum[i] += static_cast<double>(a[i]) * b[i];
}

TORPOR_SIMD void AddWeighted(const float* delta, const float* s, int64_t n, double* weight,
                             double* weighted) {
  for (int64_t i = 0; i < n; ++i) {
    const double d2 = static_cast<double>(delta[i]) * delta[i];
    weight[i] += d2;
    weighted[i] += d2 * s[i];
  }
}

const float* Row(const Matrix& m, int64_t p) { return m.data() + p * m.cols(); }

// Sums over each unit's places.
VectorXd ByUnit(const VectorXd& values, int64_t places) {
  if (places == 1) return values;
  VectorXd sums(values.size() / places);
  for (int64_t i = 0; i < sums.size(); ++i) sums[i] = values.segment(i * places, places).sum();
  return sums;
}

VectorXd Spread(const VectorXd& by_unit, int64_t places) {
  if (places == 1) return by_unit;
  VectorXd values(by_unit.size() * places);
  for (int64_t i = 0; i < by_unit.size(); ++i) {
    values.segment(i * places, places).setConstant(by_unit[i]);
  }
  return values;
}

}  // namespace

double LayerStatistics::PooledStddev() const {
  const double pooled_mean = mean.mean();
  const double variance = (stddev.array().square() + (mean.array() - pooled_mean).square()).mean();
  return std::sqrt(variance);
}

LayerSums LayerSums::OfBlock(const LayerBlock& block) {
  const Matrix& s = *block.pre_activations;
  const Matrix& inputs = *block.inputs;
  const int64_t samples = s.rows();
  TORPOR_CHECK(samples >= 1 && inputs.rows() == samples && s.cols() % block.places == 0);
  LayerSums sums;
  sums.samples_ = samples;
  sums.windows_ = samples * block.places;
  VectorXd total = VectorXd::Zero(s.cols());
  VectorXd active = VectorXd::Zero(s.cols());
  VectorXd m2 = VectorXd::Zero(s.cols());
  sums.squared_inputs_ = VectorXd::Zero(inputs.cols());
  for (int64_t p = 0; p < samples; ++p) {
    AddRow(Row(s, p), s.cols(), total.data());
    AddActive(Row(s, p), s.cols(), active.data());
    AddProducts(Row(inputs, p), Row(inputs, p), inputs.cols(), sums.squared_inputs_.data());
  }
  sums.mean_ = ByUnit(total, block.places) / static_cast<double>(sums.windows_);
  sums.active_ = ByUnit(active, block.places);
  const VectorXd mean = Spread(sums.mean_, block.places);
  for (int64_t p = 0; p < samples; ++p) {
    AddSquaredDeviations(Row(s, p), mean.data(), s.cols(), m2.data());
  }
  sums.m2_ = ByUnit(m2, block.places);
  if (block.projected != nullptr) {
    TORPOR_CHECK(block.projected->rows() == samples && block.projected->cols() == inputs.cols());
    sums.input_ = VectorXd::Zero(inputs.cols());
    sums.products_ = VectorXd::Zero(inputs.cols());
    for (int64_t p = 0; p < samples; ++p) {
      AddRow(Row(inputs, p), inputs.cols(), sums.input_.data());
      AddProducts(Row(inputs, p), Row(*block.projected, p), inputs.cols(), sums.products_.data());
    }
  }
  if (block.deltas != nullptr) {
    TORPOR_CHECK(block.deltas->rows() == samples && block.deltas->cols() == s.cols());
    VectorXd delta2 = VectorXd::Zero(s.cols());
    VectorXd delta2_s = VectorXd::Zero(s.cols());
    for (int64_t p = 0; p < samples; ++p) {
      AddWeighted(Row(*block.deltas, p), Row(s, p), s.cols(), delta2.data(), delta2_s.data());
    }
    sums.delta2_ = ByUnit(delta2, block.places);
    sums.delta2_s_ = ByUnit(delta2_s, block.places);
  }
  return sums;
}

void LayerSums::Merge(const LayerSums& next) {
  if (next.samples_ == 0) return;
  if (samples_ == 0) {
    *this = next;
    return;
  }
  const double na = static_cast<double>(windows_);
  const double nb = static_cast<double>(next.windows_);
  const VectorXd delta = next.mean_ - mean_;
  mean_ += delta * (nb / (na + nb));
  m2_ += next.m2_ + delta.cwiseAbs2() * (na * nb / (na + nb));
  active_ += next.active_;
  squared_inputs_ += next.squared_inputs_;
  input_ += next.input_;
  products_ += next.products_;
  delta2_ += next.delta2_;
  delta2_s_ += next.delta2_s_;
  samples_ += next.samples_;
  windows_ += next.windows_;
}

LayerStatistics LayerSums::Statistics() const {
  TORPOR_CHECK(samples_ >= 1);
  const double n = static_cast<double>(windows_);
  LayerStatistics statistics;
  statistics.mean = mean_;
  statistics.stddev = (m2_ / n).cwiseSqrt();
  statistics.active = active_ / n;
  statistics.mean_squared_input = squared_inputs_ / static_cast<double>(samples_);
  statistics.delta_mean = VectorXd::Zero(delta2_.size());
  for (int64_t i = 0; i < delta2_.size(); ++i) {
    if (delta2_[i] > 0) statistics.delta_mean[i] = delta2_s_[i] / delta2_[i];
  }
  return statistics;
}

}  // namespace torpor
