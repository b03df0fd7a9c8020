#include "client/cli/npy_output.h"

#include "absl/strings/str_cat.h"

namespace torpor::cli {
namespace {

const char* TypeName(v1::DataType::Kind type) {
  if (type == v1::DataType::FLOAT64) return "<f8";
  return type == v1::DataType::FLOAT32 ? "<f4" : "|u1";
}

}  // namespace

std::string NpyBytes(const v1::Tensor& tensor) {
  std::string shape;
  for (const int64_t dimension : tensor.shape()) absl::StrAppend(&shape, dimension, ",");
  std::string header = absl::StrCat("{'descr': '", TypeName(tensor.dtype()),
                                    "', 'fortran_order': False, 'shape': (", shape, "), }");
  // Magic, version, length and header are a multiple of 64 bytes together, as NumPy writes them.
  constexpr size_t kBefore = 10;
  header.append(63 - (kBefore + header.size()) % 64, ' ');
  header.push_back('\n');
  std::string bytes("\x93NUMPY\x01\x00", 8);
  bytes.push_back(static_cast<char>(header.size() & 0xff));
  bytes.push_back(static_cast<char>(header.size() >> 8));
  return absl::StrCat(bytes, header, tensor.data());
}

}  // namespace torpor::cli
