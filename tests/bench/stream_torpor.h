// Streams of a Torpor server under measurement. Errors are logged.
#pragma once

#include <memory>
#include <string>

#include "grpcpp/grpcpp.h"
#include "tests/bench/stream_driver.h"
#include "torpor/v1/inference.grpc.pb.h"

namespace torpor::bench {

using TorporDriver = Driver<v1::StreamInferRequest, v1::StreamInferResponse>;

// An item of so many samples of kInputs random values, FLOAT32 or UINT8.
v1::StreamInferRequest ItemOf(v1::DataType::Kind dtype, int samples);

// The first message of a stream to a session, e.g. "sessions/mlp".
v1::StreamInferRequest OpenOf(const std::string& session);

bool IsAnswer(const v1::StreamInferResponse& reply);

// Keeps `depth` messages in flight on one stream to the session.
Measured RunTorpor(const std::shared_ptr<grpc::Channel>& channel, const std::string& session,
                   const v1::StreamInferRequest& message, int depth, double seconds);

// Trains the session a little, so that it has the statistics that closed forms need.
bool TrainBriefly(const std::shared_ptr<grpc::Channel>& channel, const std::string& session,
                  const std::string& dataset);

}  // namespace torpor::bench
