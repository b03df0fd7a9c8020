#include "server/session/meter.h"

namespace torpor {

void PowerMeter::Add(const Answered& answered) {
  const std::lock_guard lock(mutex_);
  samples_ += answered.samples;
  chunk_steps_ += answered.chunk_steps;
  power_ += answered.power;
  if (answered.full_power > 0) {
    calibrated_power_ += answered.power;
    calibrated_full_power_ += answered.full_power;
  }
}

v1::Meter PowerMeter::Read() const {
  const std::lock_guard lock(mutex_);
  v1::Meter meter;
  meter.set_samples(samples_);
  meter.set_chunk_steps(chunk_steps_);
  meter.set_synaptic_power(power_);
  if (calibrated_full_power_ > 0) meter.set_nasp(calibrated_power_ / calibrated_full_power_);
  return meter;
}

}  // namespace torpor
