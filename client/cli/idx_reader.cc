#include "client/cli/idx_reader.h"

#include <unistd.h>
#include <zlib.h>

#include <limits>
#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"

namespace torpor::cli {
namespace {

// A dataset for streaming fits into memory many times over; more is a damaged header.
constexpr int64_t kMostElements = int64_t{1} << 30;

struct CloseGz {
  void operator()(gzFile file) const { gzclose(file); }
};
using GzFile = std::unique_ptr<gzFile_s, CloseGz>;

absl::Status Damaged(const std::string& path, absl::string_view what) {
  return absl::DataLossError(absl::StrCat(path, ": ", what));
}

// Exactly `size` bytes. zlib reads plain files as they are.
absl::Status ReadExactly(gzFile file, const std::string& path, char* to, int64_t size) {
  while (size > 0) {
    const unsigned chunk = static_cast<unsigned>(size < (1 << 24) ? size : (1 << 24));
    const int n = gzread(file, to, chunk);
    if (n <= 0) {
      int error = Z_OK;
      const char* text = gzerror(file, &error);
      return Damaged(path, error == Z_OK ? "ends too early"
                                         : absl::StrCat("cannot be decompressed (", text, ")"));
    }
    to += n;
    size -= n;
  }
  return absl::OkStatus();
}

bool Readable(const std::string& path) { return access(path.c_str(), R_OK) == 0; }

}  // namespace

absl::StatusOr<IdxArray> ReadIdx(const std::string& path) {
  GzFile file(gzopen(path.c_str(), "rb"));
  if (file == nullptr) return absl::NotFoundError(absl::StrCat(path, ": cannot be opened"));
  unsigned char magic[4];
  absl::Status status = ReadExactly(file.get(), path, reinterpret_cast<char*>(magic), 4);
  if (!status.ok()) return status;
  if (magic[0] != 0 || magic[1] != 0 || magic[2] != 8 || magic[3] < 1 || magic[3] > 4) {
    return Damaged(path, "is no IDX file of unsigned bytes with 1 to 4 dimensions");
  }
  IdxArray array;
  int64_t elements = 1;
  for (int d = 0; d < magic[3]; ++d) {
    unsigned char b[4];
    status = ReadExactly(file.get(), path, reinterpret_cast<char*>(b), 4);
    if (!status.ok()) return status;
    const int64_t size = (int64_t{b[0]} << 24) | (b[1] << 16) | (b[2] << 8) | b[3];
    if (size == 0) return Damaged(path, absl::StrCat("has size 0 in dimension ", d));
    if (size > kMostElements / elements) return Damaged(path, "claims more than 2^30 elements");
    elements *= size;
    array.shape.push_back(size);
  }
  array.bytes.resize(static_cast<size_t>(elements));
  status = ReadExactly(file.get(), path, array.bytes.data(), elements);
  if (!status.ok()) return status;
  char more;
  if (gzread(file.get(), &more, 1) != 0) return Damaged(path, "goes on after its last element");
  return array;
}

absl::StatusOr<LabelledImages> ReadTestImages(absl::string_view dataset_path,
                                              absl::string_view name) {
  std::vector<std::string> looked;
  for (absl::string_view root : absl::StrSplit(dataset_path, ':', absl::SkipEmpty())) {
    const std::string folder = absl::StrCat(root, "/", name, "/");
    looked.push_back(folder);
    for (const char* images_suffix : {"", ".gz"}) {
      for (const char* labels_suffix : {"", ".gz"}) {
        const std::string images_path =
            absl::StrCat(folder, "t10k-images-idx3-ubyte", images_suffix);
        const std::string labels_path =
            absl::StrCat(folder, "t10k-labels-idx1-ubyte", labels_suffix);
        if (!Readable(images_path) || !Readable(labels_path)) continue;
        absl::StatusOr<IdxArray> images = ReadIdx(images_path);
        if (!images.ok()) return images.status();
        absl::StatusOr<IdxArray> labels = ReadIdx(labels_path);
        if (!labels.ok()) return labels.status();
        if (images->shape.size() < 2) return Damaged(images_path, "holds labels, not images");
        if (labels->shape.size() != 1) return Damaged(labels_path, "holds images, not labels");
        if (labels->shape[0] != images->shape[0]) {
          return Damaged(labels_path, absl::StrCat("has ", labels->shape[0], " labels for ",
                                                   images->shape[0], " images"));
        }
        LabelledImages result;
        result.count = images->shape[0];
        result.image_shape.assign(images->shape.begin() + 1, images->shape.end());
        result.pixels_per_image = static_cast<int64_t>(images->bytes.size()) / result.count;
        result.pixels = std::move(images->bytes);
        result.labels.assign(labels->bytes.begin(), labels->bytes.end());
        return result;
      }
    }
  }
  return absl::NotFoundError(absl::StrCat(
      "no test images of dataset '", name, "'; looked in ",
      looked.empty() ? "no folder: the dataset path is empty" : absl::StrJoin(looked, ", ")));
}

}  // namespace torpor::cli
