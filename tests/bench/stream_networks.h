// Sessions under measurement. Errors are logged.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "grpcpp/grpcpp.h"
#include "torpor/v1/session.grpc.pb.h"

namespace torpor::bench {

// Dense layers over kInputs values: ReLU, the last sigmoid.
v1::Network DenseNetwork(const std::vector<int>& units);

// Five cores over kInputs pixels: the network of client/recipes/truenorth-small.yaml. Unlearned
// parameters have about half of the sites on.
v1::Network SmallCoreGrid();

// The session as it is served, e.g. CreateSession(channel, "mlp", DenseNetwork({1000, 10})).
v1::Session CreateSession(const std::shared_ptr<grpc::Channel>& channel, const std::string& id,
                          const v1::Network& network, const v1::PowerMode& mode = {});

}  // namespace torpor::bench
