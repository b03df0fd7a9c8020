#include "engine/learn/metrics.h"

#include <algorithm>
#include <cmath>

#include "engine/base/status.h"

namespace torpor {
namespace {

v1::Loss::Kind EffectiveLoss(const ReadOut& read_out) {
  if (read_out.loss != v1::Loss::UNSPECIFIED) return read_out.loss;
  return read_out.activation == v1::Activation::SIGMOID ? v1::Loss::BCE : v1::Loss::CE;
}

double Sigmoid(double s) {
  // exp of a negative number only: it cannot overflow.
  const double e = std::exp(-std::fabs(s));
  return (s >= 0 ? 1 : e) / (1 + e);
}

double Activated(v1::Activation::Kind activation, double s) {
  switch (activation) {
    case v1::Activation::RELU:
      return std::max(s, 0.0);
    case v1::Activation::SIGMOID:
      return Sigmoid(s);
    case v1::Activation::TANH:
      return std::tanh(s);
    case v1::Activation::STEP:
      return s > 0 ? 1 : 0;
    default:
      return s;
  }
}

// What the read-out makes of a score before anything else.
double Tempered(const ReadOut& read_out, float score) { return score / read_out.temperature; }

// ln of the sum of exp(score).
double LogSumExp(const ReadOut& read_out, std::span<const float> scores) {
  const double top = Tempered(read_out, *std::max_element(scores.begin(), scores.end()));
  double sum = 0;
  for (const float s : scores) sum += std::exp(Tempered(read_out, s) - top);
  return top + std::log(sum);
}

}  // namespace

int ClassOf(std::span<const float> scores) {
  return static_cast<int>(std::max_element(scores.begin(), scores.end()) - scores.begin());
}

void Outputs(const ReadOut& read_out, std::span<const float> scores, std::span<double> out) {
  TORPOR_CHECK(out.size() == scores.size() && !scores.empty());
  if (read_out.loss == v1::Loss::CE || read_out.activation == v1::Activation::SOFTMAX) {
    const double total = LogSumExp(read_out, scores);
    for (size_t i = 0; i < scores.size(); ++i) {
      out[i] = std::exp(Tempered(read_out, scores[i]) - total);
    }
    return;
  }
  for (size_t i = 0; i < scores.size(); ++i) {
    out[i] = Activated(read_out.activation, Tempered(read_out, scores[i]));
  }
}

double SampleLoss(const ReadOut& read_out, std::span<const float> scores, int32_t label) {
  TORPOR_CHECK(label >= 0 && static_cast<size_t>(label) < scores.size());
  const size_t target = static_cast<size_t>(label);
  double loss = 0;
  switch (EffectiveLoss(read_out)) {
    case v1::Loss::CE:
      return LogSumExp(read_out, scores) - Tempered(read_out, scores[target]);
    case v1::Loss::MSE:
      for (size_t i = 0; i < scores.size(); ++i) {
        const double error =
            Activated(read_out.activation, Tempered(read_out, scores[i])) - (i == target ? 1 : 0);
        loss += error * error;
      }
      return loss;
    default:
      // -t ln x - (1 - t) ln(1 - x) with x = sigmoid(s) is ln(1 + e^s) - t s.
      for (size_t i = 0; i < scores.size(); ++i) {
        const double s = Tempered(read_out, scores[i]);
        loss += std::max(s, 0.0) + std::log1p(std::exp(-std::fabs(s))) - (i == target ? s : 0);
      }
      return loss;
  }
}

double WinningProbability(const ReadOut& read_out, std::span<const float> scores) {
  TORPOR_CHECK(!scores.empty());
  const double top = Tempered(read_out, scores[static_cast<size_t>(ClassOf(scores))]);
  if (read_out.activation == v1::Activation::SIGMOID && read_out.loss != v1::Loss::CE) {
    // Divided by the winner's output, so that outputs too small for a double still have a ratio:
    // sigmoid(s) / sigmoid(top) = e^(s - top) (1 + e^top) / (1 + e^s).
    double sum = 0;
    for (const float score : scores) {
      const double s = Tempered(read_out, score);
      sum += top < -30 ? std::exp(s - top) : Sigmoid(s) / Sigmoid(top);
    }
    return 1 / sum;
  }
  return std::exp(top - LogSumExp(read_out, scores));
}

int CalibrationError::BinOf(double probability) {
  return std::clamp(static_cast<int>(probability * kBins), 0, kBins - 1);
}

void CalibrationError::Add(double probability, bool correct) {
  const int bin = BinOf(probability);
  ++count_[bin];
  correct_[bin] += correct ? 1 : 0;
  probability_[bin] += probability;
}

double CalibrationError::Value() const {
  int64_t total = 0;
  double error = 0;
  for (int bin = 0; bin < kBins; ++bin) {
    total += count_[bin];
    // count |correct / count - probability / count|
    error += std::fabs(static_cast<double>(correct_[bin]) - probability_[bin]);
  }
  return total == 0 ? 0 : error / static_cast<double>(total);
}

Interval WilsonInterval(int64_t successes, int64_t n) {
  TORPOR_CHECK(successes >= 0 && successes <= n);
  if (n == 0) return {};
  constexpr double kZ = 1.959963984540054;  // 97.5 % point of the standard normal
  const double count = static_cast<double>(n);
  const double share = static_cast<double>(successes) / count;
  const double scale = 1 + kZ * kZ / count;
  const double centre = (share + kZ * kZ / (2 * count)) / scale;
  const double half =
      kZ / scale * std::sqrt(share * (1 - share) / count + kZ * kZ / (4 * count * count));
  // At no or all successes a bound is exactly 0 or 1; rounding must not push it across.
  return {.low = successes == 0 ? 0 : std::max(0.0, centre - half),
          .high = successes == n ? 1 : std::min(1.0, centre + half)};
}

}  // namespace torpor
