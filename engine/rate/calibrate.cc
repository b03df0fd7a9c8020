#include "engine/rate/calibrate.h"

#include <algorithm>
#include <utility>

#include "engine/base/status.h"
#include "engine/learn/loss.h"
#include "engine/rate/kernels.h"
#include "engine/rate/layer_pass.h"
#include "engine/rate/windows.h"
#include "engine/scaling/quantiles.h"

namespace torpor {
namespace {

constexpr int64_t kLargestBlock = 256;
// Multiply-accumulates of one block: far below 50 ms, the longest wait for a cancellation.
constexpr int64_t kBlockWork = 1'000'000'000;
// Values that a block keeps, over all layers.
constexpr int64_t kBlockValues = int64_t{1} << 24;
// Blocks whose sums are held at once.
constexpr int64_t kWave = 16;
// Pre-activations kept for distributions, over all layers.
constexpr int64_t kKeptValues = int64_t{1} << 26;

std::span<float> RowOf(Matrix& m, Eigen::Index p) {
  return {m.data() + p * m.cols(), static_cast<size_t>(m.cols())};
}

// One pass over data with a network whose parameters stay as they are.
class Gatherer {
 public:
  Gatherer(const std::vector<RateLayerShape>& shapes,
           const std::vector<RateLayerParameters>& parameters, v1::Loss::Kind loss,
           const Dataset& data);

  absl::StatusOr<std::vector<LayerStatistics>> Run(ThreadPool* pool,
                                                   const Cancellation& cancellation);

 private:
  absl::StatusOr<std::vector<LayerSums>> BlockSums(int64_t first, int64_t count,
                                                   const Cancellation& cancellation);
  // dL/ds by layer for x [layers + 1], the values before each layer and after the last.
  std::vector<Matrix> Deltas(int64_t first, const std::vector<Matrix>& x,
                             const std::vector<Matrix>& s) const;
  // Copies what the distribution of layer l needs from samples first..first + s.rows() - 1.
  void Keep(size_t l, int64_t first, const Matrix& s);
  // Adds mean_input and input_covariance of layer l behind the layer `before` with weights.
  void FinishInputs(size_t l, size_t before, const LayerSums& sums, LayerStatistics& statistics);

  const std::vector<RateLayerShape>& shapes_;
  const std::vector<RateLayerParameters>& parameters_;
  v1::Loss::Kind loss_;
  const Dataset& data_;
  std::vector<LayerPass> passes_;
  // The first layer with weights.
  size_t first_ = 0;
  bool has_deltas_ = false;
  int64_t block_ = 1;
  // By layer [windows kept x units]; blocks write rows of their own.
  std::vector<Matrix> kept_;
};

Gatherer::Gatherer(const std::vector<RateLayerShape>& shapes,
                   const std::vector<RateLayerParameters>& parameters, v1::Loss::Kind loss,
                   const Dataset& data)
    : shapes_(shapes), parameters_(parameters), loss_(loss), data_(data), kept_(shapes.size()) {
  int64_t work = 0;
  int64_t values = 0;
  int64_t units = 0;
  has_deltas_ = loss != v1::Loss::UNSPECIFIED;
  for (size_t l = 0; l < shapes.size(); ++l) {
    passes_.emplace_back(shapes[l], parameters[l]);
    work += shapes[l].multiply_accumulates() + shapes[l].outputs;
    values += 4 * int64_t{shapes[l].inputs} + 4 * int64_t{shapes[l].outputs};
    units += shapes[l].units;
    has_deltas_ = has_deltas_ && shapes[l].activation != v1::Activation::STEP;
  }
  while (!shapes[first_].has_weights()) ++first_;
  for (int64_t p = 0; p < data.size() && has_deltas_; ++p) {
    has_deltas_ = data.label(p) >= 0 && data.label(p) < shapes.back().units;
  }
  block_ =
      std::clamp<int64_t>(std::min(kBlockWork / work, kBlockValues / values), 1, kLargestBlock);
  const int64_t most = std::clamp<int64_t>(kKeptValues / units, kQuantileGroups, kQuantileSamples);
  for (size_t l = 0; l < shapes.size(); ++l) {
    if (!shapes[l].has_weights()) continue;
    kept_[l].resize(std::min(most, data.size() * shapes[l].places), shapes[l].units);
  }
}

void Gatherer::Keep(size_t l, int64_t first, const Matrix& s) {
  Matrix& kept = kept_[l];
  const int64_t places = shapes_[l].places;
  const int64_t all = data_.size() * places;
  // Window k comes from sample k n / kept, its place from a fixed hash, so that places are spread
  // whatever the sizes; if all windows are kept, they are taken in order.
  const int64_t n = data_.size();
  int64_t k = (first * kept.rows() + n - 1) / n;
  for (; k < kept.rows() && k * n / kept.rows() < first + s.rows(); ++k) {
    const int64_t sample = k * n / kept.rows() - first;
    const uint64_t hash = static_cast<uint64_t>(k) * 0x9E3779B97F4A7C15u >> 32;
    const int64_t place = kept.rows() == all
                              ? k % places
                              : static_cast<int64_t>(hash % static_cast<uint64_t>(places));
    for (int64_t i = 0; i < shapes_[l].units; ++i) kept(k, i) = s(sample, i * places + place);
  }
}

std::vector<Matrix> Gatherer::Deltas(int64_t first, const std::vector<Matrix>& x,
                                     const std::vector<Matrix>& s) const {
  std::vector<Matrix> deltas(shapes_.size());
  size_t l = shapes_.size() - 1;
  Matrix scores = s[l];
  deltas[l].resize(scores.rows(), scores.cols());
  for (Eigen::Index p = 0; p < scores.rows(); ++p) {
    LossAndGradient(loss_, shapes_[l].activation, RowOf(scores, p), data_.label(first + p), 1,
                    RowOf(deltas[l], p));
  }
  for (; l > first_; --l) {
    Matrix& below = deltas[l - 1];
    passes_[l].Backward(x[l], x[l + 1], deltas[l], below);
    if (!shapes_[l - 1].has_weights()) continue;
    MultiplyBySlope(shapes_[l - 1].activation, {x[l].data(), static_cast<size_t>(x[l].size())},
                    {below.data(), static_cast<size_t>(below.size())});
  }
  return deltas;
}

absl::StatusOr<std::vector<LayerSums>> Gatherer::BlockSums(int64_t first, int64_t count,
                                                           const Cancellation& cancellation) {
  std::vector<Matrix> x(shapes_.size() + 1);
  std::vector<Matrix> s(shapes_.size());
  x[0].resize(count, data_.features());
  data_.CopyRange(first, count, View(x[0]));
  for (size_t l = 0; l < shapes_.size(); ++l) {
    TORPOR_RETURN_IF_ERROR(cancellation.Check());
    if (!shapes_[l].has_weights()) {
      TORPOR_RETURN_IF_ERROR(passes_[l].Forward(x[l], x[l + 1], cancellation));
      continue;
    }
    TORPOR_RETURN_IF_ERROR(passes_[l].Forward(x[l], s[l], cancellation));
    Keep(l, first, s[l]);
    if (l + 1 == shapes_.size()) break;
    x[l + 1].resize(count, shapes_[l].outputs);
    Activate(shapes_[l].activation, {s[l].data(), static_cast<size_t>(s[l].size())},
             {x[l + 1].data(), static_cast<size_t>(x[l + 1].size())});
  }
  std::vector<Matrix> deltas(shapes_.size());
  if (has_deltas_) deltas = Deltas(first, x, s);
  std::vector<LayerSums> sums(shapes_.size());
  for (size_t l = 0; l < shapes_.size(); ++l) {
    if (!shapes_[l].has_weights()) continue;
    TORPOR_RETURN_IF_ERROR(cancellation.Check());
    Matrix projected;
    if (l > first_) passes_[l].Backward(x[l], x[l + 1], s[l], projected);
    sums[l] = LayerSums::OfBlock({.pre_activations = &s[l],
                                  .places = shapes_[l].places,
                                  .inputs = &x[l],
                                  .projected = l > first_ ? &projected : nullptr,
                                  .deltas = has_deltas_ ? &deltas[l] : nullptr});
  }
  return sums;
}

void Gatherer::FinishInputs(size_t l, size_t before, const LayerSums& sums,
                            LayerStatistics& statistics) {
  const RateLayerShape& shape = shapes_[l];
  statistics.mean_input = WindowMeans(shape, sums.MeanInput());
  // sum_i W_ij cov(u_j, s_i) = mean of u_j (W^T s)_j - mean u_j (W^T mean s)_j, over windows.
  const Eigen::VectorXd products = sums.MeanProduct() / static_cast<double>(shape.places);
  const Eigen::VectorXd means = statistics.mean_input.cwiseProduct(
      parameters_[l].weight.cast<double>().transpose() * statistics.mean);
  const int64_t channels = shapes_[before].units;
  const int64_t inputs = products.size() / channels;
  const int64_t taps = means.size() / channels;
  statistics.input_covariance.resize(channels);
  for (int64_t k = 0; k < channels; ++k) {
    statistics.input_covariance[k] =
        products.segment(k * inputs, inputs).sum() - means.segment(k * taps, taps).sum();
  }
}

absl::StatusOr<std::vector<LayerStatistics>> Gatherer::Run(ThreadPool* pool,
                                                           const Cancellation& cancellation) {
  const int64_t blocks = (data_.size() + block_ - 1) / block_;
  std::vector<LayerSums> total(shapes_.size());
  for (int64_t wave = 0; wave < blocks; wave += kWave) {
    const int64_t held = std::min(kWave, blocks - wave);
    std::vector<absl::StatusOr<std::vector<LayerSums>>> sums(static_cast<size_t>(held));
    pool->ParallelFor(static_cast<int>(held), [&](int i) {
      const int64_t first = (wave + i) * block_;
      sums[static_cast<size_t>(i)] =
          BlockSums(first, std::min(block_, data_.size() - first), cancellation);
    });
    for (const absl::StatusOr<std::vector<LayerSums>>& each : sums) {
      TORPOR_RETURN_IF_ERROR(each.status());
      for (size_t l = 0; l < total.size(); ++l) total[l].Merge((*each)[l]);
    }
  }
  std::vector<LayerStatistics> statistics(shapes_.size());
  size_t before = first_;
  for (size_t l = 0; l < shapes_.size(); ++l) {
    if (!shapes_[l].has_weights()) continue;
    TORPOR_RETURN_IF_ERROR(cancellation.Check());
    statistics[l] = total[l].Statistics();
    statistics[l].quantiles = GroupedQuantiles(kept_[l], pool);
    if (l > first_) FinishInputs(l, before, total[l], statistics[l]);
    before = l;
  }
  return statistics;
}

}  // namespace

absl::StatusOr<std::vector<LayerStatistics>> CalibrateRate(
    const std::vector<RateLayerShape>& shapes, const std::vector<RateLayerParameters>& parameters,
    v1::Loss::Kind loss, const Dataset& data, ThreadPool* pool, const Cancellation& cancellation) {
  return Gatherer(shapes, parameters, loss, data).Run(pool, cancellation);
}

}  // namespace torpor
