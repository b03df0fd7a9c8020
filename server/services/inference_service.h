// torpor.v1.InferenceService over the live sessions.
#pragma once

#include "server/session/registry.h"
#include "torpor/v1/inference.grpc.pb.h"

namespace torpor {

// Thread-safe. Nothing here blocks or computes: work goes into a session's queue, and the compute
// thread answers.
class InferenceServiceImpl final : public v1::InferenceService::CallbackService {
 public:
  // `sessions` outlives the service. `stream_credits`: samples in flight a stream.
  InferenceServiceImpl(SessionRegistry* sessions, int stream_credits)
      : sessions_(sessions), stream_credits_(stream_credits) {}

  grpc::ServerUnaryReactor* Infer(grpc::CallbackServerContext* context,
                                  const v1::InferRequest* request,
                                  v1::InferResponse* reply) override;
  grpc::ServerBidiReactor<v1::StreamInferRequest, v1::StreamInferResponse>* StreamInfer(
      grpc::CallbackServerContext* context) override;

 private:
  SessionRegistry* const sessions_;
  const int stream_credits_;
};

}  // namespace torpor
