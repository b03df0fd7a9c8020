#include "engine/lif/trainer.h"

#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/base/status.h"
#include "engine/learn/loss.h"
#include "engine/learn/metrics.h"
#include "engine/lif/model.h"
#include "engine/lif/plan_of.h"
#include "engine/lif/stored_weights.h"
#include "engine/lif/wage.h"
#include "engine/network/diverged.h"

namespace torpor {
namespace {

// Of a target's bytes [steps x units], 0 or 1 each.
LifSpikes TargetSpikes(std::span<const uint8_t> target, int steps) {
  LifSpikes spikes;
  const size_t units = target.size() / static_cast<size_t>(steps);
  for (size_t n = 0; n < static_cast<size_t>(steps); ++n) {
    for (size_t i = 0; i < units; ++i) {
      if (target[n * units + i] != 0) spikes.index.push_back(static_cast<uint32_t>(i));
    }
    spikes.EndStep();
  }
  return spikes;
}

// Parts of a batch that are encoded at once.
constexpr size_t kEncoders = 8;
// Squares beyond are infinite, and Adam's moments with them.
constexpr float kLargestGradient = 1e18f;

v1::TrainSpec Filled(v1::TrainSpec spec) {
  FillLifDefaults(spec);
  return spec;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Trainer>> LifTrainer::Create(LifModel* model,
                                                            const v1::TrainSpec& spec,
                                                            ThreadPool* pool) {
  TORPOR_RETURN_IF_ERROR(CheckLifTraining(model->resolved(), spec));
  return std::unique_ptr<Trainer>(new LifTrainer(model, Filled(spec), pool));
}

LifTrainer::LifTrainer(LifModel* model, const v1::TrainSpec& spec, ThreadPool* pool)
    : model_(model),
      spec_(spec),
      pool_(pool),
      plan_(PlanOf(model->resolved(), SurrogateOf(spec.lif()))),
      pass_(&plan_, pool),
      rate_(spec, spec.learning_rate()),
      update_(&model->resolved(), spec, model->parameters()),
      counted_(&plan_),
      encoders_(kEncoders, LifSampleEncoder(model->resolved(), spec.seed())),
      shares_(SharesOf(spec.lif())),
      filter_(FilterOf(spec.lif())),
      integer_errors_(spec.lif().has_integers()
                          ? std::make_unique<LifIntegerErrors>(
                                &plan_, IntegersOf(spec.lif().integers()), spec.seed())
                          : nullptr),
      gradients_(ZerosLike(model->parameters())),
      gradient_views_(GradientViewsOf(model->resolved(), gradients_)) {
  if (!spec.lif().has_integers()) return;
  // Stored weights are of the training's bits, not of those they began with.
  for (LifLayerWeights& layer : model->MutableParameters(spec.loss())) {
    for (auto* weights : {&layer.input, &layer.recurrent}) {
      WageWeights(*weights, IntegersOf(spec.lif().integers()).gradient_bits, 1, *weights);
    }
  }
}

absl::Status LifTrainer::CheckBatch(const Batch& batch) const {
  if (batch.inputs.cols() != model_->features()) {
    return FieldError("dataset",
                      absl::StrCat("samples must have ", model_->features(),
                                   " values for this network, have ", batch.inputs.cols()));
  }
  if (spec_.loss() == v1::Loss::VAN_ROSSUM) {
    const int64_t wanted = int64_t{plan_.steps} * model_->classes();
    const int64_t samples = batch.inputs.rows();
    if (static_cast<int64_t>(batch.targets.size()) != wanted * samples) {
      return FieldError(
          "dataset",
          absl::StrCat("must have targets of ", plan_.steps, " steps x ", model_->classes(),
                       " units for the loss VAN_ROSSUM, has ",
                       static_cast<int64_t>(batch.targets.size()) / samples, " values a sample"));
    }
    return absl::OkStatus();
  }
  for (const int32_t label : batch.labels) {
    if (label < 0 || label >= model_->classes()) {
      return FieldError("dataset", absl::StrCat("labels must be in 0..", model_->classes() - 1,
                                                " for this network, got ", label));
    }
  }
  return absl::OkStatus();
}

void LifTrainer::EncodeBatch(const Batch& batch) {
  const int64_t samples = batch.inputs.rows();
  spikes_.resize(static_cast<size_t>(samples));
  currents_.resize(spikes_.size());
  inputs_.resize(spikes_.size());
  const uint64_t first = static_cast<uint64_t>(update_.steps()) << 17;
  const auto parts = static_cast<int64_t>(encoders_.size());
  pool_->ParallelFor(static_cast<int>(parts), [&](int part) {
    LifSampleEncoder& encoder = encoders_[static_cast<size_t>(part)];
    for (int64_t row = samples * part / parts; row < samples * (part + 1) / parts; ++row) {
      const auto i = static_cast<size_t>(row);
      const InputView view = {
          .values = {batch.inputs.row(row).data(), static_cast<size_t>(batch.inputs.cols())}};
      const LifInput input = encoder.Encode(view, first + i, plan_.steps);
      if (input.spikes != nullptr) {
        spikes_[i] = *input.spikes;
        inputs_[i] = {.spikes = &spikes_[i], .currents = {}};
      } else {
        currents_[i].assign(input.currents.begin(), input.currents.end());
        inputs_[i] = {.spikes = nullptr, .currents = currents_[i]};
      }
    }
  });
}

void LifTrainer::LearnSpikes(const Batch& batch, int64_t sample, float scale, LifNetworkPass& pass,
                             std::span<const LifGradients> gradients,
                             const LifNetworkPass::ErrorHook& hook, Outcome& outcome) const {
  const int units = model_->classes();
  const size_t values = static_cast<size_t>(plan_.steps) * static_cast<size_t>(units);
  const LifSpikes target = TargetSpikes(
      batch.targets.subspan(static_cast<size_t>(sample) * values, values), plan_.steps);
  outcome.loss = static_cast<double>(VanRossumLoss(filter_, pass.spikes(plan_.layers.size() - 1),
                                                   target, scale, pass.output_errors()));
  const double silent = SilentDistanceSquared(filter_, target, units);
  outcome.distance = silent > 0 ? outcome.loss * outcome.loss / silent : 0;
  pass.BackwardFromSpikes(weight_views_, gradients, hook);
}

LifTrainer::Outcome LifTrainer::Learn(const Batch& batch, int64_t sample, LifNetworkPass& pass,
                                      std::span<const LifGradients> gradients,
                                      const LifNetworkPass::ErrorHook& hook) const {
  const float scale = 1.0f / static_cast<float>(batch.inputs.rows());
  const int32_t label = batch.labels[static_cast<size_t>(sample)];
  Outcome outcome;
  outcome.correct = ClassOf(pass.scores()) == label;
  if (spec_.loss() == v1::Loss::VAN_ROSSUM) {
    LearnSpikes(batch, sample, scale, pass, gradients, hook, outcome);
    return outcome;
  }
  std::vector<float> delta(pass.scores().size());
  outcome.loss = static_cast<double>(
      spec_.loss() == v1::Loss::SPIKE_COUNT
          ? SpikeCountLoss<float>(pass.scores(), plan_.steps, label, shares_, scale, delta)
          : LossAndGradient(v1::Loss::CE, v1::Activation::LINEAR, pass.scores(), label, scale,
                            delta));
  pass.Backward(weight_views_, delta, gradients, hook);
  return outcome;
}

absl::Status LifTrainer::Step(const Batch& batch, StepReport& report) {
  TORPOR_RETURN_IF_ERROR(CheckBatch(batch));
  EncodeBatch(batch);
  const LifDefinition& definition = model_->resolved();
  const bool stored = definition.quantization.has_weight_bits();
  if (stored) stored_ = StoredLifWeights(definition, model_->parameters());
  weight_views_ = ViewsOf(definition, stored ? stored_ : model_->parameters());
  if (integer_errors_ != nullptr) {
    integer_errors_->Measure(
        weight_views_, inputs_, update_.steps(), pass_,
        [&](int64_t sample, LifNetworkPass& pass, const LifNetworkPass::ErrorHook& hook) {
          Learn(batch, sample, pass, {}, hook);
        });
  }
  std::vector<Outcome> outcomes(inputs_.size());
  const LifBatchPass::Sums sums = pass_.Gradients(
      weight_views_, inputs_,
      [&](int64_t sample, LifNetworkPass& pass, std::span<const LifGradients> gradients) {
        Outcome& outcome = outcomes[static_cast<size_t>(sample)];
        const LifNetworkPass::ErrorHook hook =
            integer_errors_ == nullptr ? nullptr : integer_errors_->Rounding(sample);
        outcome = Learn(batch, sample, pass, gradients, hook);
        outcome.counts = CountLearning(plan_, pass);
        return outcome.loss;
      },
      gradient_views_);
  if (!std::isfinite(sums.loss)) {
    return Diverged(
        absl::StrCat("training diverged: the loss is not finite at step ", update_.steps() + 1));
  }
  if (!(sums.largest_gradient < kLargestGradient)) {
    return Diverged(absl::StrCat("training diverged: a gradient is ", sums.largest_gradient,
                                 ", not below ", kLargestGradient, " at step ",
                                 update_.steps() + 1));
  }
  update_.Apply(rate_.At(batch.progress), gradients_, pool_,
                model_->MutableParameters(spec_.loss()));
  counted_.AddUpdate();
  report.loss += sums.loss;
  for (const Outcome& outcome : outcomes) {
    report.correct += outcome.correct ? 1 : 0;
    report.distance += outcome.distance;
    counted_.Add(outcome.counts);
  }
  report.samples += batch.inputs.rows();
  return absl::OkStatus();
}

TrainingActivity LifTrainer::activity() const {
  const v1::LifQuantization& stored = model_->resolved().quantization;
  return {.sum = counted_.ToActivity(stored.has_weight_bits() ? stored.weight_bits() : 32),
          .samples = counted_.samples()};
}

void LifTrainer::Save(ArchiveWriter& archive) const {
  archive.SetText("loss", v1::Loss::Kind_Name(spec_.loss()));
  SaveLifWeights(model_->resolved(), model_->parameters(), "layers/", archive);
  update_.Save(archive);
  counted_.Save(archive);
}

absl::Status LifTrainer::Load(const ArchiveReader& archive) {
  TORPOR_ASSIGN_OR_RETURN(LifParameters parameters,
                          LoadLifWeights(model_->resolved(), "layers/", archive));
  TORPOR_RETURN_IF_ERROR(update_.Load(archive));
  TORPOR_RETURN_IF_ERROR(counted_.Load(archive));
  model_->MutableParameters(spec_.loss()) = std::move(parameters);
  return absl::OkStatus();
}

}  // namespace torpor
