#include "server/store/request_tag.h"

#include "absl/strings/str_cat.h"
#include "engine/base/digest.h"
#include "engine/base/status.h"
#include "google/protobuf/io/coded_stream.h"
#include "google/protobuf/io/zero_copy_stream_impl_lite.h"

namespace torpor {
namespace {

constexpr size_t kMaximumIdLength = 128;

// Map fields in a fixed order, so that equal requests have equal digests.
std::string Canonical(const google::protobuf::Message& message) {
  std::string bytes;
  {
    google::protobuf::io::StringOutputStream stream(&bytes);
    google::protobuf::io::CodedOutputStream coded(&stream);
    coded.SetSerializationDeterministic(true);
    message.SerializeToCodedStream(&coded);
  }
  return bytes;
}

}  // namespace

RequestTag TagOf(std::string_view method, std::string_view request_id,
                 const google::protobuf::Message& request) {
  RequestTag tag;
  if (request_id.empty()) return tag;
  tag.principal = "local";
  tag.method = std::string(method);
  tag.request_id = std::string(request_id);
  tag.digest = Sha256Hex(Canonical(request));
  return tag;
}

absl::StatusOr<std::optional<std::string>> FindRepeat(Catalogue* catalogue, const RequestTag& tag) {
  if (tag.request_id.empty()) return std::nullopt;
  if (tag.request_id.size() > kMaximumIdLength) {
    return FieldError("request_id", absl::StrCat("must have at most ", kMaximumIdLength,
                                                 " characters, got ", tag.request_id.size()));
  }
  TORPOR_ASSIGN_OR_RETURN(std::optional<StoredReply> stored,
                          catalogue->FindReply(tag.principal, tag.method, tag.request_id));
  if (!stored.has_value()) return std::nullopt;
  if (stored->request_digest != tag.digest) {
    return WithReason(FieldError("request_id", "was used for another request in the last 24 hours"),
                      "REQUEST_ID_REUSED");
  }
  return std::move(stored->reply);
}

void Remember(const RequestTag& tag, Transaction& transaction) {
  transaction.principal = tag.principal;
  transaction.method = tag.method;
  transaction.request_id = tag.request_id;
  transaction.request_digest = tag.digest;
}

}  // namespace torpor
