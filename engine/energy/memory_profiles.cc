#include "engine/energy/memory_profiles.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

#include "engine/base/status.h"
#include "engine/energy/coefficients.h"

namespace torpor {
namespace {

using C = v1::Coefficient;

constexpr char kSynthesis[] =
    "fitted (soft L1 of the logarithms) to 214 energies of dense arrays, synthesised controllers "
    "and compiled memories: synthesis data behind Schaefer et al. 2020, arXiv 2003.11639, "
    "repository Intelligent-Microsystems-Lab/QuantizedSNNs";
// Of its arrays.
constexpr int kLeastFittedBits = 2;
constexpr int kMostFittedBits = 12;
constexpr char kHorowitz[] =
    "after Horowitz, Computing's energy problem (and what we can do about it), ISSCC 2014, 45 nm: "
    "accesses of 64 bits take 10 pJ in 8 kB, 20 pJ in 32 kB, 100 pJ in 1 MB; quoted from memory, "
    "not checked against the paper";
constexpr char kGuess[] = "a guess of the order of magnitude";
constexpr char kCaveat[] =
    "Memories of weights alone: it prices memory organisations (torpor memory), and no activity. "
    "Ranges span technologies, so that each is wide; no energy from it is right in absolute "
    "terms.";

// What holds in any technology: from where to where draws go. In picojoules where joules.
struct Entry {
  const char* name;
  double value;
  C::Kind kind;
  const char* source;
  double low;
  double high;
};

// 10^-1.2 and 10^-0.2, 10^1.1.
constexpr double kLowBit = 0.06309573444801933;
constexpr double kHighBit = 0.6309573444801932;
constexpr double kHighTransposed = 12.589254117941675;

v1::DeviceProfile Profile(const char* name, const char* description, const char* caveat,
                          std::initializer_list<Entry> entries) {
  v1::DeviceProfile profile;
  profile.set_name(name);
  profile.set_description(description);
  profile.set_caveat(caveat);
  for (const Entry& entry : entries) {
    const CoefficientInfo* info = FindCoefficient(entry.name);
    TORPOR_CHECK(info != nullptr);
    const std::string unit = info->unit;
    const double scale = unit == "J" ? 1e-12 : 1;
    C* c = profile.add_coefficients();
    c->set_name(entry.name);
    c->set_unit(unit);
    c->set_value(entry.value * scale);
    c->set_kind(entry.kind);
    c->set_source(entry.source);
    c->set_low(entry.low * scale);
    c->set_high(entry.high * scale);
  }
  return profile;
}

v1::DeviceProfile Synthesis() {
  return Profile(
      kMemoryProfile, "Compiled SRAM with synthesised controllers: an access takes about 11 pJ.",
      "Memories of weights alone: it prices memory organisations (torpor memory), and no activity. "
      "A fit to the very data that it reproduces: rms error of the logarithms 0.18, half of the "
      "figures within 9.4 %. Ratios hold better than energies, and convolutions were no part of "
      "the fit. memory_backward_factor and memory_update_factor trade against each other. Ranges "
      "span technologies.",
      {
          {"memory_access", 10.58, C::FITTED, kSynthesis, 0, 15},
          {"memory_access_bit", 0.223, C::FITTED, kSynthesis, kLowBit, kHighBit},
          {"memory_capacity_exponent", 0.135, C::FITTED, kSynthesis, 0, 0.55},
          {"memory_control", 0, C::FITTED, kSynthesis, 0, 3},
          {"memory_pointer_step", 15.93, C::FITTED, kSynthesis, 0, 20},
          {"memory_backward_factor", 1.22, C::FITTED, kSynthesis, 1, 2},
          {"memory_update_factor", 1.27, C::FITTED, kSynthesis, 1, 2.5},
          {"memory_bitmap_bit", 0.156, C::FITTED, kSynthesis, kLowBit, 1},
          {"memory_transposed_bit", 10.46, C::FITTED, kSynthesis, 0.1, kHighTransposed},
          {"memory_address", 0.2, C::ASSUMED, kGuess, 0.06, 3},
          {"memory_leakage_bit", 56.74e-9, C::FITTED,
           "one constant for 24 leakages of dense arrays, median error 0.7 %, largest 8.4 %: the "
           "same data",
           0, 0},
      });
}

// `fixed` and `bit`: how a 64-bit access of 10 pJ splits.
v1::DeviceProfile Horowitz(const char* name, const char* description, double fixed, double bit) {
  return Profile(
      name, description, kCaveat,
      {
          {"memory_access", fixed, C::ASSUMED, kHorowitz, 0, 15},
          {"memory_access_bit", bit, C::ASSUMED, kHorowitz, kLowBit, kHighBit},
          {"memory_capacity_exponent", 0.5, C::ASSUMED, kHorowitz, 0, 0.55},
          {"memory_control", 0.1, C::ASSUMED, kGuess, 0, 3},
          {"memory_pointer_step", 0.2, C::ASSUMED, kGuess, 0, 20},
          {"memory_backward_factor", 1, C::ASSUMED, "a read is a read", 1, 2},
          {"memory_update_factor", 2, C::ASSUMED, "a word is read and written", 1, 2.5},
          {"memory_bitmap_bit", 0.156, C::ASSUMED, "a bit of a packed word of 64", kLowBit, 1},
          {"memory_transposed_bit", 1.25, C::ASSUMED, "8 bits are read for each that is wanted",
           0.1, kHighTransposed},
          {"memory_address", 0.1, C::ASSUMED, kGuess, 0.06, 3},
      });
}

}  // namespace

std::vector<v1::DeviceProfile> MemoryProfiles() {
  return {Synthesis(),
          Horowitz("memory-45nm-packed",
                   "45 nm SRAM whose words are packed full: each bit takes its part of a word.", 0,
                   10.0 / 64),
          Horowitz("memory-45nm-half-fixed",
                   "45 nm SRAM in which half of a 64-bit access is paid whatever its width.", 5,
                   0.078)};
}

std::vector<std::string> NotesOnFit(const v1::DeviceProfile& profile,
                                    std::span<const v1::WeightArray> arrays) {
  std::vector<std::string> notes;
  if (profile.name() != kMemoryProfile) return notes;
  std::vector<std::string> other_bits, convolutions;
  for (const v1::WeightArray& array : arrays) {
    if (array.bits() < kLeastFittedBits || array.bits() > kMostFittedBits) {
      other_bits.push_back(absl::StrCat(array.name(), " (", array.bits(), ")"));
    }
    if (array.has_conv2d()) convolutions.push_back(array.name());
  }
  if (!other_bits.empty()) {
    notes.push_back(absl::StrCat(
        "bits outside ", kLeastFittedBits, "..", kMostFittedBits, ", to which ", profile.name(),
        " was fitted: figures are extrapolated for ", absl::StrJoin(other_bits, ", ")));
  }
  if (!convolutions.empty()) {
    notes.push_back(absl::StrCat("convolutions were no part of the fit of ", profile.name(),
                                 ": ratios hold better than energies for ",
                                 absl::StrJoin(convolutions, ", ")));
  }
  return notes;
}

}  // namespace torpor
