// Statistics of a full-power network on data: what bias policies, noise and NASP need, gathered
// once and kept with the model, so that no data is needed when a power mode is switched.
#pragma once

#include <cstdint>
#include <vector>

#include "Eigen/Core"
#include "engine/base/gemm.h"

namespace torpor {

// One layer's statistics over samples and, for shared weights, over the places at which they are
// used. `units` are what has a bias of its own (a unit, a channel), `fan_in` the inputs that one
// use of a unit's weights sees (a window).
struct LayerStatistics {
  // Mean and standard deviation (population) of each unit's pre-activation s [units].
  Eigen::VectorXd mean;
  Eigen::VectorXd stddev;
  // Share of samples with s > 0 [units]; 0 marks a ReLU unit that never fires.
  Eigen::VectorXd active;
  // Mean of each squared input of the layer [inputs]: with |W| this is the layer's power (eq. 3).
  Eigen::VectorXd mean_squared_input;
  // Distribution of s: means of equally large groups of its sorted values, ascending [units x
  // groups] (quantiles.h). Empty in calibrations of older archives.
  Matrix quantiles;
  // Of layers behind the first that has weights, else empty: mean of each input of a window
  // [fan_in], zeros in the padding included; and by unit (channel) k of the layer with weights
  // before, the sum over the inputs j that it feeds of sum_i W_ij cov(u_j, s_i). The latter add up
  // to the variance of s summed over units.
  Eigen::VectorXd mean_input;
  Eigen::VectorXd input_covariance;
  // E[delta^2 s] / E[delta^2] with delta = dL/ds of the model's loss; 0 for a unit that never has a
  // delta [units]. Empty if the model had no loss when it was calibrated.
  Eigen::VectorXd delta_mean;

  // Standard deviation of s over all units and samples together: the unit of column noise.
  double PooledStddev() const;
};

// What one block of samples shows of a layer; all matrices have one row a sample.
struct LayerBlock {
  // s, unit by unit [samples x (units x places)].
  const Matrix* pre_activations = nullptr;
  // Places at which a unit's weights are used: 1 for dense layers.
  int64_t places = 1;
  // u [samples x inputs].
  const Matrix* inputs = nullptr;
  // What s gives when it is sent back through the weights, W^T s for dense layers [samples x
  // inputs]; null if products with it are not wanted.
  const Matrix* projected = nullptr;
  // dL/ds, as s; null without loss.
  const Matrix* deltas = nullptr;
};

// Sums over some samples, from which LayerStatistics are made. Adding blocks of a fixed size and
// merging them in order gives the same bits whatever thread added which block. Not thread-safe.
class LayerSums {
 public:
  LayerSums() = default;
  static LayerSums OfBlock(const LayerBlock& block);
  // Adds the sums of the samples that follow (Chan, Golub and LeVeque's update of mean and M2, so
  // that a mean far from zero costs no digits).
  void Merge(const LayerSums& next);
  int64_t samples() const { return samples_; }
  // All but quantiles, mean_input and input_covariance. samples() >= 1.
  LayerStatistics Statistics() const;
  // Means over samples of each input and of its product with `projected` [inputs]; empty without.
  Eigen::VectorXd MeanInput() const { return input_ / static_cast<double>(samples_); }
  Eigen::VectorXd MeanProduct() const { return products_ / static_cast<double>(samples_); }

 private:
  int64_t samples_ = 0;
  int64_t windows_ = 0;
  Eigen::VectorXd mean_;
  // Sum of squared deviations from the mean.
  Eigen::VectorXd m2_;
  Eigen::VectorXd active_;
  Eigen::VectorXd squared_inputs_;
  // Sums of inputs and of their products with the projections.
  Eigen::VectorXd input_;
  Eigen::VectorXd products_;
  // Sums of delta^2 and delta^2 s.
  Eigen::VectorXd delta2_;
  Eigen::VectorXd delta2_s_;
};

}  // namespace torpor
