// What accesses to memories cost: an access of w bits to a memory of C bits takes
//   (e_a + e_b w) (max(C, 1024) / 65536)^p
// (a model of compiled SRAM, fitted to the synthesis data of C. J. S. Schaefer et al., "Memory
// Organization for Energy-Efficient Learning and Inference in Digital Neuromorphic Accelerators"),
// and controllers take their part. Coefficients `memory_...` of a device profile.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "engine/base/status.h"
#include "engine/energy/memory_traffic.h"
#include "torpor/v1/energy.pb.h"

namespace torpor {

// Joules, unless it says else. Names and meanings in coefficients.cc.
struct MemoryCosts {
  double access = 0;
  double access_bit = 0;
  // 1.
  double capacity_exponent = 0;
  double control = 0;
  double pointer_step = 0;
  // 1.
  double backward_factor = 1;
  double update_factor = 1;
  double bitmap_bit = 0;
  double transposed_bit = 0;
  double address = 0;
  // Watts; unset where the profile has none.
  std::optional<double> leakage_bit;
};

// Names, by its path after `path` (which ends in a dot), what a profile lacks to price memories and
// what is beyond all sense: more than 1 J or 1 W, an exponent above 1, factors above 1000.
void CheckMemoryCosts(const v1::DeviceProfile& profile, const std::string& path,
                      Violations& violations);

// The names that a profile lacks; empty where it prices memories.
std::vector<std::string> MissingMemoryCosts(const v1::DeviceProfile& profile);

// `profile` passed CheckProfile and CheckMemoryCosts.
MemoryCosts MemoryCostsOf(const v1::DeviceProfile& profile);

// Costs from the coefficients' ranges, those without at their value: uniform, or uniform in the
// logarithm where the range ends at 5 times its beginning or more. A function of seed and draw
// alone.
MemoryCosts DrawMemoryCosts(const v1::DeviceProfile& profile, uint64_t seed, uint64_t draw);

// Joules.
double Joules(const MemoryPass& pass, const MemoryCosts& costs);

}  // namespace torpor
