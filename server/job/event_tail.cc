#include "server/job/event_tail.h"

#include <fstream>

#include "engine/job/event_log.h"

namespace torpor {

std::vector<v1::JobEvent> EventTail::Read() {
  std::ifstream file(path_, std::ios::binary);
  if (!file.seekg(static_cast<std::streamoff>(offset_))) return {};
  std::string chunk(kChunkBytes, '\0');
  file.read(chunk.data(), static_cast<std::streamsize>(chunk.size()));
  chunk.resize(static_cast<size_t>(file.gcount()));
  ParsedEvents parsed = ParseEvents(chunk);
  offset_ += parsed.consumed;
  return std::move(parsed.events);
}

}  // namespace torpor
