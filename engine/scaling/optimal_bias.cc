#include "engine/scaling/optimal_bias.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "Eigen/Cholesky"
#include "Eigen/Core"
#include "engine/base/status.h"

namespace torpor {
namespace {

constexpr double kFlat = 1e-9;
constexpr double kLongestStep = 1;
constexpr int kMaxSteps = 200;
constexpr int kMaxHalvings = 40;
constexpr double kRounding = 1e-12;
constexpr double kSteadier = 0.5;
constexpr int kScanPoints = 65;
// The second between the neighbours of the lowest point of the first.
constexpr int kScans = 2;
// How far beyond the outermost score the scan goes: a sigmoid's tail.
constexpr double kTail = 8;
// Samples between two looks at the cancellation, and a block of CE's sums.
constexpr int64_t kBlock = 8192;
constexpr int64_t kJointBlock = 512;
constexpr int64_t kWave = 16;

// A loss and its first two derivatives by one bias, means over samples.
struct Curve {
  double loss = 0;
  double slope = 0;
  double bend = 0;
};

double Sigmoid(double s) {
  const double e = std::exp(-std::abs(s));
  return (s >= 0 ? 1 : e) / (1 + e);
}

// f, f' and f'' of a pointwise activation.
struct Point {
  double value, slope, bend;
};

Point ActivationAt(v1::Activation::Kind activation, double s) {
  switch (activation) {
    case v1::Activation::LINEAR:
      return {s, 1, 0};
    case v1::Activation::RELU:
      return s > 0 ? Point{s, 1, 0} : Point{0, 0, 0};
    case v1::Activation::SIGMOID: {
      const double x = Sigmoid(s);
      const double slope = x * (1 - x);
      return {x, slope, slope * (1 - 2 * x)};
    }
    case v1::Activation::TANH: {
      const double x = std::tanh(s);
      const double slope = 1 - x * x;
      return {x, slope, -2 * x * slope};
    }
    default:
      TORPOR_CHECK(false && "the activation was validated");
  }
}

// One output's share of a loss that separates, as a function of its bias. Serial.
class OneOutput {
 public:
  OneOutput(const OptimalBiasProblem& problem, int output, const Cancellation& cancellation)
      : problem_(problem),
        output_(output),
        cancellation_(cancellation),
        products_(static_cast<size_t>(problem.products.rows())) {
    for (size_t p = 0; p < products_.size(); ++p) {
      products_[p] = problem.products(static_cast<Eigen::Index>(p), output);
    }
  }

  // Cancelled computations return what they have; the caller looks at the cancellation.
  Curve At(double bias) const {
    Curve sum;
    for (size_t p = 0; p < products_.size(); ++p) {
      if (p % kBlock == 0 && !cancellation_.Check().ok()) return Curve();
      Add(products_[p] + bias, problem_.labels[p] == output_ ? 1 : 0, sum);
    }
    const double n = static_cast<double>(products_.size());
    return {sum.loss / n, sum.slope / n, sum.bend / n};
  }

  // The bias at which to begin: `start` where the loss is convex.
  double Begin(double start) const {
    if (problem_.loss == v1::Loss::BCE) return start;
    const auto [least, most] = std::minmax_element(products_.begin(), products_.end());
    double low = -*most - kTail;
    double high = -*least + kTail;
    double best = start;
    double best_loss = At(start).loss;
    for (int scan = 0; scan < kScans; ++scan) {
      const double spacing = (high - low) / (kScanPoints - 1);
      for (int k = 0; k < kScanPoints; ++k) {
        const double bias = low + k * spacing;
        const double loss = At(bias).loss;
        if (loss < best_loss) {
          best = bias;
          best_loss = loss;
        }
      }
      low = best - spacing;
      high = best + spacing;
    }
    return best;
  }

 private:
  void Add(double s, double target, Curve& sum) const {
    if (problem_.loss == v1::Loss::BCE) {
      const double x = Sigmoid(s);
      sum.loss += std::max(s, 0.0) - s * target + std::log1p(std::exp(-std::abs(s)));
      sum.slope += x - target;
      sum.bend += x * (1 - x);
      return;
    }
    const Point x = ActivationAt(problem_.activation, s);
    const double miss = x.value - target;
    sum.loss += miss * miss;
    sum.slope += 2 * miss * x.slope;
    sum.bend += 2 * (x.slope * x.slope + miss * x.bend);
  }

  const OptimalBiasProblem& problem_;
  const int output_;
  const Cancellation& cancellation_;
  std::vector<double> products_;
};

// Whether a step went down. At the bottom rounding hides the descent, but the slope still shows it.
bool Lower(double loss_here, double slope_here, double loss_there, double slope_there) {
  if (loss_there < loss_here) return true;
  return loss_there - loss_here <= kRounding * (1 + std::abs(loss_here)) &&
         slope_there < kSteadier * slope_here;
}

// Descends from `bias` to a minimum. Where the curve bends down, Newton's step would climb: a step
// of full length goes downhill instead.
double Descend(const OneOutput& output, double bias, double& loss) {
  Curve here = output.At(bias);
  for (int k = 0; k < kMaxSteps && std::abs(here.slope) > kFlat; ++k) {
    double step = here.bend > 0 ? -here.slope / here.bend : std::copysign(1.0, -here.slope);
    step = std::clamp(step, -kLongestStep, kLongestStep);
    Curve there = output.At(bias + step);
    const auto lower = [&] {
      return Lower(here.loss, std::abs(here.slope), there.loss, std::abs(there.slope));
    };
    for (int halvings = 0; !lower() && halvings < kMaxHalvings; ++halvings) {
      step /= 2;
      there = output.At(bias + step);
    }
    if (!lower()) break;
    bias += step;
    here = there;
  }
  loss = here.loss;
  return bias;
}

absl::StatusOr<OptimalBias> BySeparateOutputs(const OptimalBiasProblem& problem, ThreadPool* pool,
                                              const Cancellation& cancellation) {
  const size_t outputs = problem.start.size();
  std::vector<double> begin(outputs), end(outputs);
  OptimalBias found;
  found.bias.resize(outputs);
  pool->ParallelFor(static_cast<int>(outputs), [&](int i) {
    const size_t at = static_cast<size_t>(i);
    const OneOutput output(problem, i, cancellation);
    begin[at] = output.At(problem.start[at]).loss;
    const double from = output.Begin(problem.start[at]);
    found.bias[at] = static_cast<float>(Descend(output, from, end[at]));
  });
  TORPOR_RETURN_IF_ERROR(cancellation.Check());
  for (size_t i = 0; i < outputs; ++i) {
    found.start_loss += begin[i];
    found.loss += end[i];
  }
  return found;
}

// Cross-entropy over all outputs: sums over samples, then means.
struct JointCurve {
  double loss = 0;
  Eigen::VectorXd slope;
  Eigen::MatrixXd bend;

  explicit JointCurve(Eigen::Index outputs)
      : slope(Eigen::VectorXd::Zero(outputs)), bend(Eigen::MatrixXd::Zero(outputs, outputs)) {}
};

void AddJointBlock(const OptimalBiasProblem& problem, const Eigen::VectorXd& bias, int64_t first,
                   int64_t count, JointCurve& sum) {
  Eigen::MatrixXd p(bias.size(), count);
  for (int64_t k = 0; k < count; ++k) {
    const Eigen::VectorXd s = problem.products.row(first + k).transpose().cast<double>() + bias;
    const double top = s.maxCoeff();
    p.col(k) = (s.array() - top).exp();
    const double total = p.col(k).sum();
    p.col(k) /= total;
    const int32_t label = problem.labels[static_cast<size_t>(first + k)];
    sum.loss += std::log(total) + top - s[label];
    sum.slope += p.col(k);
    sum.slope[label] -= 1;
    sum.bend.diagonal() += p.col(k);
  }
  sum.bend.noalias() -= p * p.transpose();
}

absl::StatusOr<JointCurve> JointAt(const OptimalBiasProblem& problem, const Eigen::VectorXd& bias,
                                   ThreadPool* pool, const Cancellation& cancellation) {
  const int64_t n = problem.products.rows();
  const int64_t blocks = (n + kJointBlock - 1) / kJointBlock;
  JointCurve total(bias.size());
  for (int64_t wave = 0; wave < blocks; wave += kWave) {
    TORPOR_RETURN_IF_ERROR(cancellation.Check());
    const int64_t held = std::min(kWave, blocks - wave);
    std::vector<JointCurve> sums(static_cast<size_t>(held), JointCurve(bias.size()));
    pool->ParallelFor(static_cast<int>(held), [&](int i) {
      const int64_t first = (wave + i) * kJointBlock;
      AddJointBlock(problem, bias, first, std::min(kJointBlock, n - first),
                    sums[static_cast<size_t>(i)]);
    });
    for (const JointCurve& each : sums) {
      total.loss += each.loss;
      total.slope += each.slope;
      total.bend += each.bend;
    }
  }
  const double scale = 1.0 / static_cast<double>(n);
  total.loss *= scale;
  total.slope *= scale;
  total.bend *= scale;
  return total;
}

absl::StatusOr<OptimalBias> Jointly(const OptimalBiasProblem& problem, ThreadPool* pool,
                                    const Cancellation& cancellation) {
  const Eigen::Index outputs = static_cast<Eigen::Index>(problem.start.size());
  TORPOR_CHECK(outputs <= kMaxJointOutputs);
  Eigen::VectorXd bias =
      Eigen::Map<const Eigen::VectorXf>(problem.start.data(), outputs).cast<double>();
  TORPOR_ASSIGN_OR_RETURN(JointCurve here, JointAt(problem, bias, pool, cancellation));
  OptimalBias found;
  found.start_loss = here.loss;
  for (int k = 0; k < kMaxSteps && here.slope.lpNorm<Eigen::Infinity>() > kFlat; ++k) {
    // The slopes sum to zero, so with a bend of 1 along (1, ..., 1) the step has no part there. Far
    // in the tails nothing bends: the smallest of bends keeps the matrix definite.
    Eigen::MatrixXd bend = here.bend;
    bend.array() += 1.0 / static_cast<double>(outputs);
    bend.diagonal().array() += 1e-14;
    Eigen::VectorXd step = -bend.ldlt().solve(here.slope);
    step.array() -= step.mean();
    const double longest = step.lpNorm<Eigen::Infinity>();
    if (!std::isfinite(longest)) break;
    if (longest > kLongestStep) step *= kLongestStep / longest;
    TORPOR_ASSIGN_OR_RETURN(JointCurve there, JointAt(problem, bias + step, pool, cancellation));
    const auto lower = [&] {
      return Lower(here.loss, here.slope.lpNorm<Eigen::Infinity>(), there.loss,
                   there.slope.lpNorm<Eigen::Infinity>());
    };
    for (int halvings = 0; !lower() && halvings < kMaxHalvings; ++halvings) {
      step /= 2;
      TORPOR_ASSIGN_OR_RETURN(there, JointAt(problem, bias + step, pool, cancellation));
    }
    if (!lower()) break;
    bias += step;
    here = std::move(there);
  }
  found.loss = here.loss;
  found.bias.resize(problem.start.size());
  Eigen::Map<Eigen::VectorXf>(found.bias.data(), outputs) = bias.cast<float>();
  return found;
}

}  // namespace

absl::StatusOr<OptimalBias> FindOptimalBias(const OptimalBiasProblem& problem, ThreadPool* pool,
                                            const Cancellation& cancellation) {
  TORPOR_CHECK(problem.products.rows() >= 1 &&
               problem.products.rows() == static_cast<Eigen::Index>(problem.labels.size()) &&
               problem.products.cols() == static_cast<Eigen::Index>(problem.start.size()));
  if (problem.loss == v1::Loss::CE) return Jointly(problem, pool, cancellation);
  return BySeparateOutputs(problem, pool, cancellation);
}

}  // namespace torpor
