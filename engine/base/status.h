// Errors that name the field, the bound and the way out, carried as payloads of absl::Status.
//
// A payload's type URL is "type.googleapis.com/google.rpc.<Message>" and its value the serialised
// message of proto/google/rpc/error_details.proto, so that the server turns any Status into
// google.rpc.Status in one function.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"

#define TORPOR_CONCAT_INNER(a, b) a##b
#define TORPOR_CONCAT(a, b) TORPOR_CONCAT_INNER(a, b)

// Returns the status of `expression` from the enclosing function unless it is OK.
#define TORPOR_RETURN_IF_ERROR(expression)                                                    \
  do {                                                                                        \
    if (absl::Status torpor_status = (expression); !torpor_status.ok()) return torpor_status; \
  } while (false)

// TORPOR_ASSIGN_OR_RETURN(auto value, Compute()): the value, or the error returned.
#define TORPOR_ASSIGN_OR_RETURN(declaration, expression) \
  TORPOR_ASSIGN_OR_RETURN_IMPL(TORPOR_CONCAT(torpor_result_, __LINE__), declaration, expression)
#define TORPOR_ASSIGN_OR_RETURN_IMPL(result, declaration, expression) \
  auto result = (expression);                                         \
  if (!result.ok()) return std::move(result).status();                \
  declaration = std::move(result).value()

// For invariants whose violation is a bug: prints and aborts.
#define TORPOR_CHECK(condition)                                              \
  do {                                                                       \
    if (!(condition)) ::torpor::CheckFailed(#condition, __FILE__, __LINE__); \
  } while (false)

namespace torpor {

[[noreturn]] void CheckFailed(const char* condition, const char* file, int line);

// Collects every wrong field of a request, so that the user can mend all of them at once.
class Violations {
 public:
  // `path` from the request's root, e.g. "network.rate.layers[1].dense.units"; `description` says
  // what it must be and what it was, e.g. "must be in 1..65536, got 0".
  void Add(std::string path, std::string description);
  bool empty() const { return bad_request_.field_violations().empty(); }
  // OK, or INVALID_ARGUMENT whose message is the first violation and which carries the first 20 as
  // BadRequest.
  absl::Status ToStatus() const;

 private:
  google::rpc::BadRequest bad_request_;
};

// INVALID_ARGUMENT for one field; message "path: description".
absl::Status FieldError(std::string path, std::string description);

// The same status with every BadRequest path prefixed by `prefix` (e.g. "network."), message
// included.
absl::Status WithFieldPrefix(const absl::Status& status, std::string_view prefix);

// Adds ErrorInfo{reason, domain "torpor", metadata}. The innermost reason stays if there is one
// already.
absl::Status WithReason(absl::Status status, std::string_view reason,
                        std::initializer_list<std::pair<std::string, std::string>> metadata = {});
// Adds Help with one sentence: a way out.
absl::Status WithHelp(absl::Status status, std::string_view sentence);
// Adds RetryInfo.
absl::Status WithRetry(absl::Status status, absl::Duration delay);
// NOT_FOUND with ResourceInfo.
absl::Status NotFound(std::string_view type, std::string_view name);
// The ErrorInfo reason, or "".
std::string ReasonOf(const absl::Status& status);

// To and from the wire form. Details in a fixed order (ErrorInfo first). A status without a reason
// gets the code's name.
google::rpc::Status ToProto(const absl::Status& status);
absl::Status FromProto(const google::rpc::Status& proto);

}  // namespace torpor
