// Models as files: what ImportModel and ExportModel do.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "engine/network/model.h"
#include "server/session/models.h"
#include "torpor/v1/model.pb.h"

namespace torpor {

// Longest file of any import.
inline constexpr int64_t kMaxImportBytes = int64_t{4} << 30;

// An import whose first message was checked. Not thread-safe.
class ModelImport {
 public:
  // Blocks (builds the network once). Wrong fields are named under "open.".
  static absl::StatusOr<std::unique_ptr<ModelImport>> Open(v1::ImportModelRequest::Open open,
                                                           ModelStore* models,
                                                           ModelFactory factory);
  // No whole file is longer. For arrays what the definition may need, for archives kMaxImportBytes.
  int64_t max_bytes() const { return max_bytes_; }
  // Checks the file, builds its model and keeps it; durable when it returns. A repeat with the same
  // request id, definition and file gets the first answer. A damaged archive is DATA_LOSS that
  // names the part.
  absl::StatusOr<v1::Model> Finish(std::string_view content);

 private:
  ModelImport() = default;
  v1::ImportModelRequest::Open open_;
  ModelStore* models_ = nullptr;
  // The archive of a file that is none.
  std::function<absl::StatusOr<std::string>(std::string_view content)> convert_;
  int64_t max_bytes_ = 0;
};

// `models/{id}` as a file. Blocks.
absl::StatusOr<std::string> ExportModelFile(const v1::ExportModelRequest& request,
                                            ModelStore* models);

}  // namespace torpor
