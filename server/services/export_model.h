// One ExportModel call.
#pragma once

#include <cstdint>
#include <string>

#include "grpcpp/grpcpp.h"
#include "server/services/byte_budget.h"
#include "server/services/executor.h"
#include "server/session/model_files.h"
#include "torpor/v1/model.pb.h"

namespace torpor {

// Makes the file on the executor, then writes it chunk by chunk. One task or one write is under way
// at a time, so that nothing needs a lock. Deletes itself when the call is done.
class ExportModelReactor final : public grpc::ServerWriteReactor<v1::ExportModelResponse> {
 public:
  // All pointers, the request included, outlive the call; `budget` holds the bytes of all files
  // under way.
  ExportModelReactor(grpc::CallbackServerContext* context, const v1::ExportModelRequest* request,
                     ModelStore* models, BlockingExecutor* executor, ByteBudget* budget);

  void OnWriteDone(bool ok) override;
  void OnDone() override;

 private:
  void Read();
  // The next chunk, or the end.
  void Next();

  grpc::CallbackServerContext* const context_;
  const v1::ExportModelRequest* const request_;
  ModelStore* const models_;
  ByteBudget* const budget_;
  std::string content_;
  size_t written_ = 0;
  int64_t taken_ = 0;
  v1::ExportModelResponse response_;
};

}  // namespace torpor
