#include "engine/stdp/trainer.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/base/status.h"
#include "engine/data/pixels.h"
#include "engine/learn/metrics.h"
#include "engine/stdp/counted.h"
#include "engine/stdp/model.h"
#include "engine/stdp/responses.h"
#include "engine/stdp/training_settings.h"

namespace torpor {
namespace {

constexpr char kPosition[] = "stdp/position";
constexpr char kCounted[] = "stdp/counted";
constexpr char kFaded[] = "stdp/faded_answers";
constexpr char kRecent[] = "stdp/recent_answers";
// The rate stays for so many samples, and the labels for reports too.
constexpr int64_t kStretch = 1000;
// Over which rate_decay is one factor.
constexpr double kDecaySamples = 60000;

}  // namespace

absl::StatusOr<std::unique_ptr<Trainer>> StdpTrainer::Create(StdpModel* model,
                                                             const v1::TrainSpec& spec,
                                                             ThreadPool* pool) {
  v1::TrainSpec filled = spec;
  FillStdpDefaults(model->plan(), filled);
  TORPOR_RETURN_IF_ERROR(CheckStdpTraining(filled));
  return std::unique_ptr<Trainer>(new StdpTrainer(model, filled, pool));
}

StdpTrainer::StdpTrainer(StdpModel* model, const v1::TrainSpec& spec, ThreadPool* pool)
    : model_(model),
      pool_(pool),
      spec_(spec),
      settings_(LearningSettingsOf(model->plan(), spec)),
      encoder_(model->plan().parameters.steps, model->plan().parameters.spike_chance, spec.seed()),
      learner_(std::make_unique<Learner>(model->plan().parameters, model->weights(), settings_,
                                         StdpStateFormats(model->plan().quantization),
                                         spec.seed())),
      pixels_(static_cast<size_t>(model->features())),
      counts_(static_cast<size_t>(model->plan().parameters.neurons)),
      scores_(static_cast<size_t>(model->classes())) {
  faded_.responses.resize(counts_.size() * scores_.size());
  faded_.samples.resize(scores_.size());
  recent_ = faded_;
  labels_ = AssignLabels(faded_.responses, faded_.samples);
}

float StdpTrainer::RateNow() const {
  const double stretches = static_cast<double>(shown_ / kStretch * kStretch) / kDecaySamples;
  return static_cast<float>(spec_.learning_rate() * std::pow(spec_.stdp().rate_decay(), stretches));
}

absl::Status StdpTrainer::Step(const Batch& batch, StepReport& report) {
  if (batch.inputs.cols() != model_->features()) {
    return FieldError("dataset", absl::StrCat("samples have ", batch.inputs.cols(),
                                              " values, the network takes ", model_->features()));
  }
  for (const int32_t label : batch.labels) {
    if (label < 0 || label >= model_->classes()) {
      return FieldError("dataset", absl::StrCat("labels must be in 0..", model_->classes() - 1,
                                                " for this network, found ", label));
    }
  }
  for (Eigen::Index i = 0; i < batch.inputs.rows(); ++i) {
    ShowSample({batch.inputs.row(i).data(), static_cast<size_t>(batch.inputs.cols())},
               batch.labels[static_cast<size_t>(i)], report);
  }
  report.samples += batch.inputs.rows();
  model_->SetWeights(learner_->Weights());
  return absl::OkStatus();
}

void StdpTrainer::ShowSample(std::span<const float> values, int32_t label, StepReport& report) {
  ReadPixels(values, pixels_);
  const uint64_t key = static_cast<uint64_t>(shown_);
  encoder_.Encode(pixels_, key, train_);
  counted_.Add(learner_->Present(train_, key, RateNow(), counts_));
  ++shown_;
  Judge(label, report);
}

void StdpTrainer::Judge(int32_t label, StepReport& report) {
  StdpScores(model_->plan().read_out, labels_, counts_, scores_);
  if (ClassOf(scores_) == label) ++report.correct;
  const size_t classes = scores_.size();
  const size_t own = static_cast<size_t>(label);
  for (size_t j = 0; j < counts_.size(); ++j) recent_.responses[j * classes + own] += counts_[j];
  ++recent_.samples[own];
  if (shown_ % kStretch == 0) FadeAnswers();
}

void StdpTrainer::FadeAnswers() {
  const auto fade = [](std::vector<int64_t>& old, std::vector<int64_t>& recent) {
    for (size_t i = 0; i < old.size(); ++i) {
      old[i] = old[i] / 2 + recent[i];
      recent[i] = 0;
    }
  };
  fade(faded_.responses, recent_.responses);
  fade(faded_.samples, recent_.samples);
  labels_ = AssignLabels(faded_.responses, faded_.samples);
}

absl::Status StdpTrainer::FinishEpoch(const Dataset& train, const Cancellation& cancellation) {
  return model_->Label(train, pool_, cancellation);
}

TrainingActivity StdpTrainer::activity() const {
  const StdpParameters& p = model_->plan().parameters;
  const v1::Quantization& stored = model_->plan().quantization;
  TrainingActivity activity;
  activity.samples = shown_;
  activity.sum = CountedActivity(p, counted_, stored.has_weight_bits() ? stored.weight_bits() : 32);
  activity.sum.layers[0].synapse_writes = ClockDrivenWrites(p, settings_, counted_, shown_);
  return activity;
}

void StdpTrainer::Save(ArchiveWriter& archive) const {
  const double position = static_cast<double>(shown_);
  archive.AddDoubles(kPosition, {1}, {&position, 1});
  std::vector<double> counted;
  StdpCounts copy = counted_;
  for (const int64_t* count : copy.Members()) counted.push_back(static_cast<double>(*count));
  archive.AddDoubles(kCounted, {static_cast<int64_t>(counted.size())}, counted);
  SaveAnswers(kFaded, faded_, archive);
  SaveAnswers(kRecent, recent_, archive);
}

absl::Status StdpTrainer::Load(const ArchiveReader& archive) {
  TORPOR_ASSIGN_OR_RETURN(const std::vector<double> position, archive.Doubles(kPosition, {1}));
  const auto members = counted_.Members();
  TORPOR_ASSIGN_OR_RETURN(const std::vector<double> counted,
                          archive.Doubles(kCounted, {static_cast<int64_t>(members.size())}));
  for (size_t i = 0; i < members.size(); ++i) *members[i] = static_cast<int64_t>(counted[i]);
  TORPOR_RETURN_IF_ERROR(LoadAnswers(archive, kFaded, faded_));
  TORPOR_RETURN_IF_ERROR(LoadAnswers(archive, kRecent, recent_));
  shown_ = static_cast<int64_t>(position[0]);
  labels_ = AssignLabels(faded_.responses, faded_.samples);
  learner_ = std::make_unique<Learner>(model_->plan().parameters, model_->weights(), settings_,
                                       StdpStateFormats(model_->plan().quantization), spec_.seed());
  return absl::OkStatus();
}

void StdpTrainer::SaveAnswers(const char* name, const Answers& answers, ArchiveWriter& archive) {
  // Responses and, in a last row, samples; doubles hold such counts exactly.
  std::vector<double> values(answers.responses.begin(), answers.responses.end());
  values.insert(values.end(), answers.samples.begin(), answers.samples.end());
  archive.AddDoubles(name, {static_cast<int64_t>(values.size())}, values);
}

absl::Status StdpTrainer::LoadAnswers(const ArchiveReader& archive, const char* name,
                                      Answers& answers) {
  const size_t responses = answers.responses.size();
  const size_t size = responses + answers.samples.size();
  TORPOR_ASSIGN_OR_RETURN(const std::vector<double> values,
                          archive.Doubles(name, {static_cast<int64_t>(size)}));
  for (size_t i = 0; i < size; ++i) {
    const int64_t count = static_cast<int64_t>(values[i]);
    (i < responses ? answers.responses[i] : answers.samples[i - responses]) = count;
  }
  return absl::OkStatus();
}

}  // namespace torpor
