#include "server/session/models.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/base/status.h"
#include "engine/network/ensemble.h"
#include "server/store/names.h"
#include "server/store/page.h"

namespace torpor {
namespace {

constexpr char kCollection[] = "models";

int64_t Microseconds(absl::Time time) { return absl::ToUnixMicros(time); }

absl::StatusOr<v1::Model> FromRow(const Row& row) {
  v1::Model model;
  if (!model.ParseFromString(row.value)) {
    return absl::DataLossError(
        absl::StrCat("models/", row.id, ": the stored message cannot be read"));
  }
  model.set_name(NameOf(kCollection, row.id));
  model.set_uid(row.uid);
  model.set_etag(EtagOf(row.version));
  const int64_t created = Microseconds(row.create_time);
  model.mutable_create_time()->set_seconds(created / 1000000);
  model.mutable_create_time()->set_nanos(static_cast<int32_t>(created % 1000000 * 1000));
  return model;
}

}  // namespace

absl::StatusOr<v1::Model> ModelStore::Publish(std::string id, std::string_view archive,
                                              const v1::Model& fields, const RequestTag& tag) {
  TORPOR_ASSIGN_OR_RETURN(const std::optional<std::string> repeat, FindRepeat(catalogue_, tag));
  if (repeat.has_value()) {
    v1::Model model;
    model.ParseFromString(*repeat);
    return model;
  }
  if (id.empty()) id = RandomId("model");
  TORPOR_RETURN_IF_ERROR(CheckId("model_id", id));
  TORPOR_ASSIGN_OR_RETURN(const std::unique_ptr<Model> parsed, ParseModel(archive, factory_));

  v1::Model model;
  *model.mutable_network() = parsed->definition();
  model.set_size_bytes(static_cast<int64_t>(archive.size()));
  model.set_source(fields.source());
  model.set_loss(parsed->loss());
  if (!parsed->calibration().dataset_digest().empty())
    *model.mutable_calibration() = parsed->calibration();
  for (const v1::Lever& lever : parsed->levers().all()) *model.add_levers() = lever;
  for (v1::Tuning& tuning : parsed->tunings()) *model.add_tunings() = std::move(tuning);
  *model.mutable_metrics() = fields.metrics();
  if (fields.has_provenance()) *model.mutable_provenance() = fields.provenance();
  // The blob is durable before the row refers to it.
  TORPOR_ASSIGN_OR_RETURN(*model.mutable_digest(), blobs_->Put(archive));

  Transaction transaction;
  transaction.writes.push_back({Write::Kind::kInsert, kCollection, id, model.SerializeAsString()});
  Remember(tag, transaction);
  transaction.make_reply = [](const std::vector<Row>& rows) {
    absl::StatusOr<v1::Model> reply = FromRow(rows[0]);
    TORPOR_CHECK(reply.ok());
    return reply->SerializeAsString();
  };
  TORPOR_ASSIGN_OR_RETURN(const std::vector<Row> rows, catalogue_->Commit(std::move(transaction)));
  return FromRow(rows[0]);
}

absl::StatusOr<v1::Model> ModelStore::Join(const v1::JoinModelsRequest& request) {
  const RequestTag tag = TagOf("JoinModels", request.request_id(), request);
  TORPOR_ASSIGN_OR_RETURN(const std::optional<std::string> repeat, FindRepeat(catalogue_, tag));
  if (repeat.has_value()) {
    v1::Model model;
    model.ParseFromString(*repeat);
    return model;
  }
  if (request.members_size() > kMaxEnsembleMembers) {
    return FieldError("members", absl::StrCat("must have 1..", kMaxEnsembleMembers,
                                              " members, got ", request.members_size()));
  }
  std::vector<std::unique_ptr<Model>> members;
  for (int m = 0; m < request.members_size(); ++m) {
    const std::string path = absl::StrCat("members[", m, "]");
    TORPOR_RETURN_IF_ERROR(IdOf(kCollection, request.members(m), path).status());
    TORPOR_ASSIGN_OR_RETURN(const std::string archive, ReadArchive(request.members(m)));
    TORPOR_ASSIGN_OR_RETURN(std::unique_ptr<Model> member, ParseModel(archive, factory_));
    members.push_back(std::move(member));
  }
  TORPOR_ASSIGN_OR_RETURN(const std::unique_ptr<Model> ensemble,
                          EnsembleModel::Join(std::move(members), request.display_name()));
  v1::Model fields;
  fields.set_source(request.members(0));
  return Publish(request.model_id(), SerializeModel(*ensemble), fields, tag);
}

absl::StatusOr<v1::Model> ModelStore::Get(std::string_view name) {
  TORPOR_ASSIGN_OR_RETURN(const std::string id, IdOf(kCollection, name, "name"));
  TORPOR_ASSIGN_OR_RETURN(const Row row, catalogue_->Get(kCollection, id));
  return FromRow(row);
}

absl::StatusOr<v1::ListModelsResponse> ModelStore::List(const v1::ListModelsRequest& request) {
  TORPOR_ASSIGN_OR_RETURN(const int size, PageSize(request.page_size()));
  TORPOR_ASSIGN_OR_RETURN(const std::string after, PageKey("ListModels", request.page_token()));
  TORPOR_ASSIGN_OR_RETURN(std::vector<Row> rows,
                          catalogue_->List(kCollection, after, size + 1, false));
  v1::ListModelsResponse response;
  if (static_cast<int>(rows.size()) > size) {
    rows.resize(size);
    response.set_next_page_token(PageToken("ListModels", rows.back().id));
  }
  for (const Row& row : rows) {
    TORPOR_ASSIGN_OR_RETURN(*response.add_models(), FromRow(row));
  }
  return response;
}

absl::StatusOr<v1::DeleteModelResponse> ModelStore::Delete(const v1::DeleteModelRequest& request) {
  const RequestTag tag = TagOf("DeleteModel", request.request_id(), request);
  TORPOR_ASSIGN_OR_RETURN(const std::optional<std::string> repeat, FindRepeat(catalogue_, tag));
  if (repeat.has_value()) return v1::DeleteModelResponse();
  TORPOR_ASSIGN_OR_RETURN(const std::string id, IdOf(kCollection, request.name(), "name"));
  TORPOR_ASSIGN_OR_RETURN(const int64_t version, VersionOf(request.etag()));
  Transaction transaction;
  transaction.writes.push_back({Write::Kind::kDelete, kCollection, id, "", version});
  Remember(tag, transaction);
  TORPOR_RETURN_IF_ERROR(catalogue_->Commit(std::move(transaction)).status());
  return v1::DeleteModelResponse();
}

absl::StatusOr<std::string> ModelStore::ReadArchive(std::string_view name) {
  TORPOR_ASSIGN_OR_RETURN(const v1::Model model, Get(name));
  return blobs_->Get(model.digest());
}

}  // namespace torpor
