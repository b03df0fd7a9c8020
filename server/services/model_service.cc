#include "server/services/model_service.h"

#include "server/services/export_model.h"
#include "server/services/import_model.h"
#include "server/services/unary.h"

namespace torpor {

grpc::ServerUnaryReactor* ModelServiceImpl::ListModels(grpc::CallbackServerContext* context,
                                                       const v1::ListModelsRequest* request,
                                                       v1::ListModelsResponse* reply) {
  return RunUnary(context, executor_, request, reply,
                  [this](const v1::ListModelsRequest& r) { return models_->List(r); });
}

grpc::ServerUnaryReactor* ModelServiceImpl::GetModel(grpc::CallbackServerContext* context,
                                                     const v1::GetModelRequest* request,
                                                     v1::Model* reply) {
  return RunUnary(context, executor_, request, reply,
                  [this](const v1::GetModelRequest& r) { return models_->Get(r.name()); });
}

grpc::ServerUnaryReactor* ModelServiceImpl::DeleteModel(grpc::CallbackServerContext* context,
                                                        const v1::DeleteModelRequest* request,
                                                        v1::DeleteModelResponse* reply) {
  return RunUnary(context, executor_, request, reply,
                  [this](const v1::DeleteModelRequest& r) { return models_->Delete(r); });
}

grpc::ServerUnaryReactor* ModelServiceImpl::SnapshotSession(
    grpc::CallbackServerContext* context, const v1::SnapshotSessionRequest* request,
    v1::Model* reply) {
  return RunUnary(context, executor_, request, reply, [this](const v1::SnapshotSessionRequest& r) {
    return sessions_->SnapshotToModel(r);
  });
}

grpc::ServerUnaryReactor* ModelServiceImpl::JoinModels(grpc::CallbackServerContext* context,
                                                       const v1::JoinModelsRequest* request,
                                                       v1::Model* reply) {
  return RunUnary(context, executor_, request, reply,
                  [this](const v1::JoinModelsRequest& r) { return models_->Join(r); });
}

grpc::ServerReadReactor<v1::ImportModelRequest>* ModelServiceImpl::ImportModel(
    grpc::CallbackServerContext* context, v1::Model* reply) {
  return new ImportModelReactor(context, reply, models_, factory_, executor_, &transfers_);
}

grpc::ServerWriteReactor<v1::ExportModelResponse>* ModelServiceImpl::ExportModel(
    grpc::CallbackServerContext* context, const v1::ExportModelRequest* request) {
  return new ExportModelReactor(context, request, models_, executor_, &transfers_);
}

}  // namespace torpor
