#include "engine/base/status.h"

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"

namespace torpor {
namespace {

using ::testing::HasSubstr;

google::rpc::BadRequest BadRequestOf(const absl::Status& status) {
  google::rpc::BadRequest bad_request;
  const google::rpc::Status proto = ToProto(status);
  for (const google::protobuf::Any& any : proto.details()) any.UnpackTo(&bad_request);
  return bad_request;
}

TEST(Status, ViolationsKeepEveryFieldUpToTwenty) {
  Violations violations;
  EXPECT_TRUE(violations.ToStatus().ok());
  for (int i = 0; i < 30; ++i) violations.Add("a[" + std::to_string(i) + "]", "must be 1, got 0");
  const absl::Status status = violations.ToStatus();
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kInvalidArgument, "a[0]: must be 1, got 0"));
  const google::rpc::BadRequest bad_request = BadRequestOf(status);
  ASSERT_EQ(bad_request.field_violations_size(), 20);
  EXPECT_EQ(bad_request.field_violations(19).field(), "a[19]");
}

TEST(Status, PrefixReachesMessageAndEveryPath) {
  Violations violations;
  violations.Add("rate.layers[0].dense.units", "must be in 1..65536, got 0");
  violations.Add("rate.input.shape", "is empty");
  const absl::Status status =
      WithFieldPrefix(WithReason(violations.ToStatus(), "BAD_NETWORK"), "network.");
  EXPECT_THAT(status.message(), "network.rate.layers[0].dense.units: must be in 1..65536, got 0");
  EXPECT_EQ(BadRequestOf(status).field_violations(1).field(), "network.rate.input.shape");
  EXPECT_THAT(status, HasReason("BAD_NETWORK"));
  const absl::Status other = absl::InternalError("x");
  EXPECT_EQ(WithFieldPrefix(other, "network."), other);
}

TEST(Status, InnermostReasonStays) {
  absl::Status status = WithReason(absl::InternalError("x"), "INNER", {{"path", "/a"}});
  status = WithReason(status, "OUTER");
  EXPECT_THAT(status, HasReason("INNER"));
  EXPECT_TRUE(WithReason(absl::OkStatus(), "ANY").ok());
}

TEST(Status, WireFormKeepsEverythingInAFixedOrder) {
  absl::Status status = FieldError("f", "is wrong");
  status = WithRetry(WithHelp(status, "Mend f."), absl::Milliseconds(1500));
  status = WithReason(status, "F_WRONG");
  const google::rpc::Status proto = ToProto(status);
  ASSERT_EQ(proto.details_size(), 4);
  google::rpc::ErrorInfo info;
  ASSERT_TRUE(proto.details(0).UnpackTo(&info));
  EXPECT_EQ(info.reason(), "F_WRONG");
  EXPECT_EQ(info.domain(), "torpor");
  EXPECT_TRUE(proto.details(1).Is<google::rpc::BadRequest>());
  google::rpc::RetryInfo retry;
  ASSERT_TRUE(proto.details(2).UnpackTo(&retry));
  EXPECT_EQ(retry.retry_delay().seconds(), 1);
  EXPECT_EQ(retry.retry_delay().nanos(), 500'000'000);
  google::rpc::Help help;
  ASSERT_TRUE(proto.details(3).UnpackTo(&help));
  EXPECT_EQ(help.links(0).description(), "Mend f.");
  EXPECT_EQ(FromProto(proto), status);
}

TEST(Status, AReasonIsAlwaysSent) {
  const google::rpc::Status proto = ToProto(NotFound("model", "models/x"));
  google::rpc::ErrorInfo info;
  ASSERT_TRUE(proto.details(0).UnpackTo(&info));
  EXPECT_EQ(info.reason(), "NOT_FOUND");
  google::rpc::ResourceInfo resource;
  ASSERT_TRUE(proto.details(1).UnpackTo(&resource));
  EXPECT_EQ(resource.resource_name(), "models/x");
  EXPECT_THAT(proto.message(), HasSubstr("models/x"));
  EXPECT_EQ(ToProto(absl::OkStatus()).details_size(), 0);
}

TEST(StatusDeathTest, AViolatedInvariantSaysWhichAndAborts) {
  EXPECT_DEATH(TORPOR_CHECK(1 + 1 == 3), "check failed: 1 \\+ 1 == 3");
}

}  // namespace
}  // namespace torpor
