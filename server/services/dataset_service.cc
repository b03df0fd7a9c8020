#include "server/services/dataset_service.h"

#include <vector>

#include "engine/base/status.h"
#include "server/services/unary.h"
#include "server/store/page.h"

namespace torpor {
namespace {

absl::StatusOr<v1::ListDatasetsResponse> List(const DatasetCatalogue& datasets,
                                              const v1::ListDatasetsRequest& request) {
  TORPOR_ASSIGN_OR_RETURN(const int size, PageSize(request.page_size()));
  TORPOR_ASSIGN_OR_RETURN(const std::string after, PageKey("ListDatasets", request.page_token()));
  TORPOR_ASSIGN_OR_RETURN(const std::vector<v1::Dataset> all, datasets.List());
  v1::ListDatasetsResponse response;
  for (const std::string& folder : datasets.path()) response.add_searched(folder);
  for (const v1::Dataset& dataset : all) {
    if (dataset.name() <= after) continue;
    if (response.datasets_size() == size) {
      response.set_next_page_token(PageToken("ListDatasets", response.datasets(size - 1).name()));
      break;
    }
    *response.add_datasets() = dataset;
  }
  return response;
}

}  // namespace

grpc::ServerUnaryReactor* DatasetServiceImpl::ListDatasets(grpc::CallbackServerContext* context,
                                                           const v1::ListDatasetsRequest* request,
                                                           v1::ListDatasetsResponse* reply) {
  return RunUnary(context, executor_, request, reply,
                  [this](const v1::ListDatasetsRequest& r) { return List(*datasets_, r); });
}

grpc::ServerUnaryReactor* DatasetServiceImpl::GetDataset(grpc::CallbackServerContext* context,
                                                         const v1::GetDatasetRequest* request,
                                                         v1::Dataset* reply) {
  return RunUnary(context, executor_, request, reply,
                  [this](const v1::GetDatasetRequest& r) { return datasets_->Get(r.name()); });
}

grpc::ServerUnaryReactor* DatasetServiceImpl::VerifyDataset(grpc::CallbackServerContext* context,
                                                            const v1::VerifyDatasetRequest* request,
                                                            v1::VerifyDatasetResponse* reply) {
  return RunUnary(context, executor_, request, reply, [this](const v1::VerifyDatasetRequest& r) {
    return datasets_->Verify(r.name());
  });
}

}  // namespace torpor
