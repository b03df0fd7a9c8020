#include "server/store/catalogue.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <random>
#include <thread>

#include "absl/strings/str_cat.h"
#include "engine/base/status.h"
#include "google/protobuf/timestamp.pb.h"
#include "gtest/gtest.h"
#include "server/store/data_lock.h"
#include "server/store/names.h"
#include "server/store/page.h"
#include "server/store/request_tag.h"
#include "tests/support/idx_dataset.h"
#include "tests/support/scratch_directory.h"

namespace torpor {
namespace {

Transaction InsertOf(const std::string& id, const std::string& value) {
  Transaction transaction;
  transaction.writes.push_back({Write::Kind::kInsert, "sessions", id, value});
  return transaction;
}

class CatalogueTest : public ::testing::Test {
 protected:
  CatalogueTest() { EXPECT_TRUE(Open().ok()); }
  absl::Status Open() {
    catalogue_.reset();
    auto opened = Catalogue::Open(path_, [this] { return now_; });
    if (!opened.ok()) return opened.status();
    catalogue_ = *std::move(opened);
    return absl::OkStatus();
  }

  ScratchDirectory scratch_;
  const std::string path_ = scratch_.File("catalogue.db");
  absl::Time now_ = absl::FromUnixSeconds(1'800'000'000);
  std::unique_ptr<Catalogue> catalogue_;
};

TEST_F(CatalogueTest, RowsHaveVersionsTimesAndUids) {
  auto rows = catalogue_->Commit(InsertOf("a", std::string("x\0y", 3)));
  ASSERT_TRUE(rows.ok()) << rows.status();
  EXPECT_EQ((*rows)[0].version, 1);
  EXPECT_EQ((*rows)[0].uid.size(), 32u);
  now_ += absl::Seconds(5);
  Transaction update;
  update.writes.push_back({Write::Kind::kUpdate, "sessions", "a", "z", 1});
  rows = catalogue_->Commit(update);
  ASSERT_TRUE(rows.ok());
  EXPECT_EQ((*rows)[0].version, 2);
  ASSERT_TRUE(Open().ok());
  const Row row = *catalogue_->Get("sessions", "a");
  EXPECT_EQ(row.value, "z");
  EXPECT_EQ(row.version, 2);
  EXPECT_EQ(row.update_time - row.create_time, absl::Seconds(5));
}

TEST_F(CatalogueTest, ConflictsNameTheRowAndChangeNothing) {
  ASSERT_TRUE(catalogue_->Commit(InsertOf("a", "1")).ok());
  EXPECT_EQ(catalogue_->Commit(InsertOf("a", "2")).status().code(),
            absl::StatusCode::kAlreadyExists);
  Transaction both = InsertOf("b", "1");
  both.writes.push_back({Write::Kind::kUpdate, "sessions", "a", "9", 7});
  const absl::Status aborted = catalogue_->Commit(both).status();
  EXPECT_EQ(aborted.code(), absl::StatusCode::kAborted);
  EXPECT_NE(aborted.message().find("sessions/a"), absl::string_view::npos);
  EXPECT_EQ(catalogue_->Get("sessions", "b").status().code(), absl::StatusCode::kNotFound)
      << "all or nothing";
  EXPECT_EQ(catalogue_->Get("sessions", "a")->value, "1");
  Transaction absent;
  absent.writes.push_back({Write::Kind::kDelete, "sessions", "nosuch", ""});
  EXPECT_EQ(catalogue_->Commit(absent).status().code(), absl::StatusCode::kNotFound);
  EXPECT_TRUE(Open().ok()) << "the chain holds after refused transactions";
}

TEST_F(CatalogueTest, ListsByIdAndNewestFirst) {
  for (const char* id : {"b", "c", "a"}) ASSERT_TRUE(catalogue_->Commit(InsertOf(id, id)).ok());
  const auto ids = [](const std::vector<Row>& rows) {
    std::string all;
    for (const Row& row : rows) all += row.id;
    return all;
  };
  EXPECT_EQ(ids(*catalogue_->List("sessions", "", 10, false)), "abc");
  EXPECT_EQ(ids(*catalogue_->List("sessions", "a", 1, false)), "b");
  EXPECT_EQ(ids(*catalogue_->List("sessions", "", 2, true)), "ac");
  EXPECT_EQ(ids(*catalogue_->List("sessions", "c", 2, true)), "b");
  EXPECT_TRUE(catalogue_->List("jobs", "", 10, false)->empty());
}

TEST_F(CatalogueTest, ManyThreadsCommitInGroups) {
  constexpr int kThreads = 8;
  constexpr int kEach = 25;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < kEach; ++i)
        ASSERT_TRUE(catalogue_->Commit(InsertOf(absl::StrCat("r", t, "-", i), "v")).ok());
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(catalogue_->List("sessions", "", 1000, false)->size(), size_t{kThreads * kEach});
  EXPECT_TRUE(Open().ok());
}

TEST_F(CatalogueTest, RepliesAreKeptForADay) {
  google::protobuf::Timestamp body;
  body.set_seconds(1);
  const RequestTag tag = TagOf("CreateSession", "id-1", body);
  ASSERT_FALSE(FindRepeat(catalogue_.get(), tag)->has_value());
  Transaction transaction = InsertOf("a", "1");
  Remember(tag, transaction);
  transaction.make_reply = [](const std::vector<Row>& rows) { return "reply of " + rows[0].id; };
  ASSERT_TRUE(catalogue_->Commit(transaction).ok());
  ASSERT_TRUE(Open().ok());
  EXPECT_EQ(**FindRepeat(catalogue_.get(), tag), "reply of a");
  body.set_seconds(2);
  const absl::Status reused =
      FindRepeat(catalogue_.get(), TagOf("CreateSession", "id-1", body)).status();
  EXPECT_EQ(ReasonOf(reused), "REQUEST_ID_REUSED");
  now_ += absl::Hours(24) + absl::Seconds(1);
  EXPECT_FALSE(FindRepeat(catalogue_.get(), tag)->has_value());
  Transaction again = InsertOf("b", "1");
  Remember(tag, again);
  EXPECT_TRUE(catalogue_->Commit(again).ok()) << "an expired id can be used again";
}

TEST_F(CatalogueTest, KillNineLosesNothingThatWasAcknowledged) {
  catalogue_.reset();
  std::mt19937 random(3);
  int64_t acknowledged = 0;
  for (int round = 0; round < 12; ++round) {
    int pipe_ends[2];
    ASSERT_EQ(pipe(pipe_ends), 0);
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      // No locks of other threads are held here: the test has none at this point.
      auto catalogue = Catalogue::Open(path_);
      if (!catalogue.ok()) _exit(3);
      for (int64_t i = acknowledged;; ++i) {
        if (!(*catalogue)->Commit(InsertOf(absl::StrCat("r", i), absl::StrCat("value ", i))).ok())
          _exit(4);
        if (write(pipe_ends[1], &i, sizeof(i)) != sizeof(i)) _exit(5);
      }
    }
    close(pipe_ends[1]);
    int64_t last = -1;
    const int stop_after = static_cast<int>(random() % 40);
    for (int n = 0; n <= stop_after && read(pipe_ends[0], &last, sizeof(last)) == sizeof(last);
         ++n) {
    }
    usleep(random() % 3000);
    kill(child, SIGKILL);
    // What was acknowledged before the signal arrived is in the pipe.
    while (read(pipe_ends[0], &last, sizeof(last)) == sizeof(last)) {
    }
    close(pipe_ends[0]);
    int status = 0;
    waitpid(child, &status, 0);
    ASSERT_TRUE(WIFSIGNALED(status)) << "exit " << WEXITSTATUS(status);
    auto catalogue = Catalogue::Open(path_);
    ASSERT_TRUE(catalogue.ok()) << catalogue.status();
    const std::vector<Row> rows = *(*catalogue)->List("sessions", "", 100000, false);
    ASSERT_GE(static_cast<int64_t>(rows.size()), last + 1);
    for (int64_t i = 0; i <= last; ++i) {
      ASSERT_EQ((*catalogue)->Get("sessions", absl::StrCat("r", i))->value,
                absl::StrCat("value ", i));
    }
    // One commit may have been made whose answer was never sent.
    acknowledged = static_cast<int64_t>(rows.size());
  }
  EXPECT_GT(acknowledged, 12);
}

// Copies the live database without closing it, as a crash would leave it.
void CopyDatabase(const std::string& from, const std::string& to) {
  for (const char* suffix : {"", "-wal", "-head"}) WriteFile(to + suffix, ReadFile(from + suffix));
}

TEST_F(CatalogueTest, LostCommitsAreNoticed) {
  for (int i = 0; i < 40; ++i)
    ASSERT_TRUE(catalogue_->Commit(InsertOf(absl::StrCat("r", i), "some value")).ok());
  const std::string copy = scratch_.File("copy.db");
  CopyDatabase(path_, copy);
  ASSERT_TRUE(Catalogue::Open(copy).ok());

  // Four bytes in the middle of the write-ahead log: SQLite by itself takes the rest for never
  // written.
  CopyDatabase(path_, copy);
  std::string wal = ReadFile(path_ + "-wal");
  ASSERT_GT(wal.size(), 10000u);
  for (size_t i = 0; i < 4; ++i) wal[wal.size() / 2 + i] ^= 0x5a;
  WriteFile(copy + "-wal", wal);
  absl::Status status = Catalogue::Open(copy).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss) << status;
  EXPECT_EQ(ReasonOf(status), "CATALOGUE_CORRUPT");

  CopyDatabase(path_, copy);
  WriteFile(copy + "-wal", ReadFile(path_ + "-wal").substr(0, wal.size() / 2));
  EXPECT_EQ(Catalogue::Open(copy).status().code(), absl::StatusCode::kDataLoss);

  // A torn witness is no witness.
  CopyDatabase(path_, copy);
  WriteFile(copy + "-head", "12 nonsense");
  EXPECT_TRUE(Catalogue::Open(copy).ok());
}

TEST_F(CatalogueTest, ADamagedRowOrLinkIsNoticed) {
  ASSERT_TRUE(catalogue_->Commit(InsertOf("a", "needle-in-the-row")).ok());
  ASSERT_TRUE(catalogue_->Commit(InsertOf("b", "other")).ok());
  catalogue_.reset();  // checkpoints the log into the database
  std::string content = ReadFile(path_);
  const size_t at = content.find("needle");
  ASSERT_NE(at, std::string::npos);
  content[at] = 'N';
  WriteFile(path_, content);
  const absl::Status status = Open();
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  EXPECT_NE(status.message().find("sessions/a"), absl::string_view::npos) << status;
}

TEST_F(CatalogueTest, WhatIsNoDatabaseIsRefused) {
  catalogue_.reset();
  WriteFile(path_, std::string(4096, 'x'));
  EXPECT_EQ(Open().code(), absl::StatusCode::kDataLoss);
}

TEST(DataLockTest, OneHolderADirectory) {
  ScratchDirectory scratch;
  auto lock = DataLock::Acquire(scratch.path());
  ASSERT_TRUE(lock.ok());
  const absl::Status second = DataLock::Acquire(scratch.path()).status();
  EXPECT_EQ(ReasonOf(second), "DATA_DIRECTORY_IN_USE");
  EXPECT_NE(second.message().find(absl::StrCat(getpid())), absl::string_view::npos);
  lock->reset();
  EXPECT_TRUE(DataLock::Acquire(scratch.path()).ok());
}

TEST(NamesTest, IdsNamesEtagsTokens) {
  EXPECT_TRUE(CheckId("id", "a-1").ok());
  for (const char* bad : {"", "A", "1a", "a_b", "-a"}) EXPECT_FALSE(CheckId("id", bad).ok()) << bad;
  EXPECT_FALSE(CheckId("id", std::string(64, 'a')).ok());
  EXPECT_EQ(*IdOf("sessions", "sessions/x", "name"), "x");
  EXPECT_FALSE(IdOf("sessions", "models/x", "name").ok());
  EXPECT_TRUE(CheckId("id", RandomId("session")).ok());
  EXPECT_EQ(*VersionOf(EtagOf(12)), 12);
  EXPECT_EQ(*VersionOf(""), 0);
  for (const char* bad : {"12", "\"\"", "\"x\"", "\"0\"", "\"12"})
    EXPECT_FALSE(VersionOf(bad).ok()) << bad;
  EXPECT_EQ(*PageKey("list", PageToken("list", "key")), "key");
  EXPECT_FALSE(PageKey("other", PageToken("list", "key")).ok());
  EXPECT_FALSE(PageKey("list", "garbage").ok());
  EXPECT_EQ(*PageSize(0), 50);
  EXPECT_EQ(*PageSize(5000), 1000);
  EXPECT_FALSE(PageSize(-1).ok());
}

}  // namespace
}  // namespace torpor
