// The way through pooling and flatten layers in training: no parameters.
#pragma once

#include "engine/rate/layer_trainer.h"

namespace torpor {

class Pool2dTrainer final : public LayerTrainer {
 public:
  Pool2dTrainer(const RateLayerShape& shape, TrainingContext* context)
      : shape_(shape), context_(context) {}
  void Forward(const RateLayerParameters& parameters, ConstMatrixView inputs, bool products_given,
               bool raw, MatrixView outputs) override;
  void Backward(const RateLayerParameters& parameters, ConstMatrixView inputs,
                ConstMatrixView outputs, ConstMatrixView delta, v1::Activation::Kind below,
                MatrixView input_delta) override;

 private:
  const RateLayerShape& shape_;
  TrainingContext* context_;
};

}  // namespace torpor
