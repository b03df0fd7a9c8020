// Device profiles that Torpor knows, each coefficient with value, unit, source, kind and range.
#pragma once

#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "torpor/v1/energy.pb.h"

namespace torpor {

// truenorth-cores, truenorth-events, truenorth-offset, reram-wan2022, digital-45nm-events,
// digital-45nm-clock, and those of memory_profiles.h. Each passes CheckProfile.
std::vector<v1::DeviceProfile> BuiltInProfiles();

// NOT_FOUND lists the names that there are.
absl::StatusOr<v1::DeviceProfile> FindProfile(std::string_view name);

// Names of the families' default profiles (Footprint.profile).
inline constexpr char kTrueNorthProfile[] = "truenorth-cores";
inline constexpr char kRateProfile[] = "reram-wan2022";
inline constexpr char kEventDrivenProfile[] = "digital-45nm-events";

}  // namespace torpor
