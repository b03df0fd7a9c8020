#include "client/cli/model_file.h"

#include <algorithm>
#include <fstream>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "client/cli/definition.h"
#include "client/cli/errors.h"
#include "client/cli/job_run.h"
#include "client/cli/part_file.h"
#include "client/cli/rpc.h"
#include "torpor/v1/model.grpc.pb.h"
#include "torpor/v1/session.pb.h"

namespace torpor::cli {
namespace {

constexpr size_t kChunk = 1 << 20;
// Bytes that say which format a file has.
constexpr size_t kHead = 256;
constexpr absl::string_view kOpen = "open.";

absl::StatusOr<v1::ModelFormat::Kind> FormatOf(const std::string& word) {
  if (word == "npz") return v1::ModelFormat::NPZ;
  if (word == "cores") return v1::ModelFormat::CORES;
  if (word == "archive") return v1::ModelFormat::ARCHIVE;
  return UsageError(absl::StrCat("no such format: `", word, "`"), "--format",
                    "--format npz, cores or archive");
}

// Whether a zip's first member, which its head names, is an array of a file of cores.
bool IsMemberOfCores(absl::string_view head) {
  constexpr size_t kLengthAt = 26, kNameAt = 30;
  if (head.size() < kNameAt) return false;
  const size_t length = static_cast<uint8_t>(head[kLengthAt]) |
                        static_cast<size_t>(static_cast<uint8_t>(head[kLengthAt + 1])) << 8;
  const absl::string_view name = head.substr(kNameAt, length);
  for (const char* array :
       {".axon_types.npy", ".tables.npy", ".crossbar.npy", ".pixel.npy", ".source_core.npy",
        ".source_neuron.npy", ".destination_core.npy", ".destination_axon.npy"}) {
    if (absl::EndsWith(name, array)) return true;
  }
  // Both kinds of file have leaks: those of cores by layer, those of a model's NPZ by core as well.
  return absl::EndsWith(name, ".leak.npy") && std::count(name.begin(), name.end(), '.') == 2;
}

absl::StatusOr<v1::ModelFormat::Kind> FormatToWrite(const ExportFlags& flags) {
  if (!flags.format.empty()) return FormatOf(flags.format);
  if (absl::EndsWith(flags.file, ".npz")) return v1::ModelFormat::NPZ;
  if (absl::EndsWith(flags.file, ".torpor")) return v1::ModelFormat::ARCHIVE;
  return UsageError("the file's ending names no format", flags.file,
                    ".npz, .torpor (an archive), or --format npz|cores|archive");
}

absl::StatusOr<v1::ModelFormat::Kind> FormatToRead(const ImportFlags& flags, std::istream& file) {
  if (!flags.format.empty()) return FormatOf(flags.format);
  char head[kHead] = {};
  file.read(head, sizeof head);
  const absl::string_view begin(head, static_cast<size_t>(file.gcount()));
  file.clear();
  file.seekg(0);
  if (absl::StartsWith(begin, "TORPORAR")) return v1::ModelFormat::ARCHIVE;
  if (absl::StartsWith(begin, "PK")) {
    // A zip names its first member at once; of cores all are called as no array of weights is.
    return IsMemberOfCores(begin) ? v1::ModelFormat::CORES : v1::ModelFormat::NPZ;
  }
  return UsageError("neither an NPZ nor an archive of Torpor", flags.file,
                    "numpy.savez(FILE, **{'LAYER.weight': ..., 'LAYER.bias': ...})");
}

// Time for the call itself, and for its bytes at the pace of a slow network.
absl::Duration TimeoutFor(const Context& context, int64_t bytes) {
  return context.options.timeout + absl::Seconds(static_cast<double>(bytes) / (2 << 20));
}

// The model that is meant: by its own name, or by the session that serves it.
absl::StatusOr<std::string> NameOf(Context& context, const std::string& model) {
  if (!absl::StartsWith(model, "sessions/")) return ResolveModel(context, model);
  CLI_ASSIGN_OR_RETURN(const v1::Session session, GetSession(context, model));
  if (!session.model().empty()) return session.model();
  return WithTry(WithWhere(absl::FailedPreconditionError(
                               "the session's parameters are not kept as a model yet"),
                           session.name()),
                 absl::StrCat("torpor model snapshot ", ShortName(session.name())));
}

// Names the flag of a wrong field, or the line of a wrong definition.
absl::Status Locate(absl::Status status, const std::optional<Definition>& definition,
                    const std::string& file) {
  const auto bad = DetailOf<google::rpc::BadRequest>(status);
  if (!bad || bad->field_violations().empty()) return WithWhere(std::move(status), file);
  const std::string& field = bad->field_violations(0).field();
  if (definition && absl::StartsWith(field, "open.network")) {
    return definition->Locate(std::move(status), "open.network.");
  }
  if (field == "open.model_id") return WithWhere(std::move(status), "--id");
  if (absl::StartsWith(field, kOpen)) return NameFlag(std::move(status));
  return WithWhere(std::move(status), file);
}

}  // namespace

absl::StatusOr<ExportedModel> ExportModel(Context& context, const ExportFlags& flags) {
  v1::ExportModelRequest request;
  CLI_ASSIGN_OR_RETURN(const v1::ModelFormat::Kind format, FormatToWrite(flags));
  request.set_format(format);
  CLI_ASSIGN_OR_RETURN(*request.mutable_name(), NameOf(context, flags.model));
  v1::GetModelRequest get;
  get.set_name(request.name());
  CLI_ASSIGN_OR_RETURN(const v1::Model model,
                       Call<v1::ModelService>(context, &v1::ModelService::Stub::GetModel, get));
  PartFile file(flags.file);
  CLI_RETURN_IF_ERROR(file.Open());
  const auto stub = v1::ModelService::NewStub(context.Channel());
  grpc::ClientContext call;
  SetDeadline(call, TimeoutFor(context, model.size_bytes()));
  const auto reader = stub->ExportModel(&call, request);
  ExportedModel exported{request.name(), 0};
  v1::ExportModelResponse response;
  while (reader->Read(&response)) {
    if (absl::Status status = file.Append(response.chunk()); !status.ok()) {
      call.TryCancel();
      reader->Finish();
      return status;
    }
    exported.bytes += static_cast<int64_t>(response.chunk().size());
  }
  const grpc::Status status = reader->Finish();
  if (!status.ok()) return FromGrpc(status, context.options.server);
  CLI_RETURN_IF_ERROR(file.Finish());
  return exported;
}

absl::StatusOr<v1::Model> ImportModel(Context& context, const ImportFlags& flags) {
  std::ifstream file(flags.file, std::ios::binary | std::ios::ate);
  const std::streamoff size = file ? static_cast<std::streamoff>(file.tellg()) : -1;
  // A folder can be opened, but has no end.
  if (size < 0 || size > (std::streamoff{1} << 62)) {
    return UsageError("cannot be read", flags.file, absl::StrCat("ls -l ", flags.file));
  }
  file.seekg(0);
  v1::ImportModelRequest request;
  v1::ImportModelRequest::Open& open = *request.mutable_open();
  CLI_ASSIGN_OR_RETURN(const v1::ModelFormat::Kind format, FormatToRead(flags, file));
  open.set_format(format);
  open.set_model_id(flags.id);
  open.set_request_id(flags.request_id.empty() ? NewRequestId() : flags.request_id);
  if (!flags.loss.empty()) {
    CLI_ASSIGN_OR_RETURN(const v1::Loss::Kind loss, ParseLoss(flags.loss));
    open.set_loss(loss);
  }
  std::optional<Definition> definition;
  if (!flags.network.empty()) {
    CLI_ASSIGN_OR_RETURN(auto loaded, LoadNetwork<v1::Network>(context, flags.network));
    definition = std::move(loaded.first);
    *open.mutable_network() = std::move(loaded.second);
  } else if (format != v1::ModelFormat::ARCHIVE) {
    return UsageError("the file holds arrays alone: its network is needed too", flags.file,
                      "--network net.yaml");
  }

  const auto stub = v1::ModelService::NewStub(context.Channel());
  grpc::ClientContext call;
  SetDeadline(call, TimeoutFor(context, size));
  v1::Model model;
  const auto writer = stub->ImportModel(&call, &model);
  // False when the server has refused already: Finish says why.
  bool going = writer->Write(request);
  std::vector<char> block(kChunk);
  while (going &&
         (file.read(block.data(), static_cast<std::streamsize>(block.size())), file.gcount() > 0)) {
    request.set_chunk(block.data(), static_cast<size_t>(file.gcount()));
    going = writer->Write(request);
  }
  if (going && file.bad()) {
    call.TryCancel();
    writer->Finish();
    return UsageError("cannot be read to its end", flags.file);
  }
  writer->WritesDone();
  const grpc::Status status = writer->Finish();
  if (!status.ok()) {
    return Locate(FromGrpc(status, context.options.server), definition, flags.file);
  }
  return model;
}

}  // namespace torpor::cli
