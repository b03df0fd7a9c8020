// One layer forward and back for a block of samples, serially: for passes over data beside
// training, such as calibration. Training itself cuts its work into tiles (trainer.h); both use the
// same kernels.
#pragma once

#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "engine/base/cancellation.h"
#include "engine/rate/conv2d.h"
#include "engine/rate/definition.h"
#include "engine/rate/weights.h"

namespace torpor {

// Immutable; any thread may call it. Shape and parameters outlive it.
class LayerPass {
 public:
  LayerPass(const RateLayerShape& shape, const RateLayerParameters& parameters);

  const RateLayerShape& shape() const { return *shape_; }
  // s = W u + b for inputs [n x inputs], s [n x outputs] unit by unit; what a layer without weights
  // makes of its inputs.
  absl::Status Forward(const Matrix& inputs, Matrix& s, const Cancellation& cancellation) const;
  // back = W^T delta, summed over the places that an input has a part in: [n x inputs] for delta
  // [n x outputs]. `inputs` and `outputs` are those of Forward.
  void Backward(const Matrix& inputs, const Matrix& outputs, const Matrix& delta,
                Matrix& back) const;

 private:
  const RateLayerShape* shape_;
  const RateLayerParameters* parameters_;
  std::optional<Conv2d> conv_;
  std::vector<float> turned_;
};

}  // namespace torpor
