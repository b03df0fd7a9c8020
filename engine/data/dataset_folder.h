// One dataset's folder: its files, read with every size and label checked.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "engine/base/file_system.h"
#include "engine/data/dataset.h"
#include "torpor/v1/dataset.pb.h"

namespace torpor {

// A folder with the standard files of one format. All errors about content are DATA_LOSS with
// reason DATASET_DAMAGED and name the file, what was expected and what was found. Immutable;
// thread-safe as far as the file system is.
class DatasetFolder {
 public:
  // What `directory` holds: nullopt if none of the standard files is there.
  static absl::StatusOr<std::optional<DatasetFolder>> Find(FileSystem* files,
                                                           std::string directory);

  // Fills format, directory, shapes, classes, counts and files' names and sizes of `dataset`. Reads
  // the heads of image and target files and all labels (of these the classes are known: largest
  // training label + 1).
  absl::Status Describe(v1::Dataset& dataset) const;
  // The samples of one split, everything checked.
  absl::StatusOr<Dataset> Load(v1::Split::Kind split) const;
  // SHA-256 (hex) of each file's decompressed content, in the order in which Describe lists them.
  absl::StatusOr<std::vector<std::string>> Sha256s() const;

 private:
  enum class Format { kIdx, kNpy };
  DatasetFolder(FileSystem* files, std::string directory, Format format)
      : files_(files), directory_(std::move(directory)), format_(format) {}

  std::string PathOf(int file) const {
    return directory_ + "/" + names_[static_cast<size_t>(file)];
  }
  // Whether samples have targets.
  bool has_targets() const;
  absl::Status CheckComplete() const;
  // The decompressed content of one file, at most as long as its header names.
  absl::StatusOr<std::string> Content(int file) const;
  // Dimensions of an image or target file, from its head.
  absl::StatusOr<std::vector<int64_t>> Dimensions(int file) const;
  absl::StatusOr<std::vector<int32_t>> Labels(int file) const;
  // Largest training label + 1.
  absl::StatusOr<int> Classes() const;
  absl::StatusOr<Dataset> LoadImages(int file, std::vector<int32_t> labels, int classes) const;
  // `data` with the targets of its split.
  absl::StatusOr<Dataset> LoadTargets(int file, const Dataset& data) const;

  FileSystem* files_;
  std::string directory_;
  Format format_;
  // Training images and labels, test images and labels, training and test targets; empty where the
  // folder lacks one.
  std::array<std::string, 6> names_;
};

}  // namespace torpor
