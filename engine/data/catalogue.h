// Finding datasets by name on the dataset path, and the synthetic sets that are always there.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "engine/base/file_system.h"
#include "engine/data/dataset.h"
#include "torpor/v1/dataset.pb.h"

namespace torpor {

// A dataset NAME is `<path>/NAME/<standard IDX file>[.gz]` (or the NPY files of dataset.proto); the
// first folder of the path that has one wins. Thread-safe.
class DatasetCatalogue {
 public:
  // `path`: folders to search, in order. `files` outlives the catalogue.
  DatasetCatalogue(std::vector<std::string> path, FileSystem* files);

  const std::vector<std::string>& path() const { return path_; }
  // All that can be found, by name; reads headers only.
  absl::StatusOr<std::vector<v1::Dataset>> List() const;
  // By id ("mnist") or resource name ("datasets/mnist"). NOT_FOUND names the folders searched and
  // the sets that exist.
  absl::StatusOr<v1::Dataset> Get(std::string_view name) const;
  // Reads all content; fills sha256 of each file and returns the digest over all (SHA-256 of the
  // files' digests in order).
  absl::StatusOr<v1::VerifyDatasetResponse> Verify(std::string_view name) const;
  // The samples of a split. DATA_LOSS names the file, what was expected and what was found.
  absl::StatusOr<Dataset> Load(std::string_view name, v1::Split::Kind split) const;
  // The digest that Verify computes.
  absl::StatusOr<std::string> Digest(std::string_view name) const;

 private:
  std::vector<std::string> path_;
  FileSystem* files_;
};

// Splits "A:B" into folders; empty parts are left out.
std::vector<std::string> SplitDatasetPath(std::string_view path);

// The synthetic sets, made in memory.
//
// Ten classes of seeded blobs on a 12 x 12 grid, separable but not linearly trivial: 2000 training
// and 500 test samples.
Dataset SyntheticDigits(v1::Split::Kind split);
// One spike train with the drawing that it is to become (the task of Schaefer et al., 2020), the
// same in both splits: 250 steps of 700 inputs, where channel i has intervals of Poisson law with
// mean 1.25 + floor(i / 5) / 4 steps, those of 0 merged; target [250, 250], rings in the plane of
// step and unit that make a face. The label is 0 of 250 classes, the units of the target.
Dataset SyntheticPattern(v1::Split::Kind split);

}  // namespace torpor
