#include "client/cli/job_run.h"

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"
#include "client/cli/energy_ledger.h"
#include "client/cli/errors.h"
#include "client/cli/name_value.h"
#include "client/cli/progress.h"
#include "client/cli/rpc.h"
#include "client/cli/select_rows.h"
#include "client/cli/watch.h"
#include "torpor/v1/job.grpc.pb.h"

namespace torpor::cli {
namespace {

// Where a wrong lever of a power mode was written, "" for other fields. A mode's levers are written
// as lever=value, also in an axis of a grid; epsilon and bias have flags.
std::string PlaceOfLever(const std::string& path) {
  const size_t dot = path.rfind('.');
  std::string field = path.substr(dot + 1);
  field = field.substr(0, field.find('['));
  const std::string parent = dot == std::string::npos ? "" : path.substr(0, dot);
  bool in_mode = parent.empty();
  for (const char* place : {"power_mode", "base"}) {
    in_mode = in_mode || parent == place || absl::EndsWith(parent, absl::StrCat(".", place));
  }
  for (const char* place : {".axes[", ".modes["}) {
    in_mode = in_mode || absl::StrContains(parent, place);
  }
  if (!in_mode || v1::PowerMode::descriptor()->FindFieldByName(field) == nullptr) return "";
  if (field == "layer_epsilon") return "--epsilon";
  return field == "epsilon" || field == "bias" ? "--" + field : absl::StrCat("lever ", field);
}

// What samples took of steps and energy, which may differ between them, in words.
void AddSpread(const v1::PowerSweepRow& row, Json& json, std::vector<Column>& columns) {
  const auto add = [&](const char* key, const v1::Distribution& of, auto text) {
    json[key] = absl::StrCat(text(of.mean()), " (5 %: ", text(of.p5()), ", 50 %: ", text(of.p50()),
                             ", 95 %: ", text(of.p95()), ")");
    columns.push_back({key});
  };
  if (row.has_steps()) {
    add("steps taken", row.steps(), [](double steps) { return absl::StrFormat("%.4g", steps); });
  }
  if (row.has_joules()) add("energy a sample", row.joules(), JoulesText);
}

}  // namespace

void AddSubmitFlags(CLI::App& command, SubmitFlags& flags, bool waits) {
  command.add_option("--job-id", flags.job_id, "id of the job; chosen by the server when left out");
  command.add_option("--request-id", flags.request_id,
                     "repeats with the same id get the first answer");
  command.add_option("--label", flags.labels, "name=value, kept with the job")
      ->take_all()
      ->allow_extra_args(false);
  command.add_option("--threads", flags.threads, "threads of the worker; 0: all CPUs");
  command.add_option("--max-attempts", flags.max_attempts,
                     "attempts after which an interrupted job fails; 0: 3");
  if (!waits) return;
  command.add_flag("--wait", flags.wait, "return when the job has ended");
  command.add_flag("--watch", flags.watch, "show progress until the job has ended");
}

absl::Status ParseLabels(const std::vector<std::string>& pairs,
                         google::protobuf::Map<std::string, std::string>& labels) {
  for (const std::string& pair : pairs) {
    const auto label = NameAndValue(pair);
    if (!label) {
      return UsageError(absl::StrCat("not name=value: `", pair, "`"), "--label",
                        "--label experiment=first");
    }
    labels[label->first] = label->second;
  }
  return absl::OkStatus();
}

absl::StatusOr<v1::Split::Kind> ParseSplit(const std::string& word) {
  if (word.empty() || word == "test") return v1::Split::TEST;
  if (word == "train") return v1::Split::TRAIN;
  if (word == "validation") return v1::Split::VALIDATION;
  return UsageError(absl::StrCat("no split `", word, "`"), "--split",
                    "--split test, train or validation");
}

absl::StatusOr<v1::Loss::Kind> ParseLoss(const std::string& word) {
  return ParseKind(word, v1::Loss::Kind_Parse, "--loss", "bce, mse, ce, spike-count, van-rossum");
}

absl::Status CheckCount(const CLI::App& command, const std::string& flag, int value, int most) {
  if (command.count(flag) == 0 || value >= 1) return absl::OkStatus();
  return UsageError(absl::StrCat("must be in 1..", most, ", got ", value), flag);
}

absl::Status NameFlag(absl::Status status) {
  const auto bad = DetailOf<google::rpc::BadRequest>(status);
  if (status.ok() || !bad || bad->field_violations().empty()) return status;
  const std::string& path = bad->field_violations(0).field();
  if (const std::string place = PlaceOfLever(path); !place.empty()) {
    return WithWhere(std::move(status), place);
  }
  std::string field = path.substr(0, path.find('['));
  field = field.substr(field.rfind('.') + 1);
  // Flags that are not called as their fields; a message without a flag of its own stands for the
  // one that sets most of it.
  static constexpr std::pair<absl::string_view, absl::string_view> kNames[] = {
      {"batch_size", "batch"},
      {"warmup_epochs", "warmup"},
      {"augmentation", "augment"},
      {"truenorth", "method"}};
  for (const auto& [name, flag] : kNames) {
    if (field == name) field = std::string(flag);
  }
  return WithWhere(std::move(status), absl::StrCat("--", absl::StrReplaceAll(field, {{"_", "-"}})));
}

absl::StatusOr<v1::Job> SubmitJob(Context& context, v1::JobSpec spec, const SubmitFlags& flags,
                                  const Place& place) {
  v1::CreateJobRequest request;
  request.set_job_id(flags.job_id);
  request.set_request_id(flags.request_id.empty() ? NewRequestId() : flags.request_id);
  CLI_RETURN_IF_ERROR(ParseLabels(flags.labels, *request.mutable_labels()));
  spec.set_threads(flags.threads);
  spec.set_max_attempts(flags.max_attempts);
  *request.mutable_spec() = std::move(spec);
  absl::StatusOr<v1::Job> job =
      Call<v1::JobService>(context, &v1::JobService::Stub::CreateJob, request);
  if (!job.ok()) return place(job.status());
  if (!flags.wait && !flags.watch) return job;
  return FollowJob(context, job->name(), ChooseProgressStyle(context, flags.watch));
}

absl::Status ReportSubmitted(Context& context, const v1::Job& job, const SubmitFlags& flags) {
  const bool followed = flags.wait || flags.watch;
  if (!(flags.watch && context.options.format == Format::kJson)) PrintJob(context, job);
  if (followed) return JobOutcome(job);
  context.Note(absl::StrCat("next: torpor job watch ", ShortName(job.name())));
  return absl::OkStatus();
}

Json JobJson(const v1::Job& job) {
  Json json = ToJson(job);
  json["kind"] = JobKind(job.spec());
  return json;
}

void PrintJob(Context& context, const v1::Job& job) {
  Json json = JobJson(job);
  std::vector<Column> columns = {{"name"},
                                 {"kind"},
                                 {"spec.session", "session"},
                                 {"state"},
                                 {"reason"},
                                 {"attempt"},
                                 {"progress.fraction", "progress", Cell::kPercent},
                                 {"model"}};
  for (const auto& [name, value] : json["metrics"].items()) {
    const bool fraction = name.find("accuracy") != std::string::npos ||
                          name.find("agreement") != std::string::npos ||
                          name.find("nasp") != std::string::npos || absl::StartsWith(name, "ece");
    columns.push_back({"metrics." + name, name, fraction ? Cell::kPercent : Cell::kNumber});
  }
  if (context.options.format == Format::kTable && job.spec().has_evaluate() &&
      !job.rows().empty()) {
    AddSpread(job.rows(0), json, columns);
  }
  columns.push_back({"error.message", "error"});
  columns.push_back({"create_time", "created"});
  columns.push_back({"end_time", "ended"});
  PrintObject(context, columns, json);
  if (context.options.format == Format::kTable && !job.arms().empty()) {
    context.out << '\n';
    PrintArms(context, job);
  }
}

}  // namespace torpor::cli
