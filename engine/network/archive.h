// The archive: one file that holds a network definition and named tensors, and knows when it was
// damaged.
//
// Layout, little-endian: "TORPORAR" | u32 version | u32 reserved 0 | u64 manifest length | manifest
// (ArchiveManifest) | 32 bytes SHA-256 over everything before | tensors, each at its offset from
// the end of the digest. The manifest carries the SHA-256 of every tensor.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "torpor/v1/archive.pb.h"
#include "torpor/v1/common.pb.h"
#include "torpor/v1/network.pb.h"

namespace torpor {

inline constexpr uint32_t kArchiveVersion = 1;
inline constexpr char kModelKind[] = "model";

// Collects tensors and text, then writes them as one string. Not thread-safe.
class ArchiveWriter {
 public:
  // `kind` is "model" or "checkpoint".
  ArchiveWriter(std::string kind, v1::Network network);
  // Names are unique, e.g. "layers/hidden/weight". The data is copied. The shape's product is the
  // element count.
  void AddFloats(std::string name, std::vector<int64_t> shape, std::span<const float> values);
  void AddDoubles(std::string name, std::vector<int64_t> shape, std::span<const double> values);
  void AddBytes(std::string name, std::vector<int64_t> shape, std::span<const uint8_t> values);
  // Free text by key, e.g. {"loss", "BCE"}.
  void SetText(std::string key, std::string value);
  std::string Serialize() const;
  // What was added so far.
  const v1::ArchiveManifest& manifest() const { return manifest_; }
  // Name of the first tensor of floats that has one which is not finite; "" while there is none.
  const std::string& not_finite() const { return not_finite_; }

 private:
  v1::ArchiveManifest manifest_;
  std::string data_;
  std::string not_finite_;
};

// A checked archive. Immutable.
class ArchiveReader {
 public:
  // Checks magic, version, lengths and every digest before anything is used. A damaged archive is
  // DATA_LOSS with reason ARCHIVE_CORRUPT that names the part; a newer version FAILED_PRECONDITION
  // with reason ARCHIVE_TOO_NEW.
  static absl::StatusOr<ArchiveReader> Parse(std::string_view archive);

  const std::string& kind() const { return manifest_.kind(); }
  const v1::Network& network() const { return manifest_.network(); }
  bool Has(std::string_view name) const;
  // DATA_LOSS naming tensor, wanted and stored shape or type when they differ. A model's floats are
  // finite.
  absl::StatusOr<std::vector<float>> Floats(std::string_view name,
                                            const std::vector<int64_t>& shape) const;
  absl::StatusOr<std::vector<double>> Doubles(std::string_view name,
                                              const std::vector<int64_t>& shape) const;
  absl::StatusOr<std::vector<uint8_t>> Bytes(std::string_view name,
                                             const std::vector<int64_t>& shape) const;
  // "" if absent.
  std::string Text(std::string_view key) const;
  const v1::ArchiveManifest& manifest() const { return manifest_; }

 private:
  ArchiveReader() = default;
  v1::ArchiveManifest manifest_;
  std::string data_;
  std::map<std::string, int, std::less<>> index_;
};

}  // namespace torpor
