#include "engine/energy/terms.h"

#include <algorithm>
#include <cmath>
#include <string_view>

#include "absl/strings/str_cat.h"

namespace torpor {
namespace {

// A profile's numbers by name.
class Values {
 public:
  Values(const v1::DeviceProfile& profile, RangeEnd end) : profile_(profile), end_(end) {}

  std::optional<double> Find(std::string_view name) const {
    for (const v1::Coefficient& c : profile_.coefficients()) {
      if (c.name() != name) continue;
      if (c.low() == 0 && c.high() == 0) return c.value();
      return end_ == RangeEnd::kLow ? c.low() : end_ == RangeEnd::kHigh ? c.high() : c.value();
    }
    return std::nullopt;
  }
  bool Contains(std::string_view count) const {
    const auto& contained = profile_.contained();
    return std::find(contained.begin(), contained.end(), count) != contained.end();
  }

 private:
  const v1::DeviceProfile& profile_;
  RangeEnd end_;
};

double Tiles(int64_t lines, std::optional<double> lines_each) {
  if (!lines_each.has_value() || lines == 0) return 1;
  return std::ceil(static_cast<double>(lines) / *lines_each);
}

// Makes the terms of one layer, or of the network for layer -1.
class LayerTerms {
 public:
  LayerTerms(const Values& values, int layer, std::vector<EnergyTerm>& terms)
      : values_(values), layer_(layer), terms_(terms) {}

  // A count times a factor, at the price of one coefficient.
  void Add(std::string_view kind, Quantity LayerActivity::*quantity, std::string_view coefficient,
           double factor = 1, bool synaptic = false) {
    Add({.kind = std::string(kind),
         .synaptic = synaptic,
         .factor = factor,
         .quantity = quantity,
         .joules_each = values_.Find(coefficient),
         .coefficients = std::string(coefficient)});
  }
  // The same only where the profile has the coefficient.
  void AddIfPriced(std::string_view kind, Quantity LayerActivity::*quantity,
                   std::string_view coefficient, double factor) {
    if (values_.Find(coefficient).has_value()) Add(kind, quantity, coefficient, factor);
  }
  void Add(EnergyTerm term) {
    term.layer = layer_;
    terms_.push_back(std::move(term));
  }

 private:
  const Values& values_;
  int layer_;
  std::vector<EnergyTerm>& terms_;
};

// Joules of synaptic power 1 and of off power 1 in a crossbar (see price.h).
struct CellEnergy {
  std::optional<double> signal;
  std::optional<double> off;
};

CellEnergy EnergyOfCells(const Values& values, const LayerFootprint& layer) {
  const std::optional<double> voltage = values.Find("read_voltage");
  const std::optional<double> largest = values.Find("maximum_conductance");
  const std::optional<double> off = values.Find("off_conductance");
  const std::optional<double> time = values.Find("read_time");
  CellEnergy energy;
  if (!voltage || !time) return energy;
  const double scale = layer.full_scale_input;
  double square = *voltage * *voltage * *time / (scale * scale);
  if (const std::optional<double> supply = values.Find("drive_supply"); supply && *voltage > 0) {
    square *= std::max(1.0, *supply / *voltage);
  }
  if (off) energy.off = 2 * *off * square;
  // Counted off devices take their part of the signal's conductance with them.
  const double taken = layer.off_counted ? 0 : off.value_or(0);
  if (largest) energy.signal = std::max(0.0, *largest - taken) * square / layer.largest_weight;
  return energy;
}

bool HasCells(const Values& values) {
  return values.Find("read_voltage") || values.Find("maximum_conductance") ||
         values.Find("read_time");
}

// Synaptic power and synaptic events are two measures of one thing: where one is priced, the other
// costs nothing more.
void AddSynapses(const Values& values, const LayerFootprint& layer, LayerTerms& terms) {
  const bool events = values.Find("synaptic_event").has_value();
  if (events) {
    terms.Add("synaptic_events", &LayerActivity::synaptic_events, "synaptic_event", 1, true);
  }
  if (HasCells(values)) {
    const CellEnergy energy = EnergyOfCells(values, layer);
    terms.Add({.kind = "synaptic_power",
               .synaptic = true,
               .factor = 1,
               .quantity = &LayerActivity::synaptic_power,
               .joules_each = energy.signal,
               .coefficients = "read_voltage, maximum_conductance and read_time"});
    if (!values.Contains("off_power")) {
      terms.Add({.kind = "off_power",
                 .synaptic = true,
                 .factor = 1,
                 .quantity = &LayerActivity::off_power,
                 .joules_each = energy.off,
                 .coefficients = "off_conductance, read_voltage and read_time"});
    }
    return;
  }
  if (events || values.Contains("synaptic_events") || values.Contains("synaptic_power")) return;
  terms.Add({.kind = "synaptic_events",
             .synaptic = true,
             .factor = 1,
             .quantity = &LayerActivity::synaptic_events,
             .coefficients = "synaptic_event, or those of a crossbar's cells"});
}

// Additions and multiplications of numbers so wide; 32 bits are float32.
struct Arithmetic {
  std::optional<double> add;
  std::optional<double> multiply;
};

Arithmetic ArithmeticOf(const Values& values, int bits) {
  if (bits >= 32) return {values.Find("float_add"), values.Find("float_multiply")};
  if (bits <= 8) return {values.Find("int8_add"), values.Find("int8_multiply")};
  return {values.Find(bits <= 16 ? "int16_add" : "int32_add"), values.Find("int32_multiply")};
}

// Joules of an operation that moves so many bits, adds and multiplies so often.
std::optional<double> Operation(std::optional<double> bit, double bits, const Arithmetic& price,
                                double adds, double multiplications) {
  if (!bit || !price.add || (multiplications > 0 && !price.multiply)) return std::nullopt;
  return bits * *bit + adds * *price.add + multiplications * price.multiply.value_or(0);
}

// Synapses and neurons of a digital machine. One that is driven by its clock looks at every synapse
// in every step, which contains the events; others look at the synapses of spikes alone.
void AddDigital(const Values& values, const LayerFootprint& layer, LayerTerms& terms) {
  const std::optional<double> weight_bit = values.Find("weight_bit");
  const std::optional<double> state_bit = values.Find("state_bit");
  const Arithmetic weight = ArithmeticOf(values, layer.weight_bits);
  const Arithmetic state = ArithmeticOf(values, layer.state_bits);
  const bool clock_driven = values.Contains("synaptic_events");
  // A weight is read and added.
  terms.Add(
      {.kind = clock_driven ? "synapse_steps" : "synaptic_events",
       .synaptic = true,
       .factor = 1,
       .quantity = clock_driven ? &LayerActivity::synapse_steps : &LayerActivity::synaptic_events,
       .joules_each = Operation(weight_bit, layer.weight_bits, weight, 1, 0),
       .coefficients = "weight_bit and additions"});
  // A weight is read, changed by a product and written.
  terms.Add({.kind = clock_driven ? "synapse_writes" : "writes",
             .synaptic = true,
             .factor = 1,
             .quantity = clock_driven ? &LayerActivity::synapse_writes : &LayerActivity::writes,
             .joules_each = Operation(weight_bit, 2.0 * layer.weight_bits, weight, 1, 1),
             .coefficients = "weight_bit, additions and multiplications"});
  // Three words (potential, threshold, refractory time) are read and written; one decay, three
  // additions (input, inhibition, comparison).
  terms.Add({.kind = "neuron_updates",
             .factor = 1,
             .quantity = &LayerActivity::neuron_updates,
             .joules_each = Operation(state_bit, 6.0 * layer.state_bits, state, 3, 1),
             .coefficients = "state_bit, additions and multiplications"});
}

// Rows that are read: by the words, or by the drivers of a crossbar's tiles.
void AddRows(const Values& values, const LayerFootprint& layer, double tiles, LayerTerms& terms) {
  const bool drivers = values.Find("row_drive").has_value();
  if (values.Find("array_read") || (!drivers && !values.Contains("reads"))) {
    terms.Add("reads", &LayerActivity::reads, "array_read");
  }
  if (drivers) terms.Add("row_drives", &LayerActivity::reads, "row_drive", tiles);
  if (layer.columns == 0) return;
  // As often as columns are converted, all rows are there: a layer that is switched off has none.
  const double rows = static_cast<double>(layer.rows) / static_cast<double>(layer.columns) * tiles;
  if (const auto idle = values.Find("row_idle")) {
    terms.Add({.kind = "rows_idle",
               .factor = rows,
               .quantity = &LayerActivity::conversions,
               .less_factor = tiles,
               .less = &LayerActivity::reads,
               .joules_each = idle});
  }
  terms.AddIfPriced("row_registers", &LayerActivity::conversions, "row_register", rows);
}

void AddColumns(const Values& values, double tiles, LayerTerms& terms) {
  if (!values.Contains("conversions")) {
    terms.Add("conversions", &LayerActivity::conversions, "conversion", tiles);
  }
  terms.AddIfPriced("shift_adds", &LayerActivity::conversions, "shift_add", tiles);
  terms.AddIfPriced("output_registers", &LayerActivity::conversions, "output_register", tiles);
  terms.AddIfPriced("partial_sums", &LayerActivity::conversions, "partial_sum", tiles);
  // Each unit's sum is converted in every tile and activated once.
  terms.AddIfPriced("activations", &LayerActivity::conversions, "activation", 1);
}

}  // namespace

std::vector<EnergyTerm> EnergyTerms(const v1::DeviceProfile& profile, const Footprint& footprint,
                                    RangeEnd end) {
  const Values values(profile, end);
  std::vector<EnergyTerm> all;
  for (size_t l = 0; l < footprint.layers.size(); ++l) {
    const LayerFootprint& layer = footprint.layers[l];
    LayerTerms terms(values, static_cast<int>(l), all);
    const auto add = [&](std::string_view count, Quantity LayerActivity::*quantity,
                         std::string_view coefficient) {
      if (!values.Contains(count)) terms.Add(count, quantity, coefficient);
    };
    const bool digital = values.Find("weight_bit").has_value();
    if (digital) {
      AddDigital(values, layer, terms);
    } else {
      AddSynapses(values, layer, terms);
      add("neuron_updates", &LayerActivity::neuron_updates, "neuron_update");
      add("writes", &LayerActivity::writes, "array_write");
    }
    add("core_ticks", &LayerActivity::core_ticks, "core_tick");
    add("spikes", &LayerActivity::spikes, "spike");
    // A unit has two columns, one for each sign.
    AddRows(values, layer, Tiles(2 * layer.columns, values.Find("array_columns")), terms);
    AddColumns(values, Tiles(layer.rows, values.Find("array_rows")), terms);
    add("bits_moved", &LayerActivity::bits_moved, "bit_moved");
  }
  if (const auto sample = values.Find("sample")) {
    LayerTerms(values, -1, all).Add({.kind = "samples", .constant = 1, .joules_each = sample});
  }
  return all;
}

Quantity CountOf(const EnergyTerm& term, const Activity& activity) {
  if (term.quantity == nullptr) return term.constant;
  const LayerActivity& layer = activity.layers[static_cast<size_t>(term.layer)];
  const Quantity counted = layer.*term.quantity;
  const Quantity less = term.less == nullptr ? Quantity(0) : layer.*term.less;
  if (!counted.counted() || !less.counted()) return Quantity();
  return term.constant + term.factor * counted.value() - term.less_factor * less.value();
}

bool IsIrrelevant(const EnergyTerm& term, Quantity count) {
  return !term.joules_each.has_value() && (!count.counted() || count.value() == 0);
}

}  // namespace torpor
