// Training a dense layer.
#pragma once

#include <vector>

#include "engine/rate/layer_trainer.h"

namespace torpor {

// The gradient of a tile of weights is consumed by the optimiser while it is in cache: there is no
// gradient array.
class DenseTrainer final : public LayerTrainer {
 public:
  DenseTrainer(const RateLayerShape& shape, TrainingContext* context);
  void Forward(const RateLayerParameters& parameters, ConstMatrixView inputs, bool products_given,
               bool raw, MatrixView outputs) override;
  void Backward(const RateLayerParameters& parameters, ConstMatrixView inputs,
                ConstMatrixView outputs, ConstMatrixView delta, v1::Activation::Kind below,
                MatrixView input_delta) override;
  int update_parts() const override { return static_cast<int>(tiles_.size()); }
  int64_t update_cost(int part) const override;
  void Update(int part, const OptimizerStep& step, RateLayerParameters& parameters,
              ConstMatrixView inputs, ConstMatrixView delta) override;

 private:
  // A rectangle of the weights.
  struct WeightTile {
    int first_unit, units, first_input, inputs;
  };

  const RateLayerShape& shape_;
  TrainingContext* context_;
  std::vector<WeightTile> tiles_;
};

}  // namespace torpor
