#include "engine/data/idx.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "engine/base/status.h"

namespace torpor {
namespace {

uint32_t BigEndian(std::string_view bytes) {
  uint32_t value = 0;
  for (int i = 0; i < 4; ++i) value = value << 8 | static_cast<unsigned char>(bytes[i]);
  return value;
}

// Type code of unsigned bytes, the only one in use for images and labels.
constexpr uint32_t kUnsignedBytes = 0x08;

}  // namespace

absl::StatusOr<IdxHeader> ParseIdxHeader(std::string_view bytes, int rank) {
  TORPOR_CHECK(rank >= 1 && rank <= 8);
  IdxHeader header;
  header.offset = 4 + 4 * static_cast<size_t>(rank);
  if (bytes.size() < 4) {
    return absl::DataLossError(
        absl::StrCat("IDX header needs ", header.offset, " bytes, found ", bytes.size()));
  }
  const uint32_t expected = kUnsignedBytes << 8 | static_cast<uint32_t>(rank);
  const uint32_t magic = BigEndian(bytes);
  if (magic != expected) {
    return absl::DataLossError(absl::StrFormat(
        "IDX magic number must be 0x%08x (unsigned bytes, %d dimensions), found 0x%08x", expected,
        rank, magic));
  }
  if (bytes.size() < header.offset) {
    return absl::DataLossError(
        absl::StrCat("IDX header needs ", header.offset, " bytes, found ", bytes.size()));
  }
  header.values = 1;
  for (int i = 0; i < rank; ++i) {
    const int64_t dimension = BigEndian(bytes.substr(4 + 4 * static_cast<size_t>(i)));
    if (dimension == 0) return absl::DataLossError(absl::StrCat("IDX dimension ", i, " is 0"));
    if (header.values > kMaxIdxValues / dimension) {
      return absl::DataLossError(
          absl::StrCat("IDX dimensions name more than ", kMaxIdxValues, " values"));
    }
    header.values *= dimension;
    header.dimensions.push_back(dimension);
  }
  return header;
}

absl::StatusOr<IdxArray> ParseIdx(std::string_view bytes, int rank) {
  TORPOR_ASSIGN_OR_RETURN(IdxHeader header, ParseIdxHeader(bytes, rank));
  const std::string_view values = bytes.substr(header.offset);
  if (static_cast<int64_t>(values.size()) != header.values) {
    return absl::DataLossError(absl::StrCat(
        "IDX header names ", header.values, " bytes of values, found ", values.size(),
        static_cast<int64_t>(values.size()) < header.values ? " (cut off)" : " (trailing bytes)"));
  }
  return IdxArray{.dimensions = std::move(header.dimensions), .values = values};
}

}  // namespace torpor
