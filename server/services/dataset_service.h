// torpor.v1.DatasetService over the dataset catalogue.
#pragma once

#include "engine/data/catalogue.h"
#include "server/services/executor.h"
#include "torpor/v1/dataset.grpc.pb.h"

namespace torpor {

// Thread-safe.
class DatasetServiceImpl final : public v1::DatasetService::CallbackService {
 public:
  // Both outlive the service.
  DatasetServiceImpl(const DatasetCatalogue* datasets, BlockingExecutor* executor)
      : datasets_(datasets), executor_(executor) {}

  grpc::ServerUnaryReactor* ListDatasets(grpc::CallbackServerContext* context,
                                         const v1::ListDatasetsRequest* request,
                                         v1::ListDatasetsResponse* reply) override;
  grpc::ServerUnaryReactor* GetDataset(grpc::CallbackServerContext* context,
                                       const v1::GetDatasetRequest* request,
                                       v1::Dataset* reply) override;
  grpc::ServerUnaryReactor* VerifyDataset(grpc::CallbackServerContext* context,
                                          const v1::VerifyDatasetRequest* request,
                                          v1::VerifyDatasetResponse* reply) override;
  grpc::ServerUnaryReactor* ReadSamples(grpc::CallbackServerContext* context,
                                        const v1::ReadSamplesRequest* request,
                                        v1::ReadSamplesResponse* reply) override;

 private:
  const DatasetCatalogue* const datasets_;
  BlockingExecutor* const executor_;
};

}  // namespace torpor
