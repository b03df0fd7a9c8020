// Reads an array of NumPy's .npy format (versions 1 and 2) as an inference input.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "client/cli/context.h"
#include "torpor/v1/common.pb.h"

namespace torpor::cli {

// A tensor of `<f4`, `<f8` (rounded to float32) or `|u1` in C order. `path` may be "-". A usage
// error names the file and what is wrong; files over 256 MiB are refused.
absl::StatusOr<v1::Tensor> ReadNpyInput(Context& context, const std::string& path);
// The same from memory; `name` stands for the file in messages.
absl::StatusOr<v1::Tensor> ParseNpy(absl::string_view bytes, const std::string& name);

}  // namespace torpor::cli
