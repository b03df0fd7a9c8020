// Submits jobs and follows them: shared by `job`, `power sweep` and `session evaluate`.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "CLI/App.hpp"
#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "client/cli/context.h"
#include "client/cli/errors.h"
#include "client/cli/output.h"
#include "torpor/v1/job.pb.h"

namespace torpor::cli {

// Flags that every submission takes.
struct SubmitFlags {
  std::string job_id;
  std::string request_id;
  std::vector<std::string> labels;
  int threads = 0;
  int max_attempts = 0;
  bool wait = false;
  bool watch = false;
};

// `waits`: adds --wait and --watch (commands that always wait do not have them).
void AddSubmitFlags(CLI::App& command, SubmitFlags& flags, bool waits);

// `names=value` pairs into a map; a usage error for anything else.
absl::Status ParseLabels(const std::vector<std::string>& pairs,
                         google::protobuf::Map<std::string, std::string>& labels);

// The job with its `kind`, as JSON.
Json JobJson(const v1::Job& job);
void PrintJob(Context& context, const v1::Job& job);

// A split from `train`, `validation`, `test` or nothing, which is TEST.
absl::StatusOr<v1::Split::Kind> ParseSplit(const std::string& word);

// An enum's value by its name in either case; a usage error with the choices.
template <typename Kind>
absl::StatusOr<Kind> ParseKind(const std::string& word, bool (*parse)(const std::string&, Kind*),
                               absl::string_view flag, absl::string_view choices) {
  Kind kind;
  const std::string name = absl::StrReplaceAll(absl::AsciiStrToUpper(word), {{"-", "_"}});
  if (parse(name, &kind) && static_cast<int>(kind) != 0) return kind;
  return UsageError(absl::StrCat("must be one of ", choices, ", got `", word, "`"), flag,
                    absl::StrCat(flag, " ", choices.substr(0, choices.find(','))));
}
// The loss that --loss names.
absl::StatusOr<v1::Loss::Kind> ParseLoss(const std::string& word);

// A usage error if the flag was given a value below 1: the service reads 0 as "the default", but
// who writes 0 means it, and is wrong. `most` is the service's limit, for the message alone.
absl::Status CheckCount(const CLI::App& command, const std::string& flag, int value, int most);

// Prints a job that was submitted, unless its JSON lines were the output, and tells what comes
// next. A followed job that did not succeed is an error.
absl::Status ReportSubmitted(Context& context, const v1::Job& job, const SubmitFlags& flags);

// Names the flag of the first wrong field as the place of the error: `spec.train.learning_rate` ->
// --learning-rate; of a power mode without a flag of its own the lever: `power_mode.steps` -> lever
// steps.
absl::Status NameFlag(absl::Status status);

// Says where the user wrote what the server refused.
using Place = std::function<absl::Status(absl::Status)>;

// Creates the job; with flags.wait or flags.watch also follows it to its end. An ended job is
// returned whatever its end.
absl::StatusOr<v1::Job> SubmitJob(Context& context, v1::JobSpec spec, const SubmitFlags& flags,
                                  const Place& place = NameFlag);

}  // namespace torpor::cli
