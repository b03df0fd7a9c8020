// Request ids: a mutating call that is repeated with the same id gets the first answer and has no
// second effect (AIP-155).
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "google/protobuf/message.h"
#include "server/store/catalogue.h"

namespace torpor {

// Who called what with which body. Without a request id nothing is remembered.
struct RequestTag {
  std::string principal;
  std::string method;
  std::string request_id;
  std::string digest;
};

// `method` is the short name, e.g. "CreateSession"; the digest is taken over the deterministic
// serialisation.
RequestTag TagOf(std::string_view method, std::string_view request_id,
                 const google::protobuf::Message& request);

// The stored reply of an earlier call with this id, serialised; nullopt if there is none.
// INVALID_ARGUMENT for the field `request_id` with reason REQUEST_ID_REUSED if the earlier call had
// another body.
absl::StatusOr<std::optional<std::string>> FindRepeat(Catalogue* catalogue, const RequestTag& tag);

// Makes `transaction` remember the call; the caller sets make_reply.
void Remember(const RequestTag& tag, Transaction& transaction);

}  // namespace torpor
