#include "engine/energy/coefficients.h"

#include <array>

namespace torpor {
namespace {

constexpr std::array kCoefficients = {
    // Counted events.
    CoefficientInfo{"core_tick", "J", "One core for one tick, whatever happens in it."},
    CoefficientInfo{"synaptic_event", "J", "One synapse that carries a non-zero input."},
    CoefficientInfo{"spike", "J", "One output spike of a neuron."},
    CoefficientInfo{"array_read", "J", "One word, or row of a digital crossbar, that is read."},
    CoefficientInfo{"array_write", "J", "One word that is written."},
    CoefficientInfo{"bit_moved", "J", "One bit that travels between layers or through a buffer."},
    CoefficientInfo{"sample", "J", "One sample of the whole network, whatever happens in it."},
    // Digital arithmetic and memories; with weight_bit, synapses and neurons are priced by them.
    CoefficientInfo{"weight_bit", "J", "One bit read from or written to the memory of weights."},
    CoefficientInfo{"state_bit", "J", "One bit read from or written to the memory of neurons."},
    CoefficientInfo{"float_add", "J", "One addition of float32, for numbers of 32 bits."},
    CoefficientInfo{"float_multiply", "J", "One multiplication of float32."},
    CoefficientInfo{"int8_add", "J", "One addition of integers, for numbers of up to 8 bits."},
    CoefficientInfo{"int8_multiply", "J", "One multiplication of such integers."},
    CoefficientInfo{"int16_add", "J", "One addition of integers, for numbers of 9..16 bits."},
    CoefficientInfo{"int32_add", "J", "One addition of integers, for numbers of 17..31 bits."},
    CoefficientInfo{"int32_multiply", "J",
                    "One multiplication of integers, for numbers of 9..31 bits."},
    CoefficientInfo{"neuron_update", "J",
                    "One neuron brought forward by a step, where no memories are priced."},
    // Cells of an analogue crossbar.
    CoefficientInfo{"read_voltage", "V", "Voltage of a row that carries a full-scale input."},
    CoefficientInfo{"maximum_conductance", "S",
                    "Conductance of the device that stands for a layer's largest |weight|."},
    CoefficientInfo{
        "off_conductance", "S",
        "Conductance of a device that is off; both devices of a pair have it at least."},
    CoefficientInfo{"read_time", "s", "How long a read lasts."},
    CoefficientInfo{
        "drive_supply", "V",
        "Supply from which a linear driver makes the read voltage; without it, rows are "
        "driven from a rail at the read voltage. Cells then draw this / read_voltage "
        "times as much: a lower bound for inputs below full scale and for modes that "
        "turn the read voltage down."},
    CoefficientInfo{"array_rows", "1",
                    "Rows of one array: layers with more inputs are cut into tiles, each of which "
                    "converts its own columns. Without it, arrays are as large as layers.",
                    true},
    CoefficientInfo{"array_columns", "1",
                    "Columns of one array, two for a unit: each tile across drives its own rows.",
                    true},
    // What stands around a crossbar, for each of its tiles.
    CoefficientInfo{"conversion", "J", "One analogue-digital conversion of one column sum."},
    CoefficientInfo{"row_drive", "J", "Driver of one row whose input is not zero."},
    CoefficientInfo{"row_idle", "J",
                    "Driver of one row whose input is zero; 0 where such drivers are gated."},
    CoefficientInfo{"row_register", "J", "Input register of one row."},
    CoefficientInfo{"shift_add", "J", "Shift and add of one converted sum."},
    CoefficientInfo{"output_register", "J", "Output register of one converted sum."},
    CoefficientInfo{"partial_sum", "J", "Digital addition of one tile's converted sum."},
    CoefficientInfo{"activation", "J", "Activation function of one unit at one place."},
    // Memories of weights: what memory organisations are priced by (memory_costs.h), and no
    // activity.
    CoefficientInfo{"memory_access", "J",
                    "One access to a memory of 64 Kibit, whatever its width (e_a)."},
    CoefficientInfo{"memory_access_bit", "J", "Each bit of such an access (e_b)."},
    CoefficientInfo{"memory_capacity_exponent", "1",
                    "Accesses cost (capacity / 64 Kibit) to this power as much (p)."},
    CoefficientInfo{"memory_control", "J", "Controller, for each weight that a pass visits (c)."},
    CoefficientInfo{"memory_pointer_step", "J",
                    "Controller, for each weight that it finds through an index list (c_ptr)."},
    CoefficientInfo{"memory_backward_factor", "1",
                    "A weight's read in the backward pass against one in the forward pass (k_r)."},
    CoefficientInfo{"memory_update_factor", "1",
                    "A weight's write in the update against a read (k_w)."},
    CoefficientInfo{"memory_bitmap_bit", "J", "One bit of a bitmap, scanned along its rows (e_m)."},
    CoefficientInfo{"memory_transposed_bit", "J",
                    "One bit of a bitmap, scanned across its rows (e_mt)."},
    CoefficientInfo{"memory_address", "J",
                    "One place that is computed: additions to a row and to a column (c_fun)."},
    CoefficientInfo{"memory_leakage_bit", "W", "Leakage of one bit of dense arrays' memories."},
};

}  // namespace

std::span<const CoefficientInfo> Coefficients() { return kCoefficients; }

const CoefficientInfo* FindCoefficient(std::string_view name) {
  for (const CoefficientInfo& info : kCoefficients) {
    if (name == info.name) return &info;
  }
  return nullptr;
}

}  // namespace torpor
