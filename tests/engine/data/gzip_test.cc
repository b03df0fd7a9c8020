#include "engine/data/gzip.h"

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/idx_dataset.h"
#include "tests/support/status_matchers.h"

namespace torpor {
namespace {

using ::testing::HasSubstr;

TEST(Gzip, ContentComesBackWhole) {
  std::string content;
  for (int i = 0; i < 100000; ++i) content += std::to_string(i);
  for (const std::string& text : {std::string(), std::string("x"), content}) {
    TORPOR_ASSERT_OK_AND_ASSIGN(const std::string out, Gunzip(GzipBytes(text), text.size()));
    EXPECT_EQ(out, text);
  }
  TORPOR_ASSERT_OK_AND_ASSIGN(const std::string joined,
                              Gunzip(GzipBytes("ab") + GzipBytes("cd"), 4));
  EXPECT_EQ(joined, "abcd");
}

TEST(Gzip, APrefixNeedsOnlyTheBeginning) {
  const std::string gz = GzipBytes(std::string(1000000, 'a'));
  TORPOR_ASSERT_OK_AND_ASSIGN(const std::string head, GunzipPrefix(gz.substr(0, 200), 16));
  EXPECT_EQ(head, std::string(16, 'a'));
}

// A megabyte of zeros is a kilobyte of gzip: a limit must hold before memory is filled.
TEST(Gzip, ContentBeyondTheLimitIsRefused) {
  const std::string gz = GzipBytes(std::string(1 << 20, '\0'));
  EXPECT_THAT(Gunzip(gz, 1000), StatusIs(absl::StatusCode::kDataLoss, HasSubstr("longer than")));
  EXPECT_THAT(Gunzip(gz, (1 << 20) - 1), StatusIs(absl::StatusCode::kDataLoss));
  TORPOR_EXPECT_OK(Gunzip(gz, 1 << 20));
}

TEST(Gzip, EveryTruncationAndTrailingByteIsRefused) {
  const std::string content = "some content, some content, and more";
  const std::string gz = GzipBytes(content);
  for (size_t length = 0; length < gz.size(); ++length) {
    EXPECT_THAT(Gunzip(gz.substr(0, length), 100), StatusIs(absl::StatusCode::kDataLoss)) << length;
  }
  EXPECT_THAT(Gunzip(gz + "x", 100), StatusIs(absl::StatusCode::kDataLoss));
}

TEST(Gzip, DamageNeverChangesTheContentSilently) {
  std::string content;
  for (int i = 0; i < 300; ++i) content += std::to_string(i * i);
  const std::string gz = GzipBytes(content);
  // Behind the 10 bytes of header, most of which nobody checks.
  int refused = 0, flips = 0;
  for (size_t bit = 80; bit < 8 * gz.size(); ++bit, ++flips) {
    std::string bad = gz;
    bad[bit / 8] = static_cast<char>(bad[bit / 8] ^ (1 << (bit % 8)));
    const auto out = Gunzip(bad, 10000);
    // A few bits of deflate data are spare.
    if (out.ok()) {
      EXPECT_EQ(*out, content) << bit;
    }
    refused += !out.ok();
  }
  EXPECT_GE(refused, flips * 99 / 100);
}

}  // namespace
}  // namespace torpor
