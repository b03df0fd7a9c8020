#include "engine/stdp/weight_rows.h"

#include <cmath>

#include "engine/base/status.h"

namespace torpor {
WeightRows::WeightRows(Kind kind, int inputs, int neurons, float scale)
    : kind_(kind),
      inputs_(inputs),
      neurons_(neurons),
      scale_(scale),
      data_(static_cast<size_t>(inputs) * static_cast<size_t>(stride_bytes())) {
  TORPOR_CHECK(inputs >= 1 && neurons >= 1);
}

template <typename T>
void WeightRows::Fill(std::span<const float> weights, float steps_a_unit) {
  const size_t n = static_cast<size_t>(neurons_);
  TORPOR_CHECK(weights.size() == static_cast<size_t>(inputs_) * n);
  T* row = reinterpret_cast<T*>(data_.data());
  for (size_t at = 0; at < weights.size(); at += n, row += padded()) {
    for (size_t j = 0; j < n; ++j) {
      row[j] = static_cast<T>(weights[at + j] * steps_a_unit);
      TORPOR_CHECK(static_cast<float>(row[j]) * scale_ == weights[at + j]);
    }
  }
}

WeightRows WeightRows::Floats(std::span<const float> weights, int inputs, int neurons) {
  WeightRows rows(Kind::kFloat, inputs, neurons, 1.0f);
  rows.Fill<float>(weights, 1.0f);
  return rows;
}

WeightRows WeightRows::Codes(std::span<const float> weights, int inputs, int neurons,
                             const FixedPoint& format) {
  TORPOR_CHECK(!format.is_signed && format.bits() >= 1 && format.bits() <= 16);
  const bool small = format.bits() <= 8;
  WeightRows rows(small ? Kind::kCode8 : Kind::kCode16, inputs, neurons, format.step());
  const float steps_a_unit = std::ldexp(1.0f, format.fraction_bits);
  if (small) {
    rows.Fill<uint8_t>(weights, steps_a_unit);
  } else {
    rows.Fill<uint16_t>(weights, steps_a_unit);
  }
  return rows;
}

float* WeightRows::floats() {
  TORPOR_CHECK(kind_ == Kind::kFloat);
  return reinterpret_cast<float*>(data_.data());
}

std::vector<float> WeightRows::Values() const {
  std::vector<float> values;
  values.reserve(static_cast<size_t>(inputs_) * static_cast<size_t>(neurons_));
  for (int64_t i = 0; i < inputs_; ++i) {
    for (int64_t j = 0; j < neurons_; ++j) {
      const int64_t at = i * padded() + j;
      switch (kind_) {
        case Kind::kFloat:
          values.push_back(reinterpret_cast<const float*>(data_.data())[at]);
          break;
        case Kind::kCode8:
          values.push_back(static_cast<float>(data_[static_cast<size_t>(at)]) * scale_);
          break;
        case Kind::kCode16:
          values.push_back(static_cast<float>(reinterpret_cast<const uint16_t*>(data_.data())[at]) *
                           scale_);
          break;
      }
    }
  }
  return values;
}

}  // namespace torpor
