#include "client/cli/reproduce/job_runner.h"

#include <algorithm>
#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "client/cli/errors.h"
#include "client/cli/progress.h"
#include "client/cli/rpc.h"
#include "client/cli/watch.h"
#include "google/protobuf/io/coded_stream.h"
#include "google/protobuf/io/zero_copy_stream_impl_lite.h"
#include "torpor/v1/dataset.grpc.pb.h"
#include "torpor/v1/job.grpc.pb.h"
#include "torpor/v1/model.grpc.pb.h"
#include "torpor/v1/session.grpc.pb.h"

namespace torpor::cli::reproduce {
namespace {

constexpr char kDigestLabel[] = "reproduce-digest";
constexpr char kRecipeLabel[] = "reproduce";
// Names of the same thing that are taken by something else, or that failed, before we give up.
constexpr int kMaxNames = 100;
// Parts of names, so that a whole one stays within the server's 63 characters.
constexpr size_t kMaxDatasetPart = 13;

std::string Hex(uint64_t digest) { return absl::StrFormat("%016x", digest); }
std::string ShortHex(uint64_t digest) { return Hex(digest ^ (digest >> 32)).substr(8); }

// "fashion-mnist" for any name of a dataset, in letters that names may have.
std::string NamePart(std::string text) {
  if (text.size() > kMaxDatasetPart) text.resize(kMaxDatasetPart);
  for (char& c : text) {
    c = absl::ascii_tolower(static_cast<unsigned char>(c));
    if (!absl::ascii_isalnum(static_cast<unsigned char>(c))) c = '-';
  }
  return text;
}

std::string Numbered(const std::string& name, int number) {
  return number == 1 ? name : absl::StrCat(name, "-", number);
}

// "train", "tune", "sweep" or "search".
std::string KindPart(const v1::JobSpec& spec) {
  const std::string kind = JobKind(spec);
  return kind.substr(kind.rfind('_') + 1);
}

bool Failed(const v1::Job& job) {
  return job.state() == v1::JobState::FAILED || job.state() == v1::JobState::CANCELLED;
}

std::string LabelOf(const google::protobuf::Map<std::string, std::string>& labels,
                    const std::string& name) {
  const auto found = labels.find(name);
  return found == labels.end() ? "" : found->second;
}

}  // namespace

uint64_t Digest(uint64_t upstream, const std::string& bytes) {
  uint64_t hash = 0xcbf29ce484222325u;
  const auto mix = [&hash](unsigned char byte) { hash = (hash ^ byte) * 0x100000001b3u; };
  for (int i = 0; i < 8; ++i) mix(static_cast<unsigned char>(upstream >> (8 * i)));
  for (const char c : bytes) mix(static_cast<unsigned char>(c));
  return hash;
}

std::string Canonical(const google::protobuf::Message& message) {
  std::string bytes;
  {
    google::protobuf::io::StringOutputStream stream(&bytes);
    google::protobuf::io::CodedOutputStream coded(&stream);
    coded.SetSerializationDeterministic(true);
    message.SerializeToCodedStream(&coded);
  }
  return bytes;
}

absl::StatusOr<v1::Dataset> JobRunner::UseDataset(const std::string& id) {
  if (const auto known = datasets_.find(id); known != datasets_.end()) return known->second.first;
  v1::VerifyDatasetRequest request;
  request.set_name(FullName("datasets", id));
  auto verified =
      Call<v1::DatasetService>(context_, &v1::DatasetService::Stub::VerifyDataset, request);
  if (!verified.ok()) {
    if (!absl::IsNotFound(verified.status())) return verified.status();
    return UsageError(absl::StrCat("the server has no dataset `", id, "`"),
                      absl::StrCat("server ", context_.options.server),
                      "torpor dataset list, and --dataset with one of those; or a server with "
                      "--dataset-path");
  }
  datasets_[id] = {verified->dataset(), verified->digest()};
  return verified->dataset();
}

std::string JobRunner::StemOf(const std::string& network_id, const std::string& dataset,
                              uint64_t seed) const {
  const std::string paper = recipe_.substr(0, recipe_.find('-'));
  return absl::StrCat("repro-", paper, "-", network_id, "-", NamePart(dataset), "-s", seed);
}

absl::StatusOr<Stage> JobRunner::Join(const std::string& ensemble_id, const std::string& dataset,
                                      uint64_t seed, const std::vector<Stage>& members) {
  v1::JoinModelsRequest request;
  Stage stage;
  stage.stem = StemOf(ensemble_id, dataset, seed);
  for (const Stage& member : members) {
    request.add_members(member.model);
    stage.digest = Digest(stage.digest, absl::StrCat(member.digest));
    *stage.network.mutable_ensemble()->add_members() = member.network;
  }
  // Models are what their members are: the name says which.
  uint64_t named = stage.digest;
  for (const std::string& member : request.members()) named = Digest(named, member);
  request.set_model_id(absl::StrCat(stage.stem, "-", ShortHex(named)));
  request.set_display_name(ensemble_id);
  request.set_request_id(NewRequestId());
  stage.model = FullName("models", request.model_id());
  const auto joined =
      Call<v1::ModelService>(context_, &v1::ModelService::Stub::JoinModels, request);
  if (!joined.ok() && !absl::IsAlreadyExists(joined.status())) return joined.status();
  return stage;
}

Stage JobRunner::Fresh(const std::string& network_id, const v1::Network& network,
                       const v1::Dataset& dataset, uint64_t seed) const {
  Stage stage;
  const std::string id = ShortName(dataset.name());
  stage.stem = StemOf(network_id, id, seed);
  stage.network = network;
  const auto known = datasets_.find(id);
  stage.digest = Digest(Digest(seed, Canonical(network)),
                        known == datasets_.end() ? id : known->second.second);
  return stage;
}

Stage JobRunner::After(const Stage& stage, const v1::JobSpec& spec, const v1::Job& job) {
  Stage after = stage;
  after.digest = Digest(stage.digest, Canonical(spec));
  after.model = job.model();
  return after;
}

absl::StatusOr<std::string> JobRunner::SessionOf(const Stage& stage) {
  for (int number = 1; number <= kMaxNames; ++number) {
    const std::string id = Numbered(absl::StrCat(stage.stem, "-", ShortHex(stage.digest)), number);
    v1::GetSessionRequest get;
    get.set_name(FullName("sessions", id));
    const auto session =
        Call<v1::SessionService>(context_, &v1::SessionService::Stub::GetSession, get);
    if (session.ok()) {
      // Somebody may have trained it further since.
      if (session->model() == stage.model) return session->name();
      continue;
    }
    if (!absl::IsNotFound(session.status())) return session.status();
    v1::CreateSessionRequest create;
    create.set_session_id(id);
    create.set_request_id(NewRequestId());
    (*create.mutable_labels())[kRecipeLabel] = recipe_;
    if (stage.model.empty()) {
      *create.mutable_network() = stage.network;
    } else {
      create.set_model(stage.model);
    }
    const auto created =
        Call<v1::SessionService>(context_, &v1::SessionService::Stub::CreateSession, create);
    if (created.ok()) return created->name();
    if (absl::IsAlreadyExists(created.status())) continue;
    if (absl::IsNotFound(created.status())) {
      return WithTry(created.status(), "--again: the model of an earlier run is gone");
    }
    return created.status();
  }
  return WorkFailed(absl::StrCat("all names of the session are taken"), stage.stem,
                    "torpor session delete for some of them");
}

absl::StatusOr<v1::Job> JobRunner::Create(const Stage& stage, const std::string& id,
                                          uint64_t digest, v1::JobSpec spec) {
  CLI_ASSIGN_OR_RETURN(*spec.mutable_session(), SessionOf(stage));
  v1::CreateJobRequest request;
  request.set_job_id(id);
  request.set_request_id(NewRequestId());
  *request.mutable_spec() = std::move(spec);
  (*request.mutable_labels())[kRecipeLabel] = recipe_;
  (*request.mutable_labels())[kDigestLabel] = Hex(digest);
  return Call<v1::JobService>(context_, &v1::JobService::Stub::CreateJob, request);
}

absl::StatusOr<v1::Job> JobRunner::Run(const Stage& stage, v1::JobSpec spec) {
  const uint64_t digest = Digest(stage.digest, Canonical(spec));
  const std::string name = absl::StrCat(stage.stem, "-", KindPart(spec), "-", ShortHex(digest));
  const ProgressStyle style = ChooseProgressStyle(context_, false);
  // The newest that succeeded; failed ones are left behind.
  std::optional<v1::Job> done;
  for (int number = 1; number <= kMaxNames; ++number) {
    const std::string id = Numbered(name, number);
    v1::GetJobRequest get;
    get.set_name(FullName("jobs", id));
    absl::StatusOr<v1::Job> job =
        Call<v1::JobService>(context_, &v1::JobService::Stub::GetJob, get);
    if (job.ok()) {
      const bool ours = LabelOf(job->labels(), kDigestLabel) == Hex(digest);
      if (!ours || Failed(*job)) continue;
      if (job->state() == v1::JobState::SUCCEEDED) {
        if (!again_ || DoneNow(job->name())) done = *job;
        continue;
      }
    } else if (absl::IsNotFound(job.status())) {
      if (done) {
        if (!DoneNow(done->name())) {
          ++taken_up_;
          jobs_.push_back(*done);
        }
        return *done;
      }
      job = Create(stage, id, digest, spec);
      // Another reproduction may have come first: look again.
      if (absl::IsAlreadyExists(job.status())) {
        --number;
        absl::SleepFor(absl::Milliseconds(50));
        continue;
      }
    }
    if (!job.ok()) return WithWhere(job.status(), absl::StrCat("job ", id));
    const absl::Time start = absl::Now();
    CLI_ASSIGN_OR_RETURN(v1::Job ended, FollowJob(context_, job->name(), style));
    CLI_RETURN_IF_ERROR(JobOutcome(ended));
    context_.Note(absl::StrFormat("%s  %.1f s", ShortName(ended.name()),
                                  absl::ToDoubleSeconds(absl::Now() - start)));
    jobs_.push_back(ended);
    return ended;
  }
  return WorkFailed(absl::StrCat("all names of job ", name, " are taken"), stage.stem,
                    "torpor job list");
}

bool JobRunner::DoneNow(const std::string& name) const {
  return std::any_of(jobs_.begin(), jobs_.end(),
                     [&name](const v1::Job& job) { return job.name() == name; });
}

}  // namespace torpor::cli::reproduce
