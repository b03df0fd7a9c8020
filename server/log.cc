#include "server/log.h"

#include "spdlog/sinks/stdout_sinks.h"
#include "spdlog/spdlog.h"

namespace torpor {

void InitLog(const std::string& level) {
  spdlog::set_default_logger(spdlog::stderr_logger_mt("torpord"));
  spdlog::set_pattern("%Y-%m-%dT%H:%M:%S.%e%z %l torpord[%P] %v");
  spdlog::set_level(spdlog::level::from_str(level));
  spdlog::flush_on(spdlog::level::info);
}

}  // namespace torpor
