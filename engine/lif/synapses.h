// Weights between two layers, as what they do to spikes and errors.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "engine/base/gemm.h"
#include "engine/lif/spike_train.h"

namespace torpor {

// One layer's connections, without its neurons. Dense layers and convolutions differ here alone.
// Inside the family weights lie by input, so that a spike adds a contiguous span: dense [inputs x
// outputs]; convolution [input channels x kernel height x kernel width x channels]. Units of
// images are numbered (row, column, channel). Immutable; thread-safe.
//
// Every sum is in a fixed order, so that results do not depend on threads or neighbours.
class LifSynapses {
 public:
  virtual ~LifSynapses() = default;
  virtual int inputs() const = 0;
  virtual int outputs() const = 0;
  // Stored weights.
  virtual int64_t weights() const = 0;
  // Weights that one spike of input j meets: what an event costs.
  virtual int64_t FanOut(uint32_t input) const = 0;
  // Fan-outs of all `spikes` together.
  virtual int64_t Operations(const LifSpikes& spikes) const {
    int64_t sum = 0;
    for (const uint32_t j : spikes.index) sum += FanOut(j);
    return sum;
  }
  // Fan-outs of the numbers [inputs] that are not 0.
  virtual int64_t Operations(std::span<const float> numbers) const {
    int64_t sum = 0;
    for (size_t j = 0; j < numbers.size(); ++j) {
      if (numbers[j] != 0) sum += FanOut(static_cast<uint32_t>(j));
    }
    return sum;
  }
  // Fan-outs of all inputs: weights, each as often as it is used.
  int64_t Connections() const {
    int64_t sum = 0;
    for (int j = 0; j < inputs(); ++j) sum += FanOut(static_cast<uint32_t>(j));
    return sum;
  }

  // drive[n] += sum over spikes j of step n of the weights of j. drive: [steps x outputs].
  virtual void AddDrive(std::span<const float> weights, const LifSpikes& spikes,
                        MatrixView drive) const = 0;
  // gradient += for every spike j of step n, errors[n] to the weights of j (schaefer, adjoint:
  // dW_j += h[n]). errors: [steps x outputs]; gradient: [weights()].
  virtual void AddWeightGradient(const LifSpikes& spikes, ConstMatrixView errors,
                                 std::span<float> gradient) const = 0;
  // input_errors[n] = W errors[n]: the gradient of the inputs' spikes. input_errors: [steps x
  // inputs].
  virtual void InputErrors(std::span<const float> weights, ConstMatrixView errors,
                           MatrixView input_errors) const = 0;

  // For inputs that are numbers instead of spikes, the same in every step: drive [outputs] += W
  // currents [inputs], of one step.
  virtual void AddCurrentDrive(std::span<const float> weights, std::span<const float> currents,
                               std::span<float> drive) const = 0;
  // gradient += currents times errors [outputs], these summed over steps.
  virtual void AddCurrentGradient(std::span<const float> currents, std::span<const float> errors,
                                  std::span<float> gradient) const = 0;
};

}  // namespace torpor
