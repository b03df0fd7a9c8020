#include "engine/network/archive.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <optional>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "engine/base/build_info.h"
#include "engine/base/digest.h"
#include "engine/base/status.h"
#include "google/protobuf/io/coded_stream.h"
#include "google/protobuf/io/zero_copy_stream_impl_lite.h"

namespace torpor {
namespace {

static_assert(std::endian::native == std::endian::little, "archives are little-endian");

constexpr std::string_view kMagic = "TORPORAR";
constexpr size_t kDigestBytes = 32;
// Magic, version, reserved, manifest length.
constexpr size_t kHeaderBytes = 8 + 4 + 4 + 8;

std::string Sha256Bytes(std::string_view data) { return absl::HexStringToBytes(Sha256Hex(data)); }

// Bytes of one element; 0 for a type that archives do not hold.
uint64_t ElementSize(v1::DataType::Kind dtype) {
  switch (dtype) {
    case v1::DataType::FLOAT32:
      return 4;
    case v1::DataType::UINT8:
      return 1;
    case v1::DataType::FLOAT64:
      return 8;
    default:
      return 0;
  }
}

// Product of the dimensions, or false when one is negative or the product does not fit.
bool ElementCount(const google::protobuf::RepeatedField<int64_t>& shape, uint64_t& count) {
  count = 1;
  for (int64_t dimension : shape) {
    if (dimension < 0) return false;
    if (__builtin_mul_overflow(count, static_cast<uint64_t>(dimension), &count)) return false;
  }
  return true;
}

template <typename T>
void AppendNumber(std::string& out, T value) {
  out.append(reinterpret_cast<const char*>(&value), sizeof(value));
}

template <typename T>
T ReadNumber(std::string_view data, size_t offset) {
  T value;
  std::memcpy(&value, data.data() + offset, sizeof(value));
  return value;
}

absl::Status Corrupt(const std::string& part, const std::string& what) {
  return WithReason(absl::DataLossError(absl::StrCat("archive: ", part, ": ", what)),
                    "ARCHIVE_CORRUPT", {{"part", part}});
}

void AddTensor(v1::ArchiveManifest& manifest, std::string& data, std::string name,
               v1::DataType::Kind dtype, const std::vector<int64_t>& shape,
               std::string_view bytes) {
  v1::ArchiveTensor& tensor = *manifest.add_tensors();
  tensor.set_name(std::move(name));
  tensor.set_dtype(dtype);
  tensor.mutable_shape()->Assign(shape.begin(), shape.end());
  tensor.set_offset(data.size());
  tensor.set_length(bytes.size());
  tensor.set_sha256(Sha256Bytes(bytes));
  uint64_t count = 0;
  TORPOR_CHECK(ElementCount(tensor.shape(), count) && count * ElementSize(dtype) == bytes.size());
  data.append(bytes);
}

template <typename T>
std::string_view BytesOf(std::span<const T> values) {
  return {reinterpret_cast<const char*>(values.data()), values.size_bytes()};
}

std::string ShapeName(v1::DataType::Kind dtype, const auto& shape) {
  return absl::StrCat(v1::DataType::Kind_Name(dtype), "[", absl::StrJoin(shape, ", "), "]");
}

// Where the first number is that is not finite.
std::optional<size_t> NotFinite(std::span<const float> values) {
  const auto found =
      std::ranges::find_if_not(values, [](float value) { return std::isfinite(value); });
  if (found == values.end()) return std::nullopt;
  return static_cast<size_t>(found - values.begin());
}

std::string PartOf(std::string_view tensor) {
  return absl::StrCat("tensor \"", std::string(tensor), "\"");
}

template <typename T>
absl::StatusOr<std::vector<T>> ReadTensor(const v1::ArchiveManifest& manifest,
                                          const std::string& data,
                                          const std::map<std::string, int, std::less<>>& index,
                                          std::string_view name, v1::DataType::Kind dtype,
                                          const std::vector<int64_t>& shape) {
  const std::string part = PartOf(name);
  auto found = index.find(name);
  if (found == index.end()) return Corrupt(part, "absent");
  const v1::ArchiveTensor& tensor = manifest.tensors(found->second);
  if (tensor.dtype() != dtype ||
      !std::equal(shape.begin(), shape.end(), tensor.shape().begin(), tensor.shape().end())) {
    return Corrupt(part, absl::StrCat("wanted ", ShapeName(dtype, shape), ", stored ",
                                      ShapeName(tensor.dtype(), tensor.shape())));
  }
  std::vector<T> values(tensor.length() / sizeof(T));
  if (!values.empty()) std::memcpy(values.data(), data.data() + tensor.offset(), tensor.length());
  return values;
}

}  // namespace

ArchiveWriter::ArchiveWriter(std::string kind, v1::Network network) {
  manifest_.set_kind(std::move(kind));
  *manifest_.mutable_network() = std::move(network);
  manifest_.set_engine_version(Version());
}

void ArchiveWriter::AddFloats(std::string name, std::vector<int64_t> shape,
                              std::span<const float> values) {
  if (not_finite_.empty() && NotFinite(values).has_value()) not_finite_ = name;
  AddTensor(manifest_, data_, std::move(name), v1::DataType::FLOAT32, shape, BytesOf(values));
}

void ArchiveWriter::AddDoubles(std::string name, std::vector<int64_t> shape,
                               std::span<const double> values) {
  AddTensor(manifest_, data_, std::move(name), v1::DataType::FLOAT64, shape, BytesOf(values));
}

void ArchiveWriter::AddBytes(std::string name, std::vector<int64_t> shape,
                             std::span<const uint8_t> values) {
  AddTensor(manifest_, data_, std::move(name), v1::DataType::UINT8, shape, BytesOf(values));
}

void ArchiveWriter::SetText(std::string key, std::string value) {
  (*manifest_.mutable_text())[std::move(key)] = std::move(value);
}

std::string ArchiveWriter::Serialize() const {
  // Maps have no order of their own; the same model must always give the same bytes and digest.
  std::string manifest;
  {
    google::protobuf::io::StringOutputStream stream(&manifest);
    google::protobuf::io::CodedOutputStream coded(&stream);
    coded.SetSerializationDeterministic(true);
    TORPOR_CHECK(manifest_.SerializeToCodedStream(&coded));
  }
  std::string out;
  out.reserve(kHeaderBytes + manifest.size() + kDigestBytes + data_.size());
  out.append(kMagic);
  AppendNumber<uint32_t>(out, kArchiveVersion);
  AppendNumber<uint32_t>(out, 0);
  AppendNumber<uint64_t>(out, manifest.size());
  out.append(manifest);
  out.append(Sha256Bytes(out));
  out.append(data_);
  return out;
}

absl::StatusOr<ArchiveReader> ArchiveReader::Parse(std::string_view archive) {
  if (archive.size() < kHeaderBytes + kDigestBytes) {
    return Corrupt("header", absl::StrCat("has ", archive.size(), " bytes, needs at least ",
                                          kHeaderBytes + kDigestBytes));
  }
  if (archive.substr(0, kMagic.size()) != kMagic) {
    return Corrupt("magic", "this is not a Torpor archive");
  }
  const uint32_t version = ReadNumber<uint32_t>(archive, 8);
  // Before the digest: a newer layout may keep it elsewhere.
  if (version > kArchiveVersion) {
    return WithHelp(WithReason(absl::FailedPreconditionError(absl::StrCat(
                                   "archive: version ", version,
                                   " is newer than this Torpor reads (", kArchiveVersion, ")")),
                               "ARCHIVE_TOO_NEW"),
                    "Use a Torpor at least as new as the one that wrote the archive.");
  }
  if (version != kArchiveVersion) {
    return Corrupt("version", absl::StrCat("no such version: ", version));
  }
  const uint64_t manifest_length = ReadNumber<uint64_t>(archive, 16);
  if (manifest_length > archive.size() - kHeaderBytes - kDigestBytes ||
      manifest_length > std::numeric_limits<int>::max()) {
    return Corrupt("manifest",
                   absl::StrCat("its length ", manifest_length, " passes the end of the archive, ",
                                archive.size(), " bytes"));
  }
  const size_t digest_at = kHeaderBytes + manifest_length;
  if (Sha256Bytes(archive.substr(0, digest_at)) != archive.substr(digest_at, kDigestBytes)) {
    return Corrupt("manifest", "wrong digest");
  }
  ArchiveReader reader;
  if (!reader.manifest_.ParseFromArray(archive.data() + kHeaderBytes,
                                       static_cast<int>(manifest_length))) {
    return Corrupt("manifest", "cannot be parsed");
  }
  const std::string_view data = archive.substr(digest_at + kDigestBytes);
  // Tensors lie one after another and fill the rest, so that no byte is outside a digest.
  uint64_t end = 0;
  for (int i = 0; i < reader.manifest_.tensors_size(); ++i) {
    const v1::ArchiveTensor& tensor = reader.manifest_.tensors(i);
    const std::string part = absl::StrCat("tensor \"", tensor.name(), "\"");
    uint64_t count = 0;
    uint64_t bytes = 0;
    const uint64_t size = ElementSize(tensor.dtype());
    if (size == 0) return Corrupt(part, absl::StrCat("unknown number type ", tensor.dtype()));
    if (!ElementCount(tensor.shape(), count) || __builtin_mul_overflow(count, size, &bytes) ||
        bytes != tensor.length()) {
      return Corrupt(part, absl::StrCat("shape ", ShapeName(tensor.dtype(), tensor.shape()),
                                        " does not fill its ", tensor.length(), " bytes"));
    }
    if (tensor.offset() != end || tensor.length() > data.size() - end) {
      return Corrupt(part, "lies outside the archive");
    }
    if (Sha256Bytes(data.substr(end, tensor.length())) != tensor.sha256()) {
      return Corrupt(part, "wrong digest");
    }
    end += tensor.length();
    if (!reader.index_.emplace(tensor.name(), i).second) return Corrupt(part, "stored twice");
  }
  if (end != data.size()) {
    return Corrupt("end", absl::StrCat(data.size() - end, " bytes after the last tensor"));
  }
  reader.data_ = std::string(data);
  return reader;
}

bool ArchiveReader::Has(std::string_view name) const { return index_.find(name) != index_.end(); }

absl::StatusOr<std::vector<float>> ArchiveReader::Floats(std::string_view name,
                                                         const std::vector<int64_t>& shape) const {
  TORPOR_ASSIGN_OR_RETURN(
      std::vector<float> values,
      ReadTensor<float>(manifest_, data_, index_, name, v1::DataType::FLOAT32, shape));
  // A checkpoint may hold what a training made of its moments; of a model nothing would be left.
  if (const auto at = NotFinite(values); kind() == kModelKind && at.has_value()) {
    return Corrupt(PartOf(name), absl::StrCat("number ", *at, " is not finite"));
  }
  return values;
}

absl::StatusOr<std::vector<double>> ArchiveReader::Doubles(
    std::string_view name, const std::vector<int64_t>& shape) const {
  return ReadTensor<double>(manifest_, data_, index_, name, v1::DataType::FLOAT64, shape);
}

absl::StatusOr<std::vector<uint8_t>> ArchiveReader::Bytes(std::string_view name,
                                                          const std::vector<int64_t>& shape) const {
  return ReadTensor<uint8_t>(manifest_, data_, index_, name, v1::DataType::UINT8, shape);
}

std::string ArchiveReader::Text(std::string_view key) const {
  auto found = manifest_.text().find(std::string(key));
  return found == manifest_.text().end() ? "" : found->second;
}

}  // namespace torpor
