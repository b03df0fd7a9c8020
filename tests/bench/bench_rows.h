// Rates of repeated work, and rows of JSON that say whether a bar was met.
#pragma once

#include <time.h>

#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <functional>
#include <string>
#include <thread>
#include <vector>

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

inline double Median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

// The best of three rounds, after one run to warm up.
inline double RateOf(double seconds, const std::function<void()>& work,
                     clockid_t clock = CLOCK_PROCESS_CPUTIME_ID) {
  work();
  double best = 0;
  for (int round = 0; round < 3; ++round) best = std::max(best, RoundOf(seconds, work, clock));
  return best;
}

// What a second thread gains, in elapsed time: medians over short rounds.
struct SecondThread {
  // Of all rounds: runs a second with two threads, and what two of one thread that share nothing do
  // side by side, to one of them alone.
  double two = 0;
  double apart_to_one = 0;
  // Of rounds in which the machine had two like processors to give (apart_to_one >= kLike): two
  // threads to one. 0 where there was none.
  double to_one = 0;
  // Of all rounds: two threads to two that share nothing.
  double to_apart = 0;
  int like_rounds = 0;

  static constexpr double kLike = 1.9;
  static constexpr int kRounds = 25;
};

// Two virtual processors are at times one core's, or one of them shares its core with a neighbour:
// then nothing could gain as much, and two runs apart show it. A round asks `one` first and last
// and holds the better against the others, so that a change of speed within it counts as a loss.
inline SecondThread TimeSecondThread(double seconds, const std::function<void()>& one,
                                     const std::function<void()>& another_one,
                                     const std::function<void()>& two) {
  const auto rate = [seconds](const std::function<void()>& work) {
    return RoundOf(seconds, work, CLOCK_MONOTONIC);
  };
  for (const auto& work : {one, another_one, two}) work();
  std::vector<double> twos, aparts, like_ratios, to_aparts;
  for (int round = 0; round < SecondThread::kRounds; ++round) {
    double alone = rate(one);
    double other = 0;
    std::thread beside([&] { other = rate(another_one); });
    double apart = rate(one);
    beside.join();
    apart += other;
    const double shared = rate(two);
    alone = std::max(alone, rate(one));
    twos.push_back(shared);
    aparts.push_back(apart / alone);
    to_aparts.push_back(shared / apart);
    if (aparts.back() >= SecondThread::kLike) like_ratios.push_back(shared / alone);
  }
  return {.two = Median(twos),
          .apart_to_one = Median(aparts),
          .to_one = like_ratios.empty() ? 0 : Median(like_ratios),
          .to_apart = Median(to_aparts),
          .like_rounds = static_cast<int>(like_ratios.size())};
}

// What a value of a row must be at least; a null could not be told.
struct Bar {
  const char* of = nullptr;
  double at_least = 0;
};

inline void Print(const std::string& what, nlohmann::ordered_json values, const Bar& bar = {}) {
  nlohmann::ordered_json row = {{"what", what}};
  row.update(values);
  if (bar.of != nullptr) {
    row["bar"] = bar.at_least;
    const nlohmann::json value = values.at(bar.of);
    row["met"] = value.is_null() ? value : nlohmann::json(value.get<double>() >= bar.at_least);
  }
  std::printf("%s\n", row.dump().c_str());
  std::fflush(stdout);
}

}  // namespace torpor
