// A grid of cores as a file, as it is written into hardware: for chips and simulators elsewhere,
// and for crossbars that were learned elsewhere.
//
// The file is an NPZ of float32 arrays that hold integers. Every layer L of K cores has, for the
// 256 axons and 256 neurons of each core:
//   L.axon_types        [K x 256]        type 0..3 of an axon, -1 where it is not used
//   L.tables            [K x 256 x 4]    strength that a neuron gives to each axon type; 0 where
//   the
//                                        neuron is not used
//   L.leak              [K x 256]        added to a neuron's membrane at every tick
//   L.crossbar          [K x 256 x 32]   bytes of a neuron's sites, bit i mod 8 of byte i / 8 set
//                                        where the site of axon i is on
//                                        (numpy: unpackbits(x.astype('uint8'), axis=-1,
//                                        bitorder='little'))
//   L.destination_core  [K x 256]        core of the next layer and its axon that a neuron drives;
//   L.destination_axon  [K x 256]        -1 in the last layer and where the neuron is not used
// and what drives each axon, -1 where it is not used:
//   L.pixel             [K x 256]        in the first layer, flat index into [channels x height x
//                                        width]
//   L.source_core       [K x 256]        in the others, core of the layer below and its neuron
//   L.source_neuron     [K x 256]
// A site that is on adds tables[type of its axon]; a neuron spikes at a membrane of 1 or more
// (Jimeno Yepes and Tang, section 2). Probabilities are not in it, so a network that was trained
// for sampling loses them.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "engine/truenorth/grid.h"
#include "torpor/v1/network.pb.h"
#include "torpor/v1/training.pb.h"

namespace torpor {

// Reads cores files of one definition. Immutable.
class CoresReader {
 public:
  // INVALID_ARGUMENT names the wrong fields of the definition as "network...", another family as
  // "network", and `loss` where it is neither CE nor UNSPECIFIED, which means CE: grids have no
  // other.
  static absl::StatusOr<CoresReader> Create(const v1::Network& network, v1::Loss::Kind loss);

  // No file that this definition needs is longer.
  int64_t max_bytes() const { return max_bytes_; }

  // An archive of kind "model" whose thresholded crossbars are those of the file. INVALID_ARGUMENT
  // names every array that is missing, unknown or of another shape, or else of each array the first
  // element that is no integer, out of its bounds, or not as the definition's plan has it: among
  // these an axon with two neurons and a neuron with two axons. DATA_LOSS for a damaged file.
  absl::StatusOr<std::string> ToArchive(std::string_view npz) const;

 private:
  CoresReader() = default;
  v1::Network network_;
  std::shared_ptr<const GridPlan> plan_;
  int64_t max_bytes_ = 0;
};

// The file of a grid.
absl::StatusOr<std::string> WriteCores(const BinaryGrid& grid);

// The thresholded crossbars of an archive (kind "model"). FAILED_PRECONDITION with reason
// FORMAT_OF_OTHER_FAMILY where it is no grid of cores.
absl::StatusOr<std::string> CoresOfArchive(std::string_view archive);

}  // namespace torpor
