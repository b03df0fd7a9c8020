#include "lif_rivals.h"

#include <algorithm>

#include "engine/learn/loss.h"
#include "engine/lif/readout.h"

namespace torpor {
namespace {

ConstMatrixView AsMatrix(std::span<const float> values, int rows, int columns) {
  return {values.data(), rows, columns, Eigen::OuterStride<>(columns)};
}
MatrixView AsMatrix(std::span<float> values, int rows, int columns) {
  return {values.data(), rows, columns, Eigen::OuterStride<>(columns)};
}

ConstMatrixView Read(const Matrix& m) { return View(m); }

double CrossEntropy(std::span<const float> scores, int32_t label, std::span<float> delta) {
  return LossAndGradient(v1::Loss::CE, v1::Activation::LINEAR, scores, label, 1.0f, delta);
}

}  // namespace

DenseRival::DenseRival(const LifPlan* plan)
    : plan_(plan),
      traces_(plan->layers[0].neuron, plan->order),
      kernel_(MeanKernel(plan->layers[1].neuron, plan->order, plan->steps)) {}

double DenseRival::Run(std::span<const LifWeights> weights, const LabelledSpikes& data,
                       size_t first, size_t count, std::span<const LifGradients> gradients) {
  for (const LifGradients& g : gradients) std::fill(g.input.begin(), g.input.end(), 0.0f);
  double loss = 0;
  for (size_t from = 0; from < count; from += kSamples) {
    loss += RunSome(weights, data, first + from, std::min(kSamples, count - from), gradients);
  }
  return loss;
}

double DenseRival::RunSome(std::span<const LifWeights> weights, const LabelledSpikes& data,
                           size_t first, size_t count, std::span<const LifGradients> gradients) {
  const int steps = plan_->steps;
  const int inputs = plan_->layers[0].synapses->inputs();
  const int hidden = plan_->layers[0].synapses->outputs();
  const int classes = plan_->layers[1].synapses->outputs();
  const int rows = static_cast<int>(count) * steps;
  counts_.setZero(rows, inputs);
  for (size_t s = 0; s < count; ++s) {
    const LifSpikes& spikes = data.spikes[first + s];
    for (int n = 0; n < steps; ++n) {
      for (const uint32_t j : spikes.At(n)) counts_(static_cast<int>(s) * steps + n, j) = 1;
    }
  }
  tile_.Resize(rows, hidden);
  GemmAb(Read(counts_), AsMatrix(weights[0].input, inputs, hidden), 0, tile_.View());
  double loss = 0;
  std::vector<float> scores(static_cast<size_t>(classes));
  std::vector<float> delta(static_cast<size_t>(classes));
  states_.resize(1);
  LifSpikes spikes;
  for (size_t s = 0; s < count; ++s) {
    const int from = static_cast<int>(s) * steps;
    states_[0].Reset(hidden);
    spikes.Clear();
    traces_.Forward(tile_, from, steps, states_[0], spikes);
    sums_.assign(static_cast<size_t>(hidden), 0.0f);
    for (int n = 0; n < steps; ++n) {
      for (const uint32_t j : spikes.At(n)) sums_[j] += kernel_[static_cast<size_t>(n)];
    }
    std::fill(scores.begin(), scores.end(), 0.0f);
    plan_->layers[1].synapses->AddCurrentDrive(weights[1].input, sums_, scores);
    loss += CrossEntropy(scores, data.labels[first + s], delta);
    if (gradients.empty()) continue;
    plan_->layers[1].synapses->AddCurrentGradient(sums_, delta, gradients[1].input);
    row_.Resize(1, hidden);
    plan_->layers[1].synapses->InputErrors(
        weights[1].input, {delta.data(), 1, classes, Eigen::OuterStride<>(classes)}, row_.View());
    states_[0].Reset(hidden);
    std::vector<float> factors(static_cast<size_t>(rows));
    std::copy(kernel_.begin(), kernel_.end(), factors.begin() + from);
    traces_.Backward(plan_->surrogate, LifSpikeErrors::Repeated(row_, factors), tile_, from, steps,
                     states_[0]);
  }
  if (gradients.empty()) return loss;
  const LifTile& errors = tile_;
  GemmAtb(Read(counts_), errors.View(), 1, AsMatrix(gradients[0].input, inputs, hidden));
  return loss;
}

double StepRival::Run(std::span<const LifWeights> weights, const LabelledSpikes& data, size_t first,
                      size_t count, std::span<const LifGradients> gradients) {
  const int inputs = plan_->layers[0].synapses->inputs();
  const auto steps = static_cast<size_t>(plan_->steps);
  const auto samples = static_cast<int>(count);
  input_.resize(steps);
  for (size_t n = 0; n < steps; ++n) {
    input_[n].setZero(samples, inputs);
    for (int s = 0; s < samples; ++s) {
      const LifSpikes& spikes = data.spikes[first + static_cast<size_t>(s)];
      for (const uint32_t j : spikes.At(static_cast<int>(n))) input_[n](s, j) = 1;
    }
  }
  Forward(weights);
  double loss = 0;
  for (int s = 0; s < samples; ++s) {
    const auto classes = static_cast<size_t>(scores_.cols());
    const std::vector<float> scores(&scores_(s, 0), &scores_(s, 0) + classes);
    loss += CrossEntropy(scores, data.labels[first + static_cast<size_t>(s)],
                         {&scores_(s, 0), classes});
  }
  if (!gradients.empty()) Backward(weights, gradients);
  return loss;
}

void StepRival::Forward(std::span<const LifWeights> weights) {
  const LifNeuron& neuron = plan_->layers[0].neuron;
  const LifNeuron& last = plan_->layers[1].neuron;
  const int inputs = plan_->layers[0].synapses->inputs();
  const int hidden = plan_->layers[0].synapses->outputs();
  const int classes = plan_->layers[1].synapses->outputs();
  const Eigen::Index samples = input_[0].rows();
  Matrix q = Matrix::Zero(samples, hidden), p = q, r = q, drive = q;
  Matrix q2 = Matrix::Zero(samples, classes), p2 = q2, drive2 = q2;
  scores_.setZero(samples, classes);
  membrane_.resize(input_.size());
  spikes_.resize(input_.size());
  for (size_t n = 0; n < input_.size(); ++n) {
    GemmAb(Read(input_[n]), AsMatrix(weights[0].input, inputs, hidden), 0, View(drive));
    q = neuron.alpha * q + drive;
    p = neuron.beta * p + q;
    membrane_[n] = p - neuron.delta * r - Matrix::Constant(samples, hidden, neuron.threshold);
    spikes_[n] = (membrane_[n].array() > 0).cast<float>();
    r = neuron.gamma * (r + spikes_[n]);
    GemmAb(Read(spikes_[n]), AsMatrix(weights[1].input, hidden, classes), 0, View(drive2));
    q2 = last.alpha * q2 + drive2;
    p2 = last.beta * p2 + q2;
    scores_ += p2 / static_cast<float>(plan_->steps);
  }
}

// `scores_` holds the gradient of the scores.
void StepRival::Backward(std::span<const LifWeights> weights,
                         std::span<const LifGradients> gradients) {
  const LifNeuron& neuron = plan_->layers[0].neuron;
  const LifNeuron& last = plan_->layers[1].neuron;
  const int inputs = plan_->layers[0].synapses->inputs();
  const int hidden = plan_->layers[0].synapses->outputs();
  const int classes = plan_->layers[1].synapses->outputs();
  const Eigen::Index samples = input_[0].rows();
  for (const LifGradients& g : gradients) std::fill(g.input.begin(), g.input.end(), 0.0f);
  Matrix q = Matrix::Zero(samples, hidden), p = q, r = q, g = q;
  Matrix q2 = Matrix::Zero(samples, classes), p2 = q2;
  for (size_t n = input_.size(); n-- > 0;) {
    p2 = last.beta * p2 + scores_ / static_cast<float>(plan_->steps);
    q2 = last.alpha * q2 + p2;
    GemmAtb(Read(spikes_[n]), Read(q2), 1, AsMatrix(gradients[1].input, hidden, classes));
    GemmAbt(Read(q2), AsMatrix(weights[1].input, hidden, classes), 0, View(g));
    r *= neuron.gamma;
    if (plan_->surrogate.reset_gradient) g += r;
    g = g.array() / (1 + plan_->surrogate.slope * membrane_[n].array().abs()).square();
    r -= neuron.delta * g;
    p = neuron.beta * p + g;
    q = neuron.alpha * q + p;
    GemmAtb(Read(input_[n]), Read(q), 1, AsMatrix(gradients[0].input, inputs, hidden));
  }
}

}  // namespace torpor
