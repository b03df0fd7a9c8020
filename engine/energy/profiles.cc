#include "engine/energy/profiles.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "engine/base/status.h"
#include "engine/energy/coefficients.h"
#include "engine/energy/memory_profiles.h"

namespace torpor {
namespace {

constexpr char kEsser[] =
    "Esser et al., Backpropagation for energy-efficient neuromorphic computing, NIPS 2015, "
    "abstract";
constexpr char kHorowitz[] =
    "after Horowitz, Computing's energy problem (and what we can do about it), ISSCC 2014, 45 nm; "
    "quoted from memory, not checked against the paper";
constexpr char kIsaac[] = "ISAAC (Shafiee et al., ISCA 2016), 32 nm, table of components";

// Joules.
constexpr double kNano = 1e-9;
constexpr double kPico = 1e-12;

struct Range {
  double low = 0;
  double high = 0;
};

// Its unit is the one that the name has.
void Add(v1::DeviceProfile& profile, const char* name, double value, v1::Coefficient::Kind kind,
         const std::string& source, Range range = {}) {
  const CoefficientInfo* info = FindCoefficient(name);
  TORPOR_CHECK(info != nullptr);
  v1::Coefficient* c = profile.add_coefficients();
  c->set_name(name);
  c->set_value(value);
  c->set_unit(info->unit);
  c->set_kind(kind);
  c->set_source(source);
  c->set_low(range.low);
  c->set_high(range.high);
}

// Of the two networks of the paper: 5 cores once and 30 cores 64 times, one tick of 1 ms an image.
enum class Network { kSmall, kLarge };

v1::PublishedPoint& AddPoint(v1::DeviceProfile& profile, Network network, double joules,
                             bool calibration) {
  const bool small = network == Network::kSmall;
  v1::PublishedPoint* point = profile.add_points();
  point->set_what(small ? "5 cores, 1 copy, 1 tick, an MNIST image"
                        : "30 cores, 64 copies, 1 tick, an MNIST image");
  point->set_joules(joules);
  point->set_source(kEsser);
  point->set_cores(small ? 5 : 30);
  point->set_copies(small ? 1 : 64);
  point->set_ticks(1);
  point->set_calibration(calibration);
  return *point;
}

v1::DeviceProfile TrueNorthCores() {
  v1::DeviceProfile profile;
  profile.set_name(kTrueNorthProfile);
  profile.set_description("TrueNorth by cores and ticks alone: a core costs 56 uW while it runs.");
  Add(profile, "core_tick", 56.25 * kNano, v1::Coefficient::FITTED,
      absl::StrCat("108 uJ / (30 cores x 64 copies x 1 tick of 1 ms); ", kEsser));
  for (const char* count : {"synaptic_power", "synaptic_events", "spikes", "reads", "bits_moved"}) {
    profile.add_contained(count);
  }
  AddPoint(profile, Network::kSmall, 0.268e-6, false);
  AddPoint(profile, Network::kLarge, 108e-6, true);
  profile.set_caveat(
      "Fitted to one published point (108 uJ), so that reproducing it is calibration, not "
      "evidence; "
      "the other point is weak evidence. Another version of the same abstract states 0.408 and 121 "
      "uJ, from which this profile differs by -31 % and -11 %.");
  return profile;
}

v1::DeviceProfile TrueNorthEvents() {
  v1::DeviceProfile profile;
  profile.set_name("truenorth-events");
  profile.set_description(
      "TrueNorth by core time and synaptic events: 51.8 uW a core at 1 ms a "
      "tick, and 0.90 pJ an event.");
  const std::string source = absl::StrCat(
      "two equations for two unknowns, 0.268 and 108 uJ, with synaptic events of networks that "
      "Torpor trained (10.1 k and 148.6 k a tick and copy), not Esser's; ",
      kEsser);
  Add(profile, "core_tick", 51.8 * kNano, v1::Coefficient::FITTED, source);
  Add(profile, "synaptic_event", 0.90 * kPico, v1::Coefficient::FITTED, source,
      {0.90 * kPico, 1.29 * kPico});
  for (const char* count : {"spikes", "reads", "bits_moved"}) profile.add_contained(count);
  AddPoint(profile, Network::kSmall, 0.268e-6, true).set_synaptic_events(10.1e3);
  AddPoint(profile, Network::kLarge, 108e-6, true).set_synaptic_events(148.6e3 * 64);
  profile.set_caveat(
      "Two coefficients fitted to two published points: calibration, not evidence. Events belong "
      "to "
      "a network, not to the chip: with another large network's 122 k events a tick the fit "
      "becomes "
      "51.0 uW and 1.29 pJ.");
  return profile;
}

v1::DeviceProfile TrueNorthOffset() {
  v1::DeviceProfile profile;
  profile.set_name("truenorth-offset");
  profile.set_description(
      "TrueNorth by a constant for each sample and by cores and ticks, fitted to "
      "the abstract's other figures.");
  const std::string source = absl::StrCat("two equations for two unknowns, 0.408 and 121 uJ; ",
                                          kEsser, ", in its other version");
  Add(profile, "sample", 0.0932e-6, v1::Coefficient::FITTED, source);
  Add(profile, "core_tick", 62.97 * kNano, v1::Coefficient::FITTED, source);
  for (const char* count : {"synaptic_power", "synaptic_events", "spikes", "reads", "bits_moved"}) {
    profile.add_contained(count);
  }
  AddPoint(profile, Network::kSmall, 0.408e-6, true);
  AddPoint(profile, Network::kLarge, 121e-6, true);
  profile.set_caveat(
      "Two coefficients fitted to two published points: calibration, not evidence. With events "
      "instead of the constant a coefficient would be negative.");
  return profile;
}

// Cells of Wan et al. in arrays of 128 x 128 with ISAAC's periphery: inputs coded by amplitude in a
// single read, pairs subtracted before conversion, biases on a row of their own.
v1::DeviceProfile ReramWan2022() {
  using C = v1::Coefficient;
  v1::DeviceProfile profile;
  profile.set_name(kRateProfile);
  profile.set_description(
      "HfOx ReRAM pairs in 128 x 128 crossbars, read once by amplitude at 0.2 V, "
      "with ISAAC's 8-bit converters, drivers, registers and buffers at 32 nm.");
  const std::string wan =
      "Wan et al., A compute-in-memory chip based on resistive random-access "
      "memory, Nature 2022; 40 uS as in IBM aihwkit's model of it";
  const std::string assumed = "chosen for an analogue read; no publication states it for this cell";
  Add(profile, "read_voltage", 0.2, C::ASSUMED, assumed);
  Add(profile, "maximum_conductance", 40e-6, C::PUBLISHED, wan);
  Add(profile, "off_conductance", 1e-6, C::ASSUMED, wan);
  Add(profile, "read_time", 100e-9, C::ASSUMED,
      "ISAAC's read cycle; published arrays read in 1 ns to 1 us, the most uncertain coefficient "
      "of "
      "all",
      {1e-9, 1e-6});
  Add(profile, "array_rows", 128, C::PUBLISHED, kIsaac);
  Add(profile, "array_columns", 128, C::PUBLISHED, kIsaac);
  Add(profile, "conversion", 1.67 * kPico, C::PUBLISHED,
      absl::StrCat(kIsaac,
                   ": 2 mW at 1.2 GS/s, 8 bit; better than the converter that it cites "
                   "(2.55 pJ, 6.2 true bits)"),
      {0.5 * kPico, 6.5 * kPico});
  const std::string driver = "8-bit row driver; published drivers lie between the range's ends";
  Add(profile, "row_drive", 1.0 * kPico, C::ASSUMED, driver, {0.04 * kPico, 3.1 * kPico});
  Add(profile, "row_idle", 1.0 * kPico, C::ASSUMED,
      absl::StrCat(driver, "; drivers of zero inputs are not gated"), {0.04 * kPico, 3.1 * kPico});
  Add(profile, "row_register", 0.96 * kPico, C::PUBLISHED,
      absl::StrCat("8 x 0.12 pJ a bit, derived from ", kIsaac), {0.24 * kPico, 0.96 * kPico});
  Add(profile, "shift_add", 0.021 * kPico, C::PUBLISHED, absl::StrCat("derived from ", kIsaac),
      {0.021 * kPico, 0.1 * kPico});
  Add(profile, "output_register", 0.024 * kPico, C::PUBLISHED,
      absl::StrCat("derived from ", kIsaac), {0.01 * kPico, 0.05 * kPico});
  Add(profile, "partial_sum", 0.16 * kPico, C::ASSUMED,
      "24-bit addition at 40 nm, scaled from 0.21 pJ at 32 bit (Aladdin)",
      {0.05 * kPico, 0.2 * kPico});
  Add(profile, "activation", 0.25 * kPico, C::PUBLISHED,
      "requantisation of 16 x 8 bit at 40 nm (RAELLA)", {0.2 * kPico, 0.5 * kPico});
  Add(profile, "bit_moved", 0.08 * kPico, C::PUBLISHED,
      absl::StrCat("eDRAM buffer, 20.5 pJ for 256 bits, derived from ", kIsaac),
      {0.03 * kPico, 0.2 * kPico});
  profile.set_caveat(
      "A design study, not a measured chip: each layer's largest |weight| is mapped to 40 uS, "
      "hidden "
      "inputs above the full scale are counted at the voltage that they would need, leakage is not "
      "known and left out. A measured 14 nm chip (HERMES) spends about 4.5 times as much around "
      "its "
      "arrays.");
  return profile;
}

// Words of 32 bits cost 50 pJ in an SRAM of 1 MB, where weights are, and 5 pJ in one of 8 kB, where
// the neurons' state is.
v1::DeviceProfile Digital45nm(const char* name, bool clock_driven) {
  using C = v1::Coefficient;
  v1::DeviceProfile profile;
  profile.set_name(name);
  profile.set_description(
      clock_driven ? "45 nm logic that looks at every synapse in every step; weights in 1 MB of "
                     "SRAM, neurons in 8 kB."
                   : "45 nm logic that reads the weights of spikes alone; weights in 1 MB of SRAM, "
                     "neurons in 8 kB.");
  Add(profile, "weight_bit", 50 * kPico / 32, C::ASSUMED,
      absl::StrCat("50 pJ a word of 32 bits, SRAM of 1 MB; ", kHorowitz),
      {10 * kPico / 32, 640 * kPico / 32});
  Add(profile, "state_bit", 5 * kPico / 32, C::ASSUMED,
      absl::StrCat("5 pJ a word of 32 bits, SRAM of 8 kB; ", kHorowitz));
  Add(profile, "float_add", 0.9 * kPico, C::ASSUMED, kHorowitz);
  Add(profile, "float_multiply", 3.7 * kPico, C::ASSUMED, kHorowitz);
  Add(profile, "int8_add", 0.03 * kPico, C::ASSUMED, kHorowitz);
  Add(profile, "int8_multiply", 0.2 * kPico, C::ASSUMED, kHorowitz);
  Add(profile, "int16_add", 0.05 * kPico, C::ASSUMED, kHorowitz);
  Add(profile, "int32_add", 0.1 * kPico, C::ASSUMED, kHorowitz);
  Add(profile, "int32_multiply", 3.1 * kPico, C::ASSUMED, kHorowitz);
  std::vector<const char*> contained = {"synaptic_power", "spikes",      "reads",
                                        "bits_moved",     "conversions", "off_power"};
  if (clock_driven) contained.insert(contained.end(), {"synaptic_events", "writes"});
  for (const char* count : contained) profile.add_contained(count);
  profile.set_caveat(
      "Operations and memory words alone: no control, no wires, no leakage. Most of it is the "
      "memory "
      "of weights, so its size decides: 10 pJ a word in 32 kB, 640 pJ from DRAM (the range of "
      "weight_bit).");
  return profile;
}

}  // namespace

std::vector<v1::DeviceProfile> BuiltInProfiles() {
  std::vector<v1::DeviceProfile> profiles = {TrueNorthCores(),
                                             TrueNorthEvents(),
                                             TrueNorthOffset(),
                                             ReramWan2022(),
                                             Digital45nm(kEventDrivenProfile, false),
                                             Digital45nm("digital-45nm-clock", true)};
  for (v1::DeviceProfile& profile : MemoryProfiles()) profiles.push_back(std::move(profile));
  return profiles;
}

absl::StatusOr<v1::DeviceProfile> FindProfile(std::string_view name) {
  std::vector<std::string> names;
  for (v1::DeviceProfile& profile : BuiltInProfiles()) {
    if (profile.name() == name) return std::move(profile);
    names.push_back(profile.name());
  }
  return WithHelp(NotFound("device profile", name),
                  absl::StrCat("There are ", absl::StrJoin(names, ", "), "."));
}

}  // namespace torpor
