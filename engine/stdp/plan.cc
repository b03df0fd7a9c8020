#include "engine/stdp/plan.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "absl/strings/str_cat.h"
#include "engine/base/status.h"
#include "engine/network/number_bound.h"
#include "engine/network/validation.h"

namespace torpor {
namespace {

constexpr int kMaxNeurons = 65536;
constexpr int kDefaultClasses = 10;
constexpr int kMaxClasses = 1000;
constexpr int kDefaultSteps = 250;
constexpr int kStateWords = 2;

struct NeuronDefaults {
  double tau_ms, reset_mv, threshold_mv, refractory_ms;
};

struct NeuronNumbers {
  float decay = 0;
  float reset = 0;
  float threshold = 0;
  int refractory = 0;
};

NeuronNumbers ResolveNeuron(const v1::SpikingNeuron& neuron, const std::string& path,
                            const NeuronDefaults& fallback, double step_ms,
                            Violations& violations) {
  const double tau = NumberOr(path + "tau_ms", neuron.has_tau_ms(), neuron.tau_ms(),
                              fallback.tau_ms, {}, violations);
  const double threshold = NumberOr(path + "threshold_mv", neuron.has_threshold_mv(),
                                    neuron.threshold_mv(), fallback.threshold_mv, {}, violations);
  const double lowest = -std::numeric_limits<float>::max();
  const double reset = NumberOr(path + "reset_mv", neuron.has_reset_mv(), neuron.reset_mv(),
                                fallback.reset_mv, {.low = lowest}, violations);
  if (!(reset < threshold)) {
    violations.Add(path + "reset_mv",
                   absl::StrCat("must be below the threshold of ", threshold, " mV, got ", reset));
  }
  const double refractory =
      NumberOr(path + "refractory_ms", neuron.has_refractory_ms(), neuron.refractory_ms(),
               fallback.refractory_ms,
               {.low = 0, .low_excluded = false, .high = kMaxStdpSteps * step_ms}, violations);
  return {.decay = static_cast<float>(std::exp(-step_ms / tau)),
          .reset = static_cast<float>(reset),
          .threshold = static_cast<float>(threshold),
          .refractory = static_cast<int>(std::lround(refractory / step_ms))};
}

int CheckedBits(const char* path, bool given, int bits, Violations& violations) {
  if (given && (bits < 1 || bits > 32)) {
    violations.Add(path, absl::StrCat("must be in 1..32, got ", bits));
  }
  return bits;
}

void ResolveQuantization(const v1::Quantization& quantization, StdpPlan& plan,
                         Violations& violations) {
  CheckedBits("quantization.weight_bits", quantization.has_weight_bits(),
              quantization.weight_bits(), violations);
  CheckedBits("quantization.neuron_bits", quantization.has_neuron_bits(),
              quantization.neuron_bits(), violations);
  if (!v1::Rounding::Kind_IsValid(quantization.rounding())) {
    violations.Add("quantization.rounding", "must be TRUNCATE, NEAREST or STOCHASTIC");
  }
  if (quantization.has_neuron_integer_bits() &&
      (quantization.neuron_integer_bits() < 1 ||
       quantization.neuron_integer_bits() > kMostIntegerBits)) {
    violations.Add("quantization.neuron_integer_bits",
                   absl::StrCat("must be in 1..", kMostIntegerBits, ", got ",
                                quantization.neuron_integer_bits()));
  }
  if (quantization.has_range_outliers()) {
    violations.Add("quantization.range_outliers",
                   "must not be set here: a range is observed on a network that is trained; give "
                   "neuron_integer_bits, or store the trained network (POST_TRAINING)");
  }
  plan.quantization = quantization;
  if (quantization.rounding() == v1::Rounding::UNSPECIFIED) {
    plan.quantization.set_rounding(v1::Rounding::NEAREST);
  }
}

void ResolveSizes(const v1::StdpNetwork& network, StdpPlan& plan, Violations& violations) {
  StdpParameters& p = plan.parameters;
  const int64_t inputs = CheckInput(network.input(), "input.shape", violations);
  p.inputs = static_cast<int>(inputs);
  p.neurons = network.neurons();
  if (p.neurons < 1 || p.neurons > kMaxNeurons) {
    violations.Add("neurons", absl::StrCat("must be in 1..", kMaxNeurons, ", got ", p.neurons));
  } else if (inputs * p.neurons > kMaxSynapses) {
    violations.Add("neurons",
                   absl::StrCat("must be at most ", kMaxSynapses / inputs, " for ", inputs,
                                " values a sample (", kMaxSynapses, " weights), got ", p.neurons));
  }
  plan.classes = network.classes() == 0 ? kDefaultClasses : network.classes();
  if (plan.classes < 2 || plan.classes > kMaxClasses) {
    violations.Add("classes",
                   absl::StrCat("must be in 2..", kMaxClasses, ", got ", network.classes()));
  }
  p.steps = network.has_steps() ? network.steps() : kDefaultSteps;
  if (p.steps < 1 || p.steps > kMaxStdpSteps) {
    violations.Add("steps", absl::StrCat("must be in 1..", kMaxStdpSteps, ", got ", p.steps));
  }
}

void ResolveInhibition(const v1::StdpNetwork& network, StdpPlan& plan, Violations& violations) {
  constexpr double kStrength = 500;
  const NumberBound not_negative = {.low = 0, .low_excluded = false};
  StdpParameters& p = plan.parameters;
  if (!network.has_layer()) {
    const v1::DirectInhibition& direct = network.direct();
    p.inhibition =
        static_cast<float>(NumberOr("direct.strength_mv", direct.has_strength_mv(),
                                    direct.strength_mv(), kStrength, not_negative, violations));
    return;
  }
  const v1::InhibitoryLayer& layer = network.layer();
  p.inhibition =
      static_cast<float>(NumberOr("layer.strength_mv", layer.has_strength_mv(), layer.strength_mv(),
                                  kStrength, not_negative, violations));
  const double drive =
      NumberOr("layer.drive_mv", layer.has_drive_mv(), layer.drive_mv(), 22.5, {}, violations);
  const NeuronNumbers neuron =
      ResolveNeuron(layer.neuron(), "layer.neuron.", {10, 15, 20, 2}, plan.step_ms, violations);
  p.inhibitory = InhibitoryNeurons{.decay = neuron.decay,
                                   .reset = neuron.reset,
                                   .threshold = neuron.threshold,
                                   .refractory = neuron.refractory,
                                   .drive = static_cast<float>(drive)};
}

std::string BitsText(double step) { return absl::StrCat("steps of ", step, " mV"); }

}  // namespace

absl::StatusOr<StdpPlan> PlanStdp(const v1::StdpNetwork& network) {
  Violations violations;
  StdpPlan plan;
  StdpParameters& p = plan.parameters;
  ResolveSizes(network, plan, violations);
  plan.step_ms =
      NumberOr("step_ms", network.has_step_ms(), network.step_ms(), 1, {.high = 1000}, violations);
  const double rate =
      NumberOr("rate_hz", network.has_rate_hz(), network.rate_hz(), 128, {}, violations);
  const double chance = rate * plan.step_ms / 1000;
  if (chance > 1) {
    violations.Add("rate_hz", absl::StrCat("must be at most ", 1000 / plan.step_ms,
                                           ", one spike a step, got ", rate));
  }
  p.spike_chance = static_cast<float>(chance);
  const NeuronNumbers neuron =
      ResolveNeuron(network.excitatory(), "excitatory.", {100, 5, 13, 5}, plan.step_ms, violations);
  p.decay = neuron.decay;
  p.reset = neuron.reset;
  p.threshold = neuron.threshold;
  p.refractory = neuron.refractory;
  p.theta_plus = static_cast<float>(NumberOr("theta_plus_mv", network.has_theta_plus_mv(),
                                             network.theta_plus_mv(), 0.1,
                                             {.low = 0, .low_excluded = false}, violations));
  const double forget = NumberOr("theta_tau_ms", network.has_theta_tau_ms(), network.theta_tau_ms(),
                                 1e7, {}, violations);
  p.theta_decay = static_cast<float>(std::exp(-p.steps * plan.step_ms / forget));
  ResolveInhibition(network, plan, violations);
  p.one_winner = !network.all_emit();
  if (!v1::StdpReadOut::Kind_IsValid(network.read_out())) {
    violations.Add("read_out", "must be ACTIVITY or PROPORTION");
  } else if (network.read_out() != v1::StdpReadOut::UNSPECIFIED) {
    plan.read_out = network.read_out();
  }
  ResolveQuantization(network.quantization(), plan, violations);
  TORPOR_RETURN_IF_ERROR(violations.ToStatus());
  return plan;
}

FixedPoint StdpWeightFormat(int bits) { return {.integer_bits = 0, .fraction_bits = bits}; }

FixedPoint StdpNeuronFormat(const v1::Quantization& quantization) {
  const int integer_bits =
      quantization.has_neuron_integer_bits() ? quantization.neuron_integer_bits() : kPotentialBits;
  return {.integer_bits = integer_bits,
          .fraction_bits = quantization.neuron_bits() - integer_bits - 1,
          .is_signed = true};
}

StateFormats StdpStateFormats(const v1::Quantization& quantization) {
  StateFormats formats;
  if (!quantization.has_neuron_bits()) return formats;
  const v1::Rounding::Kind rounding = quantization.rounding();
  formats.membrane = StdpNeuronFormat(quantization);
  formats.membrane_rounding =
      rounding == v1::Rounding::NEAREST ? v1::Rounding::NEAREST : v1::Rounding::TRUNCATE;
  formats.theta = formats.membrane;
  formats.theta_rounding = rounding;
  return formats;
}

std::vector<std::string> StdpWarnings(const StdpPlan& plan) {
  std::vector<std::string> warnings;
  const float plus = plan.parameters.theta_plus;
  if (!plan.quantization.has_neuron_bits() || plus == 0) return warnings;
  const FixedPoint format = StdpNeuronFormat(plan.quantization);
  const double step = format.step();
  const v1::Rounding::Kind rounding = plan.quantization.rounding();
  const bool lost = (rounding == v1::Rounding::TRUNCATE && plus < step) ||
                    (rounding == v1::Rounding::NEAREST && plus < step / 2);
  if (lost) {
    warnings.push_back(absl::StrCat(
        "quantization.neuron_bits: ", plan.quantization.neuron_bits(), " bits have ",
        BitsText(step), ", and ", rounding == v1::Rounding::TRUNCATE ? "truncation" : "rounding",
        " loses theta_plus_mv = ", plus,
        ": thresholds never rise and the network will not learn. Take rounding STOCHASTIC or at "
        "least ",
        format.integer_bits + 1 +
            static_cast<int>(
                std::ceil(-std::log2(rounding == v1::Rounding::TRUNCATE ? plus : 2 * plus))),
        " bits."));
  }
  return warnings;
}

std::vector<v1::MemoryEntry> StdpMemory(const StdpPlan& plan, const v1::MemoryCounting& counting) {
  std::vector<v1::MemoryEntry> entries;
  const auto add = [&](const char* what, int64_t count, int bits) {
    if (count == 0) return;
    v1::MemoryEntry& entry = entries.emplace_back();
    entry.set_what(what);
    entry.set_count(count);
    entry.set_bits_each(bits);
  };
  const StdpParameters& p = plan.parameters;
  const int64_t neurons = p.neurons;
  const int weight_bits =
      plan.quantization.has_weight_bits() ? plan.quantization.weight_bits() : 32;
  const int state_bits = plan.quantization.has_neuron_bits() ? plan.quantization.neuron_bits() : 32;
  const int64_t words = counting.has_state_words() ? counting.state_words() : kStateWords;
  add("weights", plan.synapses(), weight_bits);
  add("state of excitatory neurons", words * neurons, state_bits);
  const bool has_layer = p.inhibitory.has_value();
  const int lateral_bits = counting.has_lateral_bits() ? counting.lateral_bits() : weight_bits;
  if (has_layer) add("state of inhibitory neurons", words * neurons, state_bits);
  const v1::Lateral::Kind lateral = has_layer ? counting.layer() : counting.direct();
  if (lateral != v1::Lateral::ONE_TO_ONE && lateral != v1::Lateral::DENSE) {
    add(has_layer ? "inhibition and drive" : "inhibition", has_layer ? 2 : 1, 32);
    return entries;
  }
  if (has_layer) {
    const bool dense = lateral == v1::Lateral::DENSE;
    add("excitatory to inhibitory", dense ? neurons * neurons : neurons, lateral_bits);
  }
  add(has_layer ? "inhibitory to excitatory" : "lateral inhibition", neurons * neurons,
      lateral_bits);
  return entries;
}

}  // namespace torpor
