#include "client/cli/spike_stream.h"

#include "absl/strings/str_cat.h"
#include "client/cli/errors.h"
#include "client/cli/rpc.h"

namespace torpor::cli {

SpikeStream::SpikeStream(Context& context)
    : context_(context),
      stub_(v1::InferenceService::NewStub(context.Channel())),
      stream_(stub_->StreamInfer(&call_)) {}

SpikeStream::~SpikeStream() { call_.TryCancel(); }

absl::Status SpikeStream::Open(const std::string& session) {
  v1::StreamInferRequest request;
  request.mutable_open()->set_session(session);
  v1::StreamInferResponse reply;
  // A write that fails shows in the read, and Finish tells why.
  stream_->Write(request);
  return stream_->Read(&reply) ? absl::OkStatus() : Ended();
}

absl::StatusOr<v1::InferResponse> SpikeStream::Send(const v1::SpikeTrain& chunk, bool reset) {
  v1::StreamInferRequest request;
  v1::StreamInferRequest::Item& item = *request.mutable_item();
  item.set_seq(seq_++);
  *item.mutable_chunk() = chunk;
  item.set_reset(reset);
  stream_->Write(request);
  v1::StreamInferResponse reply;
  while (stream_->Read(&reply)) {
    if (reply.has_result()) return std::move(*reply.mutable_result()->mutable_response());
    if (reply.has_error()) {
      const google::rpc::Status& error = reply.error().status();
      const grpc::Status status(static_cast<grpc::StatusCode>(error.code()), error.message(),
                                error.SerializeAsString());
      return FromGrpc(status, context_.options.server);
    }
    context_.Note(absl::StrCat("generation ", reply.mode_changed().generation(),
                               reply.mode_changed().state_lost()
                                   ? ": what the stream remembered did not fit, it began anew"
                                   : ""));
  }
  return Ended();
}

void SpikeStream::Close() {
  stream_->WritesDone();
  stream_->Finish();
}

absl::Status SpikeStream::Ended() {
  const grpc::Status status = stream_->Finish();
  if (!status.ok()) return FromGrpc(status, context_.options.server);
  return WithWhere(absl::UnavailableError("the stream of spikes ended before its answer"),
                   absl::StrCat("server ", context_.options.server));
}

}  // namespace torpor::cli
