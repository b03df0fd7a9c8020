#include "tests/bench/stream_torpor.h"

#include <chrono>
#include <cstddef>
#include <random>
#include <thread>

#include "spdlog/spdlog.h"
#include "torpor/v1/job.grpc.pb.h"
#include "torpor/v1/session.grpc.pb.h"

namespace torpor::bench {

v1::StreamInferRequest ItemOf() {
  v1::StreamInferRequest request;
  v1::Tensor& input = *request.mutable_item()->mutable_input();
  input.set_dtype(v1::DataType::FLOAT32);
  input.add_shape(1);
  input.add_shape(kInputs);
  std::mt19937 random(1);
  std::vector<float> values(kInputs);
  for (float& v : values) v = std::uniform_real_distribution<float>(0, 1)(random);
  input.set_data(values.data(), values.size() * sizeof(float));
  return request;
}

v1::StreamInferRequest OpenOf(const std::string& session) {
  v1::StreamInferRequest request;
  request.mutable_open()->set_session(session);
  return request;
}

bool IsAnswer(const v1::StreamInferResponse& reply) { return reply.has_result(); }

Measured RunTorpor(const std::shared_ptr<grpc::Channel>& channel, const std::string& session,
                   int depth, double seconds) {
  const v1::StreamInferRequest message = ItemOf();
  const v1::StreamInferRequest open = OpenOf(session);
  TorporDriver driver(&message, depth, IsAnswer);
  const auto stub = v1::InferenceService::NewStub(channel);
  stub->async()->StreamInfer(driver.context(), &driver);
  driver.Start(&open);
  return Run(driver, seconds);
}

void CreateSession(const std::shared_ptr<grpc::Channel>& channel, const std::string& id,
                   const std::vector<int>& units) {
  v1::CreateSessionRequest request;
  request.set_session_id(id);
  v1::RateNetwork& rate = *request.mutable_network()->mutable_rate();
  rate.mutable_input()->add_shape(kInputs);
  for (size_t l = 0; l < units.size(); ++l) {
    v1::RateLayer& layer = *rate.add_layers();
    layer.mutable_dense()->set_units(units[l]);
    layer.set_activation(l + 1 == units.size() ? v1::Activation::SIGMOID : v1::Activation::RELU);
  }
  grpc::ClientContext context;
  v1::Session session;
  const grpc::Status status =
      v1::SessionService::NewStub(channel)->CreateSession(&context, request, &session);
  if (!status.ok()) spdlog::error("create: {}", status.error_message());
}

bool TrainBriefly(const std::shared_ptr<grpc::Channel>& channel, const std::string& session,
                  const std::string& dataset) {
  const auto jobs = v1::JobService::NewStub(channel);
  v1::CreateJobRequest create;
  create.mutable_spec()->set_session(session);
  v1::TrainSpec& train = *create.mutable_spec()->mutable_train();
  train.set_dataset("datasets/" + dataset);
  train.set_epochs(1);
  train.set_train_samples(5000);
  v1::Job job;
  grpc::Status status;
  {
    grpc::ClientContext context;
    status = jobs->CreateJob(&context, create, &job);
  }
  while (status.ok() && job.state() != v1::JobState::FAILED &&
         job.state() != v1::JobState::CANCELLED && job.state() != v1::JobState::SUCCEEDED) {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    grpc::ClientContext context;
    v1::GetJobRequest get;
    get.set_name(job.name());
    status = jobs->GetJob(&context, get, &job);
  }
  if (!status.ok()) spdlog::error("train: {}", status.error_message());
  if (job.has_error()) spdlog::error("train: {}", job.error().message());
  return status.ok() && job.state() == v1::JobState::SUCCEEDED;
}

}  // namespace torpor::bench
