#include "server/services/stream_infer.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/base/status.h"
#include "server/services/status.h"
#include "server/session/chunk_run.h"

namespace torpor {

StreamInferReactor::StreamInferReactor(const SessionRegistry* sessions, int credits,
                                       absl::Time deadline)
    : sessions_(sessions), credits_(credits), cancellation_(deadline) {
  Actions actions;
  {
    const std::lock_guard lock(mutex_);
    actions = Decide();
  }
  Act(actions);
}

StreamInferReactor::Item* StreamInferReactor::NewItem() {
  if (free_.empty()) {
    items_.push_back(std::make_unique<Item>(this));
    return items_.back().get();
  }
  Item* item = free_.back();
  free_.pop_back();
  return item;
}

void StreamInferReactor::Recycle(Item* item) {
  item->cost = 0;
  item->done = false;
  item->served.reset();
  free_.push_back(item);
}

StreamInferReactor::Actions StreamInferReactor::Decide() {
  Actions actions;
  if (finished_) return actions;
  if (broken_) {
    for (Item* item : ready_) Recycle(item);
    ready_.clear();
  }
  if (writing_ == nullptr && !ready_.empty()) {
    Item* item = ready_.front();
    if (item->served != nullptr && item->served->generation != generation_) {
      // The client hears of a new generation before its first reply.
      generation_ = item->served->generation;
      Item* notice = NewItem();
      v1::StreamInferResponse::ModeChanged& changed = *notice->reply.mutable_mode_changed();
      changed.set_generation(generation_);
      *changed.mutable_power_mode() = item->served->mode;
      changed.set_first_seq(item->request.item().seq());
      changed.set_state_lost(item->state_lost);
      writing_ = notice;
    } else {
      ready_.pop_front();
      // Given back before the reply leaves: the client counts its credit as free when it has read
      // the reply.
      used_credits_ -= item->cost;
      item->cost = 0;
      writing_ = item;
    }
    actions.write = writing_;
  }
  if (!closed_ && !reading_ && used_credits_ < credits_) {
    reading_ = true;
    actions.read = NewItem();
  }
  if (closed_ && !reading_ && writing_ == nullptr && in_flight_ == 0 && ready_.empty()) {
    finished_ = true;
    actions.finish = true;
  }
  return actions;
}

void StreamInferReactor::Act(const Actions& actions) {
  if (actions.read != nullptr) {
    reading_item_ = actions.read;
    StartRead(&actions.read->request);
  }
  if (actions.write != nullptr) StartWrite(&actions.write->reply);
  if (actions.finish) Finish(ToGrpc(status_));
}

void StreamInferReactor::Fail(const absl::Status& status) {
  closed_ = true;
  if (status_.ok()) status_ = status;
  cancellation_.Cancel();
}

absl::Status StreamInferReactor::Open(const v1::StreamInferRequest::Open& open, Item* item) {
  TORPOR_ASSIGN_OR_RETURN(session_, sessions_->Find(open.session()));
  if (open.require_generation() < 0) return FieldError("require_generation", "must be 0 or above");
  require_generation_ = open.require_generation();
  ordered_ = open.ordered();
  const std::shared_ptr<const Served> served = session_->served();
  generation_ = served->generation;
  v1::StreamInferResponse::Opened& opened = *item->reply.mutable_opened();
  opened.set_credits(credits_);
  opened.set_generation(served->generation);
  *opened.mutable_power_mode() = served->mode;
  return absl::OkStatus();
}

absl::Status StreamInferReactor::ReadItem(Item* item) {
  const v1::StreamInferRequest::Item& message = item->request.item();
  item->input = nullptr;
  item->chunk = nullptr;
  item->state_lost = false;
  if (!message.has_chunk()) {
    if (message.reset()) return FieldError("reset", "goes with a chunk alone");
    TORPOR_ASSIGN_OR_RETURN(item->samples, CheckInput(message.input(), session_->input_shape()));
    item->input = &message.input();
    return absl::OkStatus();
  }
  if (message.has_input()) return FieldError("chunk", "must not be set beside `input`");
  item->samples = 1;
  item->chunk = &message.chunk();
  item->stream = &memory_;
  item->reset = message.reset();
  item->seq = message.seq();
  return absl::OkStatus();
}

absl::Status StreamInferReactor::Start(Item* item) {
  const v1::StreamInferRequest::Item& message = item->request.item();
  if (!message.has_chunk()) return Queue(item);
  if (message.reset()) missing_.reset();
  if (missing_.has_value()) return ChunkMissing(*missing_);
  const absl::Status status = Queue(item);
  // Once it is in the queue, the item is not ours any more.
  if (!status.ok()) missing_ = message.seq();
  return status;
}

absl::Status StreamInferReactor::Queue(Item* item) {
  const v1::StreamInferRequest::Item& message = item->request.item();
  TORPOR_RETURN_IF_ERROR(ReadItem(item));
  {
    const std::lock_guard lock(mutex_);
    if (used_credits_ + item->samples > credits_) {
      return WithRetry(WithReason(absl::ResourceExhaustedError(absl::StrCat(
                                      "the item has ", item->samples, " samples, the stream ",
                                      credits_ - used_credits_, " of ", credits_, " credits left")),
                                  "CREDITS_EXCEEDED"),
                       absl::Milliseconds(10));
    }
    item->cost = item->samples;
    used_credits_ += item->cost;
    ++in_flight_;
  }
  item->sample_key = message.sample_key();
  item->require_generation = require_generation_;
  item->cancellation = &cancellation_;
  item->response = item->reply.mutable_result()->mutable_response();
  const absl::Status status = session_->Submit(item);
  if (!status.ok()) {
    const std::lock_guard lock(mutex_);
    --in_flight_;
  }
  return status;
}

void StreamInferReactor::EnqueueInOrder(Item* item) {
  item->done = true;
  while (!order_.empty() && order_.front()->done) {
    ready_.push_back(order_.front());
    order_.pop_front();
  }
}

void StreamInferReactor::Enqueue(Item* item) {
  if (ordered_) {
    EnqueueInOrder(item);
  } else {
    ready_.push_back(item);
  }
}

void StreamInferReactor::Complete(Item* item, const absl::Status& status,
                                  std::shared_ptr<const Served> served) {
  const int64_t seq = item->request.item().seq();
  if (status.ok()) {
    item->reply.mutable_result()->set_seq(seq);
    item->reply.mutable_result()->set_state_lost(item->state_lost);
  } else {
    v1::StreamInferResponse::ItemError& error = *item->reply.mutable_error();
    error.set_seq(seq);
    *error.mutable_status() = ToProto(status);
  }
  Actions actions;
  {
    const std::lock_guard lock(mutex_);
    item->served = std::move(served);
    --in_flight_;
    Enqueue(item);
    actions = Decide();
  }
  Act(actions);
}

void StreamInferReactor::OnReadDone(bool ok) {
  Item* const item = reading_item_;
  absl::Status failure;
  absl::Status item_error;
  enum class Answer { kNone, kOpened, kError } answer = Answer::kNone;
  if (ok) {
    switch (item->request.message_case()) {
      case v1::StreamInferRequest::kOpen:
        failure = session_ == nullptr
                      ? Open(item->request.open(), item)
                      : FieldError("open", "may be sent once, as the first message");
        answer = Answer::kOpened;
        break;
      case v1::StreamInferRequest::kItem:
        if (session_ == nullptr) {
          failure = FieldError("open", "must be the first message of the stream");
          break;
        }
        if (ordered_) {
          const std::lock_guard lock(mutex_);
          order_.push_back(item);
        }
        item_error = Start(item);
        if (!item_error.ok()) answer = Answer::kError;
        break;
      default:
        failure = FieldError("message", "must be set: open or item");
    }
  }
  // From here on `item` may be in the hands of the compute thread, unless it has an answer already.
  if (ok && failure.ok() && answer == Answer::kError) {
    v1::StreamInferResponse::ItemError& error = *item->reply.mutable_error();
    error.set_seq(item->request.item().seq());
    *error.mutable_status() = ToProto(item_error);
  }
  Actions actions;
  {
    const std::lock_guard lock(mutex_);
    reading_ = false;
    if (!ok) {
      closed_ = true;
      Recycle(item);
    } else if (!failure.ok()) {
      Fail(failure);
      Recycle(item);
    } else if (answer != Answer::kNone) {
      // Answers that the client does not fetch hold a credit too, so that they cannot pile up.
      if (item->cost == 0) {
        item->cost = 1;
        used_credits_ += 1;
      }
      if (answer == Answer::kOpened) {
        ready_.push_back(item);
      } else {
        Enqueue(item);
      }
    }
    actions = Decide();
  }
  Act(actions);
}

void StreamInferReactor::OnWriteDone(bool ok) {
  Actions actions;
  {
    const std::lock_guard lock(mutex_);
    Recycle(writing_);
    writing_ = nullptr;
    if (!ok) {
      broken_ = true;
      Fail(absl::CancelledError("the client is gone"));
    }
    actions = Decide();
  }
  Act(actions);
}

void StreamInferReactor::OnCancel() {
  Actions actions;
  {
    const std::lock_guard lock(mutex_);
    broken_ = true;
    Fail(absl::CancelledError("cancelled"));
    actions = Decide();
  }
  Act(actions);
}

void StreamInferReactor::OnDone() { delete this; }

}  // namespace torpor
