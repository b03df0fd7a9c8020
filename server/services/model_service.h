// torpor.v1.ModelService over the model store.
#pragma once

#include "server/services/executor.h"
#include "server/session/models.h"
#include "server/session/registry.h"
#include "torpor/v1/model.grpc.pb.h"

namespace torpor {

// Thread-safe.
class ModelServiceImpl final : public v1::ModelService::CallbackService {
 public:
  // All outlive the service.
  ModelServiceImpl(ModelStore* models, SessionRegistry* sessions, BlockingExecutor* executor)
      : models_(models), sessions_(sessions), executor_(executor) {}

  grpc::ServerUnaryReactor* ListModels(grpc::CallbackServerContext* context,
                                       const v1::ListModelsRequest* request,
                                       v1::ListModelsResponse* reply) override;
  grpc::ServerUnaryReactor* GetModel(grpc::CallbackServerContext* context,
                                     const v1::GetModelRequest* request, v1::Model* reply) override;
  grpc::ServerUnaryReactor* DeleteModel(grpc::CallbackServerContext* context,
                                        const v1::DeleteModelRequest* request,
                                        v1::DeleteModelResponse* reply) override;
  grpc::ServerUnaryReactor* SnapshotSession(grpc::CallbackServerContext* context,
                                            const v1::SnapshotSessionRequest* request,
                                            v1::Model* reply) override;

 private:
  ModelStore* const models_;
  SessionRegistry* const sessions_;
  BlockingExecutor* const executor_;
};

}  // namespace torpor
