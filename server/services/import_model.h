// One ImportModel call.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "grpcpp/grpcpp.h"
#include "server/services/byte_budget.h"
#include "server/services/executor.h"
#include "server/session/model_files.h"
#include "torpor/v1/model.pb.h"

namespace torpor {

// Gathers the chunks and hands the whole file to the executor. At most one read or one task is
// under way, so that nothing needs a lock. Deletes itself when the call is done.
class ImportModelReactor final : public grpc::ServerReadReactor<v1::ImportModelRequest> {
 public:
  // All pointers outlive the call; `budget` holds the bytes of all files under way.
  ImportModelReactor(grpc::CallbackServerContext* context, v1::Model* reply, ModelStore* models,
                     ModelFactory factory, BlockingExecutor* executor, ByteBudget* budget);

  void OnReadDone(bool ok) override;
  void OnDone() override;

 private:
  // Starts the task, or ends the call where the executor takes none.
  void Run(void (ImportModelReactor::*task)());
  // Tasks.
  void Open();
  void Publish();
  absl::Status TakeChunk(const std::string& chunk);

  grpc::CallbackServerContext* const context_;
  v1::Model* const reply_;
  ModelStore* const models_;
  const ModelFactory factory_;
  BlockingExecutor* const executor_;
  ByteBudget* const budget_;
  v1::ImportModelRequest request_;
  std::unique_ptr<ModelImport> import_;
  std::string content_;
  int64_t taken_ = 0;
};

}  // namespace torpor
