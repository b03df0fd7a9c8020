// Figures over the rounds of a measurement.
#pragma once

#include <cstddef>
#include <vector>

#include "nlohmann/json.hpp"
#include "tests/bench/stream_driver.h"

namespace torpor::bench {

// Medians over the rounds of messages a second and of their ratio to the bare echo of the same
// round; quantiles of all latencies; the median of what the server computed for the batch that a
// message was in.
inline nlohmann::json Summary(const std::vector<Measured>& rounds,
                              const std::vector<Measured>& echo) {
  std::vector<double> rates, ratios, latencies, computing;
  for (size_t i = 0; i < rounds.size(); ++i) {
    rates.push_back(rounds[i].rate);
    ratios.push_back(rounds[i].rate / echo[i].rate);
    latencies.insert(latencies.end(), rounds[i].latencies.begin(), rounds[i].latencies.end());
    computing.insert(computing.end(), rounds[i].computing.begin(), rounds[i].computing.end());
  }
  nlohmann::json summary = {{"rate_per_s", Quantile(rates, 0.5)},
                            {"ratio_to_echo", Quantile(ratios, 0.5)},
                            {"p50_us", Quantile(latencies, 0.5) * 1e6},
                            {"p99_us", Quantile(latencies, 0.99) * 1e6}};
  if (!computing.empty()) summary["compute_us"] = Quantile(computing, 0.5) * 1e6;
  return summary;
}

}  // namespace torpor::bench
