// torpor.v1.NetworkService over the model factory.
#pragma once

#include "engine/network/model.h"
#include "server/services/executor.h"
#include "torpor/v1/network.grpc.pb.h"

namespace torpor {

// Thread-safe.
class NetworkServiceImpl final : public v1::NetworkService::CallbackService {
 public:
  // `executor` outlives the service.
  NetworkServiceImpl(ModelFactory factory, BlockingExecutor* executor)
      : factory_(factory), executor_(executor) {}

  grpc::ServerUnaryReactor* ValidateNetwork(grpc::CallbackServerContext* context,
                                            const v1::ValidateNetworkRequest* request,
                                            v1::ValidateNetworkResponse* reply) override;
  grpc::ServerUnaryReactor* DescribeNetwork(grpc::CallbackServerContext* context,
                                            const v1::DescribeNetworkRequest* request,
                                            v1::NetworkDescription* reply) override;

 private:
  const ModelFactory factory_;
  BlockingExecutor* const executor_;
};

}  // namespace torpor
