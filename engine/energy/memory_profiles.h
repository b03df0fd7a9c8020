// Device profiles of memories alone: they price memory organisations, and no activity.
#pragma once

#include <vector>

#include "torpor/v1/energy.pb.h"

namespace torpor {

// memory-synthesis, memory-45nm-packed, memory-45nm-half-fixed. Each passes CheckProfile and
// CheckMemoryCosts.
std::vector<v1::DeviceProfile> MemoryProfiles();

// Where nothing else is asked for.
inline constexpr char kMemoryProfile[] = "memory-synthesis";

}  // namespace torpor
