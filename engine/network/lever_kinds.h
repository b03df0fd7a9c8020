// Levers as families publish them, in one line each.
#pragma once

#include <initializer_list>
#include <string>

#include "torpor/v1/power.pb.h"

namespace torpor {

// A number in [minimum, maximum].
v1::Lever NumberLever(const char* name, double minimum, double maximum, std::string full_power,
                      const char* description);
// One of `choices`; those in `needs_calibration` need statistics.
v1::Lever ChoiceLever(const char* name, std::initializer_list<const char*> choices,
                      std::initializer_list<const char*> needs_calibration, const char* full_power,
                      const char* description);
// Off at full power.
v1::Lever SwitchLever(const char* name, bool needs_calibration, const char* description);

}  // namespace torpor
