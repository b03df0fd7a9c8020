// Training a convolution.
#pragma once

#include <vector>

#include "engine/rate/conv2d.h"
#include "engine/rate/layer_trainer.h"

namespace torpor {

// A batch is cut into shares of samples, each with a gradient of its own that the update adds up in
// order; how many there are depends on the batch and the weights alone. A share spreads a few
// samples at a time and takes both gradients from them while they are in cache.
class Conv2dTrainer final : public LayerTrainer {
 public:
  Conv2dTrainer(const RateLayerShape& shape, TrainingContext* context);
  void Forward(const RateLayerParameters& parameters, ConstMatrixView inputs, bool products_given,
               bool raw, MatrixView outputs) override;
  void Backward(const RateLayerParameters& parameters, ConstMatrixView inputs,
                ConstMatrixView outputs, ConstMatrixView delta, v1::Activation::Kind below,
                MatrixView input_delta) override;
  int update_parts() const override;
  int64_t update_cost(int part) const override;
  void Update(int part, const OptimizerStep& step, RateLayerParameters& parameters,
              ConstMatrixView inputs, ConstMatrixView delta) override;

 private:
  // Backward of samples first..end - 1 into a gradient of weights and biases.
  void BackwardShare(ConstMatrixView inputs, ConstMatrixView delta, v1::Activation::Kind below,
                     Eigen::Index first, Eigen::Index end, float* gradient,
                     MatrixView input_delta) const;
  size_t gradient_size() const;
  // Sums of share gradients from `at` on into `sum`.
  void AddShares(size_t at, std::span<float> sum) const;

  const RateLayerShape& shape_;
  TrainingContext* context_;
  Conv2d conv_;
  // Of the latest Backward: the weights in its order, and each share's gradient, weights first.
  std::vector<float> turned_;
  std::vector<float> gradients_;
};

}  // namespace torpor
