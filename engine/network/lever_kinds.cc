#include "engine/network/lever_kinds.h"

#include <utility>

namespace torpor {
namespace {

v1::Lever LeverOf(const char* name, v1::Lever::Kind kind, std::string full_power,
                  const char* description) {
  v1::Lever lever;
  lever.set_name(name);
  lever.set_kind(kind);
  lever.set_full_power(std::move(full_power));
  lever.set_description(description);
  return lever;
}

}  // namespace

v1::Lever NumberLever(const char* name, double minimum, double maximum, std::string full_power,
                      const char* description) {
  v1::Lever lever = LeverOf(name, v1::Lever::NUMBER, std::move(full_power), description);
  lever.set_minimum(minimum);
  lever.set_maximum(maximum);
  return lever;
}

v1::Lever ChoiceLever(const char* name, std::initializer_list<const char*> choices,
                      std::initializer_list<const char*> needs_calibration, const char* full_power,
                      const char* description) {
  v1::Lever lever = LeverOf(name, v1::Lever::CHOICE, full_power, description);
  for (const char* choice : choices) lever.add_choices(choice);
  for (const char* choice : needs_calibration) lever.add_needs_calibration(choice);
  return lever;
}

v1::Lever SwitchLever(const char* name, bool needs_calibration, const char* description) {
  v1::Lever lever = LeverOf(name, v1::Lever::SWITCH, "false", description);
  if (needs_calibration) lever.add_needs_calibration("true");
  return lever;
}

}  // namespace torpor
