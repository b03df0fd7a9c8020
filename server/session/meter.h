// Adds up what a session drew.
#pragma once

#include <cstdint>
#include <mutex>

#include "torpor/v1/session.pb.h"

namespace torpor {

// What was answered to one request.
struct Answered {
  int64_t samples = 0;
  // Of a chunk in their place.
  int64_t chunk_steps = 0;
  // Units of Vdd^2 Gmax.
  double power = 0;
  // What the same draws at full power in the mean, by the calibration; 0 without one.
  double full_power = 0;
};

// Sums since the server started. Thread-safe.
class PowerMeter {
 public:
  void Add(const Answered& answered);
  // Without `queued`.
  v1::Meter Read() const;

 private:
  mutable std::mutex mutex_;
  int64_t samples_ = 0;
  int64_t chunk_steps_ = 0;
  double power_ = 0;
  // The same for what was served with a calibration: the online NASP divides like by like.
  double calibrated_power_ = 0;
  double calibrated_full_power_ = 0;
};

}  // namespace torpor
