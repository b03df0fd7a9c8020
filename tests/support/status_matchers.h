// Matchers for absl::Status and StatusOr.
#pragma once

#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "engine/base/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace torpor {

inline const absl::Status& GetStatus(const absl::Status& status) { return status; }
template <typename T>
const absl::Status& GetStatus(const absl::StatusOr<T>& status_or) {
  return status_or.status();
}

// EXPECT_THAT(f(), IsOk()).
MATCHER(IsOk, negation ? "is an error" : "is OK") {
  *result_listener << GetStatus(arg).ToString();
  return GetStatus(arg).ok();
}

// EXPECT_THAT(f(), StatusIs(absl::StatusCode::kNotFound)).
MATCHER_P(StatusIs, code, "has the code " + absl::StatusCodeToString(code)) {
  *result_listener << GetStatus(arg).ToString();
  return GetStatus(arg).code() == code;
}

// EXPECT_THAT(f(), StatusIs(absl::StatusCode::kDataLoss, HasSubstr("magic"))).
MATCHER_P2(StatusIs, code, message, "has the code " + absl::StatusCodeToString(code)) {
  *result_listener << GetStatus(arg).ToString();
  return GetStatus(arg).code() == code &&
         ::testing::ExplainMatchResult(message, std::string(GetStatus(arg).message()),
                                       result_listener);
}

// The ErrorInfo reason.
MATCHER_P(HasReason, reason, std::string("has the reason ") + reason) {
  *result_listener << GetStatus(arg).ToString();
  return ReasonOf(GetStatus(arg)) == reason;
}

}  // namespace torpor

#define TORPOR_ASSERT_OK(expression) ASSERT_THAT((expression), ::torpor::IsOk())
#define TORPOR_EXPECT_OK(expression) EXPECT_THAT((expression), ::torpor::IsOk())

// TORPOR_ASSERT_OK_AND_ASSIGN(auto value, Compute()): fails the test on an error.
#define TORPOR_ASSERT_OK_AND_ASSIGN(declaration, expression) \
  TORPOR_ASSERT_OK_AND_ASSIGN_IMPL(TORPOR_CONCAT(torpor_result_, __LINE__), declaration, expression)
#define TORPOR_ASSERT_OK_AND_ASSIGN_IMPL(result, declaration, expression) \
  auto result = (expression);                                             \
  ASSERT_TRUE(result.ok()) << result.status();                            \
  declaration = std::move(result).value()
