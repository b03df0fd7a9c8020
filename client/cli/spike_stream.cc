#include "client/cli/spike_stream.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "client/cli/errors.h"
#include "client/cli/rpc.h"

namespace torpor::cli {

SpikeStream::SpikeStream(Context& context)
    : context_(context), stub_(v1::InferenceService::NewStub(context.Channel())) {}

SpikeStream::~SpikeStream() {
  call_.TryCancel();
  queue_.Shutdown();
  void* tag;
  bool ok;
  while (queue_.Next(&tag, &ok)) {
  }
}

bool SpikeStream::Wait() {
  void* tag;
  bool ok = false;
  const auto event = queue_.AsyncNext(&tag, &ok, absl::ToChronoTime(until_));
  if (event == grpc::CompletionQueue::GOT_EVENT) return ok;
  expired_ = true;
  call_.TryCancel();
  queue_.Next(&tag, &ok);
  return false;
}

bool SpikeStream::Write(const v1::StreamInferRequest& request) {
  stream_->Write(request, nullptr);
  return Wait();
}

bool SpikeStream::Read(v1::StreamInferResponse& reply) {
  stream_->Read(&reply, nullptr);
  return Wait();
}

absl::Status SpikeStream::Open(const std::string& session) {
  v1::StreamInferRequest request;
  request.mutable_open()->set_session(session);
  v1::StreamInferResponse reply;
  until_ = absl::Now() + context_.options.timeout;
  stream_ = stub_->AsyncStreamInfer(&call_, &queue_, nullptr);
  return Wait() && Write(request) && Read(reply) ? absl::OkStatus() : Ended();
}

absl::StatusOr<v1::InferResponse> SpikeStream::Send(const v1::SpikeTrain& chunk, bool reset) {
  v1::StreamInferRequest request;
  v1::StreamInferRequest::Item& item = *request.mutable_item();
  item.set_seq(seq_++);
  *item.mutable_chunk() = chunk;
  item.set_reset(reset);
  until_ = absl::Now() + context_.options.timeout;
  if (!Write(request)) return Ended();
  v1::StreamInferResponse reply;
  while (Read(reply)) {
    if (reply.has_result()) {
      state_lost_ = reply.result().state_lost();
      if (state_lost_) {
        context_.Note("what the stream remembered did not fit the new model, it began anew");
      }
      return std::move(*reply.mutable_result()->mutable_response());
    }
    if (reply.has_error()) {
      const google::rpc::Status& error = reply.error().status();
      const grpc::Status status(static_cast<grpc::StatusCode>(error.code()), error.message(),
                                error.SerializeAsString());
      return FromGrpc(status, context_.options.server);
    }
    context_.Note(absl::StrCat("generation ", reply.mode_changed().generation()));
  }
  return Ended();
}

void SpikeStream::Close() {
  until_ = absl::Now() + context_.options.timeout;
  stream_->WritesDone(nullptr);
  if (Wait()) Ended().IgnoreError();
}

absl::Status SpikeStream::Ended() {
  grpc::Status status;
  stream_->Finish(&status, nullptr);
  Wait();
  if (expired_) status = grpc::Status(grpc::StatusCode::DEADLINE_EXCEEDED, "Deadline Exceeded");
  if (!status.ok()) return FromGrpc(status, context_.options.server);
  return WithWhere(absl::UnavailableError("the stream of spikes ended before its answer"),
                   absl::StrCat("server ", context_.options.server));
}

}  // namespace torpor::cli
