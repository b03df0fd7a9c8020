#include "engine/data/npy.h"

#include <bit>
#include <cstring>
#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "engine/base/status.h"

namespace torpor {
namespace {

static_assert(std::endian::native == std::endian::little, "arrays are read in place");

// Reads the few forms that NumPy writes, e.g. {'descr': '<f4', 'fortran_order': False, 'shape':
// (60000, 28, 28), }.
class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}

  bool Take(std::string_view token) {
    while (text_.starts_with(' ')) text_.remove_prefix(1);
    if (!text_.starts_with(token)) return false;
    text_.remove_prefix(token.size());
    return true;
  }

  std::optional<std::string_view> Quoted() {
    if (!Take("'")) return std::nullopt;
    const size_t end = text_.find('\'');
    if (end == std::string_view::npos) return std::nullopt;
    const std::string_view value = text_.substr(0, end);
    text_.remove_prefix(end + 1);
    return value;
  }

  // Digits only, at most 18 of them, so that no number overflows.
  std::optional<int64_t> Number() {
    Take("");
    size_t length = 0;
    int64_t value = 0;
    while (length < text_.size() && text_[length] >= '0' && text_[length] <= '9') {
      if (length == 18) return std::nullopt;
      value = value * 10 + (text_[length++] - '0');
    }
    if (length == 0) return std::nullopt;
    text_.remove_prefix(length);
    return value;
  }

  // Only padding is left: spaces and a closing newline.
  bool AtEnd() const { return text_.find_first_not_of(" \n") == std::string_view::npos; }

 private:
  std::string_view text_;
};

std::optional<NpyType> TypeOf(std::string_view descr, NpyUse use) {
  if (use == NpyUse::kWeights) {
    if (descr == "<f4") return NpyType::kFloat32;
    if (descr == "<f8") return NpyType::kFloat64;
    return std::nullopt;
  }
  if (descr == "|u1" || descr == "<u1") return NpyType::kUint8;
  if (descr == "<i4") return NpyType::kInt32;
  if (descr == "<i8") return NpyType::kInt64;
  if (descr == "<f4") return NpyType::kFloat32;
  return std::nullopt;
}

absl::Status Malformed(std::string_view what) {
  return absl::DataLossError(absl::StrCat("NPY header: ", std::string(what)));
}

absl::Status ReadShape(Reader& reader, NpyHeader& header) {
  constexpr size_t kMaxRank = 8;
  if (!reader.Take("(")) return Malformed("shape must be a tuple");
  header.values = 1;
  while (!reader.Take(")")) {
    const std::optional<int64_t> dimension = reader.Number();
    if (!dimension.has_value()) return Malformed("shape must hold numbers");
    if (*dimension == 0) return Malformed("a dimension is 0");
    if (header.shape.size() == kMaxRank) return Malformed("more than 8 dimensions");
    if (header.values > kMaxNpyValues / *dimension) return Malformed("more than 2^32 values");
    header.values *= *dimension;
    header.shape.push_back(*dimension);
    if (!reader.Take(",")) {
      if (!reader.Take(")")) return Malformed("shape must be a tuple");
      break;
    }
  }
  if (header.shape.empty()) return Malformed("needs at least one dimension");
  return absl::OkStatus();
}

// `found` is what stands there; empty: a list of fields.
absl::Status UnknownType(NpyUse use, std::string_view found) {
  std::string what = use == NpyUse::kWeights ? "descr must be '<f4' or '<f8'"
                                             : "descr must be '|u1', '<i4', '<i8' or '<f4'";
  if (found.empty()) {
    what += ", found no single type";
  } else if (found.size() <= 16) {
    absl::StrAppend(&what, ", found '", std::string(found), "'");
  }
  if (found.starts_with('>')) what += " (big-endian)";
  return Malformed(what);
}

absl::Status ReadDictionary(std::string_view text, NpyUse use, NpyHeader& header) {
  Reader reader(text);
  bool has_type = false, has_order = false, has_shape = false;
  if (!reader.Take("{")) return Malformed("must be a dictionary");
  while (!reader.Take("}")) {
    const std::optional<std::string_view> key = reader.Quoted();
    if (!key.has_value() || !reader.Take(":")) return Malformed("must be a dictionary");
    if (*key == "descr" && !has_type) {
      const std::optional<std::string_view> descr = reader.Quoted();
      const std::optional<NpyType> type = descr.has_value() ? TypeOf(*descr, use) : std::nullopt;
      if (!type.has_value()) return UnknownType(use, descr.value_or(""));
      header.type = *type;
      has_type = true;
    } else if (*key == "fortran_order" && !has_order) {
      if (use == NpyUse::kWeights && reader.Take("True")) {
        header.fortran_order = true;
      } else if (!reader.Take("False")) {
        return Malformed("fortran_order must be False");
      }
      has_order = true;
    } else if (*key == "shape" && !has_shape) {
      TORPOR_RETURN_IF_ERROR(ReadShape(reader, header));
      has_shape = true;
    } else {
      return Malformed("must hold descr, fortran_order and shape, each once");
    }
    if (!reader.Take(",")) {
      if (!reader.Take("}")) return Malformed("must be a dictionary");
      break;
    }
  }
  if (!has_type || !has_order || !has_shape) {
    return Malformed("must hold descr, fortran_order and shape, each once");
  }
  if (!reader.AtEnd()) return Malformed("has text after the dictionary");
  return absl::OkStatus();
}

}  // namespace

int NpyItemSize(NpyType type) {
  switch (type) {
    case NpyType::kUint8:
      return 1;
    case NpyType::kInt32:
    case NpyType::kFloat32:
      return 4;
    case NpyType::kInt64:
    case NpyType::kFloat64:
      return 8;
  }
  return 0;
}

absl::StatusOr<NpyHeader> ParseNpyHeader(std::string_view bytes, NpyUse use) {
  if (bytes.size() < 10 || !bytes.starts_with("\x93NUMPY")) {
    return absl::DataLossError("not an NPY file: the first bytes must be \\x93NUMPY");
  }
  const int major = static_cast<unsigned char>(bytes[6]);
  const int minor = static_cast<unsigned char>(bytes[7]);
  if ((major != 1 && major != 2) || minor != 0) {
    return absl::DataLossError(
        absl::StrCat("NPY version must be 1.0 or 2.0, found ", major, ".", minor));
  }
  const size_t length_bytes = major == 1 ? 2 : 4;
  const size_t start = 8 + length_bytes;
  if (bytes.size() < start) return Malformed("is cut off");
  uint32_t length = 0;
  std::memcpy(&length, bytes.data() + 8, length_bytes);
  if (length > kMaxNpyHeaderBytes - start) return Malformed("is longer than 4096 bytes");
  if (bytes.size() < start + length) return Malformed("is cut off");
  NpyHeader header;
  header.offset = start + length;
  TORPOR_RETURN_IF_ERROR(ReadDictionary(bytes.substr(start, length), use, header));
  return header;
}

absl::StatusOr<NpyArray> ParseNpy(std::string_view bytes) {
  TORPOR_ASSIGN_OR_RETURN(NpyHeader header, ParseNpyHeader(bytes));
  const std::string_view data = bytes.substr(header.offset);
  const int64_t expected = header.values * NpyItemSize(header.type);
  if (static_cast<int64_t>(data.size()) != expected) {
    return absl::DataLossError(absl::StrCat(
        "NPY header names ", expected, " bytes of values, found ", data.size(),
        static_cast<int64_t>(data.size()) < expected ? " (cut off)" : " (trailing bytes)"));
  }
  return NpyArray{.type = header.type, .shape = std::move(header.shape), .data = data};
}

int64_t NpyArray::IntegerAt(int64_t i) const {
  const char* at = data.data() + i * NpyItemSize(type);
  switch (type) {
    case NpyType::kUint8:
      return static_cast<unsigned char>(*at);
    case NpyType::kInt32: {
      int32_t value;
      std::memcpy(&value, at, sizeof(value));
      return value;
    }
    case NpyType::kInt64: {
      int64_t value;
      std::memcpy(&value, at, sizeof(value));
      return value;
    }
    case NpyType::kFloat32:
    case NpyType::kFloat64:
      break;
  }
  TORPOR_CHECK(false && "not an integer array");
}

float NpyArray::FloatAt(int64_t i) const {
  TORPOR_CHECK(type == NpyType::kFloat32);
  float value;
  std::memcpy(&value, data.data() + i * 4, sizeof(value));
  return value;
}

namespace {

float ValueAt(const char* at, NpyType type) {
  if (type == NpyType::kFloat32) {
    float value;
    std::memcpy(&value, at, sizeof(value));
    return value;
  }
  double value;
  std::memcpy(&value, at, sizeof(value));
  return static_cast<float>(value);
}

}  // namespace

std::vector<float> FloatsOf(const NpyHeader& header, std::string_view bytes) {
  const size_t item = static_cast<size_t>(NpyItemSize(header.type));
  const size_t count = static_cast<size_t>(header.values);
  TORPOR_CHECK(header.type == NpyType::kFloat32 || header.type == NpyType::kFloat64);
  TORPOR_CHECK(bytes.size() == count * item);
  std::vector<float> values(count);
  if (!header.fortran_order) {
    for (size_t i = 0; i < count; ++i) values[i] = ValueAt(bytes.data() + i * item, header.type);
    return values;
  }
  // Counts the index up with the last dimension fastest, and follows the place in the file.
  const size_t rank = header.shape.size();
  std::vector<size_t> stride(rank, 1);
  for (size_t d = 1; d < rank; ++d) {
    stride[d] = stride[d - 1] * static_cast<size_t>(header.shape[d - 1]);
  }
  std::vector<int64_t> index(rank, 0);
  size_t at = 0;
  for (size_t i = 0; i < count; ++i) {
    values[i] = ValueAt(bytes.data() + at * item, header.type);
    for (size_t d = rank; d-- > 0;) {
      at += stride[d];
      if (++index[d] < header.shape[d]) break;
      at -= stride[d] * static_cast<size_t>(header.shape[d]);
      index[d] = 0;
    }
  }
  return values;
}

std::string NpyOfFloats(std::span<const int64_t> shape, std::span<const float> values) {
  // A tuple of one keeps its comma.
  std::string text = absl::StrCat("{'descr': '<f4', 'fortran_order': False, 'shape': (",
                                  absl::StrJoin(shape, ", "), shape.size() == 1 ? "," : "", "), }");
  // Values begin at a multiple of 64, so that files can be mapped.
  constexpr size_t kPreamble = 10, kAlign = 64;
  const size_t total = (kPreamble + text.size() + 1 + kAlign - 1) / kAlign * kAlign;
  text.append(total - kPreamble - text.size() - 1, ' ');
  text += '\n';
  std::string npy("\x93NUMPY\x01\x00", 8);
  npy.reserve(total + values.size_bytes());
  npy += static_cast<char>(text.size() & 0xFF);
  npy += static_cast<char>(text.size() >> 8);
  npy += text;
  npy.append(reinterpret_cast<const char*>(values.data()), values.size_bytes());
  return npy;
}

}  // namespace torpor
