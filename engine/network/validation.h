// Checks of a definition that all families share.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <string_view>

#include "engine/base/status.h"
#include "torpor/v1/network.pb.h"

namespace torpor {

// Elements of one sample at most, and weights or biases of a whole network at most: bounds that are
// checked before anything is allocated.
inline constexpr int64_t kMaxInputElements = 16777216;
inline constexpr int64_t kMaxDimension = 65536;
inline constexpr int64_t kMaxSynapses = 268435456;

// [a-z][a-z0-9_-]{0,31}.
bool IsLayerName(std::string_view name);

// The name that a layer goes by: its own, or "layer<index>".
std::string LayerName(const std::string& name, int index);

// The names of a network's layers, of which no two are alike.
class LayerNames {
 public:
  // The name that layer `index` goes by. Adds "<path>.name" if it is ill-formed or was taken.
  std::string Check(const std::string& name, int index, const std::string& path,
                    Violations& violations);

 private:
  std::set<std::string> taken_;
};

// Adds "display_name" if it is longer than 63 characters.
void CheckDisplayName(const v1::Network& network, Violations& violations);

// Elements of one sample. Adds violations below `path` (e.g. "rate.input.shape") and returns 0 if
// there are any.
int64_t CheckInput(const v1::Input& input, const std::string& path, Violations& violations);

}  // namespace torpor
