// torpor.v1.AnalysisService over the analysis of single neurons.
#pragma once

#include "server/services/executor.h"
#include "torpor/v1/analysis.grpc.pb.h"

namespace torpor {

// Thread-safe.
class AnalysisServiceImpl final : public v1::AnalysisService::CallbackService {
 public:
  // `executor` outlives the service.
  explicit AnalysisServiceImpl(BlockingExecutor* executor) : executor_(executor) {}

  grpc::ServerUnaryReactor* AnalyzeNeuronBias(grpc::CallbackServerContext* context,
                                              const v1::AnalyzeNeuronBiasRequest* request,
                                              v1::AnalyzeNeuronBiasResponse* reply) override;
  grpc::ServerUnaryReactor* AnalyzeNeuronTuning(grpc::CallbackServerContext* context,
                                                const v1::AnalyzeNeuronTuningRequest* request,
                                                v1::AnalyzeNeuronTuningResponse* reply) override;

 private:
  BlockingExecutor* const executor_;
};

}  // namespace torpor
