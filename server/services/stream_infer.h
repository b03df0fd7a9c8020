// One StreamInfer stream.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "engine/base/cancellation.h"
#include "grpcpp/grpcpp.h"
#include "server/session/registry.h"
#include "torpor/v1/inference.pb.h"

namespace torpor {

// Reads items while credits are free, hands them to the session's queue, and writes answers from
// the compute thread as they come: one hand-off a sample. At most one read and one write are
// outstanding; the stream is finished when nothing of it is in flight any more, and then deletes
// itself.
class StreamInferReactor final
    : public grpc::ServerBidiReactor<v1::StreamInferRequest, v1::StreamInferResponse> {
 public:
  // `sessions` outlives the stream. `credits`: samples in flight.
  StreamInferReactor(const SessionRegistry* sessions, int credits, absl::Time deadline);

  void OnReadDone(bool ok) override;
  void OnWriteDone(bool ok) override;
  void OnCancel() override;
  void OnDone() override;

 private:
  // A message on its way in, through the queue, and out again. Reused.
  class Item final : public InferenceWork {
   public:
    explicit Item(StreamInferReactor* stream) : stream_(stream) {}
    void Done(const absl::Status& status, const std::shared_ptr<const Served>& served) override {
      stream_->Complete(this, status, served);
    }

    v1::StreamInferRequest request;
    v1::StreamInferResponse reply;
    // Credits that it holds until its reply is on its way.
    int cost = 0;
    // Its reply is complete.
    bool done = false;
    // Generation that served it; null for errors and control messages.
    std::shared_ptr<const Served> served;

   private:
    StreamInferReactor* const stream_;
  };
  // What to do once the lock is released. The flags are set under the lock, so that nobody else
  // does the same.
  struct Actions {
    Item* read = nullptr;
    Item* write = nullptr;
    bool finish = false;
  };

  Item* NewItem();           // requires mutex_
  void Recycle(Item* item);  // requires mutex_
  Actions Decide();          // requires mutex_
  void Act(const Actions& actions);

  absl::Status Open(const v1::StreamInferRequest::Open& open, Item* item);
  // Puts an item into the queue; an error becomes its ItemError. Chunks behind a refused one are
  // refused.
  absl::Status Start(Item* item);
  // What an item asks for.
  absl::Status ReadItem(Item* item);
  // Start without a look at what was before.
  absl::Status Queue(Item* item);
  void Complete(Item* item, const absl::Status& status, std::shared_ptr<const Served> served);
  // Puts a completed item, and those that waited for it, in line for writing.
  void Enqueue(Item* item);         // requires mutex_
  void EnqueueInOrder(Item* item);  // requires mutex_
  void Fail(const absl::Status& status);

  const SessionRegistry* const sessions_;
  const int credits_;
  Cancellation cancellation_;
  // Set by Open, then constant.
  std::shared_ptr<Session> session_;
  int64_t require_generation_ = 0;
  bool ordered_ = false;
  // Of the stream's chunks; touched by the session's compute thread alone.
  StreamMemory memory_;
  // `seq` of a chunk that never came to the compute thread; used by the reading side alone.
  std::optional<int64_t> missing_;

  std::mutex mutex_;
  std::vector<std::unique_ptr<Item>> items_;
  std::vector<Item*> free_;
  // Items in the order of arrival, when replies keep it.
  std::deque<Item*> order_;
  // Complete, to be written.
  std::deque<Item*> ready_;
  Item* writing_ = nullptr;
  bool reading_ = false;
  // The target of the outstanding read; used by the reading side alone.
  Item* reading_item_ = nullptr;
  // No more items are read.
  bool closed_ = false;
  // The client cannot be reached: nothing more is written.
  bool broken_ = false;
  bool finished_ = false;
  absl::Status status_;
  int in_flight_ = 0;         // items in the session's queue
  int64_t used_credits_ = 0;  // samples read and not yet answered
  int64_t generation_ = 0;    // last one that the client was told of
};

}  // namespace torpor
