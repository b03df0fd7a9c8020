// Forward and backward pass of a batch through the soft network that learning sees: neurons have
// probabilities to fire instead of spikes.
//
// With inputs x in [0, 1] as probabilities and membranes as normal variables,
//   mu_j  = sum_i x_i W_ij + round(b_j)
//   n_j   = Phi((mu_j - 1/2) / sqrt(var_j + floor)),
// the input of the next layer (1/2: a neuron fires at 1 or more). Binary (Jimeno Yepes and Tang,
// algorithm 1):
//   W = [c > 1/2] s,  var_j = sum_i (x_i - x_i^2) W_ij s_ij (eq. 2),
// whose gradient goes straight through threshold and rounding and takes the variance as constant.
// Probability (S. Esser et al., "Backpropagation for energy-efficient neuromorphic computing",
// 2015):
//   W = c s,  var_j = sum_i x_i c_ij (1 - x_i c_ij) s_ij^2,
// with the gradient of both. Loss: softmax cross-entropy, mean over the batch, of scale times the
// mean n of a class's neurons.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "engine/base/gemm.h"
#include "engine/base/thread_pool.h"
#include "engine/network/model.h"
#include "engine/truenorth/grid.h"

namespace torpor {

struct SoftNetwork {
  bool probability = false;
  // Spikes squared.
  float variance_floor = 0.25f;
  float loss_scale = 15;
};

// Neurons first..first+count-1 of a core: a share of the work whose size depends on the plan alone.
struct CoreBlock {
  int layer = 0;
  int core = 0;
  int first = 0;
  int count = 0;
};

// Work is cut into blocks that depend on the plan and the batch alone, so results do not depend on
// the number of threads. Not thread-safe but for WithGradient. Plan and pool outlive it.
class GridPass {
 public:
  GridPass(const GridPlan& plan, const SoftNetwork& network, ThreadPool* pool);
  ~GridPass();

  // Forward, loss and the way back to every membrane. Adds to `report`; inputs outside 0..1 are
  // taken as 0 or 1.
  void Run(const GridParameters& parameters, const Batch& batch, StepReport& report);
  // Calls use(dL/dc [count x axons], dL/db [count]) of a block's neurons, from the last Run; both
  // may be overwritten and live no longer than the call. `parameters` are those of that Run, at
  // least this block's.
  void WithGradient(const GridParameters& parameters, const CoreBlock& block,
                    const std::function<void(MatrixView, std::span<float>)>& use) const;
  // Every neuron of every core once.
  const std::vector<CoreBlock>& blocks() const { return blocks_; }

 private:
  struct Core;
  struct Layer;
  class ScratchPool;
  struct Scratch;
  // Sites of neurons and axons [neurons x axons]: W; c s^2 (binary: where on); -(c s)^2, with
  // probabilities.
  struct Crossbar;

  Core Prepare(const CorePlan& plan) const;
  static std::span<const float> StrengthsOf(const Core& core, int neuron);
  void Reserve(Eigen::Index samples);
  void Gather(Core& core, ConstMatrixView below) const;
  Crossbar Weights(const GridParameters& parameters, const CoreBlock& neurons, int first_axon,
                   int axons, Scratch& scratch) const;
  // n and its slopes of a block's neurons.
  void Fire(const GridParameters& parameters, const CoreBlock& block);
  void Loss(const Batch& batch, StepReport& report);
  // dL/dmu of the neurons that a block of axons (first, count) listens to.
  void Back(const GridParameters& parameters, const CoreBlock& axons);

  const GridPlan& plan_;
  SoftNetwork network_;
  ThreadPool* pool_;
  std::vector<Layer> layers_;
  std::vector<CoreBlock> blocks_;
  std::unique_ptr<ScratchPool> scratch_;
  // Samples of the last Run.
  Eigen::Index samples_ = 0;
};

}  // namespace torpor
