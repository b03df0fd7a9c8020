// A training that leads nowhere.
#pragma once

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "engine/base/status.h"

namespace torpor {

// FAILED_PRECONDITION with reason DIVERGED and what to try.
inline absl::Status Diverged(absl::string_view what) {
  return WithHelp(WithReason(absl::FailedPreconditionError(what), "DIVERGED"),
                  "Lower the learning rate.");
}

}  // namespace torpor
