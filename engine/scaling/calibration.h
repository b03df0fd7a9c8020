// Statistics of a full-power network on data: what bias policies, noise and NASP need.
#pragma once

#include <cstdint>
#include <vector>

#include "Eigen/Core"
#include "engine/base/gemm.h"

namespace torpor {

// One layer's statistics over samples. [units] and [inputs] as said.
struct LayerStatistics {
  // Mean and standard deviation (population) of each unit's pre-activation s [units].
  Eigen::VectorXd mean;
  Eigen::VectorXd stddev;
  // Share of samples with s > 0 [units]; 0 marks a ReLU unit that never fires.
  Eigen::VectorXd active;
  // Mean of each squared input [inputs]: with |W| this is the layer's power (eq. 3).
  Eigen::VectorXd mean_squared_input;

  // Standard deviation of s over all units and samples together: the unit of column noise.
  double PooledStddev() const;
};

// Sums over some samples, from which LayerStatistics are made. Adding blocks of a fixed size and
// merging them in order gives the same bits whatever thread added which block. Not thread-safe.
class LayerSums {
 public:
  LayerSums() = default;
  // Samples: pre-activations [n x units] and inputs [n x inputs] of one block, n >= 1.
  static LayerSums OfBlock(ConstMatrixView pre_activations, ConstMatrixView inputs);
  // Adds the sums of the samples that follow (Chan, Golub and LeVeque's update of mean and M2, so
  // that a mean far from zero costs no digits).
  void Merge(const LayerSums& next);
  int64_t samples() const { return samples_; }
  // samples() >= 1.
  LayerStatistics Statistics() const;

 private:
  int64_t samples_ = 0;
  Eigen::VectorXd mean_;
  // Sum of squared deviations from the mean.
  Eigen::VectorXd m2_;
  Eigen::VectorXd active_;
  Eigen::VectorXd squared_inputs_;
};

}  // namespace torpor
