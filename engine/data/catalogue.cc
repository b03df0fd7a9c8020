#include "engine/data/catalogue.h"

#include <algorithm>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "engine/base/digest.h"
#include "engine/base/status.h"
#include "engine/data/dataset_folder.h"

namespace torpor {
namespace {

struct Synthetic {
  std::string_view id;
  Dataset (*make)(v1::Split::Kind);
};
constexpr Synthetic kSynthetic[] = {{"synthetic-digits", &SyntheticDigits},
                                    {"synthetic-pattern", &SyntheticPattern}};
constexpr std::string_view kCollection = "datasets/";

// An id is one folder's name: nothing that could lead out of the dataset path.
bool IsId(std::string_view id) {
  if (id.empty() || id.size() > 63 || id.front() == '.') return false;
  return std::all_of(id.begin(), id.end(), [](unsigned char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.';
  });
}

absl::StatusOr<std::string> IdOf(std::string_view name) {
  if (name.starts_with(kCollection)) name.remove_prefix(kCollection.size());
  if (!IsId(name)) {
    return FieldError("name",
                      "must be datasets/{id}, the id 1 to 63 of a-z A-Z 0-9 - _ . and not "
                      "starting with a dot, got \"" +
                          std::string(name) + "\"");
  }
  return std::string(name);
}

// Null for sets that are not synthetic.
const Synthetic* FindSynthetic(std::string_view id) {
  const auto found = std::find_if(std::begin(kSynthetic), std::end(kSynthetic),
                                  [id](const Synthetic& one) { return one.id == id; });
  return found == std::end(kSynthetic) ? nullptr : found;
}

v1::Dataset DescribeSynthetic(const Synthetic& synthetic) {
  const Dataset train = synthetic.make(v1::Split::TRAIN);
  v1::Dataset dataset;
  dataset.set_name(absl::StrCat("datasets/", std::string(synthetic.id)));
  dataset.set_format("synthetic");
  for (const int64_t dimension : train.sample_shape()) dataset.add_sample_shape(dimension);
  for (const int64_t dimension : train.target_shape()) dataset.add_target_shape(dimension);
  dataset.set_classes(train.classes());
  dataset.set_train_samples(train.size());
  dataset.set_test_samples(synthetic.make(v1::Split::TEST).size());
  return dataset;
}

// Over values, labels and targets, as Verify's digest is over files.
std::string SyntheticDigest(const Synthetic& synthetic) {
  Sha256 sha;
  for (const v1::Split::Kind split : {v1::Split::TRAIN, v1::Split::TEST}) {
    const Dataset data = synthetic.make(split);
    std::vector<float> sample(static_cast<size_t>(data.features()));
    std::vector<uint8_t> target(static_cast<size_t>(data.target_values()));
    for (int64_t i = 0; i < data.size(); ++i) {
      data.CopySample(i, sample);
      sha.Update({reinterpret_cast<const char*>(sample.data()), sample.size() * sizeof(float)});
      const int32_t label = data.label(i);
      sha.Update({reinterpret_cast<const char*>(&label), sizeof(label)});
      if (!data.has_targets()) continue;
      data.CopyTarget(i, target);
      sha.Update({reinterpret_cast<const char*>(target.data()), target.size()});
    }
  }
  return sha.FinishHex();
}

// The folder of a dataset in the first folder of the path that has one.
absl::StatusOr<DatasetFolder> Locate(const DatasetCatalogue& catalogue, FileSystem* files,
                                     const std::string& id) {
  for (const std::string& root : catalogue.path()) {
    TORPOR_ASSIGN_OR_RETURN(std::optional<DatasetFolder> folder,
                            DatasetFolder::Find(files, root + "/" + id));
    if (folder.has_value()) return *std::move(folder);
  }
  std::vector<std::string> known;
  TORPOR_ASSIGN_OR_RETURN(const std::vector<v1::Dataset> all, catalogue.List());
  for (const v1::Dataset& dataset : all) known.push_back(dataset.name().substr(kCollection.size()));
  const absl::Status plain = NotFound("dataset", absl::StrCat("datasets/", id));
  absl::Status status(
      plain.code(),
      absl::StrCat("dataset ", id, " does not exist; searched ",
                   catalogue.path().empty() ? "no folder" : absl::StrJoin(catalogue.path(), ", "),
                   "; there are ", absl::StrJoin(known, ", ")));
  plain.ForEachPayload([&status](absl::string_view url, const absl::Cord& payload) {
    status.SetPayload(url, payload);
  });
  return WithHelp(WithReason(status, "DATASET_NOT_FOUND", {{"dataset", id}}),
                  "Put its four IDX files into FOLDER/" + id +
                      " where FOLDER is on the dataset path (torpord --dataset-path, or "
                      "TORPOR_DATASET_PATH); Debian's package dataset-fashion-mnist installs one.");
}

}  // namespace

DatasetCatalogue::DatasetCatalogue(std::vector<std::string> path, FileSystem* files)
    : path_(std::move(path)), files_(files) {}

absl::StatusOr<std::vector<v1::Dataset>> DatasetCatalogue::List() const {
  std::vector<v1::Dataset> datasets;
  std::set<std::string> seen;
  for (const Synthetic& synthetic : kSynthetic) {
    datasets.push_back(DescribeSynthetic(synthetic));
    seen.emplace(synthetic.id);
  }
  for (const std::string& root : path_) {
    const auto names = files_->List(root);
    if (!names.ok()) continue;  // an absent or unreadable folder holds no datasets
    for (const std::string& name : *names) {
      if (!IsId(name) || seen.contains(name)) continue;
      const auto folder = DatasetFolder::Find(files_, root + "/" + name);
      if (!folder.ok() || !folder->has_value()) continue;
      seen.insert(name);
      v1::Dataset dataset;
      dataset.set_name(absl::StrCat("datasets/", name));
      // A damaged set is listed without its shape; Verify says what is wrong with it.
      (*folder)->Describe(dataset).IgnoreError();
      datasets.push_back(std::move(dataset));
    }
  }
  std::sort(datasets.begin(), datasets.end(),
            [](const v1::Dataset& a, const v1::Dataset& b) { return a.name() < b.name(); });
  return datasets;
}

absl::StatusOr<v1::Dataset> DatasetCatalogue::Get(std::string_view name) const {
  TORPOR_ASSIGN_OR_RETURN(const std::string id, IdOf(name));
  if (const Synthetic* synthetic = FindSynthetic(id)) return DescribeSynthetic(*synthetic);
  TORPOR_ASSIGN_OR_RETURN(const DatasetFolder folder, Locate(*this, files_, id));
  v1::Dataset dataset;
  dataset.set_name(absl::StrCat("datasets/", id));
  TORPOR_RETURN_IF_ERROR(folder.Describe(dataset));
  return dataset;
}

absl::StatusOr<v1::VerifyDatasetResponse> DatasetCatalogue::Verify(std::string_view name) const {
  TORPOR_ASSIGN_OR_RETURN(const std::string id, IdOf(name));
  v1::VerifyDatasetResponse response;
  if (const Synthetic* synthetic = FindSynthetic(id)) {
    *response.mutable_dataset() = DescribeSynthetic(*synthetic);
    response.set_digest(SyntheticDigest(*synthetic));
    return response;
  }
  TORPOR_ASSIGN_OR_RETURN(const DatasetFolder folder, Locate(*this, files_, id));
  response.mutable_dataset()->set_name(absl::StrCat("datasets/", id));
  TORPOR_RETURN_IF_ERROR(folder.Describe(*response.mutable_dataset()));
  // Loading checks every value and label.
  for (const v1::Split::Kind split : {v1::Split::TRAIN, v1::Split::TEST}) {
    TORPOR_RETURN_IF_ERROR(folder.Load(split).status());
  }
  TORPOR_ASSIGN_OR_RETURN(const std::vector<std::string> digests, folder.Sha256s());
  for (size_t i = 0; i < digests.size(); ++i) {
    response.mutable_dataset()->mutable_files(static_cast<int>(i))->set_sha256(digests[i]);
  }
  response.set_digest(Sha256Hex(absl::StrJoin(digests, "")));
  return response;
}

absl::StatusOr<Dataset> DatasetCatalogue::Load(std::string_view name, v1::Split::Kind split) const {
  TORPOR_ASSIGN_OR_RETURN(const std::string id, IdOf(name));
  if (const Synthetic* synthetic = FindSynthetic(id)) return synthetic->make(split);
  TORPOR_ASSIGN_OR_RETURN(const DatasetFolder folder, Locate(*this, files_, id));
  return folder.Load(split);
}

absl::StatusOr<std::string> DatasetCatalogue::Digest(std::string_view name) const {
  TORPOR_ASSIGN_OR_RETURN(const std::string id, IdOf(name));
  if (const Synthetic* synthetic = FindSynthetic(id)) return SyntheticDigest(*synthetic);
  TORPOR_ASSIGN_OR_RETURN(const DatasetFolder folder, Locate(*this, files_, id));
  TORPOR_ASSIGN_OR_RETURN(const std::vector<std::string> digests, folder.Sha256s());
  return Sha256Hex(absl::StrJoin(digests, ""));
}

std::vector<std::string> SplitDatasetPath(std::string_view path) {
  return absl::StrSplit(absl::string_view(path.data(), path.size()), ':', absl::SkipEmpty());
}

}  // namespace torpor
