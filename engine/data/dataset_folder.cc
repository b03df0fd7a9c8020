#include "engine/data/dataset_folder.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "engine/base/digest.h"
#include "engine/base/status.h"
#include "engine/data/gzip.h"
#include "engine/data/idx.h"
#include "engine/data/npy.h"

namespace torpor {
namespace {

// Positions of the files; the last two, of arrays alone, may be missing both.
enum { kTrainImages, kTrainLabels, kTestImages, kTestLabels, kTrainTargets, kTestTargets };
constexpr size_t kIdxFiles = 4;
constexpr size_t kNpyFiles = 6;

constexpr const char* kIdxNames[] = {"train-images-idx3-ubyte", "train-labels-idx1-ubyte",
                                     "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"};
constexpr const char* kNpyNames[] = {"train-images.npy", "train-labels.npy",  "test-images.npy",
                                     "test-labels.npy",  "train-targets.npy", "test-targets.npy"};

// The same limit as that on a network's input.
constexpr int64_t kMaxFeatures = 16777216;
// As many as a layer may have units.
constexpr int64_t kMaxClasses = 65536;
// Compressed bytes that surely hold the first bytes of the content.
constexpr int64_t kCompressedHead = 65536;

bool IsTargets(int file) { return file == kTrainTargets || file == kTestTargets; }
bool IsImages(int file) { return file == kTrainImages || file == kTestImages; }
int IdxRank(int file) { return IsImages(file) ? 3 : 1; }

absl::Status Damaged(const std::string& path, absl::string_view what) {
  return WithHelp(WithReason(absl::DataLossError(absl::StrCat(path, ": ", what)), "DATASET_DAMAGED",
                             {{"file", path}}),
                  "Fetch the file again, or remove the folder from the dataset path.");
}

// Adds the path to an error of a parser.
absl::Status InFile(const std::string& path, const absl::Status& status) {
  return Damaged(path, status.message());
}

absl::Status CheckSample(const std::string& path, const std::vector<int64_t>& dimensions) {
  int64_t features = 1;
  for (size_t i = 1; i < dimensions.size(); ++i) {
    // The parsers keep the product of all dimensions far below overflow.
    features *= dimensions[i];
  }
  if (dimensions.size() < 2) return Damaged(path, "samples need at least one dimension");
  if (features > kMaxFeatures) {
    return Damaged(path, absl::StrCat("a sample may have at most ", kMaxFeatures, " values, found ",
                                      features));
  }
  return absl::OkStatus();
}

absl::Status CheckTarget(const std::string& path, const std::vector<int64_t>& dimensions) {
  if (dimensions.size() == 3) return CheckSample(path, dimensions);
  return Damaged(path, absl::StrCat("targets must have three dimensions, samples, steps and units, "
                                    "found ",
                                    dimensions.size()));
}

// Labels as integers, whatever they were stored as.
template <typename At>
absl::StatusOr<std::vector<int32_t>> CheckedLabels(const std::string& path, int64_t count, At at) {
  std::vector<int32_t> labels(static_cast<size_t>(count));
  for (int64_t i = 0; i < count; ++i) {
    const int64_t label = at(i);
    if (label < 0 || label >= kMaxClasses) {
      return Damaged(path, absl::StrCat("labels must be in 0..", kMaxClasses - 1, ", label ", i,
                                        " is ", label));
    }
    labels[static_cast<size_t>(i)] = static_cast<int32_t>(label);
  }
  return labels;
}

}  // namespace

absl::StatusOr<std::optional<DatasetFolder>> DatasetFolder::Find(FileSystem* files,
                                                                 std::string directory) {
  for (const Format format : {Format::kIdx, Format::kNpy}) {
    DatasetFolder folder(files, directory, format);
    bool any = false;
    const bool idx = format == Format::kIdx;
    for (size_t i = 0; i < (idx ? kIdxFiles : kNpyFiles); ++i) {
      std::vector<std::string> candidates = {idx ? kIdxNames[i] : kNpyNames[i]};
      if (idx) candidates.push_back(candidates[0] + ".gz");
      for (std::string& candidate : candidates) {
        TORPOR_ASSIGN_OR_RETURN(const bool exists, files->Exists(directory + "/" + candidate));
        if (!exists) continue;
        folder.names_[i] = std::move(candidate);
        any = true;
        break;
      }
    }
    if (any) return folder;
  }
  return std::nullopt;
}

bool DatasetFolder::has_targets() const {
  return !names_[kTrainTargets].empty() || !names_[kTestTargets].empty();
}

absl::Status DatasetFolder::CheckComplete() const {
  // One split with targets and one without could not be told from a forgotten file.
  const size_t needed = has_targets() ? kNpyFiles : kIdxFiles;
  for (size_t i = 0; i < needed; ++i) {
    if (!names_[i].empty()) continue;
    const std::string missing =
        format_ == Format::kIdx ? absl::StrCat(kIdxNames[i], "[.gz]") : kNpyNames[i];
    return Damaged(absl::StrCat(directory_, "/", missing), "the file is missing");
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> DatasetFolder::Content(int file) const {
  const std::string path = PathOf(file);
  TORPOR_ASSIGN_OR_RETURN(std::string raw, files_->Read(path));
  if (format_ == Format::kNpy || !IsGzip(raw)) return raw;
  // The header says how much may come out, so a small file cannot fill the memory.
  const auto head = GunzipPrefix(raw, kMaxIdxHeaderBytes);
  if (!head.ok()) return InFile(path, head.status());
  const auto header = ParseIdxHeader(*head, IdxRank(file));
  if (!header.ok()) return InFile(path, header.status());
  auto content = Gunzip(raw, header->offset + static_cast<size_t>(header->values));
  if (!content.ok()) return InFile(path, content.status());
  return content;
}

absl::StatusOr<std::vector<int64_t>> DatasetFolder::Dimensions(int file) const {
  const std::string path = PathOf(file);
  TORPOR_ASSIGN_OR_RETURN(std::string head, files_->ReadPrefix(path, kCompressedHead));
  std::vector<int64_t> dimensions;
  if (format_ == Format::kNpy) {
    const auto header = ParseNpyHeader(head);
    if (!header.ok()) return InFile(path, header.status());
    dimensions = header->shape;
  } else {
    if (IsGzip(head)) {
      auto content = GunzipPrefix(head, kMaxIdxHeaderBytes);
      if (!content.ok()) return InFile(path, content.status());
      head = *std::move(content);
    }
    const auto header = ParseIdxHeader(head, IdxRank(file));
    if (!header.ok()) return InFile(path, header.status());
    dimensions = header->dimensions;
  }
  TORPOR_RETURN_IF_ERROR(IsTargets(file) ? CheckTarget(path, dimensions)
                                         : CheckSample(path, dimensions));
  return dimensions;
}

absl::StatusOr<std::vector<int32_t>> DatasetFolder::Labels(int file) const {
  const std::string path = PathOf(file);
  TORPOR_ASSIGN_OR_RETURN(const std::string content, Content(file));
  if (format_ == Format::kIdx) {
    const auto idx = ParseIdx(content, 1);
    if (!idx.ok()) return InFile(path, idx.status());
    return CheckedLabels(path, idx->dimensions[0], [&](int64_t i) -> int64_t {
      return static_cast<unsigned char>(idx->values[static_cast<size_t>(i)]);
    });
  }
  const auto npy = ParseNpy(content);
  if (!npy.ok()) return InFile(path, npy.status());
  if (npy->shape.size() != 1 || npy->type == NpyType::kFloat32) {
    return Damaged(path, "labels must be one dimension of integers");
  }
  return CheckedLabels(path, npy->shape[0], [&](int64_t i) { return npy->IntegerAt(i); });
}

absl::StatusOr<int> DatasetFolder::Classes() const {
  TORPOR_ASSIGN_OR_RETURN(const std::vector<int32_t> labels, Labels(kTrainLabels));
  return *std::max_element(labels.begin(), labels.end()) + 1;
}

absl::Status DatasetFolder::Describe(v1::Dataset& dataset) const {
  dataset.set_format(format_ == Format::kIdx ? "idx" : "npy");
  dataset.set_directory(directory_);
  for (size_t i = 0; i < names_.size(); ++i) {
    if (names_[i].empty()) continue;
    v1::DatasetFile* file = dataset.add_files();
    file->set_name(names_[i]);
    TORPOR_ASSIGN_OR_RETURN(const int64_t size, files_->Size(PathOf(static_cast<int>(i))));
    file->set_size_bytes(size);
  }
  TORPOR_RETURN_IF_ERROR(CheckComplete());
  TORPOR_ASSIGN_OR_RETURN(const auto train, Dimensions(kTrainImages));
  TORPOR_ASSIGN_OR_RETURN(const auto test, Dimensions(kTestImages));
  if (!std::equal(train.begin() + 1, train.end(), test.begin() + 1, test.end())) {
    return Damaged(PathOf(kTestImages), "samples have another shape than the training samples");
  }
  TORPOR_ASSIGN_OR_RETURN(const int classes, Classes());
  for (size_t i = 1; i < train.size(); ++i) dataset.add_sample_shape(train[i]);
  dataset.set_classes(classes);
  dataset.set_train_samples(train[0]);
  dataset.set_test_samples(test[0]);
  if (!has_targets()) return absl::OkStatus();
  TORPOR_ASSIGN_OR_RETURN(const auto train_targets, Dimensions(kTrainTargets));
  TORPOR_ASSIGN_OR_RETURN(const auto test_targets, Dimensions(kTestTargets));
  if (!std::equal(train_targets.begin() + 1, train_targets.end(), test_targets.begin() + 1)) {
    return Damaged(PathOf(kTestTargets), "targets have another shape than the training targets");
  }
  for (size_t i = 1; i < train_targets.size(); ++i) dataset.add_target_shape(train_targets[i]);
  return absl::OkStatus();
}

absl::StatusOr<Dataset> DatasetFolder::LoadImages(int file, std::vector<int32_t> labels,
                                                  int classes) const {
  const std::string path = PathOf(file);
  TORPOR_ASSIGN_OR_RETURN(const std::string content, Content(file));
  std::vector<int64_t> dimensions;
  std::vector<uint8_t> bytes;
  std::vector<float> floats;
  if (format_ == Format::kIdx) {
    auto idx = ParseIdx(content, IdxRank(file));
    if (!idx.ok()) return InFile(path, idx.status());
    dimensions = std::move(idx->dimensions);
    bytes.assign(idx->values.begin(), idx->values.end());
  } else {
    auto npy = ParseNpy(content);
    if (!npy.ok()) return InFile(path, npy.status());
    dimensions = std::move(npy->shape);
    if (npy->type == NpyType::kUint8) {
      bytes.assign(npy->data.begin(), npy->data.end());
    } else if (npy->type == NpyType::kFloat32) {
      floats.resize(npy->data.size() / sizeof(float));
      for (size_t i = 0; i < floats.size(); ++i) {
        floats[i] = npy->FloatAt(static_cast<int64_t>(i));
        if (!std::isfinite(floats[i])) {
          return Damaged(path, absl::StrCat("values must be finite, value ", i, " is not"));
        }
      }
    } else {
      return Damaged(path, "images must be '|u1' or '<f4'");
    }
  }
  TORPOR_RETURN_IF_ERROR(CheckSample(path, dimensions));
  if (dimensions[0] != static_cast<int64_t>(labels.size())) {
    return Damaged(path, absl::StrCat("holds ", dimensions[0], " samples, but there are ",
                                      labels.size(), " labels"));
  }
  std::vector<int64_t> shape(dimensions.begin() + 1, dimensions.end());
  return bytes.empty()
             ? Dataset::FromFloats(std::move(floats), std::move(shape), std::move(labels), classes)
             : Dataset::FromBytes(std::move(bytes), std::move(shape), std::move(labels), classes);
}

absl::StatusOr<Dataset> DatasetFolder::Load(v1::Split::Kind split) const {
  TORPOR_RETURN_IF_ERROR(CheckComplete());
  const bool train = split == v1::Split::TRAIN;
  TORPOR_ASSIGN_OR_RETURN(const int classes, Classes());
  TORPOR_ASSIGN_OR_RETURN(std::vector<int32_t> labels, Labels(train ? kTrainLabels : kTestLabels));
  for (size_t i = 0; i < labels.size(); ++i) {
    if (labels[i] >= classes) {
      return Damaged(PathOf(kTestLabels), absl::StrCat("the training labels have ", classes,
                                                       " classes, label ", i, " is ", labels[i]));
    }
  }
  TORPOR_ASSIGN_OR_RETURN(
      Dataset data, LoadImages(train ? kTrainImages : kTestImages, std::move(labels), classes));
  return has_targets() ? LoadTargets(train ? kTrainTargets : kTestTargets, data) : data;
}

absl::StatusOr<Dataset> DatasetFolder::LoadTargets(int file, const Dataset& data) const {
  const std::string path = PathOf(file);
  TORPOR_ASSIGN_OR_RETURN(const std::string content, Content(file));
  const auto npy = ParseNpy(content);
  if (!npy.ok()) return InFile(path, npy.status());
  if (npy->type != NpyType::kUint8) return Damaged(path, "targets must be '|u1'");
  TORPOR_RETURN_IF_ERROR(CheckTarget(path, npy->shape));
  if (npy->shape[0] != data.size()) {
    return Damaged(path, absl::StrCat("holds targets of ", npy->shape[0],
                                      " samples, but there are ", data.size()));
  }
  std::vector<uint8_t> spikes(npy->data.begin(), npy->data.end());
  const auto bad = std::find_if(spikes.begin(), spikes.end(), [](uint8_t s) { return s > 1; });
  if (bad != spikes.end()) {
    return Damaged(path, absl::StrCat("targets must be zeros and ones, value ",
                                      bad - spikes.begin(), " is ", *bad));
  }
  return data.WithTargets(std::move(spikes), {npy->shape[1], npy->shape[2]});
}

absl::StatusOr<std::vector<std::string>> DatasetFolder::Sha256s() const {
  TORPOR_RETURN_IF_ERROR(CheckComplete());
  std::vector<std::string> digests;
  for (size_t file = 0; file < names_.size(); ++file) {
    if (names_[file].empty()) continue;
    TORPOR_ASSIGN_OR_RETURN(const std::string content, Content(static_cast<int>(file)));
    digests.push_back(Sha256Hex(content));
  }
  return digests;
}

}  // namespace torpor
