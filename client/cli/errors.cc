#include "client/cli/errors.h"

#include <algorithm>
#include <numeric>

#include "absl/strings/cord.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "client/cli/exit_code.h"

namespace torpor::cli {
namespace {

constexpr absl::string_view kWhere = "torpor.cli/where";
// Where a call failed; shown when nobody named a better place (rpc.cc sets it).
constexpr absl::string_view kServer = "torpor.cli/server";
constexpr absl::string_view kTry = "torpor.cli/try";
constexpr absl::string_view kExitCode = "torpor.cli/exit_code";

std::string Payload(const absl::Status& status, absl::string_view key) {
  const auto payload = status.GetPayload(key);
  return payload.has_value() ? std::string(*payload) : std::string();
}

absl::Status WithPayload(absl::Status status, absl::string_view key, absl::string_view value) {
  if (!status.ok() && !value.empty() && !status.GetPayload(key).has_value()) {
    status.SetPayload(key, absl::Cord(value));
  }
  return status;
}

absl::Status Failure(absl::StatusCode code, int exit_code, absl::string_view what,
                     absl::string_view where, absl::string_view try_this) {
  absl::Status status(code, what);
  status.SetPayload(kExitCode, absl::Cord(absl::StrCat(exit_code)));
  return WithTry(WithWhere(std::move(status), where), try_this);
}

// Edits (insert, delete, replace, swap neighbours) that turn `a` into `b`.
size_t Distance(absl::string_view a, absl::string_view b) {
  std::vector<size_t> before(b.size() + 1), last(b.size() + 1), now(b.size() + 1);
  std::iota(last.begin(), last.end(), size_t{0});
  for (size_t i = 1; i <= a.size(); ++i) {
    now[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      now[j] = std::min({last[j] + 1, now[j - 1] + 1, last[j - 1] + (a[i - 1] != b[j - 1])});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        now[j] = std::min(now[j], before[j - 2] + 1);
      }
    }
    before.swap(last);
    last.swap(now);
  }
  return last[b.size()];
}

}  // namespace

absl::Status UsageError(absl::string_view what, absl::string_view where,
                        absl::string_view try_this) {
  return Failure(absl::StatusCode::kInvalidArgument, kUsage, what, where, try_this);
}

absl::Status WorkFailed(absl::string_view what, absl::string_view where,
                        absl::string_view try_this) {
  return Failure(absl::StatusCode::kUnknown, kWorkFailed, what, where, try_this);
}

absl::Status Interrupted() {
  return Failure(absl::StatusCode::kCancelled, kInterrupted, "", "", "");
}

absl::Status WithWhere(absl::Status status, absl::string_view where) {
  return WithPayload(std::move(status), kWhere, where);
}

absl::Status WithTry(absl::Status status, absl::string_view try_this) {
  return WithPayload(std::move(status), kTry, try_this);
}

int ExitCodeOfError(const absl::Status& status) {
  int code = 0;
  return absl::SimpleAtoi(Payload(status, kExitCode), &code) ? code : ExitCodeOf(status);
}

std::string FormatError(const absl::Status& status, bool color) {
  if (status.ok() || (status.message().empty() && status.GetPayload(kExitCode).has_value())) {
    return "";
  }
  std::string text = absl::StrCat(color ? "\x1b[1;31merror:\x1b[0m " : "error: ", status.message());
  if (const auto bad = DetailOf<google::rpc::BadRequest>(status)) {
    for (int i = 1; i < bad->field_violations_size(); ++i) {
      const auto& violation = bad->field_violations(i);
      absl::StrAppend(&text, "\n  also ", violation.field(), ": ", violation.description());
    }
  }
  text += '\n';
  std::string where = Payload(status, kWhere);
  if (where.empty()) where = Payload(status, kServer);
  if (!where.empty()) {
    absl::StrAppend(&text, "  ", where, "\n");
  }
  if (const std::string try_this = Payload(status, kTry); !try_this.empty()) {
    absl::StrAppend(&text, "  try: ", try_this, "\n");
  }
  return text;
}

std::string ClosestTo(absl::string_view word, const std::vector<std::string>& candidates) {
  std::string best;
  // A third of the letters may be wrong, at least one.
  size_t best_distance = std::max<size_t>(1, word.size() / 3) + 1;
  for (const std::string& candidate : candidates) {
    size_t distance = Distance(word, candidate);
    if (word.size() >= 3 && absl::StartsWith(candidate, word))
      distance = std::min<size_t>(distance, 1);
    if (distance < best_distance) {
      best_distance = distance;
      best = candidate;
    }
  }
  return best;
}

}  // namespace torpor::cli
