// The time of a power switch while streams run.
#pragma once

#include <memory>

#include "grpcpp/grpcpp.h"
#include "nlohmann/json.hpp"

namespace torpor::bench {

// Switches the mode of sessions/mlp under each closed-form policy while `streams` streams keep four
// samples each in flight; policies that need statistics only if the session is `calibrated`.
nlohmann::json MeasureSwitches(const std::shared_ptr<grpc::Channel>& channel, int streams,
                               bool calibrated);

}  // namespace torpor::bench
