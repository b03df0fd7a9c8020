#include "server/store/blobs.h"

#include "engine/base/status.h"
#include "gtest/gtest.h"
#include "tests/support/idx_dataset.h"
#include "tests/support/scratch_directory.h"

namespace torpor {
namespace {

class BlobsTest : public ::testing::Test {
 protected:
  std::string PathOf(const std::string& digest) {
    return scratch_.File("blobs/sha256/" + digest.substr(0, 2) + "/" + digest);
  }
  ScratchDirectory scratch_;
  std::unique_ptr<FileSystem> posix_ = NewPosixFileSystem();
  FaultyFileSystem files_{posix_.get()};
  BlobStore blobs_{scratch_.File("blobs"), &files_};
};

TEST_F(BlobsTest, KeepsContentByDigest) {
  const std::string digest = *blobs_.Put("abc");
  EXPECT_EQ(digest, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(*blobs_.Get(digest), "abc");
  EXPECT_EQ(*blobs_.Put("abc"), digest);
  EXPECT_EQ(blobs_.Get(std::string(64, '0')).status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(blobs_.Get("../../etc/passwd").status().code(), absl::StatusCode::kNotFound);
}

TEST_F(BlobsTest, DamageIsFoundAndMendedByPut) {
  const std::string digest = *blobs_.Put("precious");
  WriteFile(PathOf(digest), "preciouz");
  EXPECT_EQ(ReasonOf(blobs_.Get(digest).status()), "BLOB_CORRUPT");
  ASSERT_TRUE(blobs_.Put("precious").ok());
  EXPECT_EQ(*blobs_.Get(digest), "precious");
}

TEST_F(BlobsTest, AFailingDiskLeavesNoBlob) {
  files_.FailFrom(1, WithReason(absl::ResourceExhaustedError("disk full"), "DISK_FULL"));
  EXPECT_EQ(ReasonOf(blobs_.Put("abc").status()), "DISK_FULL");
  files_.FailFrom(0, absl::OkStatus());
  EXPECT_EQ(blobs_.Get("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
                .status()
                .code(),
            absl::StatusCode::kNotFound);
  EXPECT_TRUE(blobs_.Put("abc").ok());
}

TEST_F(BlobsTest, CollectsWhatNobodyRefersTo) {
  EXPECT_EQ(*blobs_.CollectGarbage({}), 0);
  const std::string kept = *blobs_.Put("kept");
  const std::string orphan = *blobs_.Put("orphan");
  EXPECT_EQ(*blobs_.CollectGarbage({kept}), 1);
  EXPECT_TRUE(blobs_.Get(kept).ok());
  EXPECT_FALSE(blobs_.Get(orphan).ok());
}

}  // namespace
}  // namespace torpor
