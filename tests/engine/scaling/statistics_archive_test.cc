#include "engine/scaling/statistics_archive.h"

#include "engine/base/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace torpor {
namespace {

using ::testing::HasSubstr;

constexpr StatisticsShape kShape{.units = 2, .inputs = 3, .fan_in = 3, .units_before = 1};

LayerStatistics Whole() {
  LayerStatistics s;
  s.mean = Eigen::Vector2d(1, -2);
  s.stddev = Eigen::Vector2d(0.5, 0);
  s.active = Eigen::Vector2d(0.75, 0);
  s.mean_squared_input = Eigen::Vector3d(1, 2, 3);
  s.quantiles = Matrix::Random(2, 5);
  s.mean_input = Eigen::Vector3d(4, 5, 6);
  s.input_covariance = Eigen::VectorXd::Constant(1, 0.25);
  s.delta_mean = Eigen::Vector2d(-1, 0.125);
  return s;
}

absl::StatusOr<LayerStatistics> RoundTrip(const LayerStatistics& s, const StatisticsShape& shape) {
  ArchiveWriter writer("model", v1::Network());
  SaveStatistics(s, "calibration/hidden", writer);
  auto reader = ArchiveReader::Parse(writer.Serialize());
  if (!reader.ok()) return reader.status();
  return LoadStatistics(*reader, "calibration/hidden", shape);
}

TEST(StatisticsArchiveTest, RoundTripKeepsEveryBit) {
  const LayerStatistics s = Whole();
  auto read = RoundTrip(s, kShape);
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->mean, s.mean);
  EXPECT_EQ(read->stddev, s.stddev);
  EXPECT_EQ(read->active, s.active);
  EXPECT_EQ(read->mean_squared_input, s.mean_squared_input);
  EXPECT_EQ(read->quantiles, s.quantiles);
  EXPECT_EQ(read->mean_input, s.mean_input);
  EXPECT_EQ(read->input_covariance, s.input_covariance);
  EXPECT_EQ(read->delta_mean, s.delta_mean);
}

TEST(StatisticsArchiveTest, PartsMayBeMissingTogetherAlone) {
  LayerStatistics old = Whole();
  old.quantiles.resize(0, 0);
  old.mean_input.resize(0);
  old.input_covariance.resize(0);
  old.delta_mean.resize(0);
  auto read = RoundTrip(old, kShape);
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->quantiles.size() + read->delta_mean.size(), 0);
  LayerStatistics torn = Whole();
  torn.mean_input.resize(0);
  EXPECT_THAT(std::string(RoundTrip(torn, kShape).status().message()), HasSubstr("mean_input"));
  // The first layer with weights keeps nothing about its windows.
  EXPECT_TRUE(RoundTrip(torn, {.units = 2, .inputs = 3, .fan_in = 0, .units_before = 0}).ok());
}

TEST(StatisticsArchiveTest, OtherShapesAndImpossibleNumbersAreNamed) {
  for (auto [shape, tensor] : {std::pair(StatisticsShape{4, 3, 3, 1}, "mean"),
                               std::pair(StatisticsShape{2, 9, 3, 1}, "mean_squared_input"),
                               std::pair(StatisticsShape{2, 3, 8, 1}, "mean_input"),
                               std::pair(StatisticsShape{2, 3, 3, 2}, "input_covariance")}) {
    const absl::Status status = RoundTrip(Whole(), shape).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
    EXPECT_THAT(std::string(status.message()), HasSubstr(tensor));
  }
  LayerStatistics negative = Whole();
  negative.stddev[1] = -1;
  EXPECT_EQ(ReasonOf(RoundTrip(negative, kShape).status()), "ARCHIVE_CORRUPT");
}

}  // namespace
}  // namespace torpor
