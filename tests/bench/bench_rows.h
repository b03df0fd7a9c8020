// Rates of repeated work, and rows of JSON that say whether a bar was met.
#pragma once

#include <time.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <functional>
#include <string>

#include "engine/base/status.h"
#include "nlohmann/json.hpp"

namespace torpor {

inline double Seconds(clockid_t clock) {
  timespec now{};
  TORPOR_CHECK(clock_gettime(clock, &now) == 0);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

// Runs of `work` a second of `clock`, over one round of `seconds`.
inline double RoundOf(double seconds, const std::function<void()>& work, clockid_t clock) {
  const double start = Seconds(clock);
  double took = 0;
  double runs = 0;
  do {
    work();
    runs += 1;
    took = Seconds(clock) - start;
  } while (took < seconds);
  return runs / took;
}

// The best of three rounds, after one run to warm up.
inline double RateOf(double seconds, const std::function<void()>& work,
                     clockid_t clock = CLOCK_PROCESS_CPUTIME_ID) {
  work();
  double best = 0;
  for (int round = 0; round < 3; ++round) best = std::max(best, RoundOf(seconds, work, clock));
  return best;
}

// Rates of two kinds of work in elapsed time, the best of five rounds each. The rounds take turns,
// so that a while in which the machine does something else is not one side's alone.
inline std::array<double, 2> RatesInTurn(double seconds,
                                         const std::array<std::function<void()>, 2>& works) {
  std::array<double, 2> best = {};
  for (const auto& work : works) work();
  for (int round = 0; round < 5; ++round) {
    for (size_t i = 0; i < works.size(); ++i) {
      best[i] = std::max(best[i], RoundOf(seconds, works[i], CLOCK_MONOTONIC));
    }
  }
  return best;
}

// What a value of a row must be at least.
struct Bar {
  const char* of = nullptr;
  double at_least = 0;
};

inline void Print(const std::string& what, nlohmann::ordered_json values, const Bar& bar = {}) {
  nlohmann::ordered_json row = {{"what", what}};
  row.update(values);
  if (bar.of != nullptr) {
    row["bar"] = bar.at_least;
    row["met"] = values.at(bar.of).get<double>() >= bar.at_least;
  }
  std::printf("%s\n", row.dump().c_str());
  std::fflush(stdout);
}

}  // namespace torpor
