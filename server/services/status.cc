#include "server/services/status.h"

#include <string>

#include "engine/base/status.h"

namespace torpor {
namespace {

constexpr size_t kMaximumMessage = 1024;
// Serialised details: base64 adds a third, and the message goes into the trailers twice.
constexpr size_t kMaximumDetails = 4096;

// Cut at the start of a UTF-8 character.
std::string Truncate(std::string text, size_t limit) {
  if (text.size() <= limit) return text;
  size_t end = limit - 3;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
  text.resize(end);
  return text + "...";
}

}  // namespace

grpc::Status ToGrpc(const absl::Status& status) {
  if (status.ok()) return grpc::Status::OK;
  google::rpc::Status proto = ToProto(status);
  const std::string message = Truncate(proto.message(), kMaximumMessage);
  proto.set_message(message);
  while (proto.details_size() > 0 && proto.ByteSizeLong() > kMaximumDetails)
    proto.mutable_details()->RemoveLast();
  return grpc::Status(static_cast<grpc::StatusCode>(proto.code()), message,
                      proto.SerializeAsString());
}

}  // namespace torpor
