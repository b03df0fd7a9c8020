#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/server/services/server_fixture.h"
#include "torpor/v1/memory.grpc.pb.h"

namespace torpor {
namespace {

using testing::FieldOf;
using ::testing::HasSubstr;

class MemoryServiceTest : public testing::ServerTest {
 protected:
  MemoryServiceTest() : memory_(v1::MemoryService::NewStub(channel_)) {
    v1::WeightArray& array = *request_.mutable_subject()->add_arrays();
    array.mutable_dense()->set_inputs(784);
    array.mutable_dense()->set_outputs(128);
    array.set_bits(8);
    array.set_density(0.5);
  }
  grpc::Status Estimate() { return memory_->EstimateMemory(Context().get(), request_, &reply_); }
  grpc::Status Compare() {
    v1::CompareMemoryRequest request;
    *request.mutable_subject() = request_.subject();
    *request.mutable_schemes() = request_.schemes();
    *request.mutable_costs() = request_.costs();
    request.set_draws(draws_);
    return memory_->CompareMemory(Context().get(), request, &compared_);
  }
  v1::WeightArray& Array() { return *request_.mutable_subject()->mutable_arrays(0); }

  std::unique_ptr<v1::MemoryService::Stub> memory_;
  v1::EstimateMemoryRequest request_;
  v1::EstimateMemoryResponse reply_;
  v1::CompareMemoryResponse compared_;
  int draws_ = 100;
};

TEST_F(MemoryServiceTest, EstimatesArraysInEachScheme) {
  ASSERT_TRUE(Estimate().ok());
  ASSERT_EQ(reply_.estimates_size(), 5);
  EXPECT_EQ(reply_.profile().name(), "memory-synthesis");
  const v1::MemoryEstimate& crossbar = reply_.estimates(0);
  EXPECT_EQ(crossbar.array(), "array0");
  EXPECT_EQ(crossbar.storage_bits(), 784 * 128 * 8);
  EXPECT_NEAR(crossbar.leakage_mw(), 45.55, 0.01);
  EXPECT_NEAR(crossbar.forward_uj(), 1.6561, 0.12 * 1.6561);
  EXPECT_DOUBLE_EQ(crossbar.backward_update_uj(), crossbar.backward_uj() + crossbar.update_uj());
  EXPECT_THAT(reply_.estimates(4).refused(), HasSubstr("dense"));
  EXPECT_EQ(reply_.totals_size(), 4);
}

TEST_F(MemoryServiceTest, ComparesWithDrawsAndBreakEvens) {
  ASSERT_TRUE(Compare().ok());
  EXPECT_EQ(compared_.comparisons_size(), 4 * 3 * 4);
  EXPECT_EQ(compared_.break_evens_size(), 6 * 4);
  for (const v1::MemoryComparison& comparison : compared_.comparisons()) {
    ASSERT_EQ(comparison.percentiles_size(), 5);
    EXPECT_LE(comparison.percentiles(0), comparison.percentiles(4));
  }
  draws_ = 0;
  ASSERT_TRUE(Compare().ok());
  EXPECT_FALSE(compared_.comparisons(0).has_robustness());
}

TEST_F(MemoryServiceTest, AsksSessionsForTheirArrays) {
  ASSERT_TRUE(Create("s1").ok());
  request_.mutable_subject()->clear_arrays();
  request_.mutable_subject()->set_name("sessions/s1");
  ASSERT_TRUE(Estimate().ok());
  // Two layers in each scheme.
  ASSERT_EQ(reply_.estimates_size(), 10);
  EXPECT_EQ(reply_.estimates(0).of().dense().inputs(), testing::kInputs);
  EXPECT_EQ(reply_.estimates(0).of().bits(), 32);
  EXPECT_EQ(reply_.estimates(5).of().dense().outputs(), 3);
  request_.mutable_subject()->set_bits(2);
  ASSERT_TRUE(Estimate().ok());
  EXPECT_EQ(reply_.estimates(0).of().bits(), 2);
  EXPECT_LT(reply_.estimates(0).of().density(), 1);
  ASSERT_TRUE(Compare().ok());
  EXPECT_EQ(compared_.estimates().totals_size(), 4);
  request_.mutable_subject()->set_name("sessions/none");
  EXPECT_EQ(Estimate().error_code(), grpc::StatusCode::NOT_FOUND);
  request_.mutable_subject()->set_name("models/none");
  EXPECT_EQ(Estimate().error_code(), grpc::StatusCode::NOT_FOUND);
}

TEST_F(MemoryServiceTest, RefusesByFieldPath) {
  Array().set_density(1.5);
  grpc::Status status = Estimate();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(FieldOf(status), "subject.arrays[0].density");
  EXPECT_THAT(status.error_message(), HasSubstr("must be in [0, 1], got 1.5"));
  EXPECT_EQ(FieldOf(Compare()), "subject.arrays[0].density");
  Array().set_density(1);
  Array().set_bits(0);
  EXPECT_EQ(FieldOf(Estimate()), "subject.arrays[0].bits");
  Array().set_bits(8);
  request_.add_schemes(v1::MemoryScheme::FUNCTIONAL);
  status = Estimate();
  EXPECT_EQ(FieldOf(status), "schemes[0]");
  EXPECT_THAT(status.error_message(), HasSubstr("dense"));
  request_.set_schemes(0, static_cast<v1::MemoryScheme::Kind>(77));
  EXPECT_EQ(FieldOf(Estimate()), "schemes[0]");
  request_.clear_schemes();
  v1::WeightArray::Conv2dShape& conv = *Array().mutable_conv2d();
  conv.set_height(3);
  conv.set_width(3);
  conv.set_kernel_height(5);
  conv.set_kernel_width(3);
  conv.set_input_channels(1);
  conv.set_output_channels(1);
  EXPECT_EQ(FieldOf(Estimate()), "subject.arrays[0].conv2d.kernel_height");
  conv.set_kernel_height(3);
  EXPECT_TRUE(Estimate().ok());
  request_.mutable_costs()->set_profile_name("truenorth-cores");
  EXPECT_EQ(FieldOf(Estimate()), "costs.profile_name");
  request_.mutable_costs()->set_profile_name("no-such");
  EXPECT_EQ(Estimate().error_code(), grpc::StatusCode::NOT_FOUND);
  request_.mutable_costs()->mutable_device_profile()->set_name("mine");
  EXPECT_EQ(FieldOf(Estimate()), "costs.device_profile.coefficients");
  request_.clear_costs();
  draws_ = -1;
  EXPECT_EQ(FieldOf(Compare()), "draws");
}

}  // namespace
}  // namespace torpor
