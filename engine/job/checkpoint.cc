#include "engine/job/checkpoint.h"

#include <array>
#include <vector>

#include "engine/base/digest.h"
#include "engine/base/status.h"

namespace torpor {
namespace {

constexpr size_t kKeptCheckpoints = 2;
// epoch, batch, steps, then the sums of StepReport: loss, correct, samples. Counts below 2^53 are
// exact in a double.
constexpr std::string_view kPosition = "job/position";
constexpr std::string_view kMetricPrefix = "job/metric/";
const std::vector<int64_t> kPositionShape = {7};

// The position of a checkpoint, or why it is not one of this job.
absl::StatusOr<TrainPosition> ReadPosition(const JobContext& context,
                                           const ArchiveReader& archive) {
  if (archive.kind() != "checkpoint" ||
      archive.Text("spec_digest") != SpecDigest(context.order->spec()) ||
      archive.Text("dataset_digest") != context.order->dataset_digest()) {
    return absl::DataLossError("not a checkpoint of this job");
  }
  TORPOR_ASSIGN_OR_RETURN(std::vector<double> values, archive.Doubles(kPosition, kPositionShape));
  TrainPosition position;
  position.epoch = static_cast<int64_t>(values[0]);
  position.batch = static_cast<int64_t>(values[1]);
  position.steps = static_cast<int64_t>(values[2]);
  position.report.loss = values[3];
  position.report.correct = static_cast<int64_t>(values[4]);
  position.report.samples = static_cast<int64_t>(values[5]);
  position.report.distance = values[6];
  for (const v1::ArchiveTensor& tensor : archive.manifest().tensors()) {
    if (!std::string_view(tensor.name()).starts_with(kMetricPrefix)) continue;
    TORPOR_ASSIGN_OR_RETURN(std::vector<double> value, archive.Doubles(tensor.name(), {1}));
    position.metrics[tensor.name().substr(kMetricPrefix.size())] = value[0];
  }
  return position;
}

}  // namespace

absl::Status WriteCheckpoint(const JobContext& context, const Model& model, const SaveState& save,
                             const TrainPosition& position) {
  ArchiveWriter archive("checkpoint", model.definition());
  save(archive);
  const std::array<double, 7> values = {static_cast<double>(position.epoch),
                                        static_cast<double>(position.batch),
                                        static_cast<double>(position.steps),
                                        position.report.loss,
                                        static_cast<double>(position.report.correct),
                                        static_cast<double>(position.report.samples),
                                        position.report.distance};
  archive.AddDoubles(std::string(kPosition), kPositionShape, values);
  for (const auto& [name, value] : position.metrics) {
    archive.AddDoubles(std::string(kMetricPrefix) + name, {1}, {&value, 1});
  }
  archive.SetText("spec_digest", SpecDigest(context.order->spec()));
  archive.SetText("dataset_digest", context.order->dataset_digest());
  const std::string content = archive.Serialize();
  TORPOR_RETURN_IF_ERROR(context.files->WriteAtomically(
      context.directory->CheckpointPath(context.attempt, position.steps), content));
  TORPOR_RETURN_IF_ERROR(
      context.reporter->Checkpointed(static_cast<int>(position.epoch), Sha256Hex(content)));

  TORPOR_ASSIGN_OR_RETURN(std::vector<CheckpointFile> all,
                          context.directory->Checkpoints(context.attempt));
  for (size_t i = kKeptCheckpoints; i < all.size(); ++i)
    TORPOR_RETURN_IF_ERROR(context.files->Remove(all[i].path));
  return absl::OkStatus();
}

absl::StatusOr<TrainPosition> LoadNewestCheckpoint(const JobContext& context, const Model& model,
                                                   const LoadState& load) {
  TORPOR_ASSIGN_OR_RETURN(std::vector<CheckpointFile> all,
                          context.directory->Checkpoints(context.attempt));
  for (const CheckpointFile& file : all) {
    const absl::StatusOr<std::string> content = context.files->Read(file.path);
    if (!content.ok()) continue;
    const absl::StatusOr<ArchiveReader> archive = ArchiveReader::Parse(*content);
    if (!archive.ok()) continue;
    absl::StatusOr<TrainPosition> position = ReadPosition(context, *archive);
    if (!position.ok()) continue;
    // From here on the archive is whole and ours: whoever cannot read it is in error, and it is no
    // damage to pass over, since it may be half loaded.
    if (archive->network().SerializeAsString() != model.definition().SerializeAsString()) continue;
    TORPOR_RETURN_IF_ERROR(load(*archive));
    return position;
  }
  return TrainPosition();
}

}  // namespace torpor
