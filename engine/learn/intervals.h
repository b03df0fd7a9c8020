// 95 % intervals of what is measured (the documentation's metrics page says which goes with which
// figure).
#pragma once

#include <cstdint>
#include <span>

#include "absl/status/statusor.h"
#include "engine/base/cancellation.h"
#include "engine/base/thread_pool.h"
#include "engine/learn/metrics.h"

namespace torpor {

// value +- 1.96 standard errors.
Interval NormalInterval(double value, double standard_error);

// Mean of `values` +- 1.96 times their standard deviation / sqrt(n). A single value says nothing of
// its error: the interval is then the value alone. At least one value.
Interval MeanInterval(std::span<const double> values);

// Of the ratio sum(numerators) / sum(denominators) of pairs, by the standard error of the residuals
// numerator - ratio * denominator (W. G. Cochran, "Sampling Techniques", 3rd edition, eq. 6.13).
// The denominators' sum is above 0.
Interval RatioInterval(std::span<const double> numerators, std::span<const double> denominators);

// Quantile of Student's t distribution: the t with P(T <= t) = p. degrees >= 1, p in [0.5, 1).
double StudentQuantile(double p, int degrees);

// Mean of `values` +- t(0.975, n - 1) times their standard deviation / sqrt(n). At least two
// values.
Interval StudentInterval(std::span<const double> values);

// Standard error of the expected calibration error: the standard deviation of its value over
// `resamples` draws of as many samples with replacement (B. Efron, R. Tibshirani, "An Introduction
// to the Bootstrap", section 6.4, where 200 are called plenty for a standard error).
// probabilities[i] is sample i's winning probability and correct[i] whether its class was right;
// the same seed gives the same bits for any number of threads. CANCELLED within a resample.
absl::StatusOr<double> CalibrationStandardError(std::span<const double> probabilities,
                                                std::span<const uint8_t> correct, int resamples,
                                                uint64_t seed, ThreadPool* pool,
                                                const Cancellation& cancellation);

}  // namespace torpor
