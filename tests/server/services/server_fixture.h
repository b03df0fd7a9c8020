// A real server on a loopback port, and what tests ask of the errors that it sends.
#pragma once

#include <memory>
#include <string>

#include "absl/time/time.h"
#include "engine/base/status.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "grpcpp/grpcpp.h"
#include "gtest/gtest.h"
#include "server/server.h"
#include "tests/support/rate_networks.h"
#include "tests/support/scratch_directory.h"
#include "torpor/v1/inference.grpc.pb.h"
#include "torpor/v1/session.grpc.pb.h"

namespace torpor::testing {

constexpr int kInputs = 6;

// A google.rpc detail of a status; empty message if there is none.
template <class Detail>
Detail DetailOf(const grpc::Status& status) {
  google::rpc::Status proto;
  Detail detail;
  if (!proto.ParseFromString(status.error_details())) return detail;
  for (const auto& any : proto.details()) {
    if (any.UnpackTo(&detail)) return detail;
  }
  return Detail();
}
inline std::string ReasonOf(const grpc::Status& status) {
  return DetailOf<google::rpc::ErrorInfo>(status).reason();
}
inline std::string FieldOf(const grpc::Status& status) {
  const auto bad = DetailOf<google::rpc::BadRequest>(status);
  return bad.field_violations_size() > 0 ? bad.field_violations(0).field() : "";
}

inline v1::Tensor TensorOf(int n, float value = 0.5f) {
  v1::Tensor tensor;
  tensor.set_dtype(v1::DataType::FLOAT32);
  tensor.add_shape(n);
  tensor.add_shape(kInputs);
  const std::vector<float> values(static_cast<size_t>(n) * kInputs, value);
  tensor.set_data(values.data(), values.size() * sizeof(float));
  return tensor;
}

class ServerTest : public ::testing::Test {
 protected:
  ServerTest() { Start(); }
  void Start() {
    server_.reset();
    ServerOptions options;
    options.listen = "127.0.0.1:0";
    options.data_dir = scratch_.path();
    options.dataset_path = scratch_.File("datasets");
    options.worker = std::string(TORPOR_BINARY_DIR) + "/torpor-worker";
    options.queue_samples = queue_samples_;
    auto server = Server::Start(options);
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
    channel_ = grpc::CreateChannel(server_->address(), grpc::InsecureChannelCredentials());
    sessions_ = v1::SessionService::NewStub(channel_);
    inference_ = v1::InferenceService::NewStub(channel_);
  }

  // A context with a deadline, as every call should have.
  static std::unique_ptr<grpc::ClientContext> Context(absl::Duration timeout = absl::Seconds(20)) {
    auto context = std::make_unique<grpc::ClientContext>();
    context->set_deadline(absl::ToChronoTime(absl::Now() + timeout));
    return context;
  }
  grpc::Status Create(const std::string& id, int units = 5) {
    v1::CreateSessionRequest request;
    request.set_session_id(id);
    *request.mutable_network() =
        RateNetworkOf(kInputs, {{units, v1::Activation::RELU}, {3, v1::Activation::SIGMOID}});
    v1::Session session;
    return sessions_->CreateSession(Context().get(), request, &session);
  }
  grpc::Status SetEpsilon(const std::string& name, double epsilon) {
    v1::SetPowerModeRequest request;
    request.set_session(name);
    request.mutable_power_mode()->set_epsilon(epsilon);
    v1::SetPowerModeResponse response;
    return sessions_->SetPowerMode(Context().get(), request, &response);
  }
  grpc::Status Infer(const v1::InferRequest& request, v1::InferResponse* response) {
    return inference_->Infer(Context().get(), request, response);
  }

  ScratchDirectory scratch_;
  int queue_samples_ = 16384;
  std::unique_ptr<Server> server_;
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<v1::SessionService::Stub> sessions_;
  std::unique_ptr<v1::InferenceService::Stub> inference_;
};

}  // namespace torpor::testing
