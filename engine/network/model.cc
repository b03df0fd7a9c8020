#include "engine/network/model.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/base/status.h"
#include "engine/network/diverged.h"

namespace torpor {

absl::Status Model::CheckTune(const v1::TuneSpec&, const v1::PowerMode&) const {
  return WithHelp(WithReason(absl::UnimplementedError(
                                 absl::StrCat("networks of the family ", Describe().family(),
                                              " have no biases that could be tuned")),
                             "NOT_TUNABLE", {{"family", Describe().family()}}),
                  "Tune a network of the family rate.");
}

absl::Status Model::Tune(const v1::TuneSpec& spec, const v1::PowerMode& start, const Dataset&,
                         const std::string&, ThreadPool*, const Cancellation&,
                         const TuneProgress&) {
  return CheckTune(spec, start);
}

absl::StatusOr<std::vector<v1::MemoryEntry>> Model::Memory(const v1::MemoryCounting&) const {
  v1::MemoryEntry parameters;
  parameters.set_what("parameters");
  parameters.set_count(Describe().parameters());
  parameters.set_bits_each(32);
  return std::vector<v1::MemoryEntry>{parameters};
}

double MemoryBytes(const std::vector<v1::MemoryEntry>& entries) {
  double bits = 0;
  for (const v1::MemoryEntry& entry : entries) {
    bits += static_cast<double>(entry.count()) * entry.bits_each();
  }
  return bits / 8;
}

absl::StatusOr<std::vector<v1::WeightArray>> Model::WeightArrays(std::optional<int>) const {
  return WithReason(
      absl::UnimplementedError(absl::StrCat("networks of the family ", Describe().family(),
                                            " do not tell their arrays of weights")),
      "NO_WEIGHT_ARRAYS", {{"family", Describe().family()}});
}

absl::StatusOr<std::unique_ptr<Model>> Model::Quantised(const v1::Quantization&) const {
  return WithReason(
      absl::UnimplementedError(absl::StrCat("networks of the family ", Describe().family(),
                                            " are stored in one way alone")),
      "NOT_QUANTISABLE", {{"family", Describe().family()}});
}

absl::Status Model::CheckHardware(const v1::Realisation& realisation) const {
  TORPOR_RETURN_IF_ERROR(CheckRealisation(realisation));
  const bool sampled = realisation.connections() == v1::Connections::SAMPLED;
  if (!sampled && realisation.copies() <= 1) return absl::OkStatus();
  Violations violations;
  const std::string family = Describe().family();
  if (sampled) {
    violations.Add("connections", absl::StrCat("must be THRESHOLD for the family ", family,
                                               ": it has no connection probabilities to sample"));
  }
  if (realisation.copies() > 1) {
    violations.Add("copies",
                   absl::StrCat("must be 1 for the family ", family,
                                ": its copies would all be alike; got ", realisation.copies()));
  }
  return violations.ToStatus();
}

std::string SerializeModel(const Model& model) {
  ArchiveWriter archive(kModelKind, model.definition());
  model.Save(archive);
  return archive.Serialize();
}

absl::StatusOr<std::string> SerializeTrained(const Model& model) {
  ArchiveWriter archive(kModelKind, model.definition());
  model.Save(archive);
  if (archive.not_finite().empty()) return archive.Serialize();
  return Diverged(
      absl::StrCat("training diverged: \"", archive.not_finite(), "\" is no longer finite"));
}

absl::StatusOr<std::unique_ptr<Model>> ParseModel(std::string_view archive, ModelFactory factory) {
  TORPOR_ASSIGN_OR_RETURN(ArchiveReader reader, ArchiveReader::Parse(archive));
  if (reader.kind() != kModelKind) {
    return WithReason(absl::InvalidArgumentError(absl::StrCat(
                          "archive: wanted kind \"model\", stored \"", reader.kind(), "\"")),
                      "ARCHIVE_KIND");
  }
  auto model = factory(reader.network(), 0);
  if (!model.ok()) return WithFieldPrefix(model.status(), "network.");
  TORPOR_RETURN_IF_ERROR((*model)->Load(reader));
  return model;
}

}  // namespace torpor
