#include "server/server.h"

#include <unistd.h>

#include <chrono>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "engine/base/build_info.h"
#include "engine/base/file_system.h"
#include "engine/base/gemm.h"
#include "engine/base/status.h"
#include "engine/base/thread_pool.h"
#include "engine/data/catalogue.h"
#include "engine/families.h"
#include "grpcpp/ext/proto_server_reflection_plugin.h"
#include "grpcpp/grpcpp.h"
#include "grpcpp/health_check_service_interface.h"
#include "server/job/manager.h"
#include "server/services/analysis_service.h"
#include "server/services/dataset_service.h"
#include "server/services/energy_service.h"
#include "server/services/executor.h"
#include "server/services/inference_service.h"
#include "server/services/job_service.h"
#include "server/services/memory_service.h"
#include "server/services/model_service.h"
#include "server/services/network_service.h"
#include "server/services/server_service.h"
#include "server/services/session_service.h"
#include "server/session/models.h"
#include "server/session/registry.h"
#include "server/session/session_view.h"
#include "server/store/blobs.h"
#include "server/store/catalogue.h"
#include "server/store/data_lock.h"
#include "spdlog/spdlog.h"

namespace torpor {
namespace {

constexpr int kMaximumMessageBytes = 16 << 20;
constexpr int kMaximumSamples = 4096;
constexpr int kStreamCredits = 4096;
// Threads for calls that wait for the disk or prepare deployments.
constexpr int kBlockingThreads = 4;
constexpr absl::Duration kReplyGrace = absl::Milliseconds(200);

SessionOptions SessionOptionsOf(const ServerOptions& options, ThreadPool* pool) {
  SessionOptions session;
  session.queue_samples = options.queue_samples;
  session.max_samples = kMaximumSamples;
  session.pool = pool;
  return session;
}

JobManagerOptions JobOptionsOf(const ServerOptions& options) {
  JobManagerOptions job;
  job.jobs_directory = options.data_dir + "/jobs";
  job.worker = options.worker;
  job.slots = options.job_slots;
  job.dataset_path = SplitDatasetPath(options.dataset_path);
  return job;
}

v1::ServerInfo InfoOf(const ServerOptions& options) {
  v1::ServerInfo info;
  info.set_version(Version());
  info.set_git_commit(GitCommit());
  info.set_cpu(CpuName());
  info.set_gemm(GemmName());
  info.set_cpus(AvailableCpus());
  *info.mutable_start_time() = ToTimestamp(absl::Now());
  info.set_data_directory(options.data_dir);
  for (const std::string& folder : SplitDatasetPath(options.dataset_path))
    info.add_dataset_path(folder);
  info.set_max_message_bytes(kMaximumMessageBytes);
  info.set_max_samples_per_request(kMaximumSamples);
  info.set_queue_samples(options.queue_samples);
  info.set_stream_credits(kStreamCredits);
  info.set_job_slots(options.job_slots);
  info.set_process_id(getpid());
  return info;
}

// The address with the port that the system chose in the place of 0.
std::string AddressOf(const std::string& listen, int port) {
  const size_t colon = listen.rfind(':');
  if (listen.rfind("unix:", 0) == 0 || colon == std::string::npos) return listen;
  return absl::StrCat(listen.substr(0, colon), ":", port);
}

}  // namespace

// In the order of construction: what stands below uses what stands above.
struct Server::Impl {
  Impl(const ServerOptions& options, std::unique_ptr<FileSystem> file_system,
       std::unique_ptr<DataLock> data_lock, std::unique_ptr<Catalogue> store)
      : files(std::move(file_system)),
        lock(std::move(data_lock)),
        catalogue(std::move(store)),
        blobs(options.data_dir + "/blobs", files.get()),
        models(catalogue.get(), &blobs, &BuildModel),
        pool(AvailableCpus()),
        sessions(SessionOptionsOf(options, &pool), catalogue.get(), &blobs, &models, &BuildModel),
        datasets(SplitDatasetPath(options.dataset_path), files.get()),
        jobs(JobOptionsOf(options), catalogue.get(), files.get(), &sessions, &models, &BuildModel),
        executor(kBlockingThreads),
        network_service(&BuildModel, &executor),
        dataset_service(&datasets, &executor),
        session_service(&sessions, &executor),
        inference_service(&sessions, kStreamCredits),
        job_service(&jobs, &executor),
        model_service(&models, &sessions, &BuildModel, &executor),
        analysis_service(&models, &sessions, &BuildModel, &executor),
        energy_service(&executor),
        memory_service(&models, &sessions, &BuildModel, &executor),
        server_service(InfoOf(options), &executor) {}

  absl::Status Listen(const std::string& listen);

  std::unique_ptr<FileSystem> files;
  std::unique_ptr<DataLock> lock;
  std::unique_ptr<Catalogue> catalogue;
  BlobStore blobs;
  ModelStore models;
  ThreadPool pool;
  SessionRegistry sessions;
  DatasetCatalogue datasets;
  JobManager jobs;
  BlockingExecutor executor;
  NetworkServiceImpl network_service;
  DatasetServiceImpl dataset_service;
  SessionServiceImpl session_service;
  InferenceServiceImpl inference_service;
  JobServiceImpl job_service;
  ModelServiceImpl model_service;
  AnalysisServiceImpl analysis_service;
  EnergyServiceImpl energy_service;
  MemoryServiceImpl memory_service;
  ServerServiceImpl server_service;
  std::unique_ptr<grpc::Server> grpc;
  std::string address;
};

absl::Status Server::Impl::Listen(const std::string& listen) {
  grpc::EnableDefaultHealthCheckService(true);
  grpc::reflection::InitProtoReflectionServerBuilderPlugin();
  grpc::ServerBuilder builder;
  builder.SetMaxReceiveMessageSize(kMaximumMessageBytes);
  // Without this two servers would silently share a port.
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  // Long watches live through quiet times: clients may ping every 10 s, also without calls.
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, 10000);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  int port = 0;
  builder.AddListeningPort(listen, grpc::InsecureServerCredentials(), &port);
  builder.RegisterService(&network_service);
  builder.RegisterService(&dataset_service);
  builder.RegisterService(&session_service);
  builder.RegisterService(&inference_service);
  builder.RegisterService(&job_service);
  builder.RegisterService(&model_service);
  builder.RegisterService(&analysis_service);
  builder.RegisterService(&energy_service);
  builder.RegisterService(&memory_service);
  builder.RegisterService(&server_service);
  grpc = builder.BuildAndStart();
  if (grpc == nullptr || port == 0) {
    return WithHelp(absl::UnavailableError(absl::StrCat("cannot listen on ", listen)),
                    "Is the port taken? `--listen 127.0.0.1:0` chooses a free one.");
  }
  address = AddressOf(listen, port);
  return absl::OkStatus();
}

Server::Server(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

absl::StatusOr<std::unique_ptr<Server>> Server::Start(const ServerOptions& options) {
  if (!options.insecure_listen_any) TORPOR_RETURN_IF_ERROR(CheckLoopback(options.listen));
  std::unique_ptr<FileSystem> files = NewPosixFileSystem();
  TORPOR_RETURN_IF_ERROR(files->CreateDirectories(options.data_dir));
  TORPOR_ASSIGN_OR_RETURN(std::unique_ptr<DataLock> lock, DataLock::Acquire(options.data_dir));
  TORPOR_ASSIGN_OR_RETURN(std::unique_ptr<Catalogue> catalogue,
                          Catalogue::Open(options.data_dir + "/catalogue.db"));
  auto impl =
      std::make_unique<Impl>(options, std::move(files), std::move(lock), std::move(catalogue));
  TORPOR_RETURN_IF_ERROR(impl->sessions.Recover());
  TORPOR_RETURN_IF_ERROR(impl->jobs.Start());
  if (absl::Status status = impl->Listen(options.listen); !status.ok()) {
    impl->jobs.Stop();
    return status;
  }
  spdlog::info("torpord {} serves {} from {}", Version(), impl->address, options.data_dir);
  return std::unique_ptr<Server>(new Server(std::move(impl)));
}

Server::~Server() { Stop(); }

const std::string& Server::address() const { return impl_->address; }

void Server::Stop() {
  if (impl_->grpc == nullptr) return;
  spdlog::info("draining");
  impl_->grpc->GetHealthCheckService()->SetServingStatus(false);
  // What was accepted ends; what comes now is told to try elsewhere or later.
  impl_->executor.Stop();
  impl_->sessions.Drain();
  // Time for the last replies to leave; idle streams and connections end here.
  impl_->grpc->Shutdown(absl::ToChronoTime(absl::Now() + kReplyGrace));
  impl_->grpc->Wait();
  impl_->grpc.reset();
  impl_->jobs.Stop();
  spdlog::info("stopped");
}

}  // namespace torpor
