// What calls are told while the server shuts down.
#pragma once

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "engine/base/status.h"

namespace torpor {

// UNAVAILABLE with reason DRAINING and RetryInfo.
inline absl::Status DrainingError() {
  return WithRetry(WithReason(absl::UnavailableError("the server is shutting down"), "DRAINING"),
                   absl::Seconds(1));
}

}  // namespace torpor
