#include "server/session/watchers.h"

#include <utility>

namespace torpor {

int64_t Watchers::Add(std::string session, const v1::SessionEvent& first,
                      SessionListener listener) {
  const std::lock_guard lock(mutex_);
  listener(first);
  const int64_t token = next_++;
  watchers_.emplace(token, Watcher{std::move(session), std::move(listener)});
  return token;
}

void Watchers::Remove(int64_t token) {
  const std::lock_guard lock(mutex_);
  watchers_.erase(token);
}

void Watchers::Notify(std::string_view session, const v1::SessionEvent& event) {
  const std::lock_guard lock(mutex_);
  for (const auto& [token, watcher] : watchers_) {
    if (watcher.session == session) watcher.listener(event);
  }
}

}  // namespace torpor
