// torpor doctor: looks at everything that must be in place and says what to do about what is not.
#include <unistd.h>

#include <filesystem>
#include <memory>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "client/cli/command.h"
#include "client/cli/errors.h"
#include "client/cli/output.h"
#include "client/cli/rpc.h"
#include "client/cli/server_process.h"
#include "torpor/v1/dataset.grpc.pb.h"
#include "torpor/v1/server.grpc.pb.h"

namespace torpor::cli {
namespace {

namespace fs = std::filesystem;

constexpr double kGiB = 1024.0 * 1024 * 1024;

struct Check {
  std::string name;
  // "ok", "warning" (something optional is missing) or "problem".
  std::string state;
  std::string detail;
  std::string try_this;
};

std::string FindOnPath(const Context& context, absl::string_view program) {
  const std::string path = context.Env("PATH");
  for (const absl::string_view folder : absl::StrSplit(path, ':', absl::SkipEmpty())) {
    const std::string file = absl::StrCat(folder, "/", program);
    if (access(file.c_str(), X_OK) == 0) return file;
  }
  return "";
}

Check Space(double free_bytes, const std::string& where) {
  const std::string detail = absl::StrFormat("%.1f GiB free in %s", free_bytes / kGiB, where);
  if (free_bytes >= kGiB) return {"disk", "ok", detail, ""};
  return {"disk", "warning", detail, "free some space, or start the server with --data-dir"};
}

// Datasets as the server lists them.
std::vector<Check> ServerDatasets(Context& context, const v1::ServerInfo& info) {
  const std::string path = absl::StrJoin(info.dataset_path(), ":");
  v1::ListDatasetsRequest request;
  request.set_page_size(1000);
  const auto list =
      Call<v1::DatasetService>(context, &v1::DatasetService::Stub::ListDatasets, request);
  if (!list.ok()) {
    return {{"datasets", "problem", std::string(list.status().message()),
             "torpor server logs, and torpor dataset list"}};
  }
  std::vector<std::string> found;
  bool files = false;
  for (const v1::Dataset& dataset : list->datasets()) {
    found.push_back(ShortName(dataset.name()));
    files = files || dataset.format() != "synthetic";
  }
  const std::string detail = absl::StrCat(absl::StrJoin(found, ", "), " (dataset path ", path, ")");
  if (files) return {{"datasets", "ok", detail, ""}};
  return {{"datasets", "warning", absl::StrCat("no images on the dataset path; only ", detail),
           "apt-get install dataset-fashion-mnist, or put the four IDX files of a dataset into "
           "FOLDER/NAME/ and start the server with --dataset-path FOLDER or "
           "TORPOR_DATASET_PATH=FOLDER"}};
}

// Without a server: what a server started here would find.
Check LocalDatasets(const Context& context) {
  const std::string path = context.Env("TORPOR_DATASET_PATH", "/usr/share/datasets");
  std::vector<std::string> found;
  for (const absl::string_view folder : absl::StrSplit(path, ':', absl::SkipEmpty())) {
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(fs::path(std::string(folder)), error)) {
      for (const char* file :
           {"train-images-idx3-ubyte", "train-images-idx3-ubyte.gz", "train-images.npy"}) {
        if (fs::exists(entry.path() / file, error)) {
          found.push_back(entry.path().filename().string());
          break;
        }
      }
    }
  }
  if (!found.empty()) {
    return {"datasets", "ok",
            absl::StrCat(absl::StrJoin(found, ", "), " (dataset path ", path, ")"), ""};
  }
  return {"datasets", "warning",
          absl::StrCat("no images in ", path, "; only the synthetic sets would be there"),
          "apt-get install dataset-fashion-mnist, or set TORPOR_DATASET_PATH to the folder that "
          "holds NAME/train-images-idx3-ubyte[.gz] and its three companions"};
}

std::vector<Check> ServerChecks(Context& context) {
  std::vector<Check> checks;
  Options& options = context.options;
  options.timeout = std::min(options.timeout, absl::Seconds(10));
  const auto info = Call<v1::ServerService>(context, &v1::ServerService::Stub::GetServerInfo,
                                            v1::GetServerInfoRequest());
  if (!info.ok()) {
    checks.push_back({"server", "problem", absl::StrCat("no answer from ", options.server),
                      "torpor server start, or set TORPOR_SERVER to a server that runs"});
    checks.push_back(LocalDatasets(context));
    std::error_code error;
    const std::string home = context.Env("HOME", "/");
    checks.push_back(Space(static_cast<double>(fs::space(home, error).available), home));
    checks.push_back(
        {"cpus", "ok", absl::StrCat(std::thread::hardware_concurrency(), " on this machine"), ""});
    return checks;
  }
  checks.push_back({"server", "ok",
                    absl::StrCat(options.server, ", process ", info->process_id(), ", data in ",
                                 info->data_directory()),
                    ""});
  const bool same = info->version() == TORPOR_VERSION;
  checks.push_back({"versions", same ? "ok" : "warning",
                    absl::StrCat("client ", TORPOR_VERSION, ", server ", info->version(), " (",
                                 info->git_commit(), ")"),
                    same ? "" : "restart the server from the same build as this client"});
  for (Check& check : ServerDatasets(context, *info)) checks.push_back(std::move(check));
  checks.push_back(Space(static_cast<double>(info->free_bytes()), info->data_directory()));
  checks.push_back({"cpus", "ok",
                    absl::StrCat(info->cpus(), " x ", info->cpu(), ", products by ", info->gemm()),
                    ""});
  return checks;
}

absl::Status Doctor(Context& context) {
  std::vector<Check> checks = ServerChecks(context);
  const auto binary = FindServerBinary(context);
  checks.push_back(binary.ok() ? Check{"torpord", "ok", *binary, ""}
                               : Check{"torpord", "warning", std::string(binary.status().message()),
                                       "build the target torpord, or use a server elsewhere"});
  const std::string gnuplot = FindOnPath(context, "gnuplot");
  checks.push_back(gnuplot.empty()
                       ? Check{"gnuplot", "warning", "not found: reports come without plots",
                               "apt-get install gnuplot-nox"}
                       : Check{"gnuplot", "ok", gnuplot, ""});
  std::vector<Json> rows;
  int problems = 0;
  for (const Check& check : checks) {
    Json row = {{"check", check.name}, {"state", check.state}, {"detail", check.detail}};
    if (!check.try_this.empty()) row["try"] = check.try_this;
    rows.push_back(std::move(row));
    problems += check.state == "problem";
  }
  PrintRows(context, {{"check"}, {"state"}, {"detail"}}, rows,
            {{"ok", problems == 0}, {"checks", rows}});
  for (const Check& check : checks) {
    if (!check.try_this.empty()) context.err << check.name << ": try " << check.try_this << '\n';
  }
  context.err.flush();
  return problems == 0 ? absl::OkStatus()
                       : WorkFailed(absl::StrCat(problems, problems == 1 ? " problem" : " problems",
                                                 " found"));
}

}  // namespace

void AddDoctorCommand(CLI::App& root, Context& context) {
  AddCommand(root, "doctor", "Checks server, versions, datasets, disk; says what to do.",
             "torpor doctor", context, [&context] { return Doctor(context); });
}

}  // namespace torpor::cli
