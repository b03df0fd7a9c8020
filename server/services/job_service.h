// torpor.v1.JobService over the job manager.
#pragma once

#include "server/job/manager.h"
#include "server/services/executor.h"
#include "torpor/v1/job.grpc.pb.h"

namespace torpor {

// Every call is handed to the executor at once. Thread-safe.
class JobServiceImpl final : public v1::JobService::CallbackService {
 public:
  // Both outlive the service.
  JobServiceImpl(JobManager* manager, BlockingExecutor* executor)
      : manager_(manager), executor_(executor) {}

  grpc::ServerUnaryReactor* CreateJob(grpc::CallbackServerContext* context,
                                      const v1::CreateJobRequest* request, v1::Job* reply) override;
  grpc::ServerUnaryReactor* GetJob(grpc::CallbackServerContext* context,
                                   const v1::GetJobRequest* request, v1::Job* reply) override;
  grpc::ServerUnaryReactor* ListJobs(grpc::CallbackServerContext* context,
                                     const v1::ListJobsRequest* request,
                                     v1::ListJobsResponse* reply) override;
  grpc::ServerUnaryReactor* CancelJob(grpc::CallbackServerContext* context,
                                      const v1::CancelJobRequest* request, v1::Job* reply) override;
  grpc::ServerWriteReactor<v1::WatchJobResponse>* WatchJob(
      grpc::CallbackServerContext* context, const v1::WatchJobRequest* request) override;

 private:
  JobManager* const manager_;
  BlockingExecutor* const executor_;
};

}  // namespace torpor
