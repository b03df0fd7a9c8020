// Arrays of weights for tests of memory organisations.
#pragma once

#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "engine/base/status.h"
#include "engine/energy/memory_estimate.h"
#include "engine/energy/memory_profiles.h"
#include "engine/energy/profiles.h"

namespace torpor::testing {

using Scheme = v1::MemoryScheme;

inline v1::WeightArray DenseArray(int64_t inputs, int64_t outputs, int bits, double density = 1) {
  v1::WeightArray array;
  array.mutable_dense()->set_inputs(inputs);
  array.mutable_dense()->set_outputs(outputs);
  array.set_bits(bits);
  array.set_density(density);
  return array;
}

inline v1::WeightArray ConvArray(int size, int kernel, int channels, int bits, double density = 1) {
  v1::WeightArray array;
  v1::WeightArray::Conv2dShape& conv = *array.mutable_conv2d();
  conv.set_height(size);
  conv.set_width(size);
  conv.set_kernel_height(kernel);
  conv.set_kernel_width(kernel);
  conv.set_input_channels(channels);
  conv.set_output_channels(channels);
  array.set_bits(bits);
  array.set_density(density);
  return array;
}

inline MemoryCosts CostsOf(const std::string& profile) {
  return MemoryCostsOf(FindProfile(profile).value());
}

inline MemoryFigures Figures(v1::MemoryScheme::Kind scheme, const v1::WeightArray& array,
                             const MemoryCosts& costs) {
  return FiguresOf(TrafficOf(scheme, array), costs);
}

// "pointer-index"; UNSPECIFIED for what no scheme is called.
inline v1::MemoryScheme::Kind SchemeOf(const std::string& name) {
  for (const v1::MemoryScheme::Kind scheme : MemorySchemes()) {
    if (MemorySchemeName(scheme) == name) return scheme;
  }
  return Scheme::UNSPECIFIED;
}

// A row of tests/golden/memory/published.csv; microjoules.
struct Published {
  std::string layer;
  std::string scheme;
  int bits = 0;
  double density = 0;
  double forward = 0;
  double backward_update = 0;
};

inline std::vector<Published> PublishedRows() {
  std::ifstream file(std::string(TORPOR_TEST_SOURCE_DIR) + "/golden/memory/published.csv");
  TORPOR_CHECK(file.good());
  std::vector<Published> rows;
  for (std::string line; std::getline(file, line);) {
    if (line.empty() || line[0] == '#' || line[0] == 'l') continue;
    const std::vector<std::string> cells = absl::StrSplit(line, ',');
    TORPOR_CHECK(cells.size() == 6);
    Published& row = rows.emplace_back();
    row.layer = cells[0];
    row.scheme = cells[1];
    TORPOR_CHECK(absl::SimpleAtoi(cells[2], &row.bits) &&
                 absl::SimpleAtod(cells[3], &row.density) &&
                 absl::SimpleAtod(cells[4], &row.forward) &&
                 absl::SimpleAtod(cells[5], &row.backward_update));
  }
  return rows;
}

}  // namespace torpor::testing
