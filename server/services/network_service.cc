#include "server/services/network_service.h"

#include "engine/base/status.h"
#include "server/services/unary.h"

namespace torpor {
namespace {

absl::StatusOr<std::unique_ptr<Model>> Build(ModelFactory factory, const v1::Network& network) {
  absl::StatusOr<std::unique_ptr<Model>> model = factory(network, 0);
  if (!model.ok()) return WithFieldPrefix(model.status(), "network.");
  return model;
}

absl::Status DescribeMemory(const Model& model, const v1::MemoryCounting& counting,
                            v1::NetworkDescription& description) {
  absl::StatusOr<std::vector<v1::MemoryEntry>> memory = model.Memory(counting);
  if (!memory.ok()) return WithFieldPrefix(memory.status(), "memory_counting.");
  description.set_memory_bytes(MemoryBytes(*memory));
  description.mutable_memory()->Assign(memory->begin(), memory->end());
  return absl::OkStatus();
}

}  // namespace

grpc::ServerUnaryReactor* NetworkServiceImpl::ValidateNetwork(
    grpc::CallbackServerContext* context, const v1::ValidateNetworkRequest* request,
    v1::ValidateNetworkResponse* reply) {
  return RunUnary(
      context, executor_, request, reply,
      [this](const v1::ValidateNetworkRequest& r) -> absl::StatusOr<v1::ValidateNetworkResponse> {
        TORPOR_RETURN_IF_ERROR(Build(factory_, r.network()).status());
        return v1::ValidateNetworkResponse();
      });
}

grpc::ServerUnaryReactor* NetworkServiceImpl::DescribeNetwork(
    grpc::CallbackServerContext* context, const v1::DescribeNetworkRequest* request,
    v1::NetworkDescription* reply) {
  return RunUnary(
      context, executor_, request, reply,
      [this](const v1::DescribeNetworkRequest& r) -> absl::StatusOr<v1::NetworkDescription> {
        TORPOR_ASSIGN_OR_RETURN(const std::unique_ptr<Model> model, Build(factory_, r.network()));
        v1::NetworkDescription description = model->Describe();
        TORPOR_RETURN_IF_ERROR(DescribeMemory(*model, r.memory_counting(), description));
        return description;
      });
}

}  // namespace torpor
