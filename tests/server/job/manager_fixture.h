// A data directory with sessions and jobs, without gRPC.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "absl/time/clock.h"
#include "engine/base/file_system.h"
#include "engine/families.h"
#include "engine/job/job_directory.h"
#include "google/protobuf/text_format.h"
#include "gtest/gtest.h"
#include "server/job/manager.h"
#include "server/job/state_machine.h"
#include "server/session/models.h"
#include "server/session/registry.h"
#include "server/store/blobs.h"
#include "server/store/catalogue.h"
#include "tests/support/scratch_directory.h"

namespace torpor {

class ManagerTest : public testing::Test {
 protected:
  ManagerTest() {
    options_.jobs_directory = scratch_.path() + "/jobs";
    options_.worker = std::string(TORPOR_BINARY_DIR) + "/torpor-worker";
    options_.poll_interval = absl::Milliseconds(10);
    auto catalogue = Catalogue::Open(scratch_.path() + "/catalogue.db");
    EXPECT_TRUE(catalogue.ok()) << catalogue.status();
    catalogue_ = *std::move(catalogue);
    blobs_ = std::make_unique<BlobStore>(scratch_.path() + "/blobs", posix_.get());
    models_ = std::make_unique<ModelStore>(catalogue_.get(), blobs_.get(), BuildModel);
    sessions_ = std::make_unique<SessionRegistry>(SessionOptions(), catalogue_.get(), blobs_.get(),
                                                  models_.get(), BuildModel);
    EXPECT_TRUE(sessions_->Recover().ok());
    NewSession("digits",
               "layers { name: 'hidden' dense { units: 12 } activation: RELU } "
               "layers { name: 'out' dense { units: 10 } activation: SIGMOID }");
  }
  ~ManagerTest() override { manager_.reset(); }

  void NewSession(const std::string& id, const std::string& layers, int inputs = 144) {
    v1::CreateSessionRequest request;
    request.set_session_id(id);
    const std::string network =
        "rate { input { shape: " + std::to_string(inputs) + " } " + layers + " }";
    EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(network, request.mutable_network()));
    const auto session = sessions_->Create(request);
    EXPECT_TRUE(session.ok()) << session.status();
  }

  // Makes a manager over the data directory; an earlier one is dropped first, as if its process had
  // died.
  void StartManager(std::unique_ptr<Executor> executor = nullptr) {
    manager_.reset();
    manager_ = std::make_unique<JobManager>(options_, catalogue_.get(), files_, sessions_.get(),
                                            models_.get(), BuildModel, std::move(executor));
    const absl::Status status = manager_->Start();
    ASSERT_TRUE(status.ok()) << status;
  }

  static v1::CreateJobRequest Request(const std::string& id, const std::string& spec) {
    v1::CreateJobRequest request;
    request.set_job_id(id);
    EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(spec, request.mutable_spec()))
        << spec;
    if (request.spec().session().empty()) request.mutable_spec()->set_session("sessions/digits");
    if (request.spec().threads() == 0) request.mutable_spec()->set_threads(1);
    return request;
  }
  v1::Job Submit(const std::string& id, const std::string& spec) {
    const auto job = manager_->Create(Request(id, spec));
    EXPECT_TRUE(job.ok()) << job.status();
    return job.ok() ? *job : v1::Job();
  }
  v1::Job Get(const std::string& id) {
    const auto job = manager_->Get("jobs/" + id);
    EXPECT_TRUE(job.ok()) << job.status();
    return job.ok() ? *job : v1::Job();
  }
  // Waits up to a minute, and no longer than the job lives; the last view of the job.
  template <class Condition>
  v1::Job WaitUntil(const std::string& id, Condition condition) {
    v1::Job job = Get(id);
    for (int i = 0; i < 6000 && !condition(job) && !IsEnded(job.state()); ++i) {
      absl::SleepFor(absl::Milliseconds(10));
      job = Get(id);
    }
    EXPECT_TRUE(condition(job)) << job.ShortDebugString();
    return job;
  }
  v1::Job WaitForEnd(const std::string& id) {
    return WaitUntil(id, [](const v1::Job& job) { return IsEnded(job.state()); });
  }
  JobDirectory DirectoryOf(const std::string& id) {
    return JobDirectory(options_.jobs_directory + "/" + id, posix_.get());
  }

  ScratchDirectory scratch_;
  std::unique_ptr<FileSystem> posix_ = NewPosixFileSystem();
  // What the manager writes through; a test may put another in its place.
  FileSystem* files_ = posix_.get();
  JobManagerOptions options_;
  std::unique_ptr<Catalogue> catalogue_;
  std::unique_ptr<BlobStore> blobs_;
  std::unique_ptr<ModelStore> models_;
  std::unique_ptr<SessionRegistry> sessions_;
  std::unique_ptr<JobManager> manager_;
};

}  // namespace torpor
