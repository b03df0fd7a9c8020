#include "client/cli/npy_input.h"

#include <cstring>
#include <fstream>
#include <iterator>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "client/cli/errors.h"

namespace torpor::cli {
namespace {

constexpr size_t kMaxBytes = size_t{256} << 20;
constexpr absl::string_view kMagic = "\x93NUMPY";

// The text of `key` in the header's Python dictionary, up to `end`; "" when it is not there.
absl::string_view HeaderValue(absl::string_view header, absl::string_view key, char end) {
  const size_t at = header.find(absl::StrCat("'", key, "':"));
  if (at == absl::string_view::npos) return "";
  absl::string_view value = header.substr(at + key.size() + 3);
  value.remove_prefix(std::min(value.size(), value.find_first_not_of(" ")));
  return value.substr(0, value.find(end));
}

}  // namespace

absl::StatusOr<v1::Tensor> ParseNpy(absl::string_view bytes, const std::string& name) {
  const auto wrong = [&name](absl::string_view what) {
    return UsageError(what, name, "numpy.save(file, array.astype('float32'))");
  };
  if (!absl::StartsWith(bytes, kMagic) || bytes.size() < 12) return wrong("no .npy file");
  const int version = bytes[6];
  if (version < 1 || version > 2)
    return wrong(absl::StrCat(".npy version ", version, " is unknown"));
  const size_t length_bytes = version == 1 ? 2 : 4;
  size_t header_length = 0;
  for (size_t i = 0; i < length_bytes; ++i) {
    header_length |= static_cast<size_t>(static_cast<uint8_t>(bytes[8 + i])) << (8 * i);
  }
  const size_t begin = 8 + length_bytes;
  if (header_length > bytes.size() - begin) return wrong("the .npy header is cut off");
  const absl::string_view header = bytes.substr(begin, header_length);
  const absl::string_view data = bytes.substr(begin + header_length);

  absl::string_view type = HeaderValue(header, "descr", ',');
  if (absl::StrContains(HeaderValue(header, "fortran_order", ','), "True")) {
    return wrong("the array is in Fortran order");
  }
  size_t element = 4;
  v1::Tensor tensor;
  if (absl::StrContains(type, "<f4")) {
    tensor.set_dtype(v1::DataType::FLOAT32);
  } else if (absl::StrContains(type, "<f8")) {
    tensor.set_dtype(v1::DataType::FLOAT32);
    element = 8;
  } else if (absl::StrContains(type, "|u1")) {
    tensor.set_dtype(v1::DataType::UINT8);
    element = 1;
  } else {
    return wrong(absl::StrCat("numbers of type ", type, " are not read; float32 and uint8 are"));
  }
  size_t count = 1;
  absl::string_view shape = HeaderValue(header, "shape", ')');
  if (shape.empty() || shape[0] != '(') return wrong("the .npy header names no shape");
  for (const absl::string_view part :
       absl::StrSplit(shape.substr(1), ',', absl::SkipWhitespace())) {
    int64_t size;
    if (!absl::SimpleAtoi(part, &size) || size < 1 || static_cast<size_t>(size) > kMaxBytes) {
      return wrong(absl::StrCat("the shape (", shape.substr(1), ") is no input"));
    }
    tensor.add_shape(size);
    count *= static_cast<size_t>(size);
    if (count > kMaxBytes) return wrong("the array is larger than 256 MiB");
  }
  if (data.size() != count * element) {
    return wrong(absl::StrCat("holds ", data.size(), " bytes, its shape needs ", count * element));
  }
  if (element != 8) {
    tensor.set_data(std::string(data));
    return tensor;
  }
  tensor.mutable_data()->resize(count * sizeof(float));
  for (size_t i = 0; i < count; ++i) {
    double wide;
    std::memcpy(&wide, data.data() + i * sizeof wide, sizeof wide);
    const float narrow = static_cast<float>(wide);
    std::memcpy(tensor.mutable_data()->data() + i * sizeof narrow, &narrow, sizeof narrow);
  }
  return tensor;
}

absl::StatusOr<v1::Tensor> ReadNpyInput(Context& context, const std::string& path) {
  std::ifstream file;
  if (path != "-") {
    file.open(path, std::ios::binary);
    if (!file) return UsageError(absl::StrCat("cannot read `", path, "`"), path, "ls -l " + path);
  }
  std::istream& in = path == "-" ? context.in : file;
  std::string bytes;
  char block[1 << 16];
  while (in.read(block, sizeof block), in.gcount() > 0) {
    bytes.append(block, static_cast<size_t>(in.gcount()));
    if (bytes.size() > kMaxBytes) return UsageError("larger than 256 MiB", path);
  }
  return ParseNpy(bytes, path == "-" ? "stdin" : path);
}

}  // namespace torpor::cli
