#include "server/services/analysis_service.h"

#include "engine/base/cancellation.h"
#include "engine/scaling/neuron_bias.h"
#include "engine/scaling/neuron_tuning.h"
#include "server/services/deadline.h"
#include "server/services/unary.h"

namespace torpor {

grpc::ServerUnaryReactor* AnalysisServiceImpl::AnalyzeNeuronBias(
    grpc::CallbackServerContext* context, const v1::AnalyzeNeuronBiasRequest* request,
    v1::AnalyzeNeuronBiasResponse* reply) {
  return RunUnary(context, executor_, request, reply,
                  [deadline = DeadlineOf(*context)](const v1::AnalyzeNeuronBiasRequest& r) {
                    return torpor::AnalyzeNeuronBias(r, Cancellation(deadline));
                  });
}

grpc::ServerUnaryReactor* AnalysisServiceImpl::AnalyzeNeuronTuning(
    grpc::CallbackServerContext* context, const v1::AnalyzeNeuronTuningRequest* request,
    v1::AnalyzeNeuronTuningResponse* reply) {
  return RunUnary(context, executor_, request, reply, [](const v1::AnalyzeNeuronTuningRequest& r) {
    return torpor::AnalyzeNeuronTuning(r);
  });
}

}  // namespace torpor
