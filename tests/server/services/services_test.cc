#include <thread>

#include "grpcpp/generic/generic_stub.h"
#include "gtest/gtest.h"
#include "server/options.h"
#include "server/services/status.h"
#include "tests/server/services/server_fixture.h"
#include "torpor/v1/dataset.grpc.pb.h"
#include "torpor/v1/model.grpc.pb.h"
#include "torpor/v1/network.grpc.pb.h"
#include "torpor/v1/server.grpc.pb.h"

namespace torpor {
namespace {

using testing::FieldOf;
using testing::RateNetworkOf;
using testing::ReasonOf;
using testing::TensorOf;

class ServicesTest : public testing::ServerTest {};

TEST_F(ServicesTest, SessionsLiveFromCreationToDeletion) {
  ASSERT_TRUE(Create("a").ok());
  v1::GetSessionRequest get;
  get.set_name("sessions/a");
  v1::Session session;
  ASSERT_TRUE(sessions_->GetSession(Context().get(), get, &session).ok());
  EXPECT_EQ(session.generation(), 1);
  EXPECT_EQ(session.levers_size() > 0, true);
  v1::ListSessionsResponse list;
  ASSERT_TRUE(sessions_->ListSessions(Context().get(), {}, &list).ok());
  EXPECT_EQ(list.sessions_size(), 1);
  v1::UpdateSessionRequest update;
  update.mutable_session()->set_name("sessions/a");
  update.mutable_session()->set_display_name("A");
  update.mutable_update_mask()->add_paths("display_name");
  ASSERT_TRUE(sessions_->UpdateSession(Context().get(), update, &session).ok());
  EXPECT_EQ(session.display_name(), "A");
  v1::DeleteSessionRequest remove;
  remove.set_name("sessions/a");
  remove.set_etag("\"1\"");
  v1::DeleteSessionResponse removed;
  EXPECT_EQ(sessions_->DeleteSession(Context().get(), remove, &removed).error_code(),
            grpc::StatusCode::ABORTED);
  remove.set_etag(session.etag());
  ASSERT_TRUE(sessions_->DeleteSession(Context().get(), remove, &removed).ok());
  const grpc::Status gone = sessions_->GetSession(Context().get(), get, &session);
  EXPECT_EQ(gone.error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_EQ(testing::DetailOf<google::rpc::ResourceInfo>(gone).resource_name(), "sessions/a");
  EXPECT_FALSE(ReasonOf(gone).empty());
}

TEST_F(ServicesTest, InferAnswersWithGenerationAndPower) {
  ASSERT_TRUE(Create("a").ok());
  v1::InferRequest request;
  request.set_session("sessions/a");
  *request.mutable_input() = TensorOf(2);
  v1::InferResponse full, low;
  ASSERT_TRUE(Infer(request, &full).ok());
  ASSERT_TRUE(SetEpsilon("sessions/a", 0.5).ok());
  ASSERT_TRUE(Infer(request, &low).ok());
  EXPECT_EQ(full.generation(), 1);
  EXPECT_EQ(low.generation(), 2);
  EXPECT_EQ(low.classes_size(), 2);
  EXPECT_LT(low.synaptic_power(0), full.synaptic_power(0));
  request.set_require_generation(1);
  const grpc::Status gone = Infer(request, &low);
  EXPECT_EQ(gone.error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_EQ(ReasonOf(gone), "GENERATION_GONE");
}

TEST_F(ServicesTest, BadRequestsNameTheFieldAndAreGoneWithoutHarm) {
  ASSERT_TRUE(Create("a").ok());
  struct Case {
    std::function<grpc::Status()> call;
    grpc::StatusCode code;
    std::string field;
  };
  const auto infer = [&](const std::function<void(v1::InferRequest&)>& edit) {
    return [this, edit] {
      v1::InferRequest request;
      request.set_session("sessions/a");
      *request.mutable_input() = TensorOf(1);
      edit(request);
      v1::InferResponse response;
      return Infer(request, &response);
    };
  };
  const auto create = [&](const std::function<void(v1::CreateSessionRequest&)>& edit) {
    return [this, edit] {
      v1::CreateSessionRequest request;
      request.set_session_id("x");
      *request.mutable_network() = RateNetworkOf(4, {{2, v1::Activation::SIGMOID}});
      edit(request);
      v1::Session session;
      return sessions_->CreateSession(Context().get(), request, &session);
    };
  };
  const auto bad = grpc::StatusCode::INVALID_ARGUMENT;
  const std::vector<Case> cases = {
      {infer([](auto& r) { r.mutable_input()->set_dtype(v1::DataType::FLOAT64); }), bad, "input"},
      {infer([](auto& r) { r.mutable_input()->set_shape(1, 7); }), bad, "input"},
      {infer([](auto& r) { r.mutable_input()->mutable_data()->pop_back(); }), bad, "input"},
      {infer([](auto& r) { *r.mutable_input() = TensorOf(1, std::nanf("")); }), bad, "input"},
      {infer([](auto& r) { *r.mutable_input() = TensorOf(1, INFINITY); }), bad, "input"},
      {infer([](auto& r) { r.clear_input(); }), bad, "input"},
      {infer([](auto& r) { r.set_session("a"); }), bad, "session"},
      {infer([](auto& r) { r.set_session("sessions/nosuch"); }), grpc::StatusCode::NOT_FOUND, ""},
      {create([](auto& r) { r.clear_network(); }), bad, "source"},
      {create([](auto& r) { r.mutable_network()->clear_rate(); }), bad, "network.family"},
      {create([](auto& r) { r.set_session_id("UPPER"); }), bad, "session_id"},
      {create(
           [](auto& r) { r.mutable_network()->mutable_rate()->mutable_layers(0)->clear_dense(); }),
       bad, "network.rate.layers[0].dense"},
      {create(
           [](auto& r) { r.mutable_network()->mutable_rate()->mutable_input()->set_shape(0, -1); }),
       bad, "network.rate.input.shape[0]"},
      {create([](auto& r) {
         r.mutable_network()->mutable_rate()->mutable_layers(0)->mutable_dense()->set_units(
             0x7fffffff);
       }),
       bad, "network.rate.layers[0].dense.units"},
      {create([](auto& r) { r.mutable_power_mode()->set_epsilon(0); }), bad, "power_mode.epsilon"},
      {create([](auto& r) { r.mutable_realisation()->set_column_noise(-1); }), bad,
       "realisation.column_noise"},
      {[this] { return SetEpsilon("sessions/a", 1.5); }, bad, "power_mode.epsilon"},
      {[this] { return SetEpsilon("sessions/a", std::nan("")); }, bad, "power_mode.epsilon"},
  };
  for (size_t i = 0; i < cases.size(); ++i) {
    const grpc::Status status = cases[i].call();
    EXPECT_EQ(status.error_code(), cases[i].code) << i << " " << status.error_message();
    EXPECT_EQ(FieldOf(status), cases[i].field) << i << " " << status.error_message();
    EXPECT_FALSE(ReasonOf(status).empty()) << i;
  }
  v1::InferRequest good;
  good.set_session("sessions/a");
  *good.mutable_input() = TensorOf(1);
  v1::InferResponse response;
  ASSERT_TRUE(Infer(good, &response).ok());
  EXPECT_EQ(response.generation(), 1);
}

TEST_F(ServicesTest, AMessageOverTheLimitIsRefused) {
  ASSERT_TRUE(Create("a").ok());
  v1::InferRequest request;
  request.set_session("sessions/a");
  request.mutable_input()->set_data(std::string(17 << 20, 'x'));
  v1::InferResponse response;
  EXPECT_EQ(Infer(request, &response).error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
}

TEST_F(ServicesTest, ADeadlineThatHasPassedIsHonoured) {
  ASSERT_TRUE(Create("a").ok());
  v1::InferRequest request;
  request.set_session("sessions/a");
  *request.mutable_input() = TensorOf(1);
  v1::InferResponse response;
  const grpc::Status status =
      inference_->Infer(Context(-absl::Seconds(1)).get(), request, &response);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::DEADLINE_EXCEEDED);
}

TEST_F(ServicesTest, NetworksAreValidatedAndDescribed) {
  const auto stub = v1::NetworkService::NewStub(channel_);
  v1::ValidateNetworkRequest validate;
  *validate.mutable_network() =
      RateNetworkOf(784, {{1000, v1::Activation::RELU}, {10, v1::Activation::SIGMOID}});
  v1::ValidateNetworkResponse valid;
  EXPECT_TRUE(stub->ValidateNetwork(Context().get(), validate, &valid).ok());
  v1::DescribeNetworkRequest describe;
  *describe.mutable_network() = validate.network();
  v1::NetworkDescription description;
  ASSERT_TRUE(stub->DescribeNetwork(Context().get(), describe, &description).ok());
  EXPECT_EQ(description.parameters(), 784 * 1000 + 1000 + 1000 * 10 + 10);
  validate.mutable_network()->mutable_rate()->mutable_layers(1)->clear_activation();
  EXPECT_EQ(FieldOf(stub->ValidateNetwork(Context().get(), validate, &valid)),
            "network.rate.layers[1].activation");
}

TEST_F(ServicesTest, DatasetsModelsAndTheServerAreListed) {
  const auto datasets = v1::DatasetService::NewStub(channel_);
  v1::ListDatasetsResponse list;
  ASSERT_TRUE(datasets->ListDatasets(Context().get(), {}, &list).ok());
  EXPECT_EQ(list.searched_size(), 1);
  v1::GetDatasetRequest get;
  get.set_name("datasets/synthetic-digits");
  v1::Dataset dataset;
  ASSERT_TRUE(datasets->GetDataset(Context().get(), get, &dataset).ok());
  EXPECT_EQ(dataset.classes(), 10);
  get.set_name("datasets/nosuch");
  EXPECT_EQ(datasets->GetDataset(Context().get(), get, &dataset).error_code(),
            grpc::StatusCode::NOT_FOUND);
  v1::VerifyDatasetRequest verify;
  verify.set_name("datasets/synthetic-digits");
  v1::VerifyDatasetResponse verified;
  ASSERT_TRUE(datasets->VerifyDataset(Context().get(), verify, &verified).ok());
  EXPECT_EQ(verified.digest().size(), 64u);

  ASSERT_TRUE(Create("a").ok());
  const auto models = v1::ModelService::NewStub(channel_);
  v1::SnapshotSessionRequest snapshot;
  snapshot.set_session("sessions/a");
  snapshot.set_model_id("m");
  v1::Model model;
  ASSERT_TRUE(models->SnapshotSession(Context().get(), snapshot, &model).ok());
  EXPECT_EQ(model.name(), "models/m");
  v1::ListModelsResponse all;
  ASSERT_TRUE(models->ListModels(Context().get(), {}, &all).ok());
  EXPECT_EQ(all.models_size(), 1);
  v1::DeleteModelRequest remove;
  remove.set_name("models/m");
  v1::DeleteModelResponse removed;
  EXPECT_TRUE(models->DeleteModel(Context().get(), remove, &removed).ok());

  v1::ServerInfo info;
  ASSERT_TRUE(v1::ServerService::NewStub(channel_)->GetServerInfo(Context().get(), {}, &info).ok());
  EXPECT_EQ(info.max_message_bytes(), 16 << 20);
  EXPECT_GT(info.free_bytes(), 0);
  EXPECT_EQ(info.process_id(), getpid());
}

TEST_F(ServicesTest, WatchersSeeModesAndTheEnd) {
  ASSERT_TRUE(Create("a").ok());
  v1::WatchSessionRequest request;
  request.set_name("sessions/a");
  const auto context = Context();
  const auto stream = sessions_->WatchSession(context.get(), request);
  v1::SessionEvent event;
  ASSERT_TRUE(stream->Read(&event));
  EXPECT_EQ(event.snapshot().name(), "sessions/a");
  ASSERT_TRUE(SetEpsilon("sessions/a", 0.5).ok());
  ASSERT_TRUE(stream->Read(&event));
  EXPECT_EQ(event.mode_changed().generation(), 2);
  v1::DeleteSessionRequest remove;
  remove.set_name("sessions/a");
  v1::DeleteSessionResponse removed;
  ASSERT_TRUE(sessions_->DeleteSession(Context().get(), remove, &removed).ok());
  ASSERT_TRUE(stream->Read(&event));
  EXPECT_TRUE(event.has_deleted());
  EXPECT_FALSE(stream->Read(&event));
  EXPECT_TRUE(stream->Finish().ok());
  const auto again = Context();
  const auto none = sessions_->WatchSession(again.get(), request);
  EXPECT_FALSE(none->Read(&event));
  EXPECT_EQ(none->Finish().error_code(), grpc::StatusCode::NOT_FOUND);
}

TEST_F(ServicesTest, ARestartKeepsModeAndGeneration) {
  ASSERT_TRUE(Create("a").ok());
  ASSERT_TRUE(SetEpsilon("sessions/a", 0.5).ok());
  v1::InferRequest request;
  request.set_session("sessions/a");
  *request.mutable_input() = TensorOf(1);
  v1::InferResponse before, after;
  ASSERT_TRUE(Infer(request, &before).ok());
  Start();
  ASSERT_TRUE(Infer(request, &after).ok());
  EXPECT_EQ(after.generation(), 2);
  EXPECT_EQ(after.scores().data(), before.scores().data());
}

TEST_F(ServicesTest, OneServerADataDirectory) {
  ServerOptions options;
  options.listen = "127.0.0.1:0";
  options.data_dir = scratch_.path();
  EXPECT_EQ(torpor::ReasonOf(Server::Start(options).status()), "DATA_DIRECTORY_IN_USE");
}

// One unary call by raw method path.
grpc::Status Raw(const std::shared_ptr<grpc::Channel>& channel, const std::string& method,
                 const std::string& request, std::string* reply) {
  grpc::GenericStub stub(channel);
  grpc::CompletionQueue queue;
  grpc::ClientContext context;
  const grpc::Slice slice(request);
  const auto call = stub.PrepareUnaryCall(&context, method, grpc::ByteBuffer(&slice, 1), &queue);
  call->StartCall();
  grpc::ByteBuffer buffer;
  grpc::Status status;
  call->Finish(&buffer, &status, nullptr);
  void* tag = nullptr;
  bool ok = false;
  queue.Next(&tag, &ok);
  grpc::Slice flat;
  if (status.ok() && buffer.DumpToSingleSlice(&flat).ok()) {
    *reply = std::string(reinterpret_cast<const char*>(flat.begin()), flat.size());
  }
  return status;
}

TEST_F(ServicesTest, HealthIsServing) {
  std::string reply;
  ASSERT_TRUE(Raw(channel_, "/grpc.health.v1.Health/Check", "", &reply).ok());
  EXPECT_EQ(reply, std::string("\x08\x01", 2)) << "status: SERVING";
}

TEST_F(ServicesTest, ReflectionNamesTheServices) {
  grpc::GenericStub stub(channel_);
  grpc::CompletionQueue queue;
  grpc::ClientContext context;
  void* tag = nullptr;
  bool ok = false;
  const auto call = stub.PrepareCall(
      &context, "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", &queue);
  call->StartCall(nullptr);
  ASSERT_TRUE(queue.Next(&tag, &ok) && ok);
  // list_services (field 7, length-delimited): "".
  const grpc::Slice list(std::string("\x3a\x00", 2));
  call->Write(grpc::ByteBuffer(&list, 1), nullptr);
  ASSERT_TRUE(queue.Next(&tag, &ok) && ok);
  grpc::ByteBuffer buffer;
  call->Read(&buffer, nullptr);
  ASSERT_TRUE(queue.Next(&tag, &ok) && ok);
  grpc::Slice flat;
  ASSERT_TRUE(buffer.DumpToSingleSlice(&flat).ok());
  const std::string reply(reinterpret_cast<const char*>(flat.begin()), flat.size());
  for (const char* name : {"SessionService", "InferenceService", "JobService", "ModelService",
                           "DatasetService", "NetworkService", "EnergyService", "ServerService"}) {
    EXPECT_NE(reply.find(std::string("torpor.v1.") + name), std::string::npos) << name;
  }
  context.TryCancel();
  grpc::Status status;
  call->Finish(&status, nullptr);
  queue.Next(&tag, &ok);
}

TEST(OptionsTest, LoopbackAloneWithoutTls) {
  for (const char* good :
       {"127.0.0.1:0", "localhost:7617", "[::1]:7617", "unix:/tmp/x", "127.1.2.3:80"}) {
    EXPECT_TRUE(CheckLoopback(good).ok()) << good;
  }
  for (const char* bad :
       {"0.0.0.0:7617", "[::]:7617", "10.0.0.1:80", "127.evil.org:80", ":7617", "example.org:80"}) {
    EXPECT_EQ(torpor::ReasonOf(CheckLoopback(bad)), "NOT_LOOPBACK") << bad;
  }
}

TEST(StatusTest, TrailersStayBelowTheLimit) {
  Violations violations;
  for (int i = 0; i < 20; ++i) violations.Add("field" + std::to_string(i), std::string(500, 'x'));
  const grpc::Status status = ToGrpc(violations.ToStatus());
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_LE(status.error_message().size(), 1024u);
  EXPECT_LE(status.error_details().size(), 4096u);
  EXPECT_LE(ToGrpc(absl::InternalError(std::string(100000, 'y'))).error_message().size(), 1024u);
  EXPECT_EQ(ReasonOf(ToGrpc(absl::InternalError("x"))), "INTERNAL");
}

}  // namespace
}  // namespace torpor
