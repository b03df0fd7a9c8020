// The wrong fields that a status names.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "engine/base/status.h"
#include "google/rpc/error_details.pb.h"

namespace torpor::testing {

inline google::rpc::BadRequest BadRequestOf(const absl::Status& status) {
  google::rpc::BadRequest bad;
  const google::rpc::Status proto = ToProto(status);
  for (const auto& detail : proto.details()) {
    if (detail.Is<google::rpc::BadRequest>()) detail.UnpackTo(&bad);
  }
  return bad;
}

// Paths, in order.
inline std::vector<std::string> FieldsOf(const absl::Status& status) {
  std::vector<std::string> fields;
  const google::rpc::BadRequest bad = BadRequestOf(status);
  for (const auto& each : bad.field_violations()) fields.push_back(each.field());
  return fields;
}

// What is said of the first field with this path; "" if it is not named.
inline std::string DescriptionOf(const absl::Status& status, const std::string& field) {
  const google::rpc::BadRequest bad = BadRequestOf(status);
  for (const auto& each : bad.field_violations()) {
    if (each.field() == field) return each.description();
  }
  return "";
}

}  // namespace torpor::testing
