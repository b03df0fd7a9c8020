// Connections from every input to every output.
#pragma once

#include <algorithm>
#include <cstdint>

#include "engine/base/simd.h"
#include "engine/lif/lif_kernel.h"
#include "engine/lif/synapses.h"

namespace torpor {

// Weights [inputs x outputs], so that a spike adds one contiguous row. Where spikes are dense, the
// spikes of all steps are written out as a matrix and multiplied at once instead.
//
// Which way is taken depends on the sample's own density alone, so results do not depend on its
// neighbours in a batch; the two ways differ in rounding. A stream that is cut into chunks must
// always go by events to have the same bits as in one piece. Immutable; thread-safe.
class DenseSynapses final : public LifSynapses {
 public:
  // By measured density, or always one way.
  enum class Path { kByDensity, kEvents, kDense };
  // Spikes an input and step above which the product is faster (lif_bench, "density").
  static constexpr double kDenseDrive = 0.5;
  static constexpr double kDenseGradient = 0.45;

  // inputs, outputs >= 1.
  DenseSynapses(int inputs, int outputs, Path path = Path::kByDensity,
                Instructions with = BestInstructions());

  int inputs() const override { return inputs_; }
  int outputs() const override { return outputs_; }
  int64_t weights() const override { return int64_t{inputs_} * outputs_; }
  int64_t FanOut(uint32_t) const override { return outputs_; }
  int64_t Operations(const LifSpikes& spikes) const override { return spikes.size() * outputs_; }
  // As the general one, without a call for each number.
  int64_t Operations(std::span<const float> numbers) const override {
    return outputs_ * std::ranges::count_if(numbers, [](float number) { return number != 0; });
  }

  void AddDrive(std::span<const float> weights, const LifSpikes& spikes,
                MatrixView drive) const override;
  void AddWeightGradient(const LifSpikes& spikes, ConstMatrixView errors,
                         std::span<float> gradient) const override;
  void InputErrors(std::span<const float> weights, ConstMatrixView errors,
                   MatrixView input_errors) const override;
  void AddCurrentDrive(std::span<const float> weights, std::span<const float> currents,
                       std::span<float> drive) const override;
  void AddCurrentGradient(std::span<const float> currents, std::span<const float> errors,
                          std::span<float> gradient) const override;

  // drive [outputs] += the rows of `spikes`: one step of a recurrent layer.
  void AddRows(std::span<const float> weights, std::span<const uint32_t> spikes,
               float* drive) const;

 private:
  bool Dense(const LifSpikes& spikes, double crossover) const;
  // [steps x inputs]: how often an input spikes in a step.
  Matrix Counts(const LifSpikes& spikes) const;
  // Adds the errors of inputs that spike again and again in registers, and writes once.
  void AddGradientByInput(const LifSpikes& spikes, std::span<const int32_t> counts,
                          const LifRowSums& sums) const;

  int inputs_;
  int outputs_;
  Path path_;
  const LifKernel* kernel_;
};

}  // namespace torpor
