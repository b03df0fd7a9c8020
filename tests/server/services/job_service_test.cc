// Jobs over gRPC, in process, with the real worker.
#include "server/services/job_service.h"

#include <memory>
#include <thread>
#include <vector>

#include "gmock/gmock.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "grpcpp/grpcpp.h"
#include "tests/server/job/manager_fixture.h"

namespace torpor {
namespace {

using v1::JobState;

constexpr char kTrain[] =
    "train { dataset: 'synthetic-digits' epochs: 10 learning_rate: 0.01 batch_size: 20 }";
constexpr char kEndless[] = "train { dataset: 'synthetic-digits' epochs: 100000 batch_size: 100 }";

class JobServiceTest : public ManagerTest {
 protected:
  JobServiceTest() : executor_(3) {
    StartManager();
    service_ = std::make_unique<JobServiceImpl>(manager_.get(), &executor_);
    grpc::ServerBuilder builder;
    builder.RegisterService(service_.get());
    server_ = builder.BuildAndStart();
    stub_ = v1::JobService::NewStub(server_->InProcessChannel({}));
  }
  ~JobServiceTest() override {
    server_->Shutdown(std::chrono::system_clock::now() + std::chrono::seconds(1));
    server_->Wait();
    executor_.Stop();
    manager_->Stop();
  }

  v1::Job Create(const std::string& id, const std::string& spec) {
    grpc::ClientContext context;
    v1::Job job;
    const grpc::Status status = stub_->CreateJob(&context, Request(id, spec), &job);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return job;
  }
  // Everything that a watch says until it ends.
  grpc::Status Watch(const std::string& id, int64_t from, std::vector<v1::WatchJobResponse>& all) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::minutes(1));
    v1::WatchJobRequest request;
    request.set_name("jobs/" + id);
    request.set_from_sequence(from);
    auto reader = stub_->WatchJob(&context, request);
    v1::WatchJobResponse message;
    while (reader->Read(&message)) all.push_back(message);
    return reader->Finish();
  }

  BlockingExecutor executor_;
  std::unique_ptr<JobServiceImpl> service_;
  std::unique_ptr<grpc::Server> server_;
  std::unique_ptr<v1::JobService::Stub> stub_;
};

TEST_F(JobServiceTest, WatchersSeeAJobFromItsAcceptanceToItsEnd) {
  Create("watched", kTrain);
  std::vector<std::vector<v1::WatchJobResponse>> seen(4);
  std::vector<std::thread> watchers;
  for (auto& all : seen) {
    watchers.emplace_back([&] { EXPECT_TRUE(Watch("watched", 0, all).ok()); });
  }
  for (std::thread& watcher : watchers) watcher.join();
  for (const auto& all : seen) {
    ASSERT_GE(all.size(), 13u);
    EXPECT_TRUE(all.front().has_job());
    ASSERT_TRUE(all.back().has_job());
    EXPECT_EQ(all.back().job().state(), JobState::SUCCEEDED);
    EXPECT_GT(all.back().job().metrics().at("test_accuracy"), 0);
    int epochs = 0;
    int64_t sequence = 0;
    for (const v1::WatchJobResponse& message : all) {
      if (!message.has_event()) continue;
      EXPECT_GT(message.event().sequence(), sequence);
      sequence = message.event().sequence();
      epochs += message.event().has_epoch_done();
    }
    EXPECT_EQ(epochs, 10);
  }
}

TEST_F(JobServiceTest, AWatchGoesOnAfterTheSequenceItIsGiven) {
  Create("watched", kTrain);
  std::vector<v1::WatchJobResponse> all, rest;
  ASSERT_TRUE(Watch("watched", 0, all).ok());
  int64_t middle = 0;
  for (const v1::WatchJobResponse& message : all) {
    if (message.event().epoch_done().epoch() == 5) middle = message.event().sequence();
  }
  ASSERT_GT(middle, 0);
  ASSERT_TRUE(Watch("watched", middle, rest).ok());
  std::vector<int> epochs;
  for (const v1::WatchJobResponse& message : rest) {
    if (!message.has_event()) continue;
    EXPECT_GT(message.event().sequence(), middle);
    if (message.event().has_epoch_done()) epochs.push_back(message.event().epoch_done().epoch());
  }
  EXPECT_THAT(epochs, testing::ElementsAre(6, 7, 8, 9, 10));
  EXPECT_TRUE(rest.front().has_job() && rest.back().has_job());
}

TEST_F(JobServiceTest, AWatcherThatLeavesIsForgotten) {
  Create("endless", kEndless);
  for (int i = 0; i < 5; ++i) {
    grpc::ClientContext context;
    v1::WatchJobRequest request;
    request.set_name("jobs/endless");
    auto reader = stub_->WatchJob(&context, request);
    v1::WatchJobResponse message;
    for (int j = 0; j < i; ++j) ASSERT_TRUE(reader->Read(&message));
    context.TryCancel();
    EXPECT_EQ(reader->Finish().error_code(), grpc::StatusCode::CANCELLED);
  }
  grpc::ClientContext context;
  v1::CancelJobRequest request;
  request.set_name("jobs/endless");
  v1::Job job;
  ASSERT_TRUE(stub_->CancelJob(&context, request, &job).ok());
  std::vector<v1::WatchJobResponse> all;
  ASSERT_TRUE(Watch("endless", 0, all).ok());
  EXPECT_EQ(all.back().job().state(), JobState::CANCELLED);
}

TEST_F(JobServiceTest, ErrorsCarryTheirDetails) {
  std::vector<v1::WatchJobResponse> all;
  const grpc::Status missing = Watch("nobody", 0, all);
  EXPECT_EQ(missing.error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_FALSE(missing.error_details().empty());
  EXPECT_TRUE(all.empty());

  grpc::ClientContext context;
  v1::Job job;
  const grpc::Status bad = stub_->CreateJob(
      &context, Request("j", "train { dataset: 'synthetic-digits' epochs: -1 }"), &job);
  EXPECT_EQ(bad.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  google::rpc::Status details;
  ASSERT_TRUE(details.ParseFromString(bad.error_details()));
  google::rpc::BadRequest violations;
  bool found = false;
  for (const auto& any : details.details()) found = found || any.UnpackTo(&violations);
  ASSERT_TRUE(found);
  EXPECT_EQ(violations.field_violations(0).field(), "spec.train.epochs");

  grpc::ClientContext list_context;
  v1::ListJobsRequest list;
  list.set_page_size(-1);
  v1::ListJobsResponse jobs;
  EXPECT_EQ(stub_->ListJobs(&list_context, list, &jobs).error_code(),
            grpc::StatusCode::INVALID_ARGUMENT);
  grpc::ClientContext get_context;
  v1::GetJobRequest get;
  get.set_name("sessions/digits");
  EXPECT_EQ(stub_->GetJob(&get_context, get, &job).error_code(),
            grpc::StatusCode::INVALID_ARGUMENT);
}

}  // namespace
}  // namespace torpor
