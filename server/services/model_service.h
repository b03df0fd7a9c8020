// torpor.v1.ModelService over the model store.
#pragma once

#include "server/services/byte_budget.h"
#include "server/services/executor.h"
#include "server/session/model_files.h"
#include "server/session/models.h"
#include "server/session/registry.h"
#include "torpor/v1/model.grpc.pb.h"

namespace torpor {

// Thread-safe.
class ModelServiceImpl final : public v1::ModelService::CallbackService {
 public:
  // All outlive the service.
  ModelServiceImpl(ModelStore* models, SessionRegistry* sessions, ModelFactory factory,
                   BlockingExecutor* executor)
      : models_(models), sessions_(sessions), factory_(factory), executor_(executor) {}

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
  grpc::ServerUnaryReactor* JoinModels(grpc::CallbackServerContext* context,
                                       const v1::JoinModelsRequest* request,
                                       v1::Model* reply) override;

  grpc::ServerReadReactor<v1::ImportModelRequest>* ImportModel(grpc::CallbackServerContext* context,
                                                               v1::Model* reply) override;
  grpc::ServerWriteReactor<v1::ExportModelResponse>* ExportModel(
      grpc::CallbackServerContext* context, const v1::ExportModelRequest* request) override;

 private:
  ModelStore* const models_;
  SessionRegistry* const sessions_;
  const ModelFactory factory_;
  BlockingExecutor* const executor_;
  // As long as the longest file, so that one of those fits.
  ByteBudget transfers_{kMaxImportBytes};
};

}  // namespace torpor
