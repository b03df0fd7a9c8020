#include "server/session/model_files.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/base/digest.h"
#include "engine/base/status.h"
#include "engine/network/npz_weights.h"
#include "engine/truenorth/cores_file.h"
#include "server/store/names.h"
#include "server/store/request_tag.h"

namespace torpor {
namespace {

absl::Status UnknownFormat(const char* path) {
  return FieldError(path, "must be one of ARCHIVE, NPZ, CORES");
}

absl::Status CheckHasNetwork(const v1::ImportModelRequest::Open& open) {
  if (open.has_network()) return absl::OkStatus();
  return FieldError("open.network", "must be set: an NPZ holds arrays alone");
}

}  // namespace

absl::StatusOr<std::unique_ptr<ModelImport>> ModelImport::Open(v1::ImportModelRequest::Open open,
                                                               ModelStore* models,
                                                               ModelFactory factory) {
  std::unique_ptr<ModelImport> import(new ModelImport());
  if (!open.model_id().empty()) {
    TORPOR_RETURN_IF_ERROR(CheckId("open.model_id", open.model_id()));
  }
  switch (open.format()) {
    case v1::ModelFormat::ARCHIVE: {
      Violations violations;
      if (open.has_network()) {
        violations.Add("open.network", "must not be set: an archive holds its own definition");
      }
      if (open.loss() != v1::Loss::UNSPECIFIED) {
        violations.Add("open.loss", "must not be set: an archive holds its own loss");
      }
      TORPOR_RETURN_IF_ERROR(violations.ToStatus());
      import->max_bytes_ = kMaxImportBytes;
      break;
    }
    case v1::ModelFormat::NPZ: {
      TORPOR_RETURN_IF_ERROR(CheckHasNetwork(open));
      absl::StatusOr<NpzWeights> weights = NpzWeights::Create(open.network(), open.loss(), factory);
      if (!weights.ok()) return WithFieldPrefix(weights.status(), "open.");
      import->max_bytes_ = std::min(kMaxImportBytes, weights->max_bytes());
      import->convert_ = [weights = *std::move(weights)](std::string_view content) {
        return weights.ToArchive(content);
    }; break;
  }
  case v1::ModelFormat::CORES: {
    TORPOR_RETURN_IF_ERROR(CheckHasNetwork(open));
    absl::StatusOr<CoresReader> cores = CoresReader::Create(open.network(), open.loss());
    if (!cores.ok()) return WithFieldPrefix(cores.status(), "open.");
    import->max_bytes_ = std::min(kMaxImportBytes, cores->max_bytes());
    import->convert_ = [cores = *std::move(cores)](std::string_view content) {
      return cores.ToArchive(content);
  }; break;
}
default:
  return UnknownFormat("open.format");
}  // namespace torpor
import->open_ = std::move(open);
import->models_ = models;
return import;
}

absl::StatusOr<v1::Model> ModelImport::Finish(std::string_view content) {
  RequestTag tag = TagOf("ImportModel", open_.request_id(), open_);
  // The same request is the same file too.
  if (!tag.request_id.empty()) tag.digest = Sha256Hex(absl::StrCat(tag.digest, Sha256Hex(content)));
  if (convert_ == nullptr) return models_->Publish(open_.model_id(), content, v1::Model(), tag);
  TORPOR_ASSIGN_OR_RETURN(const std::string archive, convert_(content));
  return models_->Publish(open_.model_id(), archive, v1::Model(), tag);
}

absl::StatusOr<std::string> ExportModelFile(const v1::ExportModelRequest& request,
                                            ModelStore* models) {
  const auto format = request.format();
  if (format == v1::ModelFormat::UNSPECIFIED || !v1::ModelFormat::Kind_IsValid(format)) {
    return UnknownFormat("format");
  }
  TORPOR_ASSIGN_OR_RETURN(std::string archive, models->ReadArchive(request.name()));
  if (format == v1::ModelFormat::NPZ) return NpzOfArchive(archive);
  if (format == v1::ModelFormat::CORES) return CoresOfArchive(archive);
  return archive;
}

}  // namespace torpor
