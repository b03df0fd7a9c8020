#include "tests/bench/stream_torpor.h"

#include <chrono>
#include <cstddef>
#include <random>
#include <thread>
#include <utility>
#include <vector>

#include "spdlog/spdlog.h"
#include "torpor/v1/job.grpc.pb.h"

namespace torpor::bench {

v1::StreamInferRequest ItemOf(v1::DataType::Kind dtype, int samples) {
  v1::StreamInferRequest request;
  v1::Tensor& input = *request.mutable_item()->mutable_input();
  input.set_dtype(dtype);
  input.add_shape(samples);
  input.add_shape(kInputs);
  std::mt19937 random(1);
  const size_t count = static_cast<size_t>(samples) * kInputs;
  if (dtype == v1::DataType::UINT8) {
    std::string bytes(count, 0);
    for (char& b : bytes) b = static_cast<char>(random() >> 24);
    input.set_data(std::move(bytes));
    return request;
  }
  std::vector<float> values(count);
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
                   const v1::StreamInferRequest& message, int depth, double seconds) {
  const v1::StreamInferRequest open = OpenOf(session);
  std::vector<double> computing;
  TorporDriver driver(&message, depth, [&](const v1::StreamInferResponse& reply) {
    if (reply.has_result()) {
      const auto us = reply.result().response().timing().compute_us();
      computing.push_back(1e-6 * static_cast<double>(us));
    }
    return IsAnswer(reply);
  });
  const auto stub = v1::InferenceService::NewStub(channel);
  stub->async()->StreamInfer(driver.context(), &driver);
  driver.Start(&open);
  Measured measured = Run(driver, seconds);
  measured.computing = std::move(computing);
  return measured;
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
