// A fuzz target over a fixed, seeded corpus.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "google/protobuf/stubs/logging.h"
#include "gtest/gtest.h"
#include "tests/fuzz/mutate.h"

namespace torpor::fuzz {

using Target = int (*)(const uint8_t*, size_t);

inline int Run(Target target, const std::string& bytes) {
  // Exactly as long as the input, so that an address sanitizer sees a read past its end.
  const std::vector<uint8_t> exact(bytes.begin(), bytes.end());
  return target(exact.data(), exact.size());
}

// Every seed is accepted, which shows that the target reaches its parser; then `count` mutations,
// of which some are refused.
inline void RunCorpus(Target target, const std::vector<std::string>& seeds, uint64_t count) {
  for (size_t i = 0; i < seeds.size(); ++i) EXPECT_EQ(Run(target, seeds[i]), 1) << "seed " << i;
  EXPECT_EQ(target(nullptr, 0), 0);
  // Protobuf reports each broken string that it refuses.
  const google::protobuf::LogSilencer quiet;
  uint64_t refused = 0;
  for (uint64_t i = 0; i < count; ++i) {
    RandomStream random(7, RandomPurpose::kTest, 0, i);
    refused += Run(target, Mutate(seeds, random)) == 0;
  }
  EXPECT_GT(refused, 0u);
}

}  // namespace torpor::fuzz
