// Weights as neurons read them: a row an input, aligned, padded with zeros to whole blocks.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "engine/quantize/fixed_point.h"
#include "engine/stdp/aligned_array.h"

namespace torpor {

// Neurons are padded to multiples of this.
inline constexpr int kNeuronBlock = 32;
inline constexpr int PaddedNeurons(int neurons) {
  return (neurons + kNeuronBlock - 1) / kNeuronBlock * kNeuronBlock;
}

// Move-only; data() stays where it is.
class WeightRows {
 public:
  WeightRows(WeightRows&&) = default;
  WeightRows& operator=(WeightRows&&) = default;

  // A code c of fraction_bits f is the weight c 2^-f.
  enum class Kind { kFloat, kCode8, kCode16 };

  // Of [inputs x neurons].
  static WeightRows Floats(std::span<const float> weights, int inputs, int neurons);
  // Weights must be numbers of the unsigned format, of at most 16 bits; those of 8 bits or fewer
  // take a byte each.
  static WeightRows Codes(std::span<const float> weights, int inputs, int neurons,
                          const FixedPoint& format);

  Kind kind() const { return kind_; }
  int inputs() const { return inputs_; }
  int neurons() const { return neurons_; }
  int padded() const { return PaddedNeurons(neurons_); }
  // Of a code [1]; 1 for floats.
  float scale() const { return scale_; }
  const void* data() const { return data_.data(); }
  // Of a row.
  int64_t stride_bytes() const { return int64_t{padded()} * bytes_a_weight(); }
  int bytes_a_weight() const { return kind_ == Kind::kFloat ? 4 : kind_ == Kind::kCode16 ? 2 : 1; }

  // Of kFloat: [inputs x padded], row by row; padding must stay 0.
  float* floats();
  // [inputs x neurons]
  std::vector<float> Values() const;

 private:
  WeightRows(Kind kind, int inputs, int neurons, float scale);
  template <typename T>
  void Fill(std::span<const float> weights, float steps_a_unit);

  Kind kind_;
  int inputs_;
  int neurons_;
  float scale_;
  AlignedArray<uint8_t> data_;
};

}  // namespace torpor
