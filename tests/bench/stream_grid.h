// Streams of a small grid of cores at one tick a sample.
#pragma once

#include <memory>

#include "grpcpp/grpcpp.h"
#include "nlohmann/json.hpp"

namespace torpor::bench {

// Bytes and floats, one sample and many a message, each against the bare echo of messages of the
// same size in the same rounds. Makes sessions/grid.
nlohmann::json MeasureGrid(const std::shared_ptr<grpc::Channel>& torpor,
                           const std::shared_ptr<grpc::Channel>& echo, int rounds, double seconds);

}  // namespace torpor::bench
