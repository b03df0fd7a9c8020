#include "engine/lif/dense_synapses.h"

#include <numeric>
#include <vector>

#include "engine/base/status.h"

namespace torpor {
namespace {

// Spikes for each input that spikes from which sorting them by input pays.
constexpr int64_t kSpikesPerInput = 2;

ConstMatrixView AsMatrix(std::span<const float> values, int rows, int columns) {
  return {values.data(), rows, columns, Eigen::OuterStride<>(columns)};
}

}  // namespace

DenseSynapses::DenseSynapses(int inputs, int outputs, Path path, Instructions with)
    : inputs_(inputs), outputs_(outputs), path_(path), kernel_(&LifKernelOf(with)) {
  TORPOR_CHECK(inputs >= 1 && outputs >= 1);
}

bool DenseSynapses::Dense(const LifSpikes& spikes, double crossover) const {
  if (path_ != Path::kByDensity) return path_ == Path::kDense;
  return static_cast<double>(spikes.size()) >
         crossover * static_cast<double>(inputs_) * static_cast<double>(spikes.steps());
}

Matrix DenseSynapses::Counts(const LifSpikes& spikes) const {
  Matrix counts = Matrix::Zero(spikes.steps(), inputs_);
  for (int n = 0; n < spikes.steps(); ++n) {
    for (const uint32_t j : spikes.At(n)) counts(n, j) += 1;
  }
  return counts;
}

void DenseSynapses::AddDrive(std::span<const float> weights, const LifSpikes& spikes,
                             MatrixView drive) const {
  TORPOR_CHECK(static_cast<int64_t>(weights.size()) == this->weights() &&
               drive.rows() == spikes.steps() && drive.cols() == outputs_);
  if (Dense(spikes, kDenseDrive)) {
    GemmAb(View(Counts(spikes)), AsMatrix(weights, inputs_, outputs_), 1, drive);
    return;
  }
  kernel_->sum_rows({weights.data(), outputs_, outputs_, spikes.index.data(), spikes.begin.data(),
                     nullptr, spikes.steps(), drive.data(), drive.outerStride()});
}

void DenseSynapses::AddRows(std::span<const float> weights, std::span<const uint32_t> spikes,
                            float* drive) const {
  const int32_t begin[] = {0, static_cast<int32_t>(spikes.size())};
  kernel_->sum_rows(
      {weights.data(), outputs_, outputs_, spikes.data(), begin, nullptr, 1, drive, outputs_});
}

void DenseSynapses::AddWeightGradient(const LifSpikes& spikes, ConstMatrixView errors,
                                      std::span<float> gradient) const {
  TORPOR_CHECK(static_cast<int64_t>(gradient.size()) == weights() &&
               errors.rows() == spikes.steps() && errors.cols() == outputs_);
  if (Dense(spikes, kDenseGradient)) {
    GemmAtb(View(Counts(spikes)), errors, 1,
            {gradient.data(), inputs_, outputs_, Eigen::OuterStride<>(outputs_)});
    return;
  }
  std::vector<int32_t> counts(static_cast<size_t>(inputs_) + 1);
  for (const uint32_t j : spikes.index) ++counts[j];
  int64_t spiking = 0;
  for (const int32_t count : counts) spiking += count > 0;
  // Both ways add to a weight in the order of steps: the same bits.
  LifRowSums sums{errors.data(), errors.outerStride(), outputs_};
  sums.out = gradient.data();
  sums.out_stride = outputs_;
  if (spikes.size() >= kSpikesPerInput * spiking) {
    AddGradientByInput(spikes, counts, sums);
    return;
  }
  sums.index = spikes.index.data();
  sums.begin = spikes.begin.data();
  sums.groups = spikes.steps();
  kernel_->spread_rows(sums);
}

void DenseSynapses::AddGradientByInput(const LifSpikes& spikes, std::span<const int32_t> counts,
                                       const LifRowSums& sums) const {
  std::vector<int32_t> begin(counts.size());
  std::exclusive_scan(counts.begin(), counts.end(), begin.begin(), 0);
  std::vector<int32_t> next = begin;
  std::vector<uint32_t> steps(spikes.index.size());
  for (int n = 0; n < spikes.steps(); ++n) {
    for (const uint32_t j : spikes.At(n)) {
      steps[static_cast<size_t>(next[j]++)] = static_cast<uint32_t>(n);
    }
  }
  LifRowSums by_input = sums;
  by_input.index = steps.data();
  by_input.begin = begin.data();
  by_input.groups = inputs_;
  kernel_->sum_rows(by_input);
}

void DenseSynapses::InputErrors(std::span<const float> weights, ConstMatrixView errors,
                                MatrixView input_errors) const {
  GemmAbt(errors, AsMatrix(weights, inputs_, outputs_), 0, input_errors);
}

void DenseSynapses::AddCurrentDrive(std::span<const float> weights, std::span<const float> currents,
                                    std::span<float> drive) const {
  TORPOR_CHECK(currents.size() == static_cast<size_t>(inputs_) &&
               drive.size() == static_cast<size_t>(outputs_));
  kernel_->sum_weighted({currents.data(), inputs_, outputs_, outputs_}, weights.data(),
                        drive.data());
}

void DenseSynapses::AddCurrentGradient(std::span<const float> currents,
                                       std::span<const float> errors,
                                       std::span<float> gradient) const {
  TORPOR_CHECK(currents.size() == static_cast<size_t>(inputs_) &&
               errors.size() == static_cast<size_t>(outputs_));
  kernel_->add_outer({currents.data(), inputs_, outputs_, outputs_}, errors.data(),
                     gradient.data());
}

}  // namespace torpor
