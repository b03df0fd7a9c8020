// Debian's dataset-fashion-mnist is found as it is installed.
#include <filesystem>

#include "engine/data/catalogue.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"

namespace torpor {
namespace {

TEST(FashionMnist, IsFoundAndWhole) {
  constexpr char kRoot[] = "/usr/share/datasets";
  if (!std::filesystem::exists(std::string(kRoot) + "/fashion-mnist")) {
    GTEST_SKIP() << "Debian's package dataset-fashion-mnist is not installed";
  }
  const auto files = NewPosixFileSystem();
  const DatasetCatalogue catalogue({kRoot}, files.get());
  TORPOR_ASSERT_OK_AND_ASSIGN(const v1::VerifyDatasetResponse response,
                              catalogue.Verify("fashion-mnist"));
  EXPECT_EQ(response.dataset().train_samples(), 60000);
  EXPECT_EQ(response.dataset().test_samples(), 10000);
  EXPECT_EQ(response.dataset().classes(), 10);
  EXPECT_THAT(response.dataset().sample_shape(), ::testing::ElementsAre(28, 28));
}

}  // namespace
}  // namespace torpor
