#include "server/services/memory_service.h"

#include <memory>
#include <optional>

#include "engine/base/cancellation.h"
#include "engine/base/status.h"
#include "engine/energy/memory_compare.h"
#include "engine/energy/memory_estimate.h"
#include "server/services/deadline.h"
#include "server/services/named_model.h"
#include "server/services/unary.h"

namespace torpor {

absl::StatusOr<std::vector<v1::WeightArray>> MemoryServiceImpl::ArraysOf(
    const v1::MemorySubject& subject) const {
  if (subject.name().empty()) return GivenArrays(subject);
  TORPOR_ASSIGN_OR_RETURN(const std::unique_ptr<Model> model,
                          NamedModel(subject.name(), *models_, *sessions_, factory_));
  auto arrays = model->WeightArrays(subject.has_bits() ? std::optional<int>(subject.bits())
                                                       : std::nullopt);
  if (!arrays.ok()) return WithFieldPrefix(arrays.status(), "subject.");
  return arrays;
}

grpc::ServerUnaryReactor* MemoryServiceImpl::EstimateMemory(
    grpc::CallbackServerContext* context, const v1::EstimateMemoryRequest* request,
    v1::EstimateMemoryResponse* reply) {
  return RunUnary(
      context, executor_, request, reply,
      [this](const v1::EstimateMemoryRequest& r) -> absl::StatusOr<v1::EstimateMemoryResponse> {
        Violations violations;
        CheckMemorySubject(r.subject(), "subject.", violations);
        CheckMemorySchemes(r.schemes(), violations);
        TORPOR_RETURN_IF_ERROR(violations.ToStatus());
        TORPOR_ASSIGN_OR_RETURN(const v1::DeviceProfile profile, MemoryProfileOf(r.costs()));
        TORPOR_ASSIGN_OR_RETURN(const std::vector<v1::WeightArray> arrays, ArraysOf(r.subject()));
        return torpor::EstimateMemory(arrays, r.schemes(), profile);
      });
}

grpc::ServerUnaryReactor* MemoryServiceImpl::CompareMemory(grpc::CallbackServerContext* context,
                                                           const v1::CompareMemoryRequest* request,
                                                           v1::CompareMemoryResponse* reply) {
  return RunUnary(
      context, executor_, request, reply,
      [this, deadline = DeadlineOf(*context)](
          const v1::CompareMemoryRequest& r) -> absl::StatusOr<v1::CompareMemoryResponse> {
        Violations violations;
        CheckMemorySubject(r.subject(), "subject.", violations);
        CheckMemorySchemes(r.schemes(), violations);
        CheckMemoryDraws(r, violations);
        TORPOR_RETURN_IF_ERROR(violations.ToStatus());
        TORPOR_ASSIGN_OR_RETURN(const v1::DeviceProfile profile, MemoryProfileOf(r.costs()));
        TORPOR_ASSIGN_OR_RETURN(const std::vector<v1::WeightArray> arrays, ArraysOf(r.subject()));
        return torpor::CompareMemory(arrays, r, profile, Cancellation(deadline));
      });
}

}  // namespace torpor
