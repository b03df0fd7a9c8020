// The terms of a ledger: what a profile makes of what exists. Shared by ledgers and the pricing of
// single samples.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "engine/energy/activity.h"
#include "torpor/v1/energy.pb.h"

namespace torpor {

// count = constant + factor times the quantity - less_factor times another; joules = count times
// joules_each.
struct EnergyTerm {
  // -1: of the whole network.
  int layer = -1;
  std::string kind;
  // Of the synapses, not of what stands around them.
  bool synaptic = false;
  double constant = 0;
  double factor = 0;
  // Null: `constant` alone.
  Quantity LayerActivity::*quantity = nullptr;
  double less_factor = 0;
  Quantity LayerActivity::*less = nullptr;
  // Unset: the profile has no coefficient for it, so that any count above zero is unknown.
  std::optional<double> joules_each = {};
  // The coefficients that it wants, for sentences.
  std::string coefficients = {};
};

// At which end of their ranges coefficients stand; those without range stand at their value.
enum class RangeEnd { kValue, kLow, kHigh };

// In the order of layers.
std::vector<EnergyTerm> EnergyTerms(const v1::DeviceProfile& profile, const Footprint& footprint,
                                    RangeEnd end);

// Not counted where the term's quantity is not.
Quantity CountOf(const EnergyTerm& term, const Activity& activity);

// Whether the term plays no part: nobody prices it, and it was not counted or did not happen.
bool IsIrrelevant(const EnergyTerm& term, Quantity count);

}  // namespace torpor
