#include "engine/network/npz_weights.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "engine/base/status.h"
#include "engine/data/npz.h"

namespace torpor {
namespace {

constexpr std::string_view kParameters = "layers/";
// Beside the values: headers, and the zip's directory.
constexpr int64_t kOverhead = 1 << 20;
// An error names so many arrays one by one, and more of them by kind: so many characters of names
// in all, and about so many a line.
constexpr size_t kNamedOneByOne = 16;
constexpr size_t kNamedTogether = 2400;
constexpr size_t kNamesALine = 500;

std::string ArrayName(std::string_view tensor) {
  return absl::StrReplaceAll(std::string(tensor.substr(kParameters.size())), {{"/", "."}});
}

std::string ShapeText(const std::vector<int64_t>& shape) {
  return absl::StrCat("[", absl::StrJoin(shape, ", "), "]");
}

// "[3, 17]" for the value at `flat`.
std::string IndexText(const std::vector<int64_t>& shape, int64_t flat) {
  std::vector<int64_t> index(shape.size());
  for (size_t d = shape.size(); d-- > 0;) {
    index[d] = flat % shape[d];
    flat /= shape[d];
  }
  return ShapeText(index);
}

// One array that is not as the definition asks.
struct Mismatch {
  std::string array;
  // "missing", "not in the definition", ...: groups long lists.
  std::string kind;
  std::string description;
};

// Every mismatch is named: one by one where they are few, by kind where they are many, because a
// status has room for about 4 kB.
absl::Status ToStatus(const std::vector<Mismatch>& mismatches) {
  Violations violations;
  if (mismatches.size() <= kNamedOneByOne) {
    for (const Mismatch& each : mismatches) violations.Add(each.array, each.description);
    return violations.ToStatus();
  }
  std::map<std::string, std::vector<std::string>> kinds;
  for (const Mismatch& each : mismatches) kinds[each.kind].push_back(each.array);
  size_t room = kNamedTogether;
  for (const auto& [kind, arrays] : kinds) {
    std::string names;
    size_t named = 0;
    while (named < arrays.size() && arrays[named].size() + 2 <= room) {
      if (names.size() > kNamesALine) {
        violations.Add("arrays", absl::StrCat(kind, ": ", names));
        names.clear();
      }
      absl::StrAppend(&names, names.empty() ? "" : ", ", arrays[named]);
      room -= arrays[named].size() + 2;
      ++named;
    }
    if (named < arrays.size()) absl::StrAppend(&names, " and ", arrays.size() - named, " more");
    violations.Add("arrays", absl::StrCat(kind, ": ", names));
  }
  return violations.ToStatus();
}

}  // namespace

absl::StatusOr<NpzWeights> NpzWeights::Create(const v1::Network& network, v1::Loss::Kind loss,
                                              ModelFactory factory) {
  if (!v1::Loss::Kind_IsValid(loss)) return FieldError("loss", "must be one of BCE, MSE, CE");
  auto model = factory(network, 0);
  if (!model.ok()) return WithFieldPrefix(model.status(), "network.");
  if (loss != v1::Loss::UNSPECIFIED) {
    v1::TrainSpec spec;
    spec.set_loss(loss);
    spec.set_optimizer(v1::Optimizer::SGD);
    // That it cannot be trained here does not matter; a loss that does not fit it does.
    const absl::Status fits = (*model)->NewTrainer(spec, nullptr).status();
    if (absl::IsInvalidArgument(fits)) return fits;
  }
  // What the family would save is what it needs to be given.
  ArchiveWriter fresh("model", network);
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
  weights.max_bytes_ = 2 * values * static_cast<int64_t>(sizeof(double)) + kOverhead;
  return weights;
}

absl::StatusOr<std::string> NpzWeights::ToArchive(std::string_view npz) const {
  TORPOR_ASSIGN_OR_RETURN(const NpzReader reader, NpzReader::Open(npz));
  std::map<std::string, size_t> stored;
  for (size_t i = 0; i < reader.arrays().size(); ++i) stored[reader.arrays()[i].name] = i;
  // All shapes before any values.
  std::vector<Mismatch> mismatches;
  for (const Array& wanted : arrays_) {
    const auto found = stored.find(wanted.name);
    if (found == stored.end()) {
      mismatches.push_back(
          {wanted.name, "missing",
           absl::StrCat("is missing, must have the shape ", ShapeText(wanted.shape))});
      continue;
    }
    const std::vector<int64_t>& shape = reader.arrays()[found->second].header.shape;
    if (shape == wanted.shape) continue;
    const bool transposed = shape.size() == 2 && wanted.shape.size() == 2 &&
                            shape[0] == wanted.shape[1] && shape[1] == wanted.shape[0];
    mismatches.push_back({wanted.name, "other shapes",
                          absl::StrCat("must have the shape ", ShapeText(wanted.shape), ", has ",
                                       ShapeText(shape), transposed ? "; transpose it" : "")});
  }
  for (const NpzReader::Array& array : reader.arrays()) {
    const bool known = std::any_of(arrays_.begin(), arrays_.end(),
                                   [&](const Array& wanted) { return wanted.name == array.name; });
    if (known) continue;
    mismatches.push_back({array.name, "not in the definition",
                          absl::StrCat("belongs to no layer of the definition, has the shape ",
                                       ShapeText(array.header.shape))});
  }
  if (!mismatches.empty()) return ToStatus(mismatches);

  ArchiveWriter archive("model", network_);
  archive.SetText("loss", v1::Loss::Kind_Name(loss_));
  for (const Array& wanted : arrays_) {
    TORPOR_ASSIGN_OR_RETURN(const std::vector<float> values, reader.Read(stored[wanted.name]));
    const auto bad = std::find_if_not(values.begin(), values.end(),
                                      [](float value) { return std::isfinite(value); });
    if (bad != values.end()) {
      mismatches.push_back({wanted.name, "with numbers that are not finite",
                            absl::StrCat("must hold finite float32 numbers, has ",
                                         std::isnan(*bad) ? "NaN" : "an infinite one", " at ",
                                         IndexText(wanted.shape, bad - values.begin()))});
    }
    if (mismatches.empty()) archive.AddFloats(wanted.tensor, wanted.shape, values);
  }
  if (!mismatches.empty()) return ToStatus(mismatches);
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
