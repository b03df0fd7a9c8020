#include "server/session/meter.h"

namespace torpor {

void PowerMeter::Add(int64_t samples, double power, double full_power) {
  const std::lock_guard lock(mutex_);
  samples_ += samples;
  power_ += power;
  if (full_power > 0) {
    calibrated_power_ += power;
    calibrated_full_power_ += full_power * static_cast<double>(samples);
  }
}

v1::Meter PowerMeter::Read() const {
  const std::lock_guard lock(mutex_);
  v1::Meter meter;
  meter.set_samples(samples_);
  meter.set_synaptic_power(power_);
  if (calibrated_full_power_ > 0) meter.set_nasp(calibrated_power_ / calibrated_full_power_);
  return meter;
}

}  // namespace torpor
