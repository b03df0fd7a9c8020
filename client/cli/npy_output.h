// Writes tensors in NumPy's .npy format.
#pragma once

#include <string>

#include "torpor/v1/common.pb.h"

namespace torpor::cli {

// The bytes of a .npy file, version 1, C order. The tensor is FLOAT32, FLOAT64 or UINT8.
std::string NpyBytes(const v1::Tensor& tensor);

}  // namespace torpor::cli
