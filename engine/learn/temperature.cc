#include "engine/learn/temperature.h"

#include <cmath>
#include <vector>

#include "engine/base/status.h"

namespace torpor {
namespace {

// Where 1 / T is looked for.
constexpr double kLowest = 1e-6;
constexpr double kHighest = 1e6;
constexpr double kPrecision = 1e-3;

// Derivative of the summed cross-entropy with respect to sharpness = 1 / T: mean score under the
// softmax less the one wanted, `wanted[i]`. It grows with the sharpness, since the cross-entropy is
// convex in it.
double Slope(ConstMatrixView scores, std::span<const double> wanted, double sharpness) {
  double slope = 0;
  for (Eigen::Index i = 0; i < scores.rows(); ++i) {
    const double highest = scores.row(i).maxCoeff();
    double sum = 0;
    double weighted = 0;
    for (Eigen::Index c = 0; c < scores.cols(); ++c) {
      const double score = static_cast<double>(scores(i, c));
      const double share = std::exp(sharpness * (score - highest));
      sum += share;
      weighted += share * score;
    }
    slope += weighted / sum - wanted[static_cast<size_t>(i)];
  }
  return slope;
}

double Fit(ConstMatrixView scores, std::span<const double> wanted) {
  double low = std::log(kLowest);
  double high = std::log(kHighest);
  if (Slope(scores, wanted, kLowest) >= 0 || Slope(scores, wanted, kHighest) <= 0) return 1;
  while (high - low > kPrecision) {
    const double middle = (low + high) / 2;
    (Slope(scores, wanted, std::exp(middle)) > 0 ? high : low) = middle;
  }
  return std::exp(-(low + high) / 2);
}

}  // namespace

double FitTemperature(ConstMatrixView scores, std::span<const int32_t> labels) {
  TORPOR_CHECK(scores.rows() >= 1 && scores.rows() == static_cast<Eigen::Index>(labels.size()));
  std::vector<double> wanted;
  for (Eigen::Index i = 0; i < scores.rows(); ++i) {
    wanted.push_back(static_cast<double>(scores(i, labels[static_cast<size_t>(i)])));
  }
  return Fit(scores, wanted);
}

double FitTemperature(ConstMatrixView scores, ConstMatrixView shares) {
  TORPOR_CHECK(scores.rows() >= 1 && scores.rows() == shares.rows() &&
               scores.cols() == shares.cols());
  std::vector<double> wanted;
  for (Eigen::Index i = 0; i < scores.rows(); ++i) {
    wanted.push_back(scores.row(i).cast<double>().dot(shares.row(i).cast<double>()));
  }
  return Fit(scores, wanted);
}

}  // namespace torpor
