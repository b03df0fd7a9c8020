// The models that the server keeps: rows in the catalogue, archives in the blob store.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "engine/network/model.h"
#include "server/store/blobs.h"
#include "server/store/catalogue.h"
#include "server/store/request_tag.h"
#include "torpor/v1/model.pb.h"

namespace torpor {

// Thread-safe; blocking.
class ModelStore {
 public:
  // All outlive the store. `factory` reads what an archive holds (levers, calibration).
  ModelStore(Catalogue* catalogue, BlobStore* blobs, ModelFactory factory)
      : catalogue_(catalogue), blobs_(blobs), factory_(factory) {}

  // Keeps an archive (kind "model") as `models/{id}`; an empty id is chosen by the store. Of
  // `fields`, source, metrics and provenance are kept; the rest follows from the archive. Durable
  // when it returns. ALREADY_EXISTS if the id is taken, DATA_LOSS if the archive is damaged. With a
  // tag, a repeat gets the first answer.
  absl::StatusOr<v1::Model> Publish(std::string id, std::string_view archive,
                                    const v1::Model& fields, const RequestTag& tag = {});
  absl::StatusOr<v1::Model> Get(std::string_view name);
  absl::StatusOr<v1::ListModelsResponse> List(const v1::ListModelsRequest& request);
  absl::StatusOr<v1::DeleteModelResponse> Delete(const v1::DeleteModelRequest& request);
  // Keeps an ensemble of kept models; source names the first one. A repeat gets the first answer.
  absl::StatusOr<v1::Model> Join(const v1::JoinModelsRequest& request);
  // The archive of `models/{id}`.
  absl::StatusOr<std::string> ReadArchive(std::string_view name);

 private:
  Catalogue* catalogue_;
  BlobStore* blobs_;
  ModelFactory factory_;
};

}  // namespace torpor
