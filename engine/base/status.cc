#include "engine/base/status.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <optional>

#include "absl/strings/cord.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace torpor {
namespace {

constexpr absl::string_view kTypePrefix = "type.googleapis.com/";
constexpr absl::string_view kDomain = "torpor";
constexpr int kMaxViolations = 20;

std::string UrlOf(absl::string_view message) {
  return absl::StrCat(kTypePrefix, "google.rpc.", message);
}

// The order of details on the wire, so that equal errors are equal bytes. Unknown details come
// last, by URL.
constexpr absl::string_view kOrder[] = {"ErrorInfo",    "BadRequest",   "PreconditionFailure",
                                        "QuotaFailure", "ResourceInfo", "RetryInfo",
                                        "Help"};

size_t Rank(absl::string_view url) {
  for (size_t i = 0; i < std::size(kOrder); ++i) {
    if (url == UrlOf(kOrder[i])) return i;
  }
  return std::size(kOrder);
}

template <typename Message>
std::string Url() {
  return absl::StrCat(kTypePrefix, Message::descriptor()->full_name());
}

template <typename Message>
void SetDetail(absl::Status* status, const Message& message) {
  status->SetPayload(Url<Message>(), absl::Cord(message.SerializeAsString()));
}

template <typename Message>
std::optional<Message> GetDetail(const absl::Status& status) {
  const auto payload = status.GetPayload(Url<Message>());
  Message message;
  if (!payload.has_value() || !message.ParseFromString(std::string(*payload))) return std::nullopt;
  return message;
}

absl::Status WithPayloadsOf(const absl::Status& from, absl::Status to) {
  from.ForEachPayload(
      [&to](absl::string_view url, const absl::Cord& payload) { to.SetPayload(url, payload); });
  return to;
}

}  // namespace

void CheckFailed(const char* condition, const char* file, int line) {
  std::fprintf(stderr, "%s:%d: check failed: %s\n", file, line, condition);
  std::abort();
}

void Violations::Add(std::string path, std::string description) {
  // A hostile request may hold millions of wrong fields: what is not sent is not kept either.
  if (bad_request_.field_violations_size() >= kMaxViolations) return;
  google::rpc::BadRequest::FieldViolation* violation = bad_request_.add_field_violations();
  violation->set_field(std::move(path));
  violation->set_description(std::move(description));
}

absl::Status Violations::ToStatus() const {
  if (empty()) return absl::OkStatus();
  const auto& first = bad_request_.field_violations(0);
  absl::Status status =
      absl::InvalidArgumentError(absl::StrCat(first.field(), ": ", first.description()));
  SetDetail(&status, bad_request_);
  return status;
}

absl::Status FieldError(std::string path, std::string description) {
  Violations violations;
  violations.Add(std::move(path), std::move(description));
  return violations.ToStatus();
}

absl::Status WithFieldPrefix(const absl::Status& status, std::string_view prefix) {
  auto bad_request = GetDetail<google::rpc::BadRequest>(status);
  if (status.ok() || !bad_request.has_value()) return status;
  std::string message(status.message());
  if (bad_request->field_violations_size() > 0 &&
      message.starts_with(bad_request->field_violations(0).field())) {
    message = std::string(prefix) + message;
  }
  for (auto& violation : *bad_request->mutable_field_violations()) {
    violation.set_field(std::string(prefix) + violation.field());
  }
  absl::Status prefixed = WithPayloadsOf(status, absl::Status(status.code(), message));
  SetDetail(&prefixed, *bad_request);
  return prefixed;
}

absl::Status WithReason(absl::Status status, std::string_view reason,
                        std::initializer_list<std::pair<std::string, std::string>> metadata) {
  if (status.ok() || !ReasonOf(status).empty()) return status;
  google::rpc::ErrorInfo info;
  info.set_reason(std::string(reason));
  info.set_domain(std::string(kDomain));
  for (const auto& [key, value] : metadata) (*info.mutable_metadata())[key] = value;
  SetDetail(&status, info);
  return status;
}

absl::Status WithHelp(absl::Status status, std::string_view sentence) {
  if (status.ok()) return status;
  auto help = GetDetail<google::rpc::Help>(status).value_or(google::rpc::Help());
  help.add_links()->set_description(std::string(sentence));
  SetDetail(&status, help);
  return status;
}

absl::Status WithRetry(absl::Status status, absl::Duration delay) {
  if (status.ok()) return status;
  google::rpc::RetryInfo retry;
  const int64_t nanoseconds = absl::ToInt64Nanoseconds(delay);
  retry.mutable_retry_delay()->set_seconds(nanoseconds / 1'000'000'000);
  retry.mutable_retry_delay()->set_nanos(static_cast<int32_t>(nanoseconds % 1'000'000'000));
  SetDetail(&status, retry);
  return status;
}

absl::Status NotFound(std::string_view type, std::string_view name) {
  absl::Status status = absl::NotFoundError(
      absl::StrCat(std::string(type), " ", std::string(name), " does not exist"));
  google::rpc::ResourceInfo resource;
  resource.set_resource_type(std::string(type));
  resource.set_resource_name(std::string(name));
  SetDetail(&status, resource);
  return status;
}

std::string ReasonOf(const absl::Status& status) {
  const auto info = GetDetail<google::rpc::ErrorInfo>(status);
  return info.has_value() ? info->reason() : "";
}

google::rpc::Status ToProto(const absl::Status& status) {
  google::rpc::Status proto;
  proto.set_code(static_cast<int>(status.code()));
  if (status.ok()) return proto;
  proto.set_message(std::string(status.message()));
  const absl::Status complete = WithReason(status, absl::StatusCodeToString(status.code()));
  std::vector<std::pair<std::string, std::string>> details;
  complete.ForEachPayload([&details](absl::string_view url, const absl::Cord& payload) {
    details.emplace_back(std::string(url), std::string(payload));
  });
  std::sort(details.begin(), details.end(), [](const auto& a, const auto& b) {
    return std::pair(Rank(a.first), a.first) < std::pair(Rank(b.first), b.first);
  });
  for (auto& [url, value] : details) {
    google::protobuf::Any* any = proto.add_details();
    any->set_type_url(std::move(url));
    any->set_value(std::move(value));
  }
  return proto;
}

absl::Status FromProto(const google::rpc::Status& proto) {
  absl::Status status(static_cast<absl::StatusCode>(proto.code()), proto.message());
  if (status.ok()) return status;
  for (const google::protobuf::Any& any : proto.details()) {
    status.SetPayload(any.type_url(), absl::Cord(any.value()));
  }
  return status;
}

}  // namespace torpor
