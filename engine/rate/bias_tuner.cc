#include "engine/rate/bias_tuner.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/base/random.h"
#include "engine/base/status.h"
#include "engine/rate/trainer.h"
#include "engine/scaling/optimal_bias.h"

namespace torpor {
namespace {

using Biases = std::vector<std::vector<float>>;

constexpr int kMaxEpochs = 1000;
constexpr int kDefaultEpochs = 3;
constexpr int kDefaultBatch = 128;
constexpr double kDefaultLearningRate = 1e-2;
// Samples of one block of products, fixed so that the bits do not depend on the pool.
constexpr int64_t kProductBlock = 128;
// Blocks between two looks at the cancellation.
constexpr int64_t kWave = 16;

v1::TrainSpec TrainSpecOf(const v1::TuneSpec& spec) {
  v1::TrainSpec train;
  train.set_loss(spec.loss());
  train.set_optimizer(v1::Optimizer::ADAM);
  if (spec.has_learning_rate()) train.set_learning_rate(spec.learning_rate());
  train.set_batch_size(spec.batch_size());
  return train;
}

// The layer whose products are those of the samples themselves, where it is the only one with
// weights; else -1.
int SingleLayer(const std::vector<RateLayerShape>& shapes) {
  for (size_t l = 0; l + 1 < shapes.size(); ++l) {
    if (shapes[l].kind != RateLayerKind::kFlatten) return -1;
  }
  return static_cast<int>(shapes.size()) - 1;
}

absl::Status CheckNewton(const RateModel& model, const v1::TuneSpec& spec) {
  Violations violations;
  if (SingleLayer(model.shapes()) < 0) {
    violations.Add("method",
                   absl::StrCat("NEWTON finds the optimum of networks of a single layer, this one "
                                "has ",
                                model.shapes().size(), "; use ADAM"));
  } else if (spec.loss() == v1::Loss::CE && model.classes() > kMaxJointOutputs) {
    violations.Add("method",
                   absl::StrCat("NEWTON with CE is for at most ", kMaxJointOutputs,
                                " outputs, this network has ", model.classes(), "; use ADAM"));
  }
  return violations.ToStatus();
}

absl::Status CheckData(const RateModel& model, const Dataset& data) {
  if (data.features() != model.features()) {
    return FieldError("dataset", absl::StrCat("samples must have ", model.features(),
                                              " values for this network, have ", data.features()));
  }
  if (data.size() == 0) return FieldError("samples", "must be at least 1");
  for (int64_t p = 0; p < data.size(); ++p) {
    if (data.label(p) >= 0 && data.label(p) < model.classes()) continue;
    return FieldError("dataset", absl::StrCat("labels must be in 0..", model.classes() - 1,
                                              " for this network, got ", data.label(p)));
  }
  return absl::OkStatus();
}

// epsilon W u of one layer that sees the samples themselves [samples x outputs].
absl::StatusOr<Matrix> Products(const FrozenLayer& layer, double epsilon, const Dataset& data,
                                ThreadPool* pool, const Cancellation& cancellation) {
  Matrix products(data.size(), layer.shape.outputs);
  const int64_t blocks = (data.size() + kProductBlock - 1) / kProductBlock;
  for (int64_t wave = 0; wave < blocks; wave += kWave) {
    TORPOR_RETURN_IF_ERROR(cancellation.Check());
    pool->ParallelFor(static_cast<int>(std::min(kWave, blocks - wave)), [&](int i) {
      const int64_t first = (wave + i) * kProductBlock;
      const int64_t count = std::min(kProductBlock, data.size() - first);
      Matrix inputs(count, data.features());
      data.CopyRange(first, count, View(inputs));
      MatrixView rows(products.row(first).data(), count, products.cols(),
                      Eigen::OuterStride<>(products.cols()));
      Workspace workspace;
      // Cut short only by the cancellation, which is looked at below.
      LayerProduct(layer, View(std::as_const(inputs)), workspace, cancellation, rows).IgnoreError();
      rows *= static_cast<float>(epsilon);
    });
  }
  return products;
}

absl::StatusOr<Biases> TuneExactly(const RateModel& model, const v1::TuneSpec& spec, double epsilon,
                                   Biases start, const Dataset& data, ThreadPool* pool,
                                   const Cancellation& cancellation, const TuneProgress& progress) {
  TORPOR_ASSIGN_OR_RETURN(const Matrix products, Products(model.Frozen()->layers.back(), epsilon,
                                                          data, pool, cancellation));
  std::vector<int32_t> labels(static_cast<size_t>(data.size()));
  for (int64_t p = 0; p < data.size(); ++p) labels[static_cast<size_t>(p)] = data.label(p);
  const OptimalBiasProblem problem = {.loss = spec.loss(),
                                      .activation = model.shapes().back().activation,
                                      .products = View(products),
                                      .labels = labels,
                                      .start = start.back()};
  TORPOR_ASSIGN_OR_RETURN(OptimalBias found, FindOptimalBias(problem, pool, cancellation));
  TORPOR_RETURN_IF_ERROR(progress(1, found.loss));
  start.back() = std::move(found.bias);
  return start;
}

// The network with weights epsilon W and the biases to start from.
absl::StatusOr<std::unique_ptr<Model>> ScaledCopy(const RateModel& model, v1::Loss::Kind loss,
                                                  const std::vector<double>& epsilon,
                                                  Biases start) {
  TORPOR_ASSIGN_OR_RETURN(std::unique_ptr<Model> copy, RateModel::Build(model.definition(), 0));
  std::vector<RateLayerParameters>& parameters =
      static_cast<RateModel&>(*copy).MutableParameters(loss);
  for (size_t l = 0; l < parameters.size(); ++l) {
    parameters[l].weight = static_cast<float>(epsilon[l]) * model.parameters()[l].weight;
    parameters[l].bias = std::move(start[l]);
  }
  return copy;
}

absl::StatusOr<Biases> TuneByDescent(const RateModel& model, const v1::TuneSpec& spec,
                                     const std::vector<double>& epsilon, Biases start,
                                     const Dataset& data, ThreadPool* pool,
                                     const Cancellation& cancellation,
                                     const TuneProgress& progress) {
  const RateLayerShape& first = model.shapes().front();
  const bool held =
      first.has_weights() &&
      data.size() * first.outputs * static_cast<int64_t>(sizeof(float)) <= kHeldProducts;
  Matrix products;
  if (held) {
    TORPOR_ASSIGN_OR_RETURN(products, Products(model.Frozen()->layers.front(), epsilon.front(),
                                               data, pool, cancellation));
  }
  TORPOR_ASSIGN_OR_RETURN(std::unique_ptr<Model> scaled,
                          ScaledCopy(model, spec.loss(), epsilon, std::move(start)));
  TORPOR_ASSIGN_OR_RETURN(
      const std::unique_ptr<Trainer> trainer,
      RateTrainer::Create(static_cast<RateModel*>(scaled.get()), TrainSpecOf(spec), pool,
                          {.biases_only = true, .first_products = held}));

  const int64_t n = data.size();
  const int64_t batch_size = std::min<int64_t>(spec.batch_size(), n);
  Matrix inputs(batch_size, held ? products.cols() : data.features());
  std::vector<int32_t> labels(static_cast<size_t>(batch_size));
  for (int epoch = 0; epoch < spec.epochs(); ++epoch) {
    StepReport report;
    const std::vector<uint32_t> order =
        Permutation(spec.seed(), RandomPurpose::kShuffle, static_cast<uint64_t>(epoch),
                    static_cast<uint32_t>(n));
    for (int64_t at = 0; at < n; at += batch_size) {
      TORPOR_RETURN_IF_ERROR(cancellation.Check());
      const int64_t count = std::min(batch_size, n - at);
      for (int64_t i = 0; i < count; ++i) {
        const int64_t p = order[static_cast<size_t>(at + i)];
        if (held) {
          inputs.row(i) = products.row(p);
        } else {
          data.CopySample(p, {inputs.row(i).data(), static_cast<size_t>(inputs.cols())});
        }
        labels[static_cast<size_t>(i)] = data.label(p);
      }
      TORPOR_RETURN_IF_ERROR(
          trainer->Step({.inputs = Rows(inputs, 0, count),
                         .labels = std::span(labels).first(static_cast<size_t>(count))},
                        report));
      const double done = static_cast<double>(epoch * n + report.samples);
      TORPOR_RETURN_IF_ERROR(progress(done / (static_cast<double>(spec.epochs()) * n),
                                      report.loss / static_cast<double>(report.samples)));
    }
  }
  Biases tuned;
  for (const RateLayerParameters& layer : static_cast<RateModel&>(*scaled).parameters()) {
    tuned.push_back(layer.bias);
  }
  return tuned;
}

}  // namespace

v1::TuneSpec CompleteTuneSpec(const RateModel& model, v1::TuneSpec spec) {
  if (spec.loss() == v1::Loss::UNSPECIFIED) spec.set_loss(model.loss());
  if (spec.loss() == v1::Loss::UNSPECIFIED) {
    spec.set_loss(model.shapes().back().activation == v1::Activation::SIGMOID ? v1::Loss::BCE
                                                                              : v1::Loss::CE);
  }
  if (spec.method() == v1::TuneSpec::Method::UNSPECIFIED) {
    spec.set_method(v1::TuneSpec::Method::ADAM);
  }
  if (spec.method() == v1::TuneSpec::Method::NEWTON) return spec;
  if (spec.epochs() == 0) spec.set_epochs(kDefaultEpochs);
  if (!spec.has_learning_rate()) spec.set_learning_rate(kDefaultLearningRate);
  if (spec.batch_size() == 0) spec.set_batch_size(kDefaultBatch);
  return spec;
}

absl::Status CheckTuneSpec(const RateModel& model, const v1::TuneSpec& given) {
  int64_t biases = 0;
  for (const RateLayerShape& shape : model.shapes()) {
    biases += shape.biases();
    if (shape.activation != v1::Activation::STEP) continue;
    return WithHelp(WithReason(absl::FailedPreconditionError(absl::StrCat(
                                   "layer \"", shape.name,
                                   "\": a step activation has no gradient to tune biases by")),
                               "NOT_TRAINABLE", {{"layer", shape.name}}),
                    "Use a closed form, e.g. bias=table.");
  }
  if (biases == 0) {
    return WithHelp(WithReason(absl::FailedPreconditionError(
                                   "no layer of this network has a bias that could be tuned"),
                               "NO_BIAS"),
                    "Tune a network with biases; this one scales by epsilon alone.");
  }
  const v1::TuneSpec spec = CompleteTuneSpec(model, given);
  if (!v1::TuneSpec::Method::Kind_IsValid(spec.method())) {
    return FieldError("method", "must be ADAM or NEWTON");
  }
  if (spec.epochs() < 0 || spec.epochs() > kMaxEpochs) {
    return FieldError("epochs",
                      absl::StrCat("must be in 1..", kMaxEpochs, ", got ", spec.epochs()));
  }
  TORPOR_RETURN_IF_ERROR(RateTrainer::Check(model, TrainSpecOf(spec)));
  return spec.method() == v1::TuneSpec::Method::NEWTON ? CheckNewton(model, spec)
                                                       : absl::OkStatus();
}

absl::StatusOr<Biases> TuneBiases(const RateModel& model, const v1::TuneSpec& given,
                                  const std::vector<double>& epsilon, Biases start,
                                  const Dataset& data, ThreadPool* pool,
                                  const Cancellation& cancellation, const TuneProgress& progress) {
  TORPOR_CHECK(epsilon.size() == model.shapes().size() && start.size() == epsilon.size());
  TORPOR_RETURN_IF_ERROR(CheckTuneSpec(model, given));
  TORPOR_RETURN_IF_ERROR(CheckData(model, data));
  const v1::TuneSpec spec = CompleteTuneSpec(model, given);
  if (spec.method() == v1::TuneSpec::Method::NEWTON) {
    return TuneExactly(model, spec, epsilon.back(), std::move(start), data, pool, cancellation,
                       progress);
  }
  return TuneByDescent(model, spec, epsilon, std::move(start), data, pool, cancellation, progress);
}

}  // namespace torpor
