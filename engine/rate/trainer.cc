#include "engine/rate/trainer.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "engine/base/status.h"
#include "engine/learn/loss.h"
#include "engine/learn/metrics.h"
#include "engine/learn/train_checks.h"
#include "engine/network/archive_checks.h"
#include "engine/network/diverged.h"

namespace torpor {
namespace {

// Samples of one task of the loss.
constexpr Eigen::Index kLossSamples = 32;

std::string MomentName(const RateLayerShape& shape, const char* what) {
  return absl::StrCat("optimizer/", shape.name, "/", what);
}

}  // namespace

absl::Status RateTrainer::Check(const RateModel& model, const v1::TrainSpec& spec) {
  Violations violations;
  CheckLoss(spec.loss(), {v1::Loss::BCE, v1::Loss::MSE, v1::Loss::CE}, "loss", violations);
  // Before anything else: also networks that cannot be trained here come with a loss.
  TORPOR_RETURN_IF_ERROR(violations.ToStatus());
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
  const v1::Activation::Kind output = model.shapes().back().activation;
  const bool softmax = output == v1::Activation::SOFTMAX;
  if (softmax && spec.loss() != v1::Loss::CE) {
    violations.Add("loss",
                   "a softmax output layer is trained with CE; use CE, or another activation");
  } else if ((spec.loss() == v1::Loss::BCE || spec.loss() == v1::Loss::UNSPECIFIED) &&
             output != v1::Activation::SIGMOID) {
    violations.Add("loss", absl::StrCat("BCE needs a sigmoid output layer, this network's is ",
                                        absl::AsciiStrToLower(v1::Activation::Kind_Name(output)),
                                        "; use MSE or CE"));
  }
  CheckOptimizer(spec.optimizer(), {v1::Optimizer::ADAM, v1::Optimizer::SGD, v1::Optimizer::ADAMAX},
                 "optimizer", violations);
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
  CheckSchedule(spec, "", violations);
  CheckFamilySettings(spec, v1::Network::kRate, violations);
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
      rate_(spec, spec.has_learning_rate() ? spec.learning_rate() : 1e-3),
      momentum_(spec.has_momentum() ? static_cast<float>(spec.momentum()) : 0.9f),
      layers_(model->shapes().size()) {
  context_.pool = pool;
  context_.biases_only = scope.biases_only;
  for (size_t l = 0; l < layers_.size(); ++l) {
    layers_[l].trainer = NewLayerTrainer(model->shapes()[l], optimizer_, &context_);
    for (int i = 0; i < layers_[l].trainer->update_parts(); ++i) update_parts_.push_back({l, i});
  }
  while (!model->shapes()[first_weights_].has_weights()) ++first_weights_;
  // Largest first, so that threads end together.
  const auto cost = [&](const UpdatePart& part) {
    return layers_[part.layer].trainer->update_cost(part.part);
  };
  std::stable_sort(update_parts_.begin(), update_parts_.end(),
                   [&](const UpdatePart& a, const UpdatePart& b) { return cost(a) > cost(b); });
  Reserve(spec.batch_size() == 0 ? 128 : spec.batch_size());
}

void RateTrainer::Reserve(Eigen::Index samples) {
  if (layers_.front().output.rows() >= samples) return;
  for (size_t l = 0; l < layers_.size(); ++l) {
    layers_[l].output.resize(samples, model_->shapes()[l].outputs);
    // What is below the first weights has no use for a gradient.
    if (l >= first_weights_) layers_[l].delta.resize(samples, model_->shapes()[l].outputs);
  }
}

absl::Status RateTrainer::CheckBatch(const Batch& batch) const {
  const Eigen::Index values =
      scope_.first_products ? model_->shapes().front().outputs : model_->features();
  if (batch.inputs.cols() != values) {
    return FieldError("dataset",
                      absl::StrCat("samples must have ", values, " values for this network, have ",
                                   batch.inputs.cols()));
  }
  TORPOR_CHECK(batch.inputs.rows() >= 1 &&
               static_cast<Eigen::Index>(batch.labels.size()) == batch.inputs.rows());
  for (int32_t label : batch.labels) {
    if (label < 0 || label >= model_->classes()) {
      return FieldError("dataset", absl::StrCat("labels must be in 0..", model_->classes() - 1,
                                                " for this network, got ", label));
    }
  }
  return absl::OkStatus();
}

absl::Status RateTrainer::Step(const Batch& batch, StepReport& report) {
  TORPOR_RETURN_IF_ERROR(CheckBatch(batch));
  const Eigen::Index samples = batch.inputs.rows();
  Reserve(samples);
  std::vector<RateLayerParameters>& parameters = model_->MutableParameters(loss_);
  const auto inputs = [&](size_t l) {
    return l == 0 ? batch.inputs : Rows(layers_[l - 1].output, 0, samples);
  };
  const auto delta = [&](size_t l) { return Rows(layers_[l].delta, 0, samples); };
  for (size_t l = 0; l < layers_.size(); ++l) {
    layers_[l].trainer->Forward(
        parameters[l], inputs(l), l == 0 && scope_.first_products, l + 1 == layers_.size(),
        Tile(View(layers_[l].output), 0, samples, 0, layers_[l].output.cols()));
  }
  StepReport step;
  OutputDelta(batch, step);
  if (!std::isfinite(step.loss)) {
    return Diverged(absl::StrCat("training diverged: the loss is not finite at step ", step_ + 1));
  }
  for (size_t l = layers_.size(); l-- > first_weights_;) {
    const bool down = l > first_weights_;
    layers_[l].trainer->Backward(
        parameters[l], inputs(l), Rows(layers_[l].output, 0, samples), delta(l),
        down ? model_->shapes()[l - 1].activation : v1::Activation::LINEAR,
        down ? Tile(View(layers_[l - 1].delta), 0, samples, 0, layers_[l - 1].delta.cols())
             : NoMatrix());
  }
  ++step_;
  const double rate = rate_.At(batch.progress);
  const OptimizerStep optimizer = {.optimizer = optimizer_,
                                   .adam = AdamStep(rate, step_),
                                   .learning_rate = static_cast<float>(rate),
                                   .momentum = momentum_};
  pool_->ParallelFor(static_cast<int>(update_parts_.size()), [&](int i) {
    const UpdatePart& part = update_parts_[static_cast<size_t>(i)];
    layers_[part.layer].trainer->Update(part.part, optimizer, parameters[part.layer],
                                        inputs(part.layer), delta(part.layer));
  });
  report.loss += step.loss;
  report.correct += step.correct;
  report.samples += step.samples;
  return absl::OkStatus();
}

void RateTrainer::OutputDelta(const Batch& batch, StepReport& report) {
  LayerState& layer = layers_.back();
  const Eigen::Index samples = batch.inputs.rows();
  const v1::Activation::Kind activation = model_->shapes().back().activation;
  const int blocks = static_cast<int>((samples + kLossSamples - 1) / kLossSamples);
  std::vector<StepReport> reports(static_cast<size_t>(blocks));
  pool_->ParallelFor(blocks, [&](int b) {
    StepReport& own = reports[static_cast<size_t>(b)];
    const Eigen::Index first = Eigen::Index{b} * kLossSamples;
    const Eigen::Index end = std::min<Eigen::Index>(first + kLossSamples, samples);
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

void RateTrainer::Save(ArchiveWriter& archive) const {
  SaveParameters(model_->shapes(), model_->parameters(), archive);
  archive.SetText("optimizer", v1::Optimizer::Kind_Name(optimizer_));
  archive.SetText("loss", v1::Loss::Kind_Name(loss_));
  archive.SetText("step", absl::StrCat(step_));
  for (size_t l = 0; l < layers_.size(); ++l) {
    const RateLayerShape& shape = model_->shapes()[l];
    if (!shape.has_weights()) continue;
    auto add = [&](const char* what, const std::vector<float>& values) {
      archive.AddFloats(MomentName(shape, what), {static_cast<int64_t>(values.size())}, values);
    };
    add("weight/first", layers_[l].trainer->weight_moments.first);
    add("weight/second", layers_[l].trainer->weight_moments.second);
    add("bias/first", layers_[l].trainer->bias_moments.first);
    add("bias/second", layers_[l].trainer->bias_moments.second);
  }
}

absl::Status RateTrainer::Load(const ArchiveReader& archive) {
  int64_t step = 0;
  if (!absl::SimpleAtoi(archive.Text("step"), &step) || step < 0) {
    return CorruptArchive("text \"step\" is not a count");
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
    std::pair<Moments, Moments>& both = moments.emplace_back();
    if (!shape.has_weights()) continue;
    TORPOR_ASSIGN_OR_RETURN(both.first.first,
                            read("weight/first", layers_[l].trainer->weight_moments.first));
    TORPOR_ASSIGN_OR_RETURN(both.first.second,
                            read("weight/second", layers_[l].trainer->weight_moments.second));
    TORPOR_ASSIGN_OR_RETURN(both.second.first,
                            read("bias/first", layers_[l].trainer->bias_moments.first));
    TORPOR_ASSIGN_OR_RETURN(both.second.second,
                            read("bias/second", layers_[l].trainer->bias_moments.second));
  }
  model_->MutableParameters(loss_) = std::move(parameters);
  for (size_t l = 0; l < layers_.size(); ++l) {
    layers_[l].trainer->weight_moments = std::move(moments[l].first);
    layers_[l].trainer->bias_moments = std::move(moments[l].second);
  }
  step_ = step;
  return absl::OkStatus();
}

}  // namespace torpor
