#include "server/services/inference_service.h"

#include <memory>
#include <utility>

#include "engine/base/status.h"
#include "server/services/deadline.h"
#include "server/services/status.h"
#include "server/services/stream_infer.h"

namespace torpor {
namespace {

// One Infer call: work that finishes itself. Deletes itself when the call is done.
class InferReactor final : public grpc::ServerUnaryReactor, public InferenceWork {
 public:
  InferReactor(const SessionRegistry& sessions, const grpc::CallbackServerContext& context,
               const v1::InferRequest& request, v1::InferResponse* reply)
      : cancellation_(DeadlineOf(context)) {
    input = &request.input();
    sample_key = request.sample_key();
    require_generation = request.require_generation();
    cancellation = &cancellation_;
    response = reply;
    if (const absl::Status status = Start(sessions, request); !status.ok()) Finish(ToGrpc(status));
  }

  void Done(const absl::Status& status, const std::shared_ptr<const Served>&) override {
    Finish(ToGrpc(status));
  }
  void OnCancel() override { cancellation_.Cancel(); }
  void OnDone() override { delete this; }

 private:
  absl::Status Start(const SessionRegistry& sessions, const v1::InferRequest& request) {
    TORPOR_ASSIGN_OR_RETURN(session_, sessions.Find(request.session()));
    if (require_generation < 0) return FieldError("require_generation", "must be 0 or above");
    TORPOR_ASSIGN_OR_RETURN(samples, CheckInput(request.input(), session_->input_shape()));
    return session_->Submit(this);
  }

  Cancellation cancellation_;
  std::shared_ptr<Session> session_;
};

}  // namespace

grpc::ServerUnaryReactor* InferenceServiceImpl::Infer(grpc::CallbackServerContext* context,
                                                      const v1::InferRequest* request,
                                                      v1::InferResponse* reply) {
  return new InferReactor(*sessions_, *context, *request, reply);
}

grpc::ServerBidiReactor<v1::StreamInferRequest, v1::StreamInferResponse>*
InferenceServiceImpl::StreamInfer(grpc::CallbackServerContext* context) {
  return new StreamInferReactor(sessions_, stream_credits_, DeadlineOf(*context));
}

}  // namespace torpor
