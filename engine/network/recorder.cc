#include "engine/base/status.h"
#include "engine/network/deployment.h"

namespace torpor {

void Recorder::Merge(const Recorder& other) {
  if (other.samples == 0) return;
  if (squared_inputs.empty()) {
    *this = other;
    return;
  }
  TORPOR_CHECK(squared_inputs.size() == other.squared_inputs.size());
  for (size_t l = 0; l < squared_inputs.size(); ++l) squared_inputs[l] += other.squared_inputs[l];
  samples += other.samples;
}

}  // namespace torpor
