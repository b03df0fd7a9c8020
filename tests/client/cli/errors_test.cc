#include "client/cli/errors.h"

#include "client/cli/exit_code.h"
#include "client/cli/job_run.h"
#include "client/cli/rpc.h"
#include "client/cli/watch.h"
#include "gmock/gmock.h"
#include "google/rpc/status.pb.h"
#include "gtest/gtest.h"

namespace torpor::cli {
namespace {

using ::testing::HasSubstr;

// An error as a server sends it: the details in the trailer.
template <typename... Details>
grpc::Status ServerError(grpc::StatusCode code, const std::string& message,
                         const Details&... details) {
  google::rpc::Status status;
  status.set_code(code);
  status.set_message(message);
  (status.add_details()->PackFrom(details), ...);
  return grpc::Status(code, message, status.SerializeAsString());
}

TEST(FormatErrorTest, ThreeLines) {
  const absl::Status status =
      UsageError("layers[1].units: must be > 0, got -5", "net.yaml:14", "a positive number");
  EXPECT_EQ(FormatError(status, false),
            "error: layers[1].units: must be > 0, got -5\n"
            "  net.yaml:14\n"
            "  try: a positive number\n");
  EXPECT_EQ(ExitCodeOfError(status), kUsage);
}

TEST(FormatErrorTest, ColourOnlyWhereAsked) {
  EXPECT_THAT(FormatError(UsageError("x"), true), HasSubstr("\x1b["));
  EXPECT_EQ(FormatError(UsageError("x"), false), "error: x\n");
  EXPECT_EQ(FormatError(absl::OkStatus(), true), "");
}

TEST(FormatErrorTest, TheFirstPlaceAndAdviceStay) {
  absl::Status status = UsageError("what", "here", "this");
  status = WithTry(WithWhere(status, "there"), "that");
  EXPECT_EQ(FormatError(status, false), "error: what\n  here\n  try: this\n");
}

TEST(ExitCodeTest, EveryKind) {
  EXPECT_EQ(ExitCodeOfError(absl::OkStatus()), 0);
  EXPECT_EQ(ExitCodeOfError(WorkFailed("x")), 1);
  EXPECT_EQ(ExitCodeOfError(UsageError("x")), 2);
  EXPECT_EQ(ExitCodeOfError(absl::InvalidArgumentError("x")), 67);
  EXPECT_EQ(ExitCodeOfError(absl::DeadlineExceededError("x")), 68);
  EXPECT_EQ(ExitCodeOfError(absl::NotFoundError("x")), 69);
  EXPECT_EQ(ExitCodeOfError(absl::AlreadyExistsError("x")), 70);
  EXPECT_EQ(ExitCodeOfError(absl::ResourceExhaustedError("x")), 72);
  EXPECT_EQ(ExitCodeOfError(absl::FailedPreconditionError("x")), 73);
  EXPECT_EQ(ExitCodeOfError(absl::UnavailableError("x")), 78);
  EXPECT_EQ(ExitCodeOfError(absl::UnauthenticatedError("x")), 80);
  EXPECT_EQ(ExitCodeOfError(Interrupted()), 130);
  EXPECT_EQ(FormatError(Interrupted(), false), "");
}

TEST(FromGrpcTest, KeepsDetails) {
  google::rpc::ErrorInfo info;
  info.set_reason("EPSILON_OUT_OF_RANGE");
  google::rpc::BadRequest bad;
  auto* violation = bad.add_field_violations();
  violation->set_field("power_mode.epsilon");
  violation->set_description("must be in (0, 1], got 2");
  violation = bad.add_field_violations();
  violation->set_field("power_mode.bias");
  violation->set_description("unknown");
  const absl::Status status =
      FromGrpc(ServerError(grpc::StatusCode::INVALID_ARGUMENT,
                           "power_mode.epsilon: must be in (0, 1], got 2", info, bad),
               "localhost:1");
  EXPECT_EQ(ExitCodeOfError(status), 67);
  EXPECT_EQ(FormatError(status, false),
            "error: power_mode.epsilon: must be in (0, 1], got 2\n"
            "  also power_mode.bias: unknown\n"
            "  server localhost:1: INVALID_ARGUMENT (EPSILON_OUT_OF_RANGE)\n");
  EXPECT_EQ(FormatError(NameFlag(status), false),
            "error: power_mode.epsilon: must be in (0, 1], got 2\n"
            "  also power_mode.bias: unknown\n"
            "  --epsilon\n");
}

TEST(FromGrpcTest, AdvisesAfterTheCode) {
  google::rpc::RetryInfo retry;
  retry.mutable_retry_delay()->set_nanos(50000000);
  EXPECT_THAT(
      FormatError(FromGrpc(ServerError(grpc::StatusCode::RESOURCE_EXHAUSTED, "full", retry), "s"),
                  false),
      HasSubstr("try: again in 0.05 s"));
  google::rpc::ResourceInfo resource;
  resource.set_resource_type("torpor.v1.Session");
  EXPECT_THAT(
      FormatError(FromGrpc(ServerError(grpc::StatusCode::NOT_FOUND, "gone", resource), "s"), false),
      HasSubstr("try: torpor session list"));
  google::rpc::Help help;
  help.add_links()->set_description("calibrate first");
  EXPECT_THAT(
      FormatError(FromGrpc(ServerError(grpc::StatusCode::FAILED_PRECONDITION, "x", help), "s"),
                  false),
      HasSubstr("try: calibrate first"));
  EXPECT_THAT(
      FormatError(FromGrpc(grpc::Status(grpc::StatusCode::UNAVAILABLE, "refused"), "h:1"), false),
      HasSubstr("no server answers at h:1"));
}

TEST(FromGrpcTest, BrokenDetailsAreLeftOut) {
  const absl::Status status = FromGrpc(
      grpc::Status(grpc::StatusCode::INTERNAL, "broken", std::string("\xff\xff\xff", 3)), "s");
  EXPECT_EQ(ExitCodeOfError(status), 77);
  EXPECT_THAT(FormatError(status, false), HasSubstr("error: broken"));
}

TEST(JobOutcomeTest, FailedJobsSayWhy) {
  v1::Job job;
  job.set_name("jobs/j");
  job.mutable_spec()->set_session("sessions/s");
  job.mutable_spec()->mutable_train();
  job.set_attempt(3);
  job.set_state(v1::JobState::SUCCEEDED);
  EXPECT_TRUE(JobOutcome(job).ok());
  job.set_state(v1::JobState::FAILED);
  job.set_reason("ATTEMPTS_SPENT");
  job.mutable_error()->set_message("the worker was killed");
  EXPECT_EQ(ExitCodeOfError(JobOutcome(job)), 1);
  EXPECT_EQ(FormatError(JobOutcome(job), false),
            "error: job j failed: the worker was killed\n"
            "  train of s, attempt 3, ATTEMPTS_SPENT\n"
            "  try: torpor job get j\n");
  job.set_state(v1::JobState::CANCELLED);
  EXPECT_EQ(ExitCodeOfError(JobOutcome(job)), 1);
}

TEST(ClosestToTest, OneOrTwoSlips) {
  const std::vector<std::string> words = {"session", "server", "job", "power"};
  EXPECT_EQ(ClosestTo("sesion", words), "session");
  EXPECT_EQ(ClosestTo("pwoer", words), "power");
  EXPECT_EQ(ClosestTo("ses", words), "session");
  EXPECT_EQ(ClosestTo("jbo", words), "job");
  EXPECT_EQ(ClosestTo("elephant", words), "");
  EXPECT_EQ(ClosestTo("x", {}), "");
}

}  // namespace
}  // namespace torpor::cli
