#include "engine/truenorth/levers.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "engine/network/lever_kinds.h"

namespace torpor {

Levers TrueNorthLevers(const GridPlan& plan) {
  // A margin beyond all spikes of a class never stops a sample.
  const double spikes = double{kMaxCopies} * plan.ticks * plan.neurons_per_class;
  return Levers(
      {
          NumberLever("steps", 1, plan.ticks, absl::StrCat(plan.ticks),
                      "Ticks of a sample; energy is in proportion."),
          NumberLever("copies", 1, kMaxCopies, "all",
                      "Copies of the hardware (realisation) that vote, the first ones; the others "
                      "are switched off."),
          NumberLever("margin", 0, spikes, "none",
                      "Lead in summed output spikes of the first class over the second at which a "
                      "sample stops early; looked at after every tick."),
      },
      {});
}

}  // namespace torpor
