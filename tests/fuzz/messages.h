// Several messages in the bytes of one input, each behind its length.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>

#include "google/protobuf/io/coded_stream.h"

namespace torpor::fuzz {

// Takes the next message off the front of `bytes`; one whose length is beyond the end goes to the
// end. False where there is none, or it cannot be parsed.
template <typename Message>
bool TakeMessage(std::string_view& bytes, Message& message) {
  google::protobuf::io::CodedInputStream in(reinterpret_cast<const uint8_t*>(bytes.data()),
                                            static_cast<int>(bytes.size()));
  uint32_t length = 0;
  if (!in.ReadVarint32(&length)) return false;
  bytes.remove_prefix(static_cast<size_t>(in.CurrentPosition()));
  const std::string_view own = bytes.substr(0, length);
  bytes.remove_prefix(own.size());
  return message.ParseFromArray(own.data(), static_cast<int>(own.size()));
}

template <typename Message>
void PutMessage(const Message& message, std::string& bytes) {
  const std::string own = message.SerializeAsString();
  uint8_t length[10];
  const uint8_t* end = google::protobuf::io::CodedOutputStream::WriteVarint32ToArray(
      static_cast<uint32_t>(own.size()), length);
  bytes.append(reinterpret_cast<const char*>(length), static_cast<size_t>(end - length));
  bytes += own;
}

}  // namespace torpor::fuzz
