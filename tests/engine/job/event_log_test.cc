#include "engine/job/event_log.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/scratch_directory.h"

namespace torpor {
namespace {

v1::JobEvent Epoch(int epoch) {
  v1::JobEvent event;
  event.mutable_epoch_done()->set_epoch(epoch);
  (*event.mutable_epoch_done()->mutable_metrics())["train_loss"] = 1.0 / epoch;
  return event;
}

class EventLogTest : public testing::Test {
 protected:
  std::string Path() const { return scratch_.path() + "/events.log"; }
  // Appends `epochs` events to the log of attempt 2 and returns the file's content.
  std::string WriteEpochs(int epochs) {
    auto writer = EventLogWriter::Open(Path(), 2, files_.get());
    EXPECT_TRUE(writer.ok()) << writer.status();
    for (int i = 1; i <= epochs; ++i) EXPECT_TRUE((*writer)->Append(Epoch(i), i % 2 == 0).ok());
    return *files_->Read(Path());
  }

  ScratchDirectory scratch_;
  std::unique_ptr<FileSystem> files_ = NewPosixFileSystem();
};

TEST_F(EventLogTest, NumbersEventsWithinTheirAttempt) {
  const ParsedEvents parsed = ParseEvents(WriteEpochs(3));
  ASSERT_EQ(parsed.events.size(), 3u);
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(parsed.events[i].sequence(), (int64_t{2} << 32) + i + 1);
    EXPECT_EQ(parsed.events[i].epoch_done().epoch(), i + 1);
    EXPECT_GT(parsed.events[i].time().seconds(), 0);
    EXPECT_EQ(AttemptOf(parsed.events[i].sequence()), 2);
  }
}

TEST_F(EventLogTest, ATornLogYieldsTheWholeRecordsBeforeTheTear) {
  const std::string content = WriteEpochs(3);
  EXPECT_EQ(ParseEvents(content).consumed, content.size());
  size_t last_count = 0;
  for (size_t length = 0; length < content.size(); ++length) {
    const ParsedEvents parsed = ParseEvents(content.substr(0, length));
    EXPECT_LT(parsed.events.size(), 3u) << length;
    EXPECT_GE(parsed.events.size(), last_count);
    EXPECT_LE(parsed.consumed, length);
    last_count = parsed.events.size();
  }
  EXPECT_EQ(last_count, 2u);
}

TEST_F(EventLogTest, AFlippedBitEndsTheLogBeforeItsRecord) {
  const std::string content = WriteEpochs(2);
  const size_t first_record = ParseEvents(content.substr(0, content.size() - 1)).consumed;
  for (size_t at = 0; at < content.size(); ++at) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string damaged = content;
      damaged[at] = static_cast<char>(damaged[at] ^ (1 << bit));
      const ParsedEvents parsed = ParseEvents(damaged);
      EXPECT_EQ(parsed.events.size(), at < first_record ? 0u : 1u) << at << " bit " << bit;
    }
  }
}

TEST_F(EventLogTest, AHugeLengthIsDamageAndNotAnAllocation) {
  const ParsedEvents parsed = ParseEvents(std::string(64, '\xff'));
  EXPECT_TRUE(parsed.events.empty());
  EXPECT_EQ(parsed.consumed, 0u);
}

TEST_F(EventLogTest, OpeningATornLogAgainGoesOnAfterItsWholeRecords) {
  const std::string content = WriteEpochs(3);
  ASSERT_TRUE(files_->WriteAtomically(Path(), content.substr(0, content.size() - 5)).ok());
  auto writer = EventLogWriter::Open(Path(), 2, files_.get());
  ASSERT_TRUE(writer.ok()) << writer.status();
  ASSERT_TRUE((*writer)->Append(Epoch(9), false).ok());
  const ParsedEvents parsed = ParseEvents(*files_->Read(Path()));
  ASSERT_EQ(parsed.events.size(), 3u);
  EXPECT_EQ(parsed.events[2].epoch_done().epoch(), 9);
  EXPECT_EQ(parsed.events[2].sequence(), SequenceOf(2, 3));
}

}  // namespace
}  // namespace torpor
