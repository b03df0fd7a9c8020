// One WatchSession stream.
#pragma once

#include <cstdint>
#include <deque>
#include <mutex>
#include <string>

#include "absl/status/status.h"
#include "grpcpp/grpcpp.h"
#include "server/session/registry.h"
#include "torpor/v1/session.pb.h"

namespace torpor {

// Writes a session's events as they come. Deletes itself when the stream is done.
class WatchSessionReactor final : public grpc::ServerWriteReactor<v1::SessionEvent> {
 public:
  // `sessions` outlives the stream. Takes short locks only.
  WatchSessionReactor(SessionRegistry* sessions, const std::string& name);

  void OnWriteDone(bool ok) override;
  void OnCancel() override;
  void OnDone() override;

 private:
  // What may be done now without the lock: at most one write or the end.
  enum class Step { kNothing, kWrite, kFinish };
  Step Next();
  void Act(Step step);
  void Push(const v1::SessionEvent& event);

  SessionRegistry* const sessions_;
  int64_t token_ = 0;

  std::mutex mutex_;
  std::deque<v1::SessionEvent> queue_;
  bool writing_ = false;
  // No more events are taken; when the queue is empty the stream ends with `status_`.
  bool ending_ = false;
  bool finished_ = false;
  absl::Status status_;
};

}  // namespace torpor
