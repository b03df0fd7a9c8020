#include "client/cli/rpc.h"

#include <chrono>
#include <random>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/cord.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "client/cli/errors.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "torpor/v1/job.grpc.pb.h"
#include "torpor/v1/model.grpc.pb.h"
#include "torpor/v1/session.grpc.pb.h"

namespace torpor::cli {
namespace {

// The name of a code as gRPC spells it.
std::string CodeName(const absl::Status& status) { return absl::StatusCodeToString(status.code()); }

// The noun of a resource type or collection: "sessions" -> "session".
std::string Noun(absl::string_view collection) {
  if (absl::EndsWith(collection, "s")) collection.remove_suffix(1);
  return std::string(collection);
}

// What helps against an error: the server's own advice first.
std::string Advice(const absl::Status& status) {
  if (const auto help = DetailOf<google::rpc::Help>(status); help && help->links_size() > 0) {
    return help->links(0).description();
  }
  if (const auto retry = DetailOf<google::rpc::RetryInfo>(status)) {
    const double seconds = retry->retry_delay().seconds() + 1e-9 * retry->retry_delay().nanos();
    return absl::StrFormat("again in %.3g s", seconds);
  }
  switch (status.code()) {
    case absl::StatusCode::kUnavailable:
      return "torpor server start, or name another server with --server or TORPOR_SERVER";
    case absl::StatusCode::kDeadlineExceeded:
      return "a longer --timeout, e.g. --timeout 2m";
    case absl::StatusCode::kAborted:
      return "again: somebody else changed it in between";
    case absl::StatusCode::kUnimplemented:
      return "torpor doctor, which compares the versions of client and server";
    case absl::StatusCode::kNotFound: {
      const auto resource = DetailOf<google::rpc::ResourceInfo>(status);
      if (!resource) return "";
      const std::string type = absl::AsciiStrToLower(resource->resource_type());
      for (const absl::string_view noun : {"session", "job", "model", "dataset"}) {
        if (absl::StrContains(type, noun)) return absl::StrCat("torpor ", noun, " list");
      }
      return "";
    }
    default:
      return "";
  }
}

// All names of a collection, newest first where the server orders them so, with their creation time
// in seconds.
struct Entry {
  std::string name;
  double created = 0;
};

template <typename Service, typename Request, typename Response, typename Items>
absl::StatusOr<std::vector<Entry>> ListNames(
    Context& context,
    grpc::Status (Service::Stub::*method)(grpc::ClientContext*, const Request&, Response*),
    Items items) {
  std::vector<Entry> entries;
  Request request;
  request.set_page_size(1000);
  do {
    CLI_ASSIGN_OR_RETURN(const Response response, Call<Service>(context, method, request));
    for (const auto& item : items(response)) {
      entries.push_back(
          {item.name(), item.create_time().seconds() + 1e-9 * item.create_time().nanos()});
    }
    request.set_page_token(response.next_page_token());
  } while (!request.page_token().empty());
  return entries;
}

absl::StatusOr<std::vector<Entry>> ListCollection(Context& context, absl::string_view collection) {
  if (collection == "sessions") {
    return ListNames<v1::SessionService>(
        context, &v1::SessionService::Stub::ListSessions,
        [](const v1::ListSessionsResponse& list) { return list.sessions(); });
  }
  if (collection == "jobs") {
    return ListNames<v1::JobService>(context, &v1::JobService::Stub::ListJobs,
                                     [](const v1::ListJobsResponse& list) { return list.jobs(); });
  }
  return ListNames<v1::ModelService>(
      context, &v1::ModelService::Stub::ListModels,
      [](const v1::ListModelsResponse& list) { return list.models(); });
}

absl::StatusOr<std::string> Resolve(Context& context, absl::string_view collection,
                                    absl::string_view id) {
  if (id.empty()) return UsageError(absl::StrCat("the id of a ", Noun(collection), " is empty"));
  const std::string name = FullName(collection, id);
  CLI_ASSIGN_OR_RETURN(const std::vector<Entry> entries, ListCollection(context, collection));
  std::vector<std::string> matches;
  const Entry* newest = nullptr;
  for (const Entry& entry : entries) {
    if (entry.name == name) return name;
    if (absl::StartsWith(entry.name, name)) matches.push_back(entry.name);
    if (newest == nullptr || entry.created > newest->created) newest = &entry;
  }
  if (id == "latest" && newest != nullptr) return newest->name;
  if (matches.size() == 1) return matches[0];
  if (matches.size() > 1) {
    if (matches.size() > 5) matches.resize(5);
    for (std::string& match : matches) match = ShortName(match);
    return UsageError(absl::StrCat("`", id, "` is the beginning of several ", collection),
                      absl::StrJoin(matches, ", "), "more letters of the id");
  }
  std::vector<std::string> ids;
  for (const Entry& entry : entries) ids.push_back(ShortName(entry.name));
  const std::string close = ClosestTo(ShortName(name), ids);
  absl::Status status =
      absl::NotFoundError(absl::StrCat("no ", Noun(collection), " `", ShortName(name), "`"));
  status = WithWhere(std::move(status), absl::StrCat("server ", context.options.server));
  return WithTry(std::move(status), close.empty()
                                        ? absl::StrCat("torpor ", Noun(collection), " list")
                                        : absl::StrCat("`", close, "`?"));
}

}  // namespace

absl::Status FromGrpc(const grpc::Status& status, absl::string_view server) {
  if (status.ok()) return absl::OkStatus();
  std::string message = status.error_message();
  if (status.error_code() == grpc::StatusCode::UNAVAILABLE && status.error_details().empty()) {
    // gRPC's own words repeat the address and name every attempt; the last part says why.
    const size_t last = message.rfind(": ");
    message = absl::StrCat(
        "no server answers at ", server,
        last == std::string::npos ? "" : absl::StrCat(" (", message.substr(last + 2), ")"));
  }
  absl::Status result(static_cast<absl::StatusCode>(status.error_code()), message);
  google::rpc::Status details;
  if (!status.error_details().empty() && details.ParseFromString(status.error_details())) {
    for (const auto& detail : details.details()) {
      result.SetPayload(detail.type_url(), absl::Cord(detail.value()));
    }
  }
  std::string where = absl::StrCat("server ", server, ": ", CodeName(result));
  if (const auto info = DetailOf<google::rpc::ErrorInfo>(result)) {
    if (info->reason() != CodeName(result)) absl::StrAppend(&where, " (", info->reason(), ")");
  }
  // The place is set last so that a caller that knows better (a line of a file) may set it before
  // printing.
  result = WithTry(std::move(result), Advice(result));
  result.SetPayload("torpor.cli/server", absl::Cord(where));
  return result;
}

void SetDeadline(grpc::ClientContext& call, absl::Duration timeout) {
  call.set_deadline(std::chrono::system_clock::now() + absl::ToChronoMicroseconds(timeout));
}

std::string NewRequestId() {
  std::random_device device;
  return absl::StrFormat("%08x%08x%08x%08x", device(), device(), device(), device());
}

std::string FullName(absl::string_view collection, absl::string_view id) {
  const std::string prefix = absl::StrCat(collection, "/");
  return absl::StartsWith(id, prefix) ? std::string(id) : absl::StrCat(prefix, id);
}

std::string ShortName(absl::string_view name) {
  const size_t slash = name.find('/');
  return std::string(slash == absl::string_view::npos ? name : name.substr(slash + 1));
}

absl::StatusOr<std::string> ResolveSession(Context& context, absl::string_view id) {
  return Resolve(context, "sessions", id);
}

absl::StatusOr<std::string> ResolveJob(Context& context, absl::string_view id) {
  return Resolve(context, "jobs", id);
}

absl::StatusOr<std::string> ResolveModel(Context& context, absl::string_view id) {
  return Resolve(context, "models", id);
}

absl::StatusOr<v1::Session> GetSession(Context& context, absl::string_view id) {
  v1::GetSessionRequest request;
  CLI_ASSIGN_OR_RETURN(*request.mutable_name(), ResolveSession(context, id));
  return Call<v1::SessionService>(context, &v1::SessionService::Stub::GetSession, request);
}

}  // namespace torpor::cli
