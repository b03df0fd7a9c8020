#include "engine/scaling/pre_activation.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "absl/strings/str_cat.h"
#include "engine/base/status.h"

namespace torpor {
namespace {

// Deviations from the mean beyond which a normal distribution is left out.
constexpr int kDeviations = 10;
constexpr int kMaxSamples = 1000000;
// Panels around a bend end at the width times powers of two, up to this one.
constexpr int kWidths = 64;

// Gauss-Legendre on [-1, 1], 16 points: the positive half (Abramowitz and Stegun, table 25.4).
constexpr double kNodes[] = {0.095012509837637440185, 0.281603550779258913230,
                             0.458016777657227386342, 0.617876244402643748447,
                             0.755404408355003033895, 0.865631202387831743880,
                             0.944575023073232576078, 0.989400934991649932596};
constexpr double kWeights[] = {0.189450610455068496285, 0.182603415044923588867,
                               0.169156519395002538189, 0.149595988816576732081,
                               0.124628971255533872052, 0.095158511682492784810,
                               0.062253523938647892863, 0.027152459411754094852};

std::string Path(std::string_view path, const char* field) {
  return absl::StrCat(std::string(path), ".", field);
}

bool Finite(double value) { return std::isfinite(value); }

}  // namespace

absl::StatusOr<PreActivationDistribution> PreActivationDistribution::Create(
    const v1::PreActivation& definition, std::string_view path) {
  // Sums and squares of such values stay far from the ends of a double.
  constexpr double kLargest = 1e12;
  const auto usable = [](double value) { return Finite(value) && std::abs(value) <= kLargest; };
  PreActivationDistribution result;
  Violations violations;
  switch (definition.distribution_case()) {
    case v1::PreActivation::kNormal: {
      const double mean = definition.normal().mean(), stddev = definition.normal().stddev();
      if (!usable(mean)) {
        violations.Add(Path(path, "normal.mean"),
                       absl::StrCat("must be in [-1e12, 1e12], got ", mean));
      }
      if (!(stddev >= 1e-12 && stddev <= kLargest)) {
        violations.Add(Path(path, "normal.stddev"),
                       absl::StrCat("must be above 0 (1e-12 to 1e12), got ", stddev));
      }
      result.mean_ = mean;
      result.stddev_ = stddev;
      result.low_ = mean - kDeviations * stddev;
      result.high_ = mean + kDeviations * stddev;
      break;
    }
    case v1::PreActivation::kUniform: {
      const double low = definition.uniform().low(), high = definition.uniform().high();
      if (!usable(low)) {
        violations.Add(Path(path, "uniform.low"),
                       absl::StrCat("must be in [-1e12, 1e12], got ", low));
      }
      if (!usable(high) || !(high > low)) {
        violations.Add(Path(path, "uniform.high"),
                       absl::StrCat("must be above low, ", low, ", and at most 1e12, got ", high));
      }
      result.low_ = low;
      result.high_ = high;
      result.mean_ = (low + high) / 2;
      break;
    }
    case v1::PreActivation::kSamples: {
      const auto& values = definition.samples().values();
      if (values.empty() || values.size() > kMaxSamples) {
        violations.Add(Path(path, "samples.values"),
                       absl::StrCat("must be 1..", kMaxSamples, " values, has ", values.size()));
        break;
      }
      const auto bad = std::find_if_not(values.begin(), values.end(), usable);
      if (bad != values.end()) {
        violations.Add(absl::StrCat(Path(path, "samples.values"), "[", bad - values.begin(), "]"),
                       absl::StrCat("must be in [-1e12, 1e12], got ", *bad));
        break;
      }
      result.samples_.assign(values.begin(), values.end());
      const auto [low, high] = std::minmax_element(values.begin(), values.end());
      result.low_ = *low;
      result.high_ = *high;
      double sum = 0;
      for (const double value : values) sum += value;
      result.mean_ = sum / values.size();
      break;
    }
    default:
      violations.Add(std::string(path), "must be set: normal, uniform or samples");
  }
  TORPOR_RETURN_IF_ERROR(violations.ToStatus());
  return result;
}

void PreActivationDistribution::AddPanel(double from, double to, WeightedPoints& points) const {
  const double half = (to - from) / 2, middle = from + half;
  // Logarithm of the density's factor.
  const double density =
      stddev_ > 0 ? -std::log(stddev_ * std::sqrt(2 * std::numbers::pi)) : -std::log(high_ - low_);
  for (size_t i = 0; i < std::size(kNodes); ++i) {
    for (const double side : {-1.0, 1.0}) {
      const double at = middle + side * half * kNodes[i];
      double log_weight = std::log(half * kWeights[i]) + density;
      if (stddev_ > 0) {
        const double z = (at - mean_) / stddev_;
        log_weight -= z * z / 2;
      }
      points.at.push_back(at);
      points.log_weight.push_back(log_weight);
      points.weight.push_back(std::exp(log_weight));
    }
  }
}

void PreActivationDistribution::Points(std::span<const Bend> bends, WeightedPoints& points) const {
  PointsReaching(bends, {}, points);
}

void PreActivationDistribution::PointsReaching(std::span<const Bend> bends,
                                               std::span<const double> reach,
                                               WeightedPoints& points) const {
  points.at.clear();
  points.weight.clear();
  points.log_weight.clear();
  if (!samples_.empty()) {
    const double weight = 1 / static_cast<double>(samples_.size());
    points.at = samples_;
    points.weight.assign(samples_.size(), weight);
    points.log_weight.assign(samples_.size(), std::log(weight));
    return;
  }
  std::vector<double> ends = {low_, high_};
  double low = low_, high = high_;
  if (stddev_ > 0) {
    for (const double centre : reach) {
      low = std::min(low, centre - kDeviations * stddev_);
      high = std::max(high, centre + kDeviations * stddev_);
    }
    for (int k = -kDeviations; k <= kDeviations; ++k) {
      ends.push_back(mean_ + k * stddev_);
      for (const double centre : reach) ends.push_back(centre + k * stddev_);
    }
  }
  for (const Bend& bend : bends) {
    ends.push_back(bend.centre);
    if (bend.width <= 0) continue;
    for (int k = 1; k <= kWidths; k *= 2) {
      ends.push_back(bend.centre - k * bend.width);
      ends.push_back(bend.centre + k * bend.width);
    }
  }
  std::sort(ends.begin(), ends.end());
  double from = low;
  for (const double end : ends) {
    if (end > from && end <= high) {
      AddPanel(from, end, points);
      from = end;
    }
  }
  if (high > from) AddPanel(from, high, points);
}

}  // namespace torpor
