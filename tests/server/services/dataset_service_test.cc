// What the service gives of datasets' samples.
#include <algorithm>
#include <cstring>
#include <filesystem>
#include <vector>

#include "engine/data/catalogue.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/server/services/server_fixture.h"
#include "tests/support/idx_dataset.h"
#include "torpor/v1/dataset.grpc.pb.h"

namespace torpor {
namespace {

using ::testing::ElementsAre;
using testing::FieldOf;
using ::testing::HasSubstr;

class DatasetServiceTest : public testing::ServerTest {
 protected:
  DatasetServiceTest() : datasets_(v1::DatasetService::NewStub(channel_)) {
    request_.set_name("datasets/synthetic-digits");
  }
  grpc::Status Read() { return datasets_->ReadSamples(Context().get(), request_, &reply_); }

  std::unique_ptr<v1::DatasetService::Stub> datasets_;
  v1::ReadSamplesRequest request_;
  v1::ReadSamplesResponse reply_;
};

TEST_F(DatasetServiceTest, ReadsTheSamplesThatWereAskedFor) {
  request_.set_first(7);
  request_.set_count(3);
  ASSERT_TRUE(Read().ok());
  const Dataset digits = SyntheticDigits(v1::Split::TEST);
  EXPECT_EQ(reply_.split_samples(), digits.size());
  EXPECT_EQ(reply_.inputs().dtype(), v1::DataType::UINT8);
  EXPECT_THAT(reply_.inputs().shape(), ElementsAre(3, 12, 12));
  EXPECT_FALSE(reply_.has_targets());
  ASSERT_EQ(reply_.labels_size(), 3);
  std::vector<uint8_t> expected(144);
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(reply_.labels(i), digits.label(7 + i));
    digits.CopyBytes(7 + i, expected);
    EXPECT_EQ(std::memcmp(reply_.inputs().data().data() + 144 * i, expected.data(), 144), 0);
  }
}

TEST_F(DatasetServiceTest, SplitsDifferAndEndWhereTheyEnd) {
  request_.set_split(v1::Split::TRAIN);
  request_.set_first(1998);
  request_.set_count(10);
  ASSERT_TRUE(Read().ok());
  EXPECT_EQ(reply_.split_samples(), 2000);
  EXPECT_EQ(reply_.labels_size(), 2);
  EXPECT_EQ(reply_.inputs().shape(0), 2);
  EXPECT_EQ(reply_.labels(1), SyntheticDigits(v1::Split::TRAIN).label(1999));
}

TEST_F(DatasetServiceTest, GivesOneSampleUnlessToldHowMany) {
  ASSERT_TRUE(Read().ok());
  EXPECT_EQ(reply_.labels_size(), 1);
}

TEST_F(DatasetServiceTest, GivesTargetsBesideInputs) {
  request_.set_name("datasets/synthetic-pattern");
  ASSERT_TRUE(Read().ok());
  EXPECT_THAT(reply_.inputs().shape(), ElementsAre(1, 250, 700));
  EXPECT_THAT(reply_.targets().shape(), ElementsAre(1, 250, 250));
  const Dataset pattern = SyntheticPattern(v1::Split::TEST);
  std::vector<uint8_t> expected(250 * 250);
  pattern.CopyTarget(0, expected);
  ASSERT_EQ(reply_.targets().data().size(), expected.size());
  EXPECT_EQ(std::memcmp(reply_.targets().data().data(), expected.data(), expected.size()), 0);
  EXPECT_GT(std::count(expected.begin(), expected.end(), 1), 2000);
}

TEST_F(DatasetServiceTest, GivesFewerThanWouldFillAMessage) {
  // 1,200 samples of 4 kB are 4.7 MB, above what a client receives unless it asks for more.
  constexpr int kSamples = 1200, kSide = 64;
  const std::string folder = scratch_.File("datasets") + "/wide";
  std::filesystem::create_directories(folder);
  for (const std::string split : {"train", "t10k"}) {
    WriteFile(folder + "/" + split + "-images-idx3-ubyte",
              IdxBytes({kSamples, kSide, kSide}, std::string(kSamples * kSide * kSide, '\7')));
    WriteFile(
        folder + "/" + split + "-labels-idx1-ubyte",
        IdxBytes({kSamples}, std::string(kSamples / 2, '\0') + std::string(kSamples / 2, '\1')));
  }
  request_.set_name("datasets/wide");
  request_.set_count(kSamples);
  ASSERT_TRUE(Read().ok());
  EXPECT_EQ(reply_.labels_size(), (3 << 20) / (kSide * kSide));
  EXPECT_EQ(reply_.inputs().shape(0), reply_.labels_size());
  EXPECT_EQ(reply_.split_samples(), kSamples);
}

TEST_F(DatasetServiceTest, NamesTheFieldAndItsBound) {
  request_.set_first(500);
  grpc::Status status = Read();
  EXPECT_EQ(FieldOf(status), "first");
  EXPECT_THAT(status.error_message(), HasSubstr("0..499"));
  request_.set_first(-1);
  EXPECT_EQ(FieldOf(Read()), "first");
  request_.set_first(0);
  request_.set_count(4097);
  status = Read();
  EXPECT_EQ(FieldOf(status), "count");
  EXPECT_THAT(status.error_message(), HasSubstr("0..4096"));
  request_.set_count(-1);
  EXPECT_EQ(FieldOf(Read()), "count");
  request_.set_count(1);
  request_.set_split(v1::Split::VALIDATION);
  EXPECT_EQ(FieldOf(Read()), "split");
  request_.set_split(static_cast<v1::Split::Kind>(9));
  EXPECT_EQ(FieldOf(Read()), "split");
  request_.set_split(v1::Split::TEST);
  request_.set_name("datasets/nosuch");
  EXPECT_EQ(Read().error_code(), grpc::StatusCode::NOT_FOUND);
}

}  // namespace
}  // namespace torpor
