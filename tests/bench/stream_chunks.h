// Streams of spikes, a millisecond a message.
#pragma once

#include <memory>

#include "grpcpp/grpcpp.h"
#include "nlohmann/json.hpp"

namespace torpor::bench {

// Chunks of one step to a network of 700-400-250 leaky neurons, one in flight, each against the
// bare echo of messages of the same size in the same rounds: alone, and beside three streams more.
// Makes sessions/spikes.
nlohmann::json MeasureChunks(const std::shared_ptr<grpc::Channel>& torpor,
                             const std::shared_ptr<grpc::Channel>& echo, int rounds,
                             double seconds);

}  // namespace torpor::bench
