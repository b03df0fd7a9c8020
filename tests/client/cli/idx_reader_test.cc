#include "client/cli/idx_reader.h"

#include <zlib.h>

#include <filesystem>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace torpor::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string BigEndian(uint32_t value) {
  return {static_cast<char>(value >> 24), static_cast<char>(value >> 16),
          static_cast<char>(value >> 8), static_cast<char>(value)};
}

std::string Idx(const std::vector<uint32_t>& shape, const std::string& bytes) {
  std::string file{'\0', '\0', '\x08', static_cast<char>(shape.size())};
  for (const uint32_t size : shape) file += BigEndian(size);
  return file + bytes;
}

class IdxReaderTest : public ::testing::Test {
 protected:
  void SetUp() override {
    root_ = std::filesystem::path(::testing::TempDir()) /
            ::testing::UnitTest::GetInstance()->current_test_info()->name();
    std::filesystem::remove_all(root_);
    std::filesystem::create_directories(root_ / "tiny");
  }

  std::string Write(const std::string& name, const std::string& bytes) {
    const std::string path = (root_ / "tiny" / name).string();
    std::ofstream(path, std::ios::binary) << bytes;
    return path;
  }

  std::string WriteGz(const std::string& name, const std::string& bytes) {
    const std::string path = (root_ / "tiny" / name).string();
    gzFile file = gzopen(path.c_str(), "wb");
    gzwrite(file, bytes.data(), static_cast<unsigned>(bytes.size()));
    gzclose(file);
    return path;
  }

  // The error of reading `bytes` as a file.
  absl::Status Refusal(const std::string& bytes) { return ReadIdx(Write("x", bytes)).status(); }

  std::filesystem::path root_;
};

TEST_F(IdxReaderTest, ReadsPlainAndGzipAlike) {
  const std::string idx = Idx({2, 1, 3}, "abcdef");
  for (const std::string& path : {Write("plain", idx), WriteGz("packed.gz", idx)}) {
    const absl::StatusOr<IdxArray> array = ReadIdx(path);
    ASSERT_TRUE(array.ok()) << array.status();
    EXPECT_THAT(array->shape, ElementsAre(2, 1, 3));
    EXPECT_EQ(array->bytes, "abcdef");
  }
}

TEST_F(IdxReaderTest, RefusesWhatIsNoIdx) {
  EXPECT_EQ(ReadIdx((root_ / "none").string()).status().code(), absl::StatusCode::kNotFound);
  for (const std::string& bytes : {std::string(), std::string("\0\0", 2), std::string("PNG!", 4),
                                   std::string("\0\0\x0d\1", 4) + BigEndian(1),
                                   std::string("\0\0\x08\0", 4), std::string("\0\0\x08\7", 4)}) {
    EXPECT_EQ(Refusal(bytes).code(), absl::StatusCode::kDataLoss) << bytes.size();
  }
}

TEST_F(IdxReaderTest, RefusesSizesThatLie) {
  EXPECT_THAT(std::string(Refusal(Idx({2, 3}, "abcde")).message()), HasSubstr("ends too early"));
  EXPECT_THAT(std::string(Refusal(Idx({2, 3}, "abcdefg")).message()), HasSubstr("goes on"));
  EXPECT_THAT(std::string(Refusal(Idx({0, 3}, "")).message()), HasSubstr("size 0"));
  // Refused before anything is allocated, also where the product overflows.
  EXPECT_THAT(std::string(Refusal(Idx({0xffffffffu, 0xffffffffu, 0xffffffffu}, "")).message()),
              HasSubstr("2^30"));
}

TEST_F(IdxReaderTest, RefusesATornGzip) {
  const std::string path = WriteGz("torn.gz", Idx({4096}, std::string(4096, '\x5a')));
  std::filesystem::resize_file(path, std::filesystem::file_size(path) / 2);
  EXPECT_EQ(ReadIdx(path).status().code(), absl::StatusCode::kDataLoss);
}

TEST_F(IdxReaderTest, FindsTestImagesOnThePath) {
  WriteGz("t10k-images-idx3-ubyte.gz", Idx({3, 2, 2}, "aaaabbbbcccc"));
  Write("t10k-labels-idx1-ubyte", Idx({3}, std::string("\1\0\2", 3)));
  const absl::StatusOr<LabelledImages> images =
      ReadTestImages(absl::StrCat("/no/such/folder:", root_.string()), "tiny");
  ASSERT_TRUE(images.ok()) << images.status();
  EXPECT_EQ(images->count, 3);
  EXPECT_EQ(images->pixels_per_image, 4);
  EXPECT_THAT(images->image_shape, ElementsAre(2, 2));
  EXPECT_THAT(images->labels, ElementsAre(1, 0, 2));
  EXPECT_EQ(images->Slice(1, 2), "bbbbcccc");
}

TEST_F(IdxReaderTest, SaysWhereItLooked) {
  const absl::Status status =
      ReadTestImages(absl::StrCat("/no/such/folder:", root_.string()), "tiny").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(status.message()), HasSubstr("/no/such/folder/tiny/"));
  EXPECT_THAT(std::string(status.message()), HasSubstr(root_.string()));
}

TEST_F(IdxReaderTest, RefusesLabelsThatDoNotMatch) {
  Write("t10k-images-idx3-ubyte", Idx({3, 1, 1}, "abc"));
  Write("t10k-labels-idx1-ubyte", Idx({2}, "ab"));
  const absl::Status status = ReadTestImages(root_.string(), "tiny").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(status.message()), HasSubstr("2 labels for 3 images"));
}

}  // namespace
}  // namespace torpor::cli
