#include "engine/network/model.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/base/status.h"

namespace torpor {

std::string SerializeModel(const Model& model) {
  ArchiveWriter archive("model", model.definition());
  model.Save(archive);
  return archive.Serialize();
}

absl::StatusOr<std::unique_ptr<Model>> ParseModel(std::string_view archive, ModelFactory factory) {
  TORPOR_ASSIGN_OR_RETURN(ArchiveReader reader, ArchiveReader::Parse(archive));
  if (reader.kind() != "model") {
    return WithReason(absl::InvalidArgumentError(absl::StrCat(
                          "archive: wanted kind \"model\", stored \"", reader.kind(), "\"")),
                      "ARCHIVE_KIND");
  }
  auto model = factory(reader.network(), 0);
  if (!model.ok()) return WithFieldPrefix(model.status(), "network.");
  TORPOR_RETURN_IF_ERROR((*model)->Load(reader));
  return model;
}

}  // namespace torpor
