// Device profiles of memories alone: they price memory organisations, and no activity.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "torpor/v1/energy.pb.h"
#include "torpor/v1/memory.pb.h"

namespace torpor {

// memory-synthesis, memory-45nm-packed, memory-45nm-half-fixed. Each passes CheckProfile and
// CheckMemoryCosts.
std::vector<v1::DeviceProfile> MemoryProfiles();

// Where nothing else is asked for.
inline constexpr char kMemoryProfile[] = "memory-synthesis";

// Sentences on those of `arrays` that lie outside the data that a profile was fitted to; none for a
// profile without such data.
std::vector<std::string> NotesOnFit(const v1::DeviceProfile& profile,
                                    std::span<const v1::WeightArray> arrays);

}  // namespace torpor
