// Who listens to which session.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <string_view>

#include "torpor/v1/session.pb.h"

namespace torpor {

using SessionListener = std::function<void(const v1::SessionEvent&)>;

// Thread-safe. Listeners are called under a lock: after Remove returns a listener is not running
// and will not run.
class Watchers {
 public:
  // Calls `listener` with `first` and then with every event of the session.
  int64_t Add(std::string session, const v1::SessionEvent& first, SessionListener listener);
  void Remove(int64_t token);
  void Notify(std::string_view session, const v1::SessionEvent& event);

 private:
  struct Watcher {
    std::string session;
    SessionListener listener;
  };
  std::mutex mutex_;
  int64_t next_ = 1;
  std::map<int64_t, Watcher> watchers_;
};

}  // namespace torpor
