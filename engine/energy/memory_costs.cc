#include "engine/energy/memory_costs.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "engine/base/random.h"

namespace torpor {
namespace {

// Ranges whose ends are so far apart are of orders of magnitude.
constexpr double kWideRange = 5;

struct Cost {
  const char* name;
  double MemoryCosts::*field;
  double highest;
};

// Draws take their numbers in this order.
constexpr Cost kCosts[] = {
    {"memory_access", &MemoryCosts::access, 1},
    {"memory_access_bit", &MemoryCosts::access_bit, 1},
    {"memory_capacity_exponent", &MemoryCosts::capacity_exponent, 1},
    {"memory_control", &MemoryCosts::control, 1},
    {"memory_pointer_step", &MemoryCosts::pointer_step, 1},
    {"memory_backward_factor", &MemoryCosts::backward_factor, 1000},
    {"memory_update_factor", &MemoryCosts::update_factor, 1000},
    {"memory_bitmap_bit", &MemoryCosts::bitmap_bit, 1},
    {"memory_transposed_bit", &MemoryCosts::transposed_bit, 1},
    {"memory_address", &MemoryCosts::address, 1},
};
constexpr char kLeakageBit[] = "memory_leakage_bit";
// Watts.
constexpr double kMostLeakage = 1;

int IndexOf(const v1::DeviceProfile& profile, const char* name) {
  for (int i = 0; i < profile.coefficients_size(); ++i) {
    if (profile.coefficients(i).name() == name) return i;
  }
  return -1;
}

double Within(const v1::Coefficient& c, double share) {
  if (c.low() == c.high()) return c.value();
  if (c.low() > 0 && c.high() >= kWideRange * c.low()) {
    // By logarithms: the ratio of the ends may be beyond all numbers.
    const double low = std::log(c.low()), high = std::log(c.high());
    return std::clamp(std::exp(low + share * (high - low)), c.low(), c.high());
  }
  return c.low() + share * (c.high() - c.low());
}

}  // namespace

std::vector<std::string> MissingMemoryCosts(const v1::DeviceProfile& profile) {
  std::vector<std::string> missing;
  for (const Cost& cost : kCosts) {
    if (IndexOf(profile, cost.name) < 0) missing.push_back(cost.name);
  }
  return missing;
}

void CheckMemoryCosts(const v1::DeviceProfile& profile, const std::string& path,
                      Violations& violations) {
  const std::vector<std::string> missing = MissingMemoryCosts(profile);
  if (!missing.empty()) {
    violations.Add(path + "coefficients",
                   absl::StrCat("must price memories, lacks ", absl::StrJoin(missing, ", ")));
  }
  const auto check = [&](const char* name, double highest) {
    const int i = IndexOf(profile, name);
    if (i < 0) return;
    const v1::Coefficient& c = profile.coefficients(i);
    const double value = std::max(c.value(), c.high());
    if (value <= highest) return;
    violations.Add(absl::StrCat(path, "coefficients[", i, "].value"),
                   absl::StrCat("must be at most ", highest, ", with its range, got ", value));
  };
  for (const Cost& cost : kCosts) check(cost.name, cost.highest);
  check(kLeakageBit, kMostLeakage);
}

MemoryCosts MemoryCostsOf(const v1::DeviceProfile& profile) {
  MemoryCosts costs;
  for (const Cost& cost : kCosts) {
    const int i = IndexOf(profile, cost.name);
    TORPOR_CHECK(i >= 0);
    costs.*cost.field = profile.coefficients(i).value();
  }
  const int leakage = IndexOf(profile, kLeakageBit);
  if (leakage >= 0) costs.leakage_bit = profile.coefficients(leakage).value();
  return costs;
}

MemoryCosts DrawMemoryCosts(const v1::DeviceProfile& profile, uint64_t seed, uint64_t draw) {
  MemoryCosts costs = MemoryCostsOf(profile);
  RandomStream random(seed, RandomPurpose::kMemoryCosts, 0, draw);
  for (const Cost& cost : kCosts) {
    const double share = random.NextDouble();
    costs.*cost.field = Within(profile.coefficients(IndexOf(profile, cost.name)), share);
  }
  return costs;
}

double Joules(const MemoryPass& pass, const MemoryCosts& costs) {
  double joules = 0;
  for (const MemoryAccess& access : pass.accesses) {
    const double factor = access.kind == MemoryAccess::Kind::kBackward ? costs.backward_factor
                          : access.kind == MemoryAccess::Kind::kUpdate ? costs.update_factor
                                                                       : 1;
    joules += factor * access.count * (costs.access + costs.access_bit * access.bits) *
              std::exp(costs.capacity_exponent * access.log_size);
  }
  return joules + pass.controls * costs.control + pass.pointer_steps * costs.pointer_step +
         pass.bitmap_bits * costs.bitmap_bit + pass.transposed_bits * costs.transposed_bit +
         pass.addresses * costs.address;
}

}  // namespace torpor
