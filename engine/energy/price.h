// What counted activity costs on a device: counts times coefficients, by layer and kind.
//
// Every term is linear in the counts, so a mean activity gives the mean energy. A count that the
// profile prices and nobody counted, and a count above zero that it neither prices nor contains,
// make the sum unknown; nothing unknown ever counts as zero.
//
// Crossbar cells: a rate network's synaptic power P (Merkel, eq. 3) is in units of Vdd^2 Gmax with
// one common scale, in which an input of 1 is Vdd and a weight of 1 is Gmax. An array maps the
// layer's largest |weight| w to its largest conductance G, and the full-scale input x to its read
// voltage V (both in the footprint; w = x = 1 is the common scale). With off devices of
// conductance g and a read that lasts t, a layer's cells draw
//   V^2 t ((G - g) P / (w x^2) + 2 g A / x^2)
// where A (`off_power`) sums the squared inputs over the pairs that they feed. Inputs are coded by
// amplitude. All in joules a sample.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "engine/base/status.h"
#include "engine/energy/activity.h"
#include "torpor/v1/energy.pb.h"

namespace torpor {

// INVALID_ARGUMENT names each wrong field by its path ("coefficients[2].unit"): names that do not
// exist or come twice, wrong units, values that are not finite or negative, ranges without the
// value, missing sources and kinds, contained counts that do not exist.
absl::Status CheckProfile(const v1::DeviceProfile& profile);
// The same, added to what else is wrong with a request; `path` ends in a dot.
void CheckProfile(const v1::DeviceProfile& profile, const std::string& path,
                  Violations& violations);

// INVALID_ARGUMENT names each count that is not finite or negative ("layers[0].spikes").
absl::Status CheckActivity(const v1::ActivityReport& activity);

// A mean sample's activity and what exists, as they travel. `mean` has the footprint's layers.
v1::ActivityReport ReportActivity(const Footprint& footprint, const Activity& mean,
                                  int64_t samples);

// A ledger. `profile` and `activity` passed the checks above.
v1::EnergyReport Price(const v1::ActivityReport& activity, const v1::DeviceProfile& profile);

struct EnergyTerm;

// Prices single samples; the sum of Price's entries up to rounding. Immutable; any thread may call
// it. Copies are cheap.
class Pricer {
 public:
  // `profile` passed CheckProfile.
  Pricer(const v1::DeviceProfile& profile, const Footprint& footprint);
  // Joules, or nullopt where unknown. `activity` has the footprint's layers.
  std::optional<double> Joules(const Activity& activity) const;

 private:
  std::shared_ptr<const std::vector<EnergyTerm>> terms_;
};

}  // namespace torpor
