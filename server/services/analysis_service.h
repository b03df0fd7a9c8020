// torpor.v1.AnalysisService over the analysis of single neurons and of the weights of models.
#pragma once

#include "engine/network/model.h"
#include "server/services/executor.h"
#include "server/session/models.h"
#include "server/session/registry.h"
#include "torpor/v1/analysis.grpc.pb.h"

namespace torpor {

// Thread-safe.
class AnalysisServiceImpl final : public v1::AnalysisService::CallbackService {
 public:
  // All outlive the service.
  AnalysisServiceImpl(ModelStore* models, SessionRegistry* sessions, ModelFactory factory,
                      BlockingExecutor* executor)
      : models_(models), sessions_(sessions), factory_(factory), executor_(executor) {}

  grpc::ServerUnaryReactor* AnalyzeNeuronBias(grpc::CallbackServerContext* context,
                                              const v1::AnalyzeNeuronBiasRequest* request,
                                              v1::AnalyzeNeuronBiasResponse* reply) override;
  grpc::ServerUnaryReactor* AnalyzeNeuronTuning(grpc::CallbackServerContext* context,
                                                const v1::AnalyzeNeuronTuningRequest* request,
                                                v1::AnalyzeNeuronTuningResponse* reply) override;
  grpc::ServerUnaryReactor* AnalyzeWeights(grpc::CallbackServerContext* context,
                                           const v1::AnalyzeWeightsRequest* request,
                                           v1::WeightAnalysis* reply) override;

 private:
  ModelStore* const models_;
  SessionRegistry* const sessions_;
  const ModelFactory factory_;
  BlockingExecutor* const executor_;
};

}  // namespace torpor
