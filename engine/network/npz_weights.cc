#include "engine/network/npz_weights.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "engine/base/status.h"
#include "engine/data/npz.h"
#include "engine/network/npz_arrays.h"

namespace torpor {
namespace {

constexpr std::string_view kParameters = "layers/";

std::string ArrayName(std::string_view tensor) {
  return absl::StrReplaceAll(std::string(tensor.substr(kParameters.size())), {{"/", "."}});
}

}  // namespace

absl::StatusOr<NpzWeights> NpzWeights::Create(const v1::Network& network, v1::Loss::Kind loss,
                                              ModelFactory factory) {
  if (!v1::Loss::Kind_IsValid(loss)) return FieldError("loss", "must be one that is known");
  auto model = factory(network, 0);
  if (!model.ok()) return WithFieldPrefix(model.status(), "network.");
  if (loss != v1::Loss::UNSPECIFIED) {
    v1::TrainSpec spec;
    spec.set_loss(loss);
    (*model)->FillTrainDefaults(spec);
    // That it cannot be trained here does not matter; a loss that does not fit it does.
    const absl::Status fits = (*model)->NewTrainer(spec, nullptr).status();
    if (absl::IsInvalidArgument(fits)) return fits;
  }
  // What the family would save is what it needs to be given.
  ArchiveWriter fresh(kModelKind, network);
  (*model)->Save(fresh);
  NpzWeights weights;
  weights.network_ = network;
  weights.loss_ = loss;
  int64_t values = 0;
  for (const v1::ArchiveTensor& tensor : fresh.manifest().tensors()) {
    if (!std::string_view(tensor.name()).starts_with(kParameters)) continue;
    weights.arrays_.push_back(
        {ArrayName(tensor.name()), tensor.name(), {tensor.shape().begin(), tensor.shape().end()}});
    values += static_cast<int64_t>(tensor.length() / sizeof(float));
  }
  weights.max_bytes_ = 2 * values * static_cast<int64_t>(sizeof(double)) + kNpzOverhead;
  return weights;
}

absl::StatusOr<std::string> NpzWeights::ToArchive(std::string_view npz) const {
  TORPOR_ASSIGN_OR_RETURN(const NpzReader reader, NpzReader::Open(npz));
  // All shapes before any values.
  std::vector<NpzShape> shapes;
  for (const Array& wanted : arrays_) shapes.push_back({wanted.name, wanted.shape});
  TORPOR_RETURN_IF_ERROR(CheckNpzShapes(reader, shapes));

  NpzMismatches mismatches;
  ArchiveWriter archive(kModelKind, network_);
  archive.SetText("loss", v1::Loss::Kind_Name(loss_));
  for (const Array& wanted : arrays_) {
    TORPOR_ASSIGN_OR_RETURN(const std::vector<float> values, ReadNpzArray(reader, wanted.name));
    const auto bad = std::find_if_not(values.begin(), values.end(),
                                      [](float value) { return std::isfinite(value); });
    if (bad != values.end()) {
      mismatches.Add(wanted.name, "with numbers that are not finite",
                     absl::StrCat("must hold finite float32 numbers, has ",
                                  std::isnan(*bad) ? "NaN" : "an infinite one", " at ",
                                  NpzIndexText(wanted.shape, bad - values.begin())));
    }
    if (mismatches.empty()) archive.AddFloats(wanted.tensor, wanted.shape, values);
  }
  TORPOR_RETURN_IF_ERROR(mismatches.ToStatus());
  return archive.Serialize();
}

absl::StatusOr<std::string> NpzOfArchive(std::string_view archive) {
  TORPOR_ASSIGN_OR_RETURN(const ArchiveReader reader, ArchiveReader::Parse(archive));
  std::vector<std::vector<float>> values;
  std::vector<NpzFloats> arrays;
  for (const v1::ArchiveTensor& tensor : reader.manifest().tensors()) {
    if (!std::string_view(tensor.name()).starts_with(kParameters)) continue;
    const std::vector<int64_t> shape(tensor.shape().begin(), tensor.shape().end());
    TORPOR_ASSIGN_OR_RETURN(std::vector<float> read, reader.Floats(tensor.name(), shape));
    values.push_back(std::move(read));
    arrays.push_back({ArrayName(tensor.name()), shape, values.back()});
  }
  return WriteNpz(arrays);
}

}  // namespace torpor
