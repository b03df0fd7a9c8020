// What physically happened for one sample, and what exists: counts, never joules.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/container/inlined_vector.h"

namespace torpor {

// An amount that knows whether it was counted: a sum is counted only if every part is, so "unknown"
// never becomes zero.
class Quantity {
 public:
  constexpr Quantity() = default;  // unknown
  constexpr Quantity(double value)
      : value_(value), counted_(true) {}  // NOLINT: a number is a counted quantity
  constexpr bool counted() const { return counted_; }
  // Requires counted().
  constexpr double value() const { return value_; }
  constexpr Quantity operator+(Quantity other) const {
    return counted_ && other.counted_ ? Quantity(value_ + other.value_) : Quantity();
  }

 private:
  double value_ = 0;
  bool counted_ = false;
};

// One layer's share of one sample. ForEachQuantity names every member.
struct LayerActivity {
  // (u o u) . |w| summed over units plus |b| (Merkel, eq. 3), units of Vdd^2 Gmax.
  Quantity synaptic_power;
  // Synapses that carried a non-zero input.
  Quantity synaptic_events;
  Quantity spikes;
  Quantity core_ticks;
  // Array reads and writes, words; of crossbars, rows that carry something.
  Quantity reads;
  Quantity writes;
  Quantity bits_moved;
  // Sums of columns that are converted from analogue to digital, each once however an array is cut
  // into tiles.
  Quantity conversions;
  // Squared inputs (1 for biases) summed over the synapses that they feed, units of Vdd^2: what
  // devices that are off draw from. 0 where synaptic_power holds it already.
  Quantity off_power;
  // Neurons brought forward by a step.
  Quantity neuron_updates = 0;
  // Synapses times steps: what a machine touches that looks at every synapse in every step.
  Quantity synapse_steps = 0;
  // Synapses times the occasions on which a rule runs: what a machine writes that updates every
  // synapse each time.
  Quantity synapse_writes = 0;
};

// use(name, member) for every quantity, by the name that it has in v1::LayerActivityReport.
template <class Use>
void ForEachQuantity(Use use) {
  use("synaptic_power", &LayerActivity::synaptic_power);
  use("synaptic_events", &LayerActivity::synaptic_events);
  use("spikes", &LayerActivity::spikes);
  use("core_ticks", &LayerActivity::core_ticks);
  use("reads", &LayerActivity::reads);
  use("writes", &LayerActivity::writes);
  use("bits_moved", &LayerActivity::bits_moved);
  use("conversions", &LayerActivity::conversions);
  use("off_power", &LayerActivity::off_power);
  use("neuron_updates", &LayerActivity::neuron_updates);
  use("synapse_steps", &LayerActivity::synapse_steps);
  use("synapse_writes", &LayerActivity::synapse_writes);
}

// One sample's activity by layer.
struct Activity {
  absl::InlinedVector<LayerActivity, 4> layers;
  // Sum of one quantity over layers, e.g. Total(&LayerActivity::synaptic_power).
  Quantity Total(Quantity LayerActivity::*quantity) const {
    Quantity sum = 0;
    for (const LayerActivity& layer : layers) sum = sum + layer.*quantity;
    return sum;
  }
  // Adds another's counts, layer by layer; an activity without layers is the neutral one.
  void Add(const Activity& other);
};

inline void Activity::Add(const Activity& other) {
  if (layers.empty()) {
    layers = other.layers;
    return;
  }
  for (size_t l = 0; l < layers.size(); ++l) {
    ForEachQuantity([&](const char*, Quantity LayerActivity::*quantity) {
      layers[l].*quantity = layers[l].*quantity + other.layers[l].*quantity;
    });
  }
}

// Of one of so many samples whose activities were added.
inline Activity MeanOf(const Activity& sum, int64_t samples) {
  Activity mean = sum;
  for (LayerActivity& layer : mean.layers) {
    ForEachQuantity([&](const char*, Quantity LayerActivity::*quantity) {
      if (const Quantity total = layer.*quantity; total.counted()) {
        layer.*quantity = total.value() / static_cast<double>(samples);
      }
    });
  }
  return mean;
}

// What a deployment occupies, whether used or not, by layer.
struct LayerFootprint {
  std::string name;
  int64_t synapses = 0;
  int64_t biases = 0;
  // Bits of one stored weight, and of one word of a neuron's state.
  int weight_bits = 32;
  int state_bits = 32;
  // Share of non-zero weights.
  double density = 1;
  // As an array: inputs of one use of its weights, units, and uses a sample; 0 for no array.
  int64_t rows = 0;
  int64_t columns = 0;
  int64_t places = 0;
  // |weight| that takes a device's largest conductance, and input that takes the read voltage.
  double largest_weight = 1;
  double full_scale_input = 1;
  // synaptic_power holds what off devices draw (Realisation.off_conductance).
  bool off_counted = false;
};

struct Footprint {
  std::vector<LayerFootprint> layers;
  // Name of the device profile that prices the activity unless another is named.
  std::string profile;
};

}  // namespace torpor
