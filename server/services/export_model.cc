#include "server/services/export_model.h"

#include <algorithm>
#include <utility>

#include "absl/status/statusor.h"
#include "engine/base/status.h"
#include "server/services/status.h"
#include "server/services/unary.h"

namespace torpor {
namespace {

constexpr size_t kChunk = 1 << 20;

}  // namespace

ExportModelReactor::ExportModelReactor(grpc::CallbackServerContext* context,
                                       const v1::ExportModelRequest* request, ModelStore* models,
                                       BlockingExecutor* executor, ByteBudget* budget)
    : context_(context), request_(request), models_(models), budget_(budget) {
  if (!executor->Run([this] { Read(); })) Finish(ToGrpc(RefusalOf(*executor)));
}

void ExportModelReactor::Read() {
  if (context_->IsCancelled()) return Finish(grpc::Status::CANCELLED);
  // Known before the file is read; an NPZ is shorter than its archive or about as long.
  absl::StatusOr<v1::Model> model = models_->Get(request_->name());
  if (!model.ok()) return Finish(ToGrpc(model.status()));
  if (!budget_->Take(model->size_bytes())) return Finish(ToGrpc(TransfersBusy()));
  taken_ = model->size_bytes();
  absl::StatusOr<std::string> content = ExportModelFile(*request_, models_);
  if (!content.ok()) return Finish(ToGrpc(content.status()));
  content_ = *std::move(content);
  Next();
}

void ExportModelReactor::Next() {
  if (written_ == content_.size()) return Finish(grpc::Status::OK);
  const size_t size = std::min(kChunk, content_.size() - written_);
  response_.set_chunk(content_.data() + written_, size);
  written_ += size;
  StartWrite(&response_);
}

void ExportModelReactor::OnWriteDone(bool ok) {
  // Not ok: the client is gone.
  if (!ok) return Finish(grpc::Status::CANCELLED);
  Next();
}

void ExportModelReactor::OnDone() {
  budget_->Return(taken_);
  delete this;
}

}  // namespace torpor
