// Adds up what a session drew.
#pragma once

#include <cstdint>
#include <mutex>

#include "torpor/v1/session.pb.h"

namespace torpor {

// Samples and synaptic power since the server started. Thread-safe.
class PowerMeter {
 public:
  // `power`: sum over `samples`, units of Vdd^2 Gmax. `full_power`: mean a sample at full power
  // from calibration, 0 if there is none.
  void Add(int64_t samples, double power, double full_power);
  // Without `queued`.
  v1::Meter Read() const;

 private:
  mutable std::mutex mutex_;
  int64_t samples_ = 0;
  double power_ = 0;
  // The same for the samples that were served with a calibration: the online NASP divides like by
  // like.
  double calibrated_power_ = 0;
  double calibrated_full_power_ = 0;
};

}  // namespace torpor
