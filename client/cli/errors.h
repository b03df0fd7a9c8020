// Errors as the CLI shows them: three lines (what, where, what to try) and an exit code.
//
// An error is an absl::Status. Errors of calls carry the payloads of google.rpc.Status (see rpc.h);
// `where`, `try` and the exit code travel as payloads of their own. Nothing throws.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "google/rpc/error_details.pb.h"

#define TORPOR_CLI_CONCAT_INNER(a, b) a##b
#define TORPOR_CLI_CONCAT(a, b) TORPOR_CLI_CONCAT_INNER(a, b)

// Returns the status of `expression` from the enclosing function unless it is OK.
#define CLI_RETURN_IF_ERROR(expression)                                              \
  do {                                                                               \
    if (absl::Status cli_status = (expression); !cli_status.ok()) return cli_status; \
  } while (false)

// CLI_ASSIGN_OR_RETURN(auto value, Compute()): the value, or the error returned.
#define CLI_ASSIGN_OR_RETURN(declaration, expression) \
  CLI_ASSIGN_OR_RETURN_IMPL(TORPOR_CLI_CONCAT(cli_result_, __LINE__), declaration, expression)
#define CLI_ASSIGN_OR_RETURN_IMPL(result, declaration, expression) \
  auto result = (expression);                                      \
  if (!result.ok()) return std::move(result).status();             \
  declaration = std::move(result).value()

namespace torpor::cli {

// The command line or a local file is wrong: exit code 2.
absl::Status UsageError(absl::string_view what, absl::string_view where = "",
                        absl::string_view try_this = "");
// The work itself failed (a job, a verification): exit code 1.
absl::Status WorkFailed(absl::string_view what, absl::string_view where = "",
                        absl::string_view try_this = "");
// The user pressed Ctrl-C while watching: exit code 130, nothing more is printed.
absl::Status Interrupted();

// Set the second and third line, unless there is one already.
absl::Status WithWhere(absl::Status status, absl::string_view where);
absl::Status WithTry(absl::Status status, absl::string_view try_this);

// One detail of google.rpc.Status that the server sent, e.g.
// DetailOf<google::rpc::ErrorInfo>(status).
template <typename Detail>
std::optional<Detail> DetailOf(const absl::Status& status) {
  const auto payload =
      status.GetPayload("type.googleapis.com/" + Detail::descriptor()->full_name());
  Detail detail;
  if (!payload.has_value() || !detail.ParseFromString(std::string(*payload))) return std::nullopt;
  return detail;
}

// 0 for OK; else the payload's exit code, or 64 + the code of a failed call (exit_code.h).
int ExitCodeOfError(const absl::Status& status);

// "error: what\n  where\n  try: ...\n"; lines without content are left out. Further wrong fields
// follow the first.
std::string FormatError(const absl::Status& status, bool color);

// The candidate most like `word` (one or two slips), or "".
std::string ClosestTo(absl::string_view word, const std::vector<std::string>& candidates);

}  // namespace torpor::cli
