#include "engine/rate/trainer.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "engine/base/simd.h"
#include "engine/base/status.h"
#include "engine/learn/loss.h"
#include "engine/learn/metrics.h"
#include "engine/rate/kernels.h"

namespace torpor {
namespace {

// Tiles of weights: a gradient that stays in the second-level cache while the optimiser consumes
// it.
constexpr int kTileUnits = 128;
constexpr int kTileInputs = 1024;
// Tiles of activations [samples x units].
constexpr int kWideUnits = 256;
constexpr int kActivationUnits = 128;
constexpr int kActivationSamples = 32;

// Cuts a [samples x units] result: wide layers by units, narrow ones by samples.
struct ActivationTiles {
  ActivationTiles(Eigen::Index samples, Eigen::Index units)
      : samples(samples), units(units), wide(units >= kWideUnits) {}
  int count() const {
    return static_cast<int>(wide ? (units + kActivationUnits - 1) / kActivationUnits
                                 : (samples + kActivationSamples - 1) / kActivationSamples);
  }
  Eigen::Index first_sample(int i) const { return wide ? 0 : Eigen::Index{i} * kActivationSamples; }
  Eigen::Index sample_count(int i) const {
    return wide ? samples : std::min<Eigen::Index>(kActivationSamples, samples - first_sample(i));
  }
  Eigen::Index first_unit(int i) const { return wide ? Eigen::Index{i} * kActivationUnits : 0; }
  Eigen::Index unit_count(int i) const {
    return wide ? std::min<Eigen::Index>(kActivationUnits, units - first_unit(i)) : units;
  }

  Eigen::Index samples, units;
  bool wide;
};

ConstMatrixView Tile(ConstMatrixView m, Eigen::Index row, Eigen::Index rows, Eigen::Index column,
                     Eigen::Index columns) {
  return ConstMatrixView(m.data() + row * m.outerStride() + column, rows, columns,
                         Eigen::OuterStride<>(m.outerStride()));
}

MatrixView Tile(Matrix& m, Eigen::Index row, Eigen::Index rows, Eigen::Index column,
                Eigen::Index columns) {
  return MatrixView(m.data() + row * m.cols() + column, rows, columns,
                    Eigen::OuterStride<>(m.cols()));
}

std::span<float> RowSpan(MatrixView m, Eigen::Index row) {
  return {m.row(row).data(), static_cast<size_t>(m.cols())};
}

std::string MomentName(const RateLayerShape& shape, const char* what) {
  return absl::StrCat("optimizer/", shape.name, "/", what);
}

}  // namespace

absl::Status RateTrainer::Check(const RateModel& model, const v1::TrainSpec& spec) {
  for (const RateLayerShape& shape : model.shapes()) {
    if (shape.activation != v1::Activation::STEP) continue;
    return WithHelp(
        WithReason(absl::FailedPreconditionError(
                       absl::StrCat("layer \"", shape.name,
                                    "\": a step activation has no gradient, so this "
                                    "network cannot be trained")),
                   "NOT_TRAINABLE", {{"layer", shape.name}}),
        "Train with another activation, or create the session from a model with parameters.");
  }
  Violations violations;
  const v1::Activation::Kind output = model.shapes().back().activation;
  if (!v1::Loss::Kind_IsValid(spec.loss())) {
    violations.Add("loss", "must be one of BCE, MSE, CE");
  } else if ((spec.loss() == v1::Loss::BCE || spec.loss() == v1::Loss::UNSPECIFIED) &&
             output != v1::Activation::SIGMOID) {
    violations.Add("loss", absl::StrCat("BCE needs a sigmoid output layer, this network's is ",
                                        absl::AsciiStrToLower(v1::Activation::Kind_Name(output)),
                                        "; use MSE or CE"));
  }
  if (!v1::Optimizer::Kind_IsValid(spec.optimizer())) {
    violations.Add("optimizer", "must be one of ADAM, SGD");
  }
  if (spec.has_learning_rate() &&
      !(spec.learning_rate() > 0 && std::isfinite(spec.learning_rate()))) {
    violations.Add("learning_rate", absl::StrCat("must be above 0, got ", spec.learning_rate()));
  }
  if (spec.batch_size() < 0 || spec.batch_size() > 65536) {
    violations.Add("batch_size", absl::StrCat("must be in 1..65536, got ", spec.batch_size()));
  }
  if (spec.has_momentum() && !(spec.momentum() >= 0 && spec.momentum() < 1)) {
    violations.Add("momentum", absl::StrCat("must be in [0, 1), got ", spec.momentum()));
  }
  return violations.ToStatus();
}

absl::StatusOr<std::unique_ptr<Trainer>> RateTrainer::Create(RateModel* model,
                                                             const v1::TrainSpec& spec,
                                                             ThreadPool* pool,
                                                             RateTrainerScope scope) {
  TORPOR_RETURN_IF_ERROR(Check(*model, spec));
  return std::unique_ptr<Trainer>(new RateTrainer(model, spec, pool, scope));
}

RateTrainer::RateTrainer(RateModel* model, const v1::TrainSpec& spec, ThreadPool* pool,
                         RateTrainerScope scope)
    : model_(model),
      pool_(pool),
      scope_(scope),
      loss_(spec.loss() == v1::Loss::UNSPECIFIED ? v1::Loss::BCE : spec.loss()),
      optimizer_(spec.optimizer() == v1::Optimizer::UNSPECIFIED ? v1::Optimizer::ADAM
                                                                : spec.optimizer()),
      learning_rate_(spec.has_learning_rate() ? spec.learning_rate() : 1e-3),
      momentum_(spec.has_momentum() ? static_cast<float>(spec.momentum()) : 0.9f),
      layers_(model->shapes().size()) {
  const bool adam = optimizer_ == v1::Optimizer::ADAM;
  for (size_t l = 0; l < layers_.size(); ++l) {
    const RateLayerShape& shape = model->shapes()[l];
    const size_t synapses =
        scope_.biases_only ? 0
                           : static_cast<size_t>(shape.units) * static_cast<size_t>(shape.inputs);
    const size_t biases = shape.has_bias ? static_cast<size_t>(shape.units) : 0;
    layers_[l].weight.first.resize(synapses);
    layers_[l].weight.second.resize(adam ? synapses : 0);
    layers_[l].bias.first.resize(biases);
    layers_[l].bias.second.resize(adam ? biases : 0);
    for (int i = 0; i < shape.units; i += kTileUnits) {
      for (int j = 0; j < shape.inputs; j += kTileInputs) {
        tiles_.push_back({l, i, std::min(kTileUnits, shape.units - i), j,
                          std::min(kTileInputs, shape.inputs - j)});
      }
    }
  }
  // Largest first, so that threads end together.
  std::stable_sort(tiles_.begin(), tiles_.end(), [](const WeightTile& a, const WeightTile& b) {
    return int64_t{a.units} * a.inputs > int64_t{b.units} * b.inputs;
  });
  Reserve(spec.batch_size() == 0 ? 128 : spec.batch_size());
}

void RateTrainer::Reserve(Eigen::Index samples) {
  if (layers_.front().output.rows() >= samples) return;
  for (size_t l = 0; l < layers_.size(); ++l) {
    layers_[l].output.resize(samples, model_->shapes()[l].units);
    layers_[l].delta.resize(samples, model_->shapes()[l].units);
  }
}

absl::Status RateTrainer::Step(const Batch& batch, StepReport& report) {
  const Eigen::Index samples = batch.inputs.rows();
  const Eigen::Index values =
      scope_.first_products ? model_->shapes().front().units : model_->features();
  if (batch.inputs.cols() != values) {
    return FieldError("dataset",
                      absl::StrCat("samples must have ", values, " values for this network, have ",
                                   batch.inputs.cols()));
  }
  TORPOR_CHECK(samples >= 1 && static_cast<Eigen::Index>(batch.labels.size()) == samples);
  for (int32_t label : batch.labels) {
    if (label < 0 || label >= model_->classes()) {
      return FieldError("dataset", absl::StrCat("labels must be in 0..", model_->classes() - 1,
                                                " for this network, got ", label));
    }
  }
  Reserve(samples);
  std::vector<RateLayerParameters>& parameters = model_->MutableParameters(loss_);
  for (size_t l = 0; l < layers_.size(); ++l) Forward(l, batch, parameters[l]);
  StepReport step;
  OutputDelta(batch, step);
  if (!std::isfinite(step.loss)) {
    return WithHelp(
        WithReason(absl::FailedPreconditionError(absl::StrCat(
                       "training diverged: the loss is not finite at step ", step_ + 1)),
                   "DIVERGED"),
        "Lower the learning rate.");
  }
  for (size_t l = layers_.size() - 1; l > 0; --l) BackwardDelta(l, samples, parameters[l]);
  ++step_;
  const AdamStep adam(learning_rate_, step_);
  pool_->ParallelFor(static_cast<int>(tiles_.size()), [&](int i) {
    const WeightTile& tile = tiles_[static_cast<size_t>(i)];
    UpdateTile(tile, batch, adam, parameters[tile.layer]);
  });
  report.loss += step.loss;
  report.correct += step.correct;
  report.samples += step.samples;
  return absl::OkStatus();
}

ConstMatrixView RateTrainer::LayerInput(size_t l, const Batch& batch) const {
  return l == 0 ? batch.inputs : Rows(layers_[l - 1].output, 0, batch.inputs.rows());
}

void RateTrainer::Forward(size_t l, const Batch& batch, const RateLayerParameters& parameters) {
  const ConstMatrixView inputs = LayerInput(l, batch);
  const RateLayerShape& shape = model_->shapes()[l];
  const bool last = l + 1 == layers_.size();
  const ActivationTiles tiles(inputs.rows(), shape.units);
  pool_->ParallelFor(tiles.count(), [&](int i) {
    const Eigen::Index row = tiles.first_sample(i), rows = tiles.sample_count(i);
    const Eigen::Index unit = tiles.first_unit(i), units = tiles.unit_count(i);
    MatrixView s = Tile(layers_[l].output, row, rows, unit, units);
    if (l == 0 && scope_.first_products) {
      s = Tile(inputs, row, rows, unit, units);
    } else {
      GemmAbt(Tile(inputs, row, rows, 0, inputs.cols()),
              Tile(View(parameters.weight), unit, units, 0, shape.inputs), 0, s);
    }
    std::span<const float> bias = parameters.bias;
    if (!bias.empty()) {
      bias = bias.subspan(static_cast<size_t>(unit), static_cast<size_t>(units));
    }
    for (Eigen::Index p = 0; p < rows; ++p) {
      const std::span<float> values = RowSpan(s, p);
      ScaleAndShift(1, bias, 0, {}, values);
      if (!last) Activate(shape.activation, values, values);
    }
  });
}

void RateTrainer::OutputDelta(const Batch& batch, StepReport& report) {
  LayerState& layer = layers_.back();
  const Eigen::Index samples = batch.inputs.rows();
  const v1::Activation::Kind activation = model_->shapes().back().activation;
  const int blocks = static_cast<int>((samples + kActivationSamples - 1) / kActivationSamples);
  std::vector<StepReport> reports(static_cast<size_t>(blocks));
  pool_->ParallelFor(blocks, [&](int b) {
    StepReport& own = reports[static_cast<size_t>(b)];
    const Eigen::Index first = Eigen::Index{b} * kActivationSamples;
    const Eigen::Index end = std::min<Eigen::Index>(first + kActivationSamples, samples);
    for (Eigen::Index p = first; p < end; ++p) {
      const int32_t label = batch.labels[static_cast<size_t>(p)];
      const std::span<const float> scores = RowSpan(View(layer.output), p);
      own.loss +=
          LossAndGradient(loss_, activation, scores, label, 1.0f / static_cast<float>(samples),
                          RowSpan(View(layer.delta), p));
      own.correct += ClassOf(scores) == label ? 1 : 0;
    }
  });
  for (const StepReport& own : reports) {
    report.loss += own.loss;
    report.correct += own.correct;
  }
  report.samples += samples;
}

void RateTrainer::BackwardDelta(size_t l, Eigen::Index samples,
                                const RateLayerParameters& parameters) {
  const RateLayerShape& below = model_->shapes()[l - 1];
  const ActivationTiles tiles(samples, below.units);
  pool_->ParallelFor(tiles.count(), [&](int i) {
    const Eigen::Index row = tiles.first_sample(i), rows = tiles.sample_count(i);
    const Eigen::Index unit = tiles.first_unit(i), units = tiles.unit_count(i);
    MatrixView delta = Tile(layers_[l - 1].delta, row, rows, unit, units);
    MatrixView output = Tile(layers_[l - 1].output, row, rows, unit, units);
    GemmAb(Tile(View(std::as_const(layers_[l].delta)), row, rows, 0, parameters.weight.rows()),
           Tile(View(parameters.weight), 0, parameters.weight.rows(), unit, units), 0, delta);
    for (Eigen::Index p = 0; p < rows; ++p) {
      MultiplyBySlope(below.activation, RowSpan(output, p), RowSpan(delta, p));
    }
  });
}

void RateTrainer::UpdateTile(const WeightTile& tile, const Batch& batch, const AdamStep& adam,
                             RateLayerParameters& parameters) {
  const size_t l = tile.layer;
  LayerState& layer = layers_[l];
  const Eigen::Index samples = batch.inputs.rows();
  const ConstMatrixView delta =
      Tile(View(std::as_const(layer.delta)), 0, samples, tile.first_unit, tile.units);
  std::unique_ptr<Matrix> gradient = TakeScratch();
  if (!scope_.biases_only) {
    const ConstMatrixView inputs =
        Tile(LayerInput(l, batch), 0, samples, tile.first_input, tile.inputs);
    gradient->resize(tile.units, tile.inputs);
    GemmAtb(delta, inputs, 0, View(*gradient));
    const size_t width = static_cast<size_t>(tile.inputs);
    for (int i = 0; i < tile.units; ++i) {
      float* weights = &parameters.weight(tile.first_unit + i, tile.first_input);
      const size_t at = static_cast<size_t>(weights - parameters.weight.data());
      Update(adam, RowSpan(View(*gradient), i), {weights, width}, {&layer.weight.first[at], width},
             layer.weight.second.empty() ? std::span<float>()
                                         : std::span<float>(&layer.weight.second[at], width));
    }
  }
  if (tile.first_input == 0 && !parameters.bias.empty()) {
    gradient->resize(1, tile.units);
    for (int i = 0; i < tile.units; ++i) {
      float sum = 0;
      for (Eigen::Index p = 0; p < samples; ++p) sum += delta(p, i);
      (*gradient)(0, i) = sum;
    }
    const size_t at = static_cast<size_t>(tile.first_unit);
    const size_t units = static_cast<size_t>(tile.units);
    Update(adam, RowSpan(View(*gradient), 0), {&parameters.bias[at], units},
           {&layer.bias.first[at], units},
           layer.bias.second.empty() ? std::span<float>()
                                     : std::span<float>(&layer.bias.second[at], units));
  }
  ReturnScratch(std::move(gradient));
}

void RateTrainer::Update(const AdamStep& adam, std::span<const float> gradient,
                         std::span<float> parameters, std::span<float> first,
                         std::span<float> second) const {
  if (optimizer_ == v1::Optimizer::ADAM) {
    AdamUpdate(adam, gradient, parameters, first, second);
  } else {
    SgdUpdate(static_cast<float>(learning_rate_), momentum_, gradient, parameters, first);
  }
}

std::unique_ptr<Matrix> RateTrainer::TakeScratch() {
  std::lock_guard lock(scratch_mutex_);
  if (scratch_.empty()) return std::make_unique<Matrix>(kTileUnits, kTileInputs);
  std::unique_ptr<Matrix> scratch = std::move(scratch_.back());
  scratch_.pop_back();
  return scratch;
}

void RateTrainer::ReturnScratch(std::unique_ptr<Matrix> scratch) {
  std::lock_guard lock(scratch_mutex_);
  scratch_.push_back(std::move(scratch));
}

void RateTrainer::Save(ArchiveWriter& archive) const {
  SaveParameters(model_->shapes(), model_->parameters(), archive);
  archive.SetText("optimizer", v1::Optimizer::Kind_Name(optimizer_));
  archive.SetText("loss", v1::Loss::Kind_Name(loss_));
  archive.SetText("step", absl::StrCat(step_));
  for (size_t l = 0; l < layers_.size(); ++l) {
    const RateLayerShape& shape = model_->shapes()[l];
    auto add = [&](const char* what, const std::vector<float>& values) {
      archive.AddFloats(MomentName(shape, what), {static_cast<int64_t>(values.size())}, values);
    };
    add("weight/first", layers_[l].weight.first);
    add("weight/second", layers_[l].weight.second);
    add("bias/first", layers_[l].bias.first);
    add("bias/second", layers_[l].bias.second);
  }
}

absl::Status RateTrainer::Load(const ArchiveReader& archive) {
  int64_t step = 0;
  if (!absl::SimpleAtoi(archive.Text("step"), &step) || step < 0) {
    return WithReason(absl::DataLossError("archive: text \"step\" is not a count"),
                      "ARCHIVE_CORRUPT");
  }
  if (archive.Text("optimizer") != v1::Optimizer::Kind_Name(optimizer_) ||
      archive.Text("loss") != v1::Loss::Kind_Name(loss_)) {
    return absl::FailedPreconditionError(
        absl::StrCat("checkpoint: made with ", archive.Text("optimizer"), " and ",
                     archive.Text("loss"), ", this run uses ", v1::Optimizer::Kind_Name(optimizer_),
                     " and ", v1::Loss::Kind_Name(loss_)));
  }
  std::vector<RateLayerParameters> parameters;
  TORPOR_RETURN_IF_ERROR(LoadParameters(model_->shapes(), archive, parameters));
  std::vector<std::pair<Moments, Moments>> moments;
  for (size_t l = 0; l < layers_.size(); ++l) {
    const RateLayerShape& shape = model_->shapes()[l];
    auto read = [&](const char* what, const std::vector<float>& like) {
      return archive.Floats(MomentName(shape, what), {static_cast<int64_t>(like.size())});
    };
    std::pair<Moments, Moments> both;
    TORPOR_ASSIGN_OR_RETURN(both.first.first, read("weight/first", layers_[l].weight.first));
    TORPOR_ASSIGN_OR_RETURN(both.first.second, read("weight/second", layers_[l].weight.second));
    TORPOR_ASSIGN_OR_RETURN(both.second.first, read("bias/first", layers_[l].bias.first));
    TORPOR_ASSIGN_OR_RETURN(both.second.second, read("bias/second", layers_[l].bias.second));
    moments.push_back(std::move(both));
  }
  model_->MutableParameters(loss_) = std::move(parameters);
  for (size_t l = 0; l < layers_.size(); ++l) {
    layers_[l].weight = std::move(moments[l].first);
    layers_[l].bias = std::move(moments[l].second);
  }
  step_ = step;
  return absl::OkStatus();
}

}  // namespace torpor
