// torpor job: long work on a session's network.
#include <memory>

#include "absl/strings/str_cat.h"
#include "client/cli/command.h"
#include "client/cli/errors.h"
#include "client/cli/job_run.h"
#include "client/cli/job_tune.h"
#include "client/cli/output.h"
#include "client/cli/progress.h"
#include "client/cli/rpc.h"
#include "client/cli/train_flags.h"
#include "client/cli/watch.h"
#include "torpor/v1/job.grpc.pb.h"

namespace torpor::cli {
namespace {

struct TrainCommand {
  std::string session;
  TrainFlags train;
  SubmitFlags submit;
};

void AddTrain(CLI::App& submit, Context& context) {
  auto flags = std::make_shared<TrainCommand>();
  auto self = std::make_shared<CLI::App*>(nullptr);
  CLI::App* train = AddCommand(
      submit, "train", "Trains the network of a session.",
      "torpor job submit train s1 --dataset fashion-mnist --epochs 5 --watch\n"
      "torpor job submit train s1 --dataset mnist --epochs 60 --augment aug1 --plain-epochs 2 "
      "--averaging 0.9995",
      context, [&context, flags, self]() -> absl::Status {
        v1::JobSpec spec;
        CLI_ASSIGN_OR_RETURN(*spec.mutable_train(), BuildTrainSpec(context, **self, flags->train));
        CLI_ASSIGN_OR_RETURN(*spec.mutable_session(), ResolveSession(context, flags->session));
        CLI_ASSIGN_OR_RETURN(const v1::Job job, SubmitJob(context, spec, flags->submit));
        return ReportSubmitted(context, job, flags->submit);
      });
  *self = train;
  train->add_option("session", flags->session, "the session")->required();
  AddTrainFlags(*train, flags->train);
  AddSubmitFlags(*train, flags->submit, true);
}

struct DataFlags {
  std::string session, dataset, split;
  int64_t samples = 0;
  SubmitFlags submit;
};

void AddOverData(CLI::App& submit, Context& context, const std::string& kind,
                 const std::string& purpose) {
  auto flags = std::make_shared<DataFlags>();
  CLI::App* command = AddCommand(
      submit, kind, purpose,
      absl::StrCat("torpor job submit ", kind, " s1 --dataset fashion-mnist --wait"), context,
      [&context, flags, kind]() -> absl::Status {
        CLI_ASSIGN_OR_RETURN(const std::string session, ResolveSession(context, flags->session));
        CLI_ASSIGN_OR_RETURN(const v1::Split::Kind split, ParseSplit(flags->split));
        v1::JobSpec spec;
        spec.set_session(session);
        const std::string dataset = FullName("datasets", flags->dataset);
        if (kind == "evaluate") {
          spec.mutable_evaluate()->set_dataset(dataset);
          spec.mutable_evaluate()->set_split(split);
          spec.mutable_evaluate()->set_samples(flags->samples);
        } else {
          spec.mutable_calibrate()->set_dataset(dataset);
          spec.mutable_calibrate()->set_samples(flags->samples);
        }
        CLI_ASSIGN_OR_RETURN(const v1::Job job, SubmitJob(context, spec, flags->submit));
        return ReportSubmitted(context, job, flags->submit);
      });
  command->add_option("session", flags->session, "the session")->required();
  command->add_option("--dataset", flags->dataset, "name of a dataset (torpor dataset list)")
      ->required();
  command->add_option("--samples", flags->samples, "first samples only; default all");
  if (kind == "evaluate") {
    command->add_option("--split", flags->split, "test or train; default test");
  }
  AddSubmitFlags(*command, flags->submit, true);
}

absl::Status ListJobs(Context& context, const std::string& session, int limit) {
  v1::ListJobsRequest request;
  request.set_page_size(std::clamp(limit, 1, 1000));
  if (!session.empty()) {
    CLI_ASSIGN_OR_RETURN(*request.mutable_session(), ResolveSession(context, session));
  }
  std::vector<Json> rows;
  do {
    CLI_ASSIGN_OR_RETURN(const v1::ListJobsResponse response,
                         Call<v1::JobService>(context, &v1::JobService::Stub::ListJobs, request));
    for (const v1::Job& job : response.jobs()) {
      if (static_cast<int>(rows.size()) < limit) rows.push_back(JobJson(job));
    }
    request.set_page_token(response.next_page_token());
  } while (!request.page_token().empty() && static_cast<int>(rows.size()) < limit);
  PrintRows(context,
            {{"name"},
             {"kind"},
             {"spec.session", "session"},
             {"state"},
             {"reason"},
             {"progress.fraction", "progress", Cell::kPercent},
             {"metrics.test_accuracy", "test_accuracy", Cell::kPercent},
             {"model"},
             {"create_time", "created"}},
            rows, {{"jobs", rows}});
  return absl::OkStatus();
}

absl::StatusOr<v1::Job> GetJob(Context& context, const std::string& id) {
  v1::GetJobRequest request;
  CLI_ASSIGN_OR_RETURN(*request.mutable_name(), ResolveJob(context, id));
  return Call<v1::JobService>(context, &v1::JobService::Stub::GetJob, request);
}

// watch and wait: both follow the job; they differ in what they show.
absl::Status Follow(Context& context, const std::string& id, bool watch, int64_t from) {
  CLI_ASSIGN_OR_RETURN(const std::string name, ResolveJob(context, id));
  CLI_ASSIGN_OR_RETURN(const v1::Job job,
                       FollowJob(context, name, ChooseProgressStyle(context, watch), from));
  if (!(watch && context.options.format == Format::kJson)) PrintJob(context, job);
  return JobOutcome(job);
}

}  // namespace

void AddJobCommands(CLI::App& root, Context& context) {
  CLI::App* job = AddNoun(root, "job", "Training and other long work, done by the server.",
                          "torpor job submit train s1 --dataset fashion-mnist --watch\n"
                          "torpor job list\n"
                          "torpor job wait latest -o json");
  CLI::App* submit = AddNoun(*job, "submit", "Hands a job to the server.",
                             "torpor job submit train s1 --dataset fashion-mnist --watch");
  AddTrain(*submit, context);
  AddOverData(*submit, context, "evaluate",
              "Measures accuracy and power of the session's present mode.");
  AddOverData(*submit, context, "calibrate",
              "Gathers the statistics that bias policies, noise and NASP need.");
  AddJobTune(*submit, context);

  auto id = std::make_shared<std::string>();
  auto session = std::make_shared<std::string>();
  auto limit = std::make_shared<int>(50);
  auto from = std::make_shared<int64_t>(0);
  CLI::App* list =
      AddCommand(*job, "list", "Lists jobs, the newest first.", "torpor job list --session s1",
                 context, [=, &context] { return ListJobs(context, *session, *limit); });
  list->add_option("--session", *session, "only jobs of this session");
  list->add_option("--limit", *limit, "at most so many; default 50")->check(CLI::PositiveNumber);

  const auto add = [&](const std::string& name, const std::string& purpose,
                       std::function<absl::Status()> action) {
    CLI::App* verb = AddCommand(*job, name, purpose, absl::StrCat("torpor job ", name, " latest"),
                                context, std::move(action));
    verb->add_option("job", *id, "id, unique beginning of an id, or `latest`")->required();
    return verb;
  };
  add("get", "Shows a job.", [=, &context]() -> absl::Status {
    CLI_ASSIGN_OR_RETURN(const v1::Job found, GetJob(context, *id));
    PrintJob(context, found);
    return absl::OkStatus();
  });
  add("watch", "Shows a job's progress until it ends; Ctrl-C detaches and leaves it running.",
      [=, &context] { return Follow(context, *id, true, *from); })
      ->add_option("--from-sequence", *from, "only events after this one");
  add("wait", "Returns when the job has ended; exit code 1 unless it succeeded.",
      [=, &context] { return Follow(context, *id, false, 0); });
  add("cancel", "Asks a job to stop.", [=, &context]() -> absl::Status {
    v1::CancelJobRequest request;
    CLI_ASSIGN_OR_RETURN(*request.mutable_name(), ResolveJob(context, *id));
    request.set_request_id(NewRequestId());
    CLI_ASSIGN_OR_RETURN(const v1::Job stopped,
                         Call<v1::JobService>(context, &v1::JobService::Stub::CancelJob, request));
    PrintJob(context, stopped);
    return absl::OkStatus();
  });
}

}  // namespace torpor::cli
