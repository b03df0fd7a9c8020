#include "engine/scaling/output_gain.h"

#include <cmath>

namespace torpor {

double OutputGain(const ScaledSum& outputs) {
  const double gain = 1 / outputs.gain;
  return outputs.gain > 0 && std::isfinite(gain) ? gain : 1;
}

}  // namespace torpor
