#include "engine/lif/integer_errors.h"

#include <algorithm>

#include "engine/lif/wage.h"

namespace torpor {
namespace {

// Numbers of the errors' rounding begin behind those of the weights.
constexpr uint32_t kErrorTensors = 1024;

// Rows may stand apart; the padding between them stays.
std::span<float> Row(MatrixView errors, Eigen::Index n) {
  return {&errors(n, 0), static_cast<size_t>(errors.cols())};
}

float LargestOf(MatrixView errors) {
  float largest = 0;
  for (Eigen::Index n = 0; n < errors.rows(); ++n) {
    largest = std::max(largest, MaxAbs(Row(errors, n)));
  }
  return largest;
}

}  // namespace

LifIntegerErrors::LifIntegerErrors(const LifPlan* plan, const LifIntegers& integers, uint64_t seed)
    : plan_(plan), integers_(integers), seed_(seed) {}

void LifIntegerErrors::Measure(std::span<const LifWeights> weights,
                               std::span<const LifInput> samples, int64_t step, LifBatchPass& pass,
                               const Back& back) {
  step_ = step;
  shifts_.clear();
  if (samples.size() == 1) return;
  std::vector<float> shifts(plan_->layers.size(), 1);
  std::vector<float> largest(samples.size());
  for (size_t until = shifts.size(); until-- > 0;) {
    if (plan_->layers[until].synapses == nullptr) continue;
    shifts_ = shifts;
    pass.Forward(weights, samples, [&](int64_t sample, LifNetworkPass& of_one) {
      back(sample, of_one, [&, sample](size_t layer, MatrixView errors) {
        if (layer != until) {
          Round(layer, sample, errors);
          return true;
        }
        largest[static_cast<size_t>(sample)] = LargestOf(errors);
        return false;
      });
    });
    shifts[until] = WageShift(*std::max_element(largest.begin(), largest.end()));
  }
  shifts_ = std::move(shifts);
}

LifNetworkPass::ErrorHook LifIntegerErrors::Rounding(int64_t sample) const {
  return [this, sample](size_t layer, MatrixView errors) {
    Round(layer, sample, errors);
    return true;
  };
}

void LifIntegerErrors::Round(size_t layer, int64_t sample, MatrixView errors) const {
  const float shift = shifts_.empty() ? WageShift(LargestOf(errors)) : shifts_[layer];
  RoundingKey key = {.seed = seed_,
                     .tensor = kErrorTensors + static_cast<uint32_t>(layer),
                     .write = static_cast<uint64_t>(step_) << 17 | static_cast<uint64_t>(sample)};
  for (Eigen::Index n = 0; n < errors.rows(); ++n) {
    WageErrors(Row(errors, n), shift, integers_.error_bits, integers_.rounding, key,
               Row(errors, n));
    key.first_element += static_cast<uint64_t>(errors.cols());
  }
}

}  // namespace torpor
