#include "engine/scaling/neuron_bias.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <span>
#include <vector>

#include "absl/strings/str_cat.h"
#include "engine/base/status.h"
#include "engine/scaling/neuron_activation.h"
#include "engine/scaling/table_one.h"

namespace torpor {
namespace {

constexpr int kMaxEpsilons = 1000;
constexpr double kMaxEpsilon = 4;
constexpr double kLargestBias = 1e12;
constexpr int64_t kMaxWork = 10000000;
// Cells of the search for stationary points.
constexpr int kCells = 16;
// Half the distance of the difference quotient at epsilon 1.
constexpr double kStep = 1e-5;

// The error and half its derivative as functions of t in f(epsilon s + t). Not thread-safe.
class ErrorCurve {
 public:
  ErrorCurve(const AnalyzedNeuron& neuron, double epsilon) : neuron_(neuron), epsilon_(epsilon) {}

  double Error(double t) {
    Prepare(t);
    double sum = 0;
    for (size_t i = 0; i < points_.at.size(); ++i) {
      const double d =
          ActivationValue(neuron_.activation, epsilon_ * points_.at[i] + t) - unscaled_[i];
      sum += points_.weight[i] * d * d;
    }
    return sum;
  }

  // E[(f(epsilon s + t) - f(s)) f'(epsilon s + t)].
  double HalfSlope(double t) {
    Prepare(t);
    double sum = 0;
    for (size_t i = 0; i < points_.at.size(); ++i) {
      const ResponseAndSlope scaled =
          NeuronResponseAndSlope(neuron_.activation, epsilon_ * points_.at[i] + t);
      sum += points_.weight[i] * (scaled.response - unscaled_[i]) * scaled.slope;
    }
    return sum;
  }

 private:
  // The integrand bends where f(s) does and where f(epsilon s + t) does.
  void Prepare(double t) {
    if (!neuron_.distribution->samples().empty() && !points_.at.empty()) return;
    std::vector<Bend> bends;
    if (const double width = BendWidth(neuron_.activation); std::isfinite(width)) {
      bends.push_back({0, width});
      if (epsilon_ > 0) bends.push_back({-t / epsilon_, width / epsilon_});
    }
    neuron_.distribution->Points(bends, points_);
    unscaled_.clear();
    for (const double s : points_.at) unscaled_.push_back(ActivationValue(neuron_.activation, s));
  }

  const AnalyzedNeuron& neuron_;
  const double epsilon_;
  WeightedPoints points_;
  // f at each point.
  std::vector<double> unscaled_;
};

// The root of the derivative between `from` (falling, slope below 0) and `to` (rising): false
// position whose stale end counts half (Illinois), so that both ends move.
double Root(ErrorCurve& curve, double from, double falling, double to, double rising) {
  const double tolerance = 1e-15 * (std::abs(from) + std::abs(to));
  double root = from;
  int side = 0;
  for (int i = 0; i < 100 && rising > 0 && to - from > tolerance; ++i) {
    const double last = root;
    root = from - falling * (to - from) / (rising - falling);
    if (!(root > from && root < to)) root = from + (to - from) / 2;
    const double slope = curve.HalfSlope(root);
    if (slope == 0 || (i > 0 && std::abs(root - last) <= tolerance)) return root;
    if (slope < 0) {
      from = root;
      falling = slope;
      if (side < 0) rising /= 2;
      side = -1;
    } else {
      to = root;
      rising = slope;
      if (side > 0) falling /= 2;
      side = 1;
    }
  }
  return rising > 0 ? root : to;
}

// E[f(s)].
double MeanResponse(const AnalyzedNeuron& neuron) {
  WeightedPoints points;
  const Bend bends[] = {{0, BendWidth(neuron.activation)}};
  neuron.distribution->Points(bends, points);
  double sum = 0;
  for (size_t i = 0; i < points.at.size(); ++i) {
    sum += points.weight[i] * ActivationValue(neuron.activation, points.at[i]);
  }
  return sum;
}

// The same for ReLU and samples, exactly: between the shifts at which one sample after the other
// begins to fire the error is a parabola, and there may be a minimum in each of them.
double BestReluShift(std::span<const double> samples, double epsilon, double unchanged) {
  std::vector<double> s(samples.begin(), samples.end());
  std::sort(s.begin(), s.end(), std::greater<>());
  // The error as a function of t: silent + sum over those that fire of (d + t)^2, d = epsilon s -
  // f(s).
  double silent = 0, sum = 0, squares = 0;
  for (const double value : s) silent += value > 0 ? value * value : 0;
  double firing = 0;
  const auto error_at = [&](double t) { return silent + squares + t * (2 * sum + firing * t); };
  // Before the first fires every shift is as good as any other.
  double best = std::min(unchanged, -epsilon * s[0]);
  double error = silent;
  for (size_t i = 0; i < s.size(); ++i) {
    const double response = s[i] > 0 ? s[i] : 0, d = epsilon * s[i] - response;
    silent -= response * response;
    sum += d;
    squares += d * d;
    firing += 1;
    const double from = -epsilon * s[i];
    const double to =
        i + 1 < s.size() ? -epsilon * s[i + 1] : std::numeric_limits<double>::infinity();
    if (!(to > from)) continue;
    const double t = std::clamp(-sum / firing, from, to);
    if (const double other = error_at(t); other < error) {
      error = other;
      best = t;
    }
  }
  return best;
}

// t of the lowest error.
double BestShift(const AnalyzedNeuron& neuron, double epsilon) {
  const PreActivationDistribution& s = *neuron.distribution;
  // Left as it is, f(epsilon (s - b) + b).
  const double unchanged = (1 - epsilon) * neuron.bias;
  if (neuron.activation == v1::Activation::LINEAR) return (1 - epsilon) * s.mean();
  if (neuron.activation == v1::Activation::RELU && !s.samples().empty()) {
    return BestReluShift(s.samples(), epsilon, unchanged);
  }
  ErrorCurve curve(neuron, epsilon);
  double best = unchanged;
  double error = curve.Error(unchanged);
  const auto consider = [&](double t) {
    const double other = curve.Error(t);
    if (other < error) {
      error = other;
      best = t;
    }
  };
  // Every single s is answered best with t = (1 - epsilon) s, so the best of all lies between.
  double low = (1 - epsilon) * s.low(), high = (1 - epsilon) * s.high();
  if (low > high) std::swap(low, high);
  consider(low);
  consider(high);
  std::vector<double> grid;
  for (int cell = 0; cell < kCells; ++cell) grid.push_back(low + (high - low) * cell / kCells);
  grid.push_back(high);
  if (neuron.activation == v1::Activation::RELU) {
    // The derivative is 0 where nothing fires, and the rest may happen in the narrow range in which
    // one s after the other begins to.
    const double width = s.high() - s.low();
    for (int cell = 0; cell <= kCells; ++cell) {
      grid.push_back(-epsilon * (s.low() + width * cell / kCells));
    }
    std::sort(grid.begin(), grid.end());
    if (epsilon == 0) consider(MeanResponse(neuron));
  }
  double from = grid[0];
  double slope = curve.HalfSlope(from);
  for (const double to : grid) {
    if (to <= from) continue;
    const double next = curve.HalfSlope(to);
    if (slope < 0 && next >= 0) consider(Root(curve, from, slope, to, next));
    from = to;
    slope = next;
  }
  return best;
}

double StepShift(const AnalyzedNeuron& neuron, double epsilon) {
  if (epsilon > 0) return 0;
  // A constant, 0 for t <= 0 and 1 above.
  ErrorCurve curve(neuron, epsilon);
  const double unchanged = neuron.bias;
  constexpr double kJustAbove = 1e-9;
  const double other = unchanged > 0 ? 0 : kJustAbove;
  return curve.Error(unchanged) <= curve.Error(other) ? unchanged : other;
}

absl::Status CheckRequest(const v1::AnalyzeNeuronBiasRequest& request) {
  Violations violations;
  if (!(std::abs(request.bias()) <= kLargestBias)) {
    violations.Add("bias", absl::StrCat("must be in [-1e12, 1e12], got ", request.bias()));
  }
  if (request.epsilon_size() < 1 || request.epsilon_size() > kMaxEpsilons) {
    violations.Add("epsilon", absl::StrCat("must be 1..", kMaxEpsilons, " values, has ",
                                           request.epsilon_size()));
  } else {
    for (int i = 0; i < request.epsilon_size(); ++i) {
      if (!(request.epsilon(i) >= 0 && request.epsilon(i) <= kMaxEpsilon)) {
        violations.Add(absl::StrCat("epsilon[", i, "]"),
                       absl::StrCat("must be in [0, ", kMaxEpsilon, "], got ", request.epsilon(i)));
      }
    }
  }
  const int64_t work =
      int64_t{request.pre_activation().samples().values_size()} * request.epsilon_size();
  if (work > kMaxWork) {
    violations.Add("epsilon", absl::StrCat("samples times epsilons must be at most ", kMaxWork,
                                           ", are ", work, "; send fewer of either"));
  }
  return violations.ToStatus();
}

// (1 - epsilon)(m - b).
double ChangeTowards(const AnalyzedNeuron& neuron, double epsilon, double mean) {
  // Not -0 at epsilon 1.
  return (1 - epsilon) * (mean - neuron.bias) + 0.0;
}

}  // namespace

double ExpectedSquaredError(const AnalyzedNeuron& neuron, double epsilon, double change) {
  return ErrorCurve(neuron, epsilon).Error((1 - epsilon) * neuron.bias + change);
}

double OptimalBiasChange(const AnalyzedNeuron& neuron, double epsilon) {
  if (epsilon == 1) return 0;
  const double shift = neuron.activation == v1::Activation::STEP ? StepShift(neuron, epsilon)
                                                                 : BestShift(neuron, epsilon);
  return shift - (1 - epsilon) * neuron.bias;
}

double TangentMean(const AnalyzedNeuron& neuron) {
  const PreActivationDistribution& s = *neuron.distribution;
  if (neuron.activation == v1::Activation::STEP) return 0;
  if (neuron.activation == v1::Activation::LINEAR) return s.mean();
  if (neuron.activation == v1::Activation::RELU && s.normal()) {
    // The closed form is exact, and does not lose the tail of a unit that hardly ever fires.
    return TableOneMean(neuron.activation, s.mean(), s.stddev());
  }
  // In a tail f'^2 is exp(-k |s|) and moves the mass by k stddev^2 towards 0, at most up to it.
  const double width = BendWidth(neuron.activation);
  std::vector<double> reach;
  if (s.normal() && width > 0) {
    const double moved = std::abs(s.mean()) - 2 / width * s.stddev() * s.stddev();
    reach.push_back(std::copysign(std::max(moved, 0.0), s.mean()));
  }
  WeightedPoints points;
  const Bend bends[] = {{0, width}};
  s.PointsReaching(bends, reach, points);
  double largest = -std::numeric_limits<double>::infinity();
  for (size_t i = 0; i < points.at.size(); ++i) {
    largest =
        std::max(largest, points.log_weight[i] + LogSquaredSlope(neuron.activation, points.at[i]));
  }
  if (!std::isfinite(largest)) return 0;
  double sum = 0, mass = 0;
  for (size_t i = 0; i < points.at.size(); ++i) {
    const double weight =
        std::exp(points.log_weight[i] + LogSquaredSlope(neuron.activation, points.at[i]) - largest);
    mass += weight;
    sum += weight * points.at[i];
  }
  return sum / mass;
}

absl::StatusOr<v1::AnalyzeNeuronBiasResponse> AnalyzeNeuronBias(
    const v1::AnalyzeNeuronBiasRequest& request, const Cancellation& cancellation) {
  TORPOR_RETURN_IF_ERROR(CheckNeuronActivation(request.activation()));
  TORPOR_RETURN_IF_ERROR(CheckRequest(request));
  TORPOR_ASSIGN_OR_RETURN(
      const PreActivationDistribution distribution,
      PreActivationDistribution::Create(request.pre_activation(), "pre_activation"));
  const AnalyzedNeuron neuron{request.activation(), request.bias(), &distribution};
  const double tangent = TangentMean(neuron);
  v1::AnalyzeNeuronBiasResponse response;
  for (const double epsilon : request.epsilon()) {
    TORPOR_RETURN_IF_ERROR(cancellation.Check());
    v1::AnalyzeNeuronBiasResponse::Point& point = *response.add_points();
    point.set_epsilon(epsilon);
    point.set_optimal_change(OptimalBiasChange(neuron, epsilon));
    point.set_tangent_change(ChangeTowards(neuron, epsilon, tangent));
    point.set_optimal_error(ExpectedSquaredError(neuron, epsilon, point.optimal_change()));
    point.set_unchanged_error(ExpectedSquaredError(neuron, epsilon, 0));
    if (distribution.normal()) {
      const double table =
          TableOneMean(neuron.activation, distribution.mean(), distribution.stddev());
      point.set_table_change(ChangeTowards(neuron, epsilon, table));
      point.set_table_error(ExpectedSquaredError(neuron, epsilon, point.table_change()));
    }
  }
  response.set_optimal_slope(
      (OptimalBiasChange(neuron, 1 + kStep) - OptimalBiasChange(neuron, 1 - kStep)) / (2 * kStep));
  response.set_tangent_slope(neuron.bias - tangent);
  if (distribution.normal()) {
    response.set_table_slope(
        neuron.bias - TableOneMean(neuron.activation, distribution.mean(), distribution.stddev()));
  }
  return response;
}

}  // namespace torpor
