// The inner loops of the family, once for each instruction set.
//
// All sets give the same bits: every sum is in the order given, each column on its own, and no
// multiplication is contracted with an addition.
#pragma once

#include <cstdint>

#include "engine/base/simd.h"
#include "engine/lif/neuron.h"

namespace torpor {

// Steps of a layer's neurons, in place.
struct LifScan {
  LifNeuron neuron;
  float slope = 0;
  // Forward: drive in, X out. Backward: X in, the drive's gradient out. Rows of `stride` floats,
  // `padded` of them used; both multiples of kLifBlock, aligned to 64 bytes.
  float* tile = nullptr;
  int64_t stride = 0;
  int steps = 0;
  int padded = 0;
  // Traces or their adjoints [padded], in and out, aligned.
  float* q = nullptr;
  float* p = nullptr;
  float* r = nullptr;
  // Forward: who spikes, a bit a neuron, a word a block [steps x spike_stride].
  uint16_t* spikes = nullptr;
  int64_t spike_stride = 0;
  // Backward: the gradient of S[n] is factors[n] times row n of `errors` (stride 0: the same row in
  // every step). Padded and aligned.
  const float* errors = nullptr;
  int64_t error_stride = 0;
  const float* factors = nullptr;
};

// out[target[g]] += rows[index[begin[g]]] + ... + rows[index[begin[g + 1] - 1]], one after another.
// Rows have `columns` floats.
struct LifRowSums {
  const float* rows = nullptr;
  int64_t stride = 0;
  int columns = 0;
  const uint32_t* index = nullptr;
  const int32_t* begin = nullptr;
  // Null: g.
  const uint32_t* target = nullptr;
  int groups = 0;
  float* out = nullptr;
  int64_t out_stride = 0;
};

// A factor for each row.
struct LifWeightedRows {
  const float* factors = nullptr;
  int rows = 0;
  int columns = 0;
  int64_t stride = 0;
};

struct LifKernel {
  void (*forward)(LifOrder order, const LifScan& scan);
  void (*backward)(LifOrder order, bool reset_gradient, const LifScan& scan);
  void (*sum_rows)(const LifRowSums& sums);
  // out[index[k]] += rows[g] for begin[g] <= k < begin[g + 1]; `target` is not read.
  void (*spread_rows)(const LifRowSums& sums);
  // out[columns] += sum over r of factors[r] rows[r].
  void (*sum_weighted)(const LifWeightedRows& by, const float* rows, float* out);
  // rows[r] += factors[r] row.
  void (*add_outer)(const LifWeightedRows& by, const float* row, float* rows);
};

// `with` must be one that the CPU has.
const LifKernel& LifKernelOf(Instructions with);

namespace internal {
extern const LifKernel kLifBase;
extern const LifKernel kLifAvx2;
extern const LifKernel kLifAvx512;
}  // namespace internal

}  // namespace torpor
