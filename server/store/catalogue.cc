#include "server/store/catalogue.h"

#include <charconv>
#include <condition_variable>
#include <deque>
#include <future>
#include <mutex>
#include <thread>

#include "absl/strings/str_cat.h"
#include "engine/base/status.h"
#include "server/store/catalogue_db.h"

namespace torpor {
namespace {

// A transaction and who waits for it.
struct Pending {
  Transaction transaction;
  absl::StatusOr<std::vector<Row>> result;
  std::promise<void> done;
};

class SqliteCatalogue : public Catalogue {
 public:
  // `reader` is null for a database in memory, which one connection alone can see.
  SqliteCatalogue(CatalogueDb writer, std::unique_ptr<CatalogueDb> reader,
                  std::unique_ptr<Witness> witness, ChainHead head,
                  std::function<absl::Time()> clock)
      : clock_(std::move(clock)),
        writer_(std::move(writer)),
        reader_(std::move(reader)),
        witness_(std::move(witness)),
        head_(std::move(head)),
        thread_([this] { Loop(); }) {}

  ~SqliteCatalogue() override {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    wake_.notify_one();
    thread_.join();
  }

  absl::StatusOr<std::vector<Row>> Commit(Transaction transaction) override {
    Pending pending{std::move(transaction), std::vector<Row>(), {}};
    std::future<void> done = pending.done.get_future();
    {
      const std::lock_guard lock(mutex_);
      queue_.push_back(&pending);
    }
    wake_.notify_one();
    done.wait();
    return std::move(pending.result);
  }

  absl::StatusOr<Row> Get(std::string_view collection, std::string_view id) override {
    const std::lock_guard lock(read_mutex());
    return reader().Get(collection, id);
  }

  absl::StatusOr<std::vector<Row>> List(std::string_view collection, std::string_view after,
                                        int limit, bool newest_first) override {
    const std::lock_guard lock(read_mutex());
    return reader().List(collection, after, limit, newest_first);
  }

  absl::StatusOr<std::optional<StoredReply>> FindReply(std::string_view principal,
                                                       std::string_view method,
                                                       std::string_view request_id) override {
    const std::lock_guard lock(read_mutex());
    return reader().FindReply(principal, method, request_id, clock_());
  }

 private:
  CatalogueDb& reader() { return reader_ == nullptr ? writer_ : *reader_; }
  std::mutex& read_mutex() { return reader_ == nullptr ? writer_mutex_ : reader_mutex_; }

  void Loop() {
    for (;;) {
      std::vector<Pending*> group;
      {
        std::unique_lock lock(mutex_);
        wake_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
        if (queue_.empty()) return;
        group.assign(queue_.begin(), queue_.end());
        queue_.clear();
      }
      {
        const std::lock_guard lock(writer_mutex_);
        CommitGroup(group);
      }
      for (Pending* pending : group) pending->done.set_value();
    }
  }

  // All transactions that wait share one sync. Each of them stands or falls by itself, but a
  // failure of the disk fails all.
  void CommitGroup(const std::vector<Pending*>& group) {
    ChainHead head = head_;
    const absl::Status status = TryGroup(group, head);
    if (!status.ok()) {
      writer_.Rollback();
      for (Pending* pending : group) {
        if (pending->result.ok()) pending->result = status;
      }
      return;
    }
    const bool advanced = head.sequence != head_.sequence;
    head_ = std::move(head);
    // An older witness is still a true one, so a failure here (full disk) is no failure of the
    // commit.
    if (advanced && witness_ != nullptr) (void)witness_->Write(head_);
  }

  absl::Status TryGroup(const std::vector<Pending*>& group, ChainHead& head) {
    const absl::Time now = clock_();
    TORPOR_RETURN_IF_ERROR(writer_.Begin());
    TORPOR_RETURN_IF_ERROR(writer_.Expire(now, head));
    for (Pending* pending : group) {
      pending->result = writer_.Apply(pending->transaction, now, head);
      if (!writer_.in_transaction()) return pending->result.status();
    }
    return writer_.Commit();
  }

  const std::function<absl::Time()> clock_;
  std::mutex writer_mutex_;
  CatalogueDb writer_;
  std::mutex reader_mutex_;
  std::unique_ptr<CatalogueDb> reader_;
  std::unique_ptr<Witness> witness_;
  ChainHead head_;

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Pending*> queue_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Catalogue>> Catalogue::Open(const std::string& path,
                                                           std::function<absl::Time()> clock) {
  const bool in_memory = path == ":memory:";
  std::unique_ptr<Witness> witness;
  ChainHead witnessed;
  if (!in_memory) {
    TORPOR_ASSIGN_OR_RETURN(witness, Witness::Open(absl::StrCat(path, "-head")));
    witnessed = witness->Read();
  }
  TORPOR_ASSIGN_OR_RETURN(CatalogueDb writer, CatalogueDb::Open(path));
  TORPOR_ASSIGN_OR_RETURN(ChainHead head, writer.Verify(witnessed));
  std::unique_ptr<CatalogueDb> reader;
  if (!in_memory) {
    TORPOR_ASSIGN_OR_RETURN(CatalogueDb opened, CatalogueDb::Open(path));
    reader = std::make_unique<CatalogueDb>(std::move(opened));
  }
  return std::make_unique<SqliteCatalogue>(std::move(writer), std::move(reader), std::move(witness),
                                           std::move(head), std::move(clock));
}

std::string EtagOf(int64_t version) { return absl::StrCat("\"", version, "\""); }

absl::StatusOr<int64_t> VersionOf(std::string_view etag) {
  if (etag.empty()) return 0;
  int64_t version = 0;
  if (etag.size() > 2 && etag.front() == '"' && etag.back() == '"') {
    const char* end = etag.data() + etag.size() - 1;
    const auto [last, error] = std::from_chars(etag.data() + 1, end, version);
    if (error == std::errc() && last == end && version > 0) return version;
  }
  return FieldError("etag", "is not an etag of this server");
}

}  // namespace torpor
