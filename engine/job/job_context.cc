#include "engine/job/job_context.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "engine/base/build_info.h"
#include "engine/base/digest.h"
#include "engine/base/status.h"

namespace torpor {
namespace {

// Of the split VALIDATION, unless the specification says how many.
constexpr int64_t kValidationSamples = 5000;

}  // namespace

absl::Status JobReporter::Started(int attempt, int resumed_from_epoch) {
  v1::JobEvent event;
  event.mutable_started()->set_attempt(attempt);
  event.mutable_started()->set_resumed_from_epoch(resumed_from_epoch);
  return log_->Append(std::move(event), /*sync=*/false);
}

absl::Status JobReporter::Progress(v1::Progress progress) {
  if (!ProgressDue()) return absl::OkStatus();
  last_progress_ = absl::Now();
  v1::JobEvent event;
  *event.mutable_progress() = std::move(progress);
  return log_->Append(std::move(event), /*sync=*/false);
}

absl::Status JobReporter::EpochDone(int epoch, const std::map<std::string, double>& metrics,
                                    absl::Duration elapsed) {
  v1::JobEvent event;
  v1::JobEvent::EpochDone& done = *event.mutable_epoch_done();
  done.set_epoch(epoch);
  CopyMetrics(metrics, done.mutable_metrics());
  *done.mutable_elapsed() = ToProtoDuration(elapsed);
  return log_->Append(std::move(event), /*sync=*/false);
}

absl::Status JobReporter::Checkpointed(int epoch, const std::string& digest) {
  v1::JobEvent event;
  event.mutable_checkpointed()->set_epoch(epoch);
  event.mutable_checkpointed()->set_digest(digest);
  return log_->Append(std::move(event), /*sync=*/true);
}

absl::Status JobReporter::EpochPublished(int epoch, const std::string& digest) {
  v1::JobEvent event;
  event.mutable_epoch_published()->set_epoch(epoch);
  event.mutable_epoch_published()->set_digest(digest);
  return log_->Append(std::move(event), /*sync=*/true);
}

absl::Status JobReporter::Row(const v1::PowerSweepRow& row) {
  v1::JobEvent event;
  *event.mutable_row() = row;
  return log_->Append(std::move(event), /*sync=*/false);
}

absl::Status JobReporter::Arm(const v1::SelectArm& arm) {
  v1::JobEvent event;
  *event.mutable_arm() = arm;
  return log_->Append(std::move(event), /*sync=*/true);
}

absl::Status JobReporter::Finished(const v1::WorkResult& result) {
  v1::JobEvent event;
  event.mutable_finished()->set_state(result.state());
  if (result.has_error()) *event.mutable_finished()->mutable_error() = result.error();
  return log_->Append(std::move(event), /*sync=*/true);
}

absl::StatusOr<std::unique_ptr<Model>> LoadInputModel(const JobContext& context) {
  TORPOR_ASSIGN_OR_RETURN(std::string archive,
                          context.files->Read(context.directory->InputModelPath()));
  return ParseModel(archive, context.factory);
}

absl::Status CheckJobData(const JobContext& context, const std::string& name) {
  TORPOR_ASSIGN_OR_RETURN(std::string digest, context.datasets->Digest(name));
  if (digest == context.order->dataset_digest()) return absl::OkStatus();
  return WithHelp(WithReason(absl::FailedPreconditionError(absl::StrCat(
                                 name, " has digest ", digest, ", but the job was accepted for ",
                                 context.order->dataset_digest())),
                             "DATASET_CHANGED"),
                  "Restore the dataset, or submit the job again to work on the new one.");
}

absl::StatusOr<Dataset> LoadJobData(const JobContext& context, const Model& model,
                                    const std::string& name, v1::Split::Kind split,
                                    int64_t samples) {
  const bool validation = split == v1::Split::VALIDATION;
  TORPOR_ASSIGN_OR_RETURN(Dataset data,
                          context.datasets->Load(name, validation ? v1::Split::TRAIN : split));
  if (data.features() != model.features()) {
    return absl::InvalidArgumentError(absl::StrCat("samples of ", name, " have ", data.features(),
                                                   " values, the network takes ",
                                                   model.features()));
  }
  if (data.classes() > model.classes()) {
    return absl::InvalidArgumentError(
        absl::StrCat(name, " has ", data.classes(), " classes, the network ", model.classes()));
  }
  if (validation) {
    const int64_t held_out = samples > 0 ? samples : kValidationSamples;
    return data.Slice(std::max<int64_t>(0, data.size() - held_out), data.size());
  }
  if (samples > 0 && samples < data.size()) return data.Slice(0, samples);
  return data;
}

absl::StatusOr<JobInput> BeginJob(const JobContext& context, const std::string& dataset,
                                  v1::Split::Kind split, int64_t samples) {
  TORPOR_RETURN_IF_ERROR(context.reporter->Started(context.attempt, 0));
  TORPOR_ASSIGN_OR_RETURN(std::unique_ptr<Model> model, LoadInputModel(context));
  TORPOR_RETURN_IF_ERROR(CheckJobData(context, dataset));
  TORPOR_ASSIGN_OR_RETURN(Dataset data, LoadJobData(context, *model, dataset, split, samples));
  return JobInput{std::move(model), std::move(data)};
}

v1::Provenance JobProvenance(const JobContext& context, uint64_t seed, int64_t samples) {
  v1::Provenance provenance = BaseProvenance();
  provenance.set_seed(seed);
  provenance.set_samples(samples);
  provenance.set_threads(context.pool->threads());
  provenance.set_dataset_digest(context.order->dataset_digest());
  provenance.set_spec_digest(SpecDigest(context.order->spec()));
  return provenance;
}

absl::Status SaveResultModel(const JobContext& context, const Model& model,
                             v1::WorkResult& result) {
  TORPOR_ASSIGN_OR_RETURN(const std::string archive, SerializeTrained(model));
  TORPOR_RETURN_IF_ERROR(
      context.files->WriteAtomically(context.directory->ModelPath(context.attempt), archive));
  result.set_has_model(true);
  result.set_model_digest(Sha256Hex(archive));
  return absl::OkStatus();
}

std::string NoiseMetricName(double level) {
  // As many digits as tell it from other levels, and no exponent; a name has no point.
  std::string digits = absl::StrFormat("%.10f", level);
  digits.erase(digits.find_last_not_of('0') + 1);
  if (digits.back() == '.') digits.pop_back();
  std::replace(digits.begin(), digits.end(), '.', '_');
  return absl::StrCat("noise_accuracy_", digits);
}

void AddAccuracyMetrics(const v1::PowerSweepRow& row, const std::string& prefix,
                        std::map<std::string, double>& metrics) {
  metrics[prefix + "accuracy"] = row.accuracy();
  metrics[prefix + "accuracy_low"] = row.accuracy_low();
  metrics[prefix + "accuracy_high"] = row.accuracy_high();
  metrics[prefix + "loss"] = row.loss();
  metrics[prefix + "loss_low"] = row.loss_low();
  metrics[prefix + "loss_high"] = row.loss_high();
  for (const v1::NoiseAccuracy& noise : row.noise_accuracy()) {
    const std::string name = prefix + NoiseMetricName(noise.level());
    metrics[name] = noise.accuracy();
    metrics[name + "_low"] = noise.low();
    metrics[name + "_high"] = noise.high();
  }
}

void AddPowerMetrics(const v1::PowerSweepRow& row, std::map<std::string, double>& metrics) {
  AddAccuracyMetrics(row, "", metrics);
  metrics["ece"] = row.ece();
  metrics["ece_low"] = row.ece_low();
  metrics["ece_high"] = row.ece_high();
  metrics["agreement"] = row.agreement();
  metrics["agreement_low"] = row.agreement_low();
  metrics["agreement_high"] = row.agreement_high();
  metrics["nasp"] = row.nasp();
  metrics["nasp_low"] = row.nasp_low();
  metrics["nasp_high"] = row.nasp_high();
  metrics["nasp_nominal"] = row.nasp_nominal();
}

void MeasurementReporter::Fraction(double fraction) {
  if (!reporter_->ProgressDue()) return;
  v1::Progress progress;
  progress.set_fraction(fraction);
  if (fraction > 0) {
    *progress.mutable_eta() = ToProtoDuration((absl::Now() - begin_) * ((1 - fraction) / fraction));
  }
  status_.Update(reporter_->Progress(std::move(progress)));
}

google::protobuf::Duration ToProtoDuration(absl::Duration duration) {
  google::protobuf::Duration proto;
  if (duration <= absl::ZeroDuration() || duration == absl::InfiniteDuration()) return proto;
  const int64_t micros = absl::ToInt64Microseconds(duration);
  proto.set_seconds(micros / 1000000);
  proto.set_nanos(static_cast<int32_t>(micros % 1000000) * 1000);
  return proto;
}

}  // namespace torpor
