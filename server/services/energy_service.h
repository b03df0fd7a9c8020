// torpor.v1.EnergyService over the device profiles and their prices.
#pragma once

#include "server/services/executor.h"
#include "torpor/v1/energy.grpc.pb.h"

namespace torpor {

// Thread-safe.
class EnergyServiceImpl final : public v1::EnergyService::CallbackService {
 public:
  // `executor` outlives the service.
  explicit EnergyServiceImpl(BlockingExecutor* executor) : executor_(executor) {}

  grpc::ServerUnaryReactor* ListDeviceProfiles(grpc::CallbackServerContext* context,
                                               const v1::ListDeviceProfilesRequest* request,
                                               v1::ListDeviceProfilesResponse* reply) override;
  grpc::ServerUnaryReactor* PriceActivity(grpc::CallbackServerContext* context,
                                          const v1::PriceActivityRequest* request,
                                          v1::EnergyReport* reply) override;

 private:
  BlockingExecutor* const executor_;
};

}  // namespace torpor
