// The weights of a wide layer in the order in which its products read them.
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "engine/base/gemm.h"
#include "engine/base/simd.h"

namespace torpor {

// W [units x inputs] cut into panels of kPanel units, each stored input by input [inputs x kPanel]:
// a batch multiplies tiles of samples with one panel after another without packing anything, and a
// single sample reads one stream of memory and leaves out the lines of its zero inputs. Immutable.
class PackedWeights {
 public:
  // Three registers of AVX-512.
  static constexpr int64_t kPanel = 48;

  PackedWeights() = default;
  explicit PackedWeights(ConstMatrixView weights);

  int64_t units() const { return units_; }
  int64_t inputs() const { return inputs_; }
  int64_t panels() const { return (units_ + kPanel - 1) / kPanel; }
  // [inputs x kPanel], units beyond the last one zero.
  const float* panel(int64_t p) const { return values_.get() + p * inputs_ * kPanel; }

 private:
  struct Free {
    void operator()(float* values) const;
  };
  int64_t units_ = 0;
  int64_t inputs_ = 0;
  std::unique_ptr<float[], Free> values_;
};

// sums = inputs W^T for inputs [n x inputs], sums [n x units]. Each sum is taken in one order that
// depends on the layer alone: the answer to a sample is the same to the bit whatever its company.
// ReferenceProduct (dot_products.h) is the plain form. `with` is what the CPU has; tests pass less.
void PackedProduct(const PackedWeights& weights, ConstMatrixView inputs, MatrixView sums,
                   Instructions with = BestInstructions());
// The same for one sample, to the bit, reading only the weights of its non-zero inputs.
void PackedProduct(const PackedWeights& weights, std::span<const float> inputs,
                   std::span<float> sums, Instructions with = BestInstructions());

}  // namespace torpor
