#include "engine/base/file_system.h"

#include <string>

#include "engine/base/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/scratch_directory.h"
#include "tests/support/status_matchers.h"

namespace torpor {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class FileSystemTest : public ::testing::Test {
 protected:
  ScratchDirectory dir_;
  std::unique_ptr<FileSystem> files_ = NewPosixFileSystem();
};

TEST_F(FileSystemTest, WritesAreReadBackAndLeaveNothingElse) {
  std::string data(300000, 'x');
  data[7] = '\0';
  const std::string path = dir_.File("a");
  TORPOR_ASSERT_OK(files_->WriteAtomically(path, data));
  TORPOR_ASSERT_OK_AND_ASSIGN(std::string read, files_->Read(path));
  EXPECT_EQ(read, data);
  TORPOR_ASSERT_OK(files_->WriteAtomically(path, "new"));
  TORPOR_ASSERT_OK_AND_ASSIGN(read, files_->Read(path));
  EXPECT_EQ(read, "new");
  EXPECT_THAT(*files_->List(dir_.path()), ElementsAre("a"));
  EXPECT_EQ(*files_->Size(path), 3);
}

TEST_F(FileSystemTest, PrefixesStopAtTheirLengthOrTheEnd) {
  TORPOR_ASSERT_OK(files_->WriteAtomically(dir_.File("a"), "hello"));
  EXPECT_EQ(*files_->ReadPrefix(dir_.File("a"), 3), "hel");
  EXPECT_EQ(*files_->ReadPrefix(dir_.File("a"), 5), "hello");
  EXPECT_EQ(*files_->ReadPrefix(dir_.File("a"), 100), "hello");
  EXPECT_EQ(*files_->ReadPrefix(dir_.File("a"), 0), "");
}

TEST_F(FileSystemTest, FilesWhoseSizeIsNotKnownAreReadWhole) {
  TORPOR_ASSERT_OK_AND_ASSIGN(const std::string cpu, files_->Read("/proc/cpuinfo"));
  EXPECT_THAT(cpu, HasSubstr("processor"));
}

TEST_F(FileSystemTest, AppendingContinuesAFile) {
  const std::string path = dir_.File("log");
  for (const char* piece : {"one ", "two "}) {
    TORPOR_ASSERT_OK_AND_ASSIGN(auto file, files_->OpenAppend(path));
    TORPOR_ASSERT_OK(file->Append(piece));
    TORPOR_ASSERT_OK(file->Append("and "));
    TORPOR_ASSERT_OK(file->Sync());
  }
  EXPECT_EQ(*files_->Read(path), "one and two and ");
}

TEST_F(FileSystemTest, FoldersAreMadeListedAndRemoved) {
  TORPOR_ASSERT_OK(files_->CreateDirectories(dir_.File("x/y/z")));
  TORPOR_ASSERT_OK(files_->CreateDirectories(dir_.File("x/y/z")));
  TORPOR_ASSERT_OK(files_->WriteAtomically(dir_.File("x/b"), ""));
  EXPECT_THAT(*files_->List(dir_.File("x")), ElementsAre("b", "y"));
  TORPOR_ASSERT_OK(files_->Remove(dir_.File("x")));
  TORPOR_ASSERT_OK(files_->Remove(dir_.File("x")));
  EXPECT_FALSE(*files_->Exists(dir_.File("x")));
  TORPOR_ASSERT_OK(files_->WriteAtomically(dir_.File("file"), ""));
  EXPECT_FALSE(files_->CreateDirectories(dir_.File("file")).ok());
  EXPECT_FALSE(files_->CreateDirectories(dir_.File("file/below")).ok());
}

TEST_F(FileSystemTest, AbsentFilesAreNotFoundAndNamed) {
  const std::string path = dir_.File("absent");
  EXPECT_THAT(files_->Read(path), StatusIs(absl::StatusCode::kNotFound, HasSubstr(path)));
  EXPECT_THAT(files_->Size(path), StatusIs(absl::StatusCode::kNotFound));
  EXPECT_THAT(files_->List(path), StatusIs(absl::StatusCode::kNotFound));
  EXPECT_THAT(files_->OpenAppend(path + "/below"), StatusIs(absl::StatusCode::kNotFound));
  EXPECT_THAT(files_->WriteAtomically(path + "/below", ""), StatusIs(absl::StatusCode::kNotFound));
  EXPECT_FALSE(files_->Read(dir_.path()).ok());  // a folder
}

// /dev/full refuses every write as a full disk does.
TEST_F(FileSystemTest, AFullDiskSaysSo) {
  TORPOR_ASSERT_OK_AND_ASSIGN(auto file, files_->OpenAppend("/dev/full"));
  const absl::Status status = file->Append("x");
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("/dev/full")));
  EXPECT_THAT(status, HasReason("DISK_FULL"));
}

TEST_F(FileSystemTest, FaultsComeWhenTheyAreDueAndStay) {
  FaultyFileSystem faulty(files_.get());
  const absl::Status full = WithReason(absl::ResourceExhaustedError("full"), "DISK_FULL");
  const std::string path = dir_.File("a");
  TORPOR_ASSERT_OK_AND_ASSIGN(auto log, faulty.OpenAppend(dir_.File("log")));
  faulty.FailFrom(3, full);
  TORPOR_EXPECT_OK(faulty.WriteAtomically(path, "1"));
  TORPOR_EXPECT_OK(log->Append("1"));
  EXPECT_EQ(faulty.WriteAtomically(path, "2"), full);
  EXPECT_EQ(log->Append("1234"), full);
  EXPECT_EQ(log->Sync(), full);
  EXPECT_EQ(*faulty.Read(path), "1");                // the old content stays
  EXPECT_EQ(*faulty.Read(dir_.File("log")), "112");  // the torn end of a failed append
  faulty.FailFrom(0, absl::OkStatus());
  TORPOR_EXPECT_OK(faulty.WriteAtomically(path, "3"));
}

}  // namespace
}  // namespace torpor
