#include "engine/rate/conv2d_trainer.h"

#include <algorithm>

#include "engine/base/cancellation.h"
#include "engine/base/status.h"
#include "engine/rate/kernels.h"

namespace torpor {
namespace {

// Samples of one forward task, and of one share of the backward pass at least.
constexpr Eigen::Index kForwardSamples = 4;
constexpr Eigen::Index kShareSamples = 16;
constexpr int64_t kMostShares = 32;
// Weights of all shares together, unless two shares are more.
constexpr int64_t kShareWeights = 67108864;
// Spread values that a share holds at once: half of a second-level cache.
constexpr int64_t kSpreadValues = 131072;
// Weights of one part of the update.
constexpr int64_t kUpdateWeights = 65536;

float* Reserve(std::vector<float>& buffer, int64_t values) {
  if (static_cast<int64_t>(buffer.size()) < values) buffer.resize(static_cast<size_t>(values));
  return buffer.data();
}

std::span<const float> WeightsOf(const RateLayerParameters& parameters) {
  return {parameters.weight.data(), static_cast<size_t>(parameters.weight.size())};
}

}  // namespace

Conv2dTrainer::Conv2dTrainer(const RateLayerShape& shape, TrainingContext* context)
    : shape_(shape), context_(context), conv_(shape) {}

void Conv2dTrainer::Forward(const RateLayerParameters& parameters, ConstMatrixView inputs,
                            bool products_given, bool raw, MatrixView outputs) {
  const Eigen::Index samples = inputs.rows();
  const int blocks = static_cast<int>((samples + kForwardSamples - 1) / kForwardSamples);
  context_->pool->ParallelFor(blocks, [&](int block) {
    const WorkspacePool::Lease workspace = context_->workspaces.Take();
    float* image = Reserve((*workspace).image, conv_.image_size());
    float* sums = Reserve((*workspace).sums, conv_.sums_size());
    const Eigen::Index first = Eigen::Index{block} * kForwardSamples;
    for (Eigen::Index p = first; p < std::min(first + kForwardSamples, samples); ++p) {
      const std::span<const float> u = RowSpan(inputs, p);
      const std::span<float> s = RowSpan(outputs, p);
      if (products_given) {
        std::copy(u.begin(), u.end(), s.begin());
      } else {
        conv_.Spread(u, image);
        // A step is not cancelled halfway.
        TORPOR_CHECK(conv_.Products(WeightsOf(parameters), image, sums, Cancellation()).ok());
        conv_.Gather(sums, s);
      }
      ScaleAndShift(1, parameters.bias, 0, {}, s);
      if (!raw) Activate(shape_.activation, s, s);
    }
  });
}

size_t Conv2dTrainer::gradient_size() const {
  return static_cast<size_t>(shape_.synapses() + shape_.units);
}

void Conv2dTrainer::Backward(const RateLayerParameters& parameters, ConstMatrixView inputs,
                             ConstMatrixView, ConstMatrixView delta, v1::Activation::Kind below,
                             MatrixView input_delta) {
  if (input_delta.size() > 0) {
    conv_.Turn(WeightsOf(parameters), Reserve(turned_, conv_.turned_size()));
  }
  const int64_t samples = inputs.rows();
  const int64_t most = std::clamp<int64_t>(kShareWeights / shape_.synapses(), 2, kMostShares);
  const int64_t shares =
      std::clamp<int64_t>((samples + kShareSamples - 1) / kShareSamples, 1, most);
  gradients_.assign(static_cast<size_t>(shares) * gradient_size(), 0.0f);
  context_->pool->ParallelFor(static_cast<int>(shares), [&](int share) {
    BackwardShare(inputs, delta, below, share * samples / shares, (share + 1) * samples / shares,
                  gradients_.data() + static_cast<size_t>(share) * gradient_size(), input_delta);
  });
}

void Conv2dTrainer::BackwardShare(ConstMatrixView inputs, ConstMatrixView delta,
                                  v1::Activation::Kind below, Eigen::Index first, Eigen::Index end,
                                  float* gradient, MatrixView input_delta) const {
  const int64_t image_size = conv_.image_size(), delta_size = conv_.delta_size();
  const Eigen::Index at_once = static_cast<Eigen::Index>(
      std::clamp<int64_t>(kSpreadValues / (image_size + delta_size), 1, kShareSamples));
  const WorkspacePool::Lease workspace = context_->workspaces.Take();
  float* images = Reserve((*workspace).image, at_once * image_size);
  float* deltas = Reserve((*workspace).here, at_once * delta_size);
  float* image_gradient = nullptr;
  if (input_delta.size() > 0) {
    image_gradient = Reserve((*workspace).there, conv_.image_gradient_size());
  }
  const std::span<float> bias_gradient(gradient + shape_.synapses(),
                                       static_cast<size_t>(shape_.units));
  for (; first < end; first += at_once) {
    const Eigen::Index count = std::min(at_once, end - first);
    for (Eigen::Index i = 0; i < count; ++i) {
      const std::span<const float> u = RowSpan(inputs, first + i), d = RowSpan(delta, first + i);
      conv_.SpreadDelta(d, deltas + i * delta_size);
      AddPlaneSums(d, bias_gradient);
      if (!context_->biases_only) conv_.Spread(u, images + i * image_size);
      if (image_gradient == nullptr) continue;
      const std::span<float> out = RowSpan(input_delta, first + i);
      conv_.Backward(turned_.data(), deltas + i * delta_size, image_gradient, out);
      MultiplyBySlope(below, u, out);
    }
    if (!context_->biases_only) conv_.AddWeightGradient(count, images, deltas, gradient);
  }
}

int Conv2dTrainer::update_parts() const {
  return static_cast<int>((shape_.synapses() + kUpdateWeights - 1) / kUpdateWeights);
}

// Far less than a tile of a dense layer: the gradients are there.
int64_t Conv2dTrainer::update_cost(int) const { return 1; }

void Conv2dTrainer::AddShares(size_t at, std::span<float> sum) const {
  std::fill(sum.begin(), sum.end(), 0.0f);
  for (size_t share = at; share < gradients_.size(); share += gradient_size()) {
    for (size_t i = 0; i < sum.size(); ++i) sum[i] += gradients_[share + i];
  }
}

void Conv2dTrainer::Update(int part, const OptimizerStep& step, RateLayerParameters& parameters,
                           ConstMatrixView, ConstMatrixView) {
  const WorkspacePool::Lease workspace = context_->workspaces.Take();
  float* scratch = Reserve((*workspace).here, std::max<int64_t>(kUpdateWeights, shape_.units));
  const int64_t first = part * kUpdateWeights;
  if (!context_->biases_only) {
    const std::span<float> sum(
        scratch, static_cast<size_t>(std::min(kUpdateWeights, shape_.synapses() - first)));
    AddShares(static_cast<size_t>(first), sum);
    step.Update(sum, {parameters.weight.data() + first, sum.size()}, weight_moments,
                static_cast<size_t>(first));
  }
  if (part != 0 || parameters.bias.empty()) return;
  const std::span<float> sum(scratch, static_cast<size_t>(shape_.units));
  AddShares(static_cast<size_t>(shape_.synapses()), sum);
  step.Update(sum, parameters.bias, bias_moments, 0);
}

}  // namespace torpor
