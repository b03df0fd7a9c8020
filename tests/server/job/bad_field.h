// Specifications of jobs that are refused, and what the refusal must say.
#pragma once

#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "google/protobuf/text_format.h"
#include "gtest/gtest.h"
#include "server/job/spec_check.h"

namespace torpor {

// A specification in protobuf's text form.
inline v1::JobSpec SpecOf(const std::string& text) {
  v1::JobSpec spec;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &spec)) << text;
  return spec;
}

struct BadField {
  const char* spec;
  const char* path;   // what the message begins with
  const char* bound;  // what it says of the values allowed
};

// `spec`, made from the case's text, is refused by its field.
inline void ExpectRefused(const v1::JobSpec& spec, const BadField& bad) {
  SCOPED_TRACE(bad.spec);
  const absl::Status status = CheckBounds(spec);
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << status;
  EXPECT_THAT(std::string(status.message()), ::testing::StartsWith(absl::StrCat(bad.path, ":")));
  EXPECT_THAT(std::string(status.message()), ::testing::HasSubstr(bad.bound));
}

}  // namespace torpor
