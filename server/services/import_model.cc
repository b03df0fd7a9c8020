#include "server/services/import_model.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/base/status.h"
#include "server/services/status.h"
#include "server/services/unary.h"

namespace torpor {
namespace {

constexpr size_t kMaxChunk = 4 << 20;

}  // namespace

ImportModelReactor::ImportModelReactor(grpc::CallbackServerContext* context, v1::Model* reply,
                                       ModelStore* models, ModelFactory factory,
                                       BlockingExecutor* executor, ByteBudget* budget)
    : context_(context),
      reply_(reply),
      models_(models),
      factory_(factory),
      executor_(executor),
      budget_(budget) {
  StartRead(&request_);
}

void ImportModelReactor::OnReadDone(bool ok) {
  absl::Status failure;
  if (!ok) {
    // The client has sent all, or is gone: Publish looks.
    if (import_ != nullptr) return Run(&ImportModelReactor::Publish);
    failure = FieldError("open", "must be the first message of the call");
  } else if (request_.has_open()) {
    if (import_ == nullptr) return Run(&ImportModelReactor::Open);
    failure = FieldError("open", "may be sent once, as the first message");
  } else if (!request_.has_chunk()) {
    failure = FieldError("message", "must be set: open or chunk");
  } else if (import_ == nullptr) {
    failure = FieldError("open", "must be the first message of the call");
  } else {
    failure = TakeChunk(request_.chunk());
    if (failure.ok()) return StartRead(&request_);
  }
  Finish(ToGrpc(failure));
}

absl::Status ImportModelReactor::TakeChunk(const std::string& chunk) {
  if (chunk.size() > kMaxChunk) {
    return FieldError("chunk",
                      absl::StrCat("must be at most ", kMaxChunk, " bytes, got ", chunk.size()));
  }
  const int64_t size = static_cast<int64_t>(chunk.size());
  if (taken_ + size > import_->max_bytes()) {
    return WithHelp(
        FieldError("chunk", absl::StrCat("all chunks together must be at most ",
                                         import_->max_bytes(), " bytes for this definition")),
        "Send the parameters alone, without the state of an optimiser.");
  }
  if (!budget_->Take(size)) return TransfersBusy();
  taken_ += size;
  content_ += chunk;
  return absl::OkStatus();
}

void ImportModelReactor::Run(void (ImportModelReactor::*task)()) {
  if (!executor_->Run([this, task] { (this->*task)(); })) Finish(ToGrpc(RefusalOf(*executor_)));
}

void ImportModelReactor::Open() {
  auto import = ModelImport::Open(request_.open(), models_, factory_);
  if (!import.ok()) return Finish(ToGrpc(import.status()));
  import_ = *std::move(import);
  StartRead(&request_);
}

void ImportModelReactor::Publish() {
  if (context_->IsCancelled()) return Finish(grpc::Status::CANCELLED);
  absl::StatusOr<v1::Model> model = import_->Finish(content_);
  if (!model.ok()) return Finish(ToGrpc(model.status()));
  *reply_ = *std::move(model);
  Finish(grpc::Status::OK);
}

void ImportModelReactor::OnDone() {
  budget_->Return(taken_);
  delete this;
}

}  // namespace torpor
