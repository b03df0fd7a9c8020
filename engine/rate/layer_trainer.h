// One layer's share of a training step, whatever its kind.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "engine/base/thread_pool.h"
#include "engine/learn/optimizer.h"
#include "engine/rate/weights.h"
#include "engine/rate/workspace.h"
#include "torpor/v1/training.pb.h"

namespace torpor {

// Optimiser state beside one array of parameters: Adam's moments, Adamax's first moment and largest
// gradient, or SGD's velocity in `first`.
struct Moments {
  std::vector<float> first;
  std::vector<float> second;
  void Resize(size_t parameters, v1::Optimizer::Kind optimizer);
};

// The optimiser at one step.
struct OptimizerStep {
  v1::Optimizer::Kind optimizer;
  AdamStep adam;
  float learning_rate;
  float momentum;
  // Updates parameters, which are those from `at` on beside which `moments` stand.
  void Update(std::span<const float> gradient, std::span<float> parameters, Moments& moments,
              size_t at) const;
};

// What all layers of a training run share; outlives them.
struct TrainingContext {
  ThreadPool* pool;
  // Memory for tiles and samples in work.
  WorkspacePool workspaces;
  // Weights stay as they are.
  bool biases_only;
};

// Work is cut into blocks whose sizes depend on shapes and on the batch alone, and sums over blocks
// are taken in order: results do not depend on the number of threads. The batch's values are
// [samples x inputs] or [samples x outputs]. Not thread-safe but for Update.
class LayerTrainer {
 public:
  virtual ~LayerTrainer() = default;
  // outputs = f(W inputs + b), or the pre-activations where `raw`. With `products_given`, inputs
  // are W u already [samples x outputs].
  virtual void Forward(const RateLayerParameters& parameters, ConstMatrixView inputs,
                       bool products_given, bool raw, MatrixView outputs) = 0;
  // The gradient's way down: input_delta = dL/ds of the layer below, whose activation is `below`,
  // from delta = dL/ds of this one; nothing where input_delta is empty. Layers with weights also
  // keep what Update needs.
  virtual void Backward(const RateLayerParameters& parameters, ConstMatrixView inputs,
                        ConstMatrixView outputs, ConstMatrixView delta, v1::Activation::Kind below,
                        MatrixView input_delta) = 0;
  // Parts of an update that touch different parameters, and what each costs relative to others.
  virtual int update_parts() const { return 0; }
  virtual int64_t update_cost(int) const { return 0; }
  // One part; parts may run on several threads. inputs and delta are those of Backward.
  virtual void Update(int, const OptimizerStep&, RateLayerParameters&, ConstMatrixView /*inputs*/,
                      ConstMatrixView /*delta*/) {}

  // Empty for layers without weights.
  Moments weight_moments;
  Moments bias_moments;
};

// The trainer of a layer of any kind. `shape` and `context` outlive it.
std::unique_ptr<LayerTrainer> NewLayerTrainer(const RateLayerShape& shape,
                                              v1::Optimizer::Kind optimizer,
                                              TrainingContext* context);

// A rectangle of a matrix.
ConstMatrixView Tile(ConstMatrixView m, Eigen::Index row, Eigen::Index rows, Eigen::Index column,
                     Eigen::Index columns);
MatrixView Tile(MatrixView m, Eigen::Index row, Eigen::Index rows, Eigen::Index column,
                Eigen::Index columns);
std::span<float> RowSpan(MatrixView m, Eigen::Index row);
std::span<const float> RowSpan(ConstMatrixView m, Eigen::Index row);
MatrixView NoMatrix();

}  // namespace torpor
