// The server's log.
#pragma once

#include <string>

namespace torpor {

// Sends spdlog's log to stderr, one line an event: time with zone, level, process, text. Call once,
// before other threads.
void InitLog(const std::string& level);

}  // namespace torpor
