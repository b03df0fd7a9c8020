// torpor.v1.MemoryService over memory organisations of given arrays and of models.
#pragma once

#include <vector>

#include "engine/network/model.h"
#include "server/services/executor.h"
#include "server/session/models.h"
#include "server/session/registry.h"
#include "torpor/v1/memory.grpc.pb.h"

namespace torpor {

// Thread-safe.
class MemoryServiceImpl final : public v1::MemoryService::CallbackService {
 public:
  // All outlive the service.
  MemoryServiceImpl(ModelStore* models, SessionRegistry* sessions, ModelFactory factory,
                    BlockingExecutor* executor)
      : models_(models), sessions_(sessions), factory_(factory), executor_(executor) {}

  grpc::ServerUnaryReactor* EstimateMemory(grpc::CallbackServerContext* context,
                                           const v1::EstimateMemoryRequest* request,
                                           v1::EstimateMemoryResponse* reply) override;
  grpc::ServerUnaryReactor* CompareMemory(grpc::CallbackServerContext* context,
                                          const v1::CompareMemoryRequest* request,
                                          v1::CompareMemoryResponse* reply) override;

 private:
  // Of a subject that passed its checks.
  absl::StatusOr<std::vector<v1::WeightArray>> ArraysOf(const v1::MemorySubject& subject) const;

  ModelStore* const models_;
  SessionRegistry* const sessions_;
  const ModelFactory factory_;
  BlockingExecutor* const executor_;
};

}  // namespace torpor
