#include "engine/network/tune_modes.h"

namespace torpor {

std::vector<v1::PowerMode> TuneModes(const v1::TuneSpec& spec, const v1::PowerMode& session) {
  v1::PowerMode base;
  if (spec.epsilon().empty()) {
    if (session.has_epsilon()) base.set_epsilon(session.epsilon());
    *base.mutable_layer_epsilon() = session.layer_epsilon();
  }
  for (const auto& [layer, epsilon] : spec.layer_epsilon()) {
    (*base.mutable_layer_epsilon())[layer] = epsilon;
  }
  base.set_bias(spec.start() == v1::BiasPolicy::UNSPECIFIED ? v1::BiasPolicy::NONE : spec.start());
  if (base.bias() == v1::BiasPolicy::HOMOGENEOUS) base.set_approximate(true);
  if (spec.epsilon().empty()) return {base};
  std::vector<v1::PowerMode> modes;
  for (const double epsilon : spec.epsilon()) {
    modes.push_back(base);
    modes.back().set_epsilon(epsilon);
  }
  return modes;
}

v1::PowerMode TunedMode(v1::PowerMode start) {
  start.set_bias(v1::BiasPolicy::TUNED);
  start.clear_approximate();
  return start;
}

}  // namespace torpor
