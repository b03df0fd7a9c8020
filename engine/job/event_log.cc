#include "engine/job/event_log.h"

#include <cstdint>

#include "absl/time/clock.h"
#include "engine/base/digest.h"
#include "engine/base/status.h"

namespace torpor {
namespace {

constexpr size_t kHeaderBytes = 8;
// A record longer than this is damage, not an event: the largest events carry a few kilobytes.
constexpr uint32_t kMaxPayloadBytes = 16u << 20;

void PutU32(uint32_t value, std::string& out) {
  for (int shift = 0; shift < 32; shift += 8)
    out.push_back(static_cast<char>((value >> shift) & 0xff));
}

uint32_t GetU32(std::string_view in) {
  uint32_t value = 0;
  for (int i = 0; i < 4; ++i)
    value |= static_cast<uint32_t>(static_cast<unsigned char>(in[i])) << (8 * i);
  return value;
}

}  // namespace

absl::StatusOr<std::unique_ptr<EventLogWriter>> EventLogWriter::Open(const std::string& path,
                                                                     int attempt,
                                                                     FileSystem* files) {
  int64_t next_index = 1;
  TORPOR_ASSIGN_OR_RETURN(bool exists, files->Exists(path));
  if (exists) {
    TORPOR_ASSIGN_OR_RETURN(std::string content, files->Read(path));
    const ParsedEvents parsed = ParseEvents(content);
    if (!parsed.events.empty()) {
      next_index = parsed.events.back().sequence() - SequenceOf(attempt, 0) + 1;
    }
    // Records after a torn one could never be read again.
    if (parsed.consumed < content.size()) {
      TORPOR_RETURN_IF_ERROR(
          files->WriteAtomically(path, std::string_view(content).substr(0, parsed.consumed)));
    }
  }
  TORPOR_ASSIGN_OR_RETURN(std::unique_ptr<AppendFile> file, files->OpenAppend(path));
  return std::unique_ptr<EventLogWriter>(new EventLogWriter(std::move(file), attempt, next_index));
}

absl::Status EventLogWriter::Append(v1::JobEvent event, bool sync) {
  event.set_sequence(SequenceOf(attempt_, next_index_));
  const absl::Time now = absl::Now();
  event.mutable_time()->set_seconds(absl::ToUnixSeconds(now));
  event.mutable_time()->set_nanos(
      static_cast<int32_t>(absl::ToUnixNanos(now) - absl::ToUnixSeconds(now) * 1000000000));
  const std::string payload = event.SerializeAsString();
  TORPOR_CHECK(payload.size() <= kMaxPayloadBytes);
  std::string record;
  record.reserve(kHeaderBytes + payload.size());
  PutU32(static_cast<uint32_t>(payload.size()), record);
  PutU32(Crc32c(payload), record);
  record += payload;
  TORPOR_RETURN_IF_ERROR(file_->Append(record));
  ++next_index_;
  return sync ? file_->Sync() : absl::OkStatus();
}

ParsedEvents ParseEvents(std::string_view content) {
  ParsedEvents parsed;
  while (content.size() - parsed.consumed >= kHeaderBytes) {
    const std::string_view rest = content.substr(parsed.consumed);
    const uint32_t length = GetU32(rest);
    if (length > kMaxPayloadBytes || rest.size() - kHeaderBytes < length) break;
    const std::string_view payload = rest.substr(kHeaderBytes, length);
    v1::JobEvent event;
    if (Crc32c(payload) != GetU32(rest.substr(4)) ||
        !event.ParseFromArray(payload.data(), static_cast<int>(payload.size()))) {
      break;
    }
    parsed.events.push_back(std::move(event));
    parsed.consumed += kHeaderBytes + length;
  }
  return parsed;
}

}  // namespace torpor
