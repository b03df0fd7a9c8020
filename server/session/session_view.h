// The public message of a session from what is stored and what its model says.
#pragma once

#include <memory>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "engine/network/model.h"
#include "google/protobuf/duration.pb.h"
#include "google/protobuf/timestamp.pb.h"
#include "server/session/served.h"
#include "server/store/catalogue.h"
#include "torpor/v1/session.pb.h"
#include "torpor/v1/store.pb.h"

namespace torpor {

// Everything but the meter.
v1::Session ViewOf(const Row& row, const v1::StoredSession& stored, const Model& model);

// display_name at most 63 characters; at most 64 labels with keys of 1..63 and values of at most 63
// characters. `path` is put before the fields.
absl::Status CheckTexts(const v1::Session& session, std::string_view path);

std::shared_ptr<const Served> MakeServed(std::shared_ptr<const Deployment> deployment,
                                         const v1::StoredSession& stored, const Model& model);

google::protobuf::Timestamp ToTimestamp(absl::Time time);
google::protobuf::Duration ToDuration(absl::Duration duration);

}  // namespace torpor
