// What it takes to hold an array of weights in a memory, and how often a pass over it reads and
// writes: the arithmetic of memory organisations, without joules (C. J. S. Schaefer et al., "Memory
// Organization for Energy-Efficient Learning and Inference in Digital Neuromorphic Accelerators",
// arXiv 2003.11639; formulas checked against the leakage and the energies of its synthesis data).
//
// N weights of which z = density N are not zero, b bits each. Dense, i x o weights; B(x) =
// ceil(log2 x), p = B(z + 1) bits of a pointer:
//
//   crossbar         N b
//   coordinate list  z (b + B(i) + B(o))
//   pointer, index   z (b + B(o)) + (i + 1) p, and the reverse table z (B(i) + p) + (o + 1) p
//   pointer, bitmap  N + z b + (i + 1) p
//
// Convolutions, K_h x K_w kernels between c_i and c_o channels, k = B(K_h) + B(K_w) bits of a place
// in the kernel, a = B(z):
//
//   crossbar         N b
//   coordinate list  z (b + k + B(c_i) + B(c_o))
//   pointer, index   z (b + k + B(c_o)) + (c_i + 1) a, and z (k + B(c_i) + a) + (c_o + 1) a
//   pointer, bitmap  N + z b + (c_i K_h K_w + 1) a
//   functional       N b: places are sums of an input's row and column and the kernel's
//
// A pass visits each stored weight once, or once at each place of a convolution, if its input is
// active.
#pragma once

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "engine/base/status.h"
#include "torpor/v1/memory.pb.h"

namespace torpor {

// Reads of words of one table, or writes.
struct MemoryAccess {
  enum class Kind {
    // Of a forward pass, and of tables that learning alone has.
    kRead,
    // Of weights in the backward pass.
    kBackward,
    // Of weights in the update.
    kUpdate,
  };
  Kind kind = Kind::kRead;
  double count = 0;
  // Of one word.
  double bits = 0;
  // Bits of the whole table.
  double capacity = 0;
  // Natural logarithm of how large the table is against 64 Kibit; small ones count as 1 Kibit.
  double log_size = LogSize(capacity);

  static double LogSize(double capacity) { return std::log(std::max(capacity, 1024.0) / 65536); }
};

// One direction of a pass: accesses and what controllers do besides.
struct MemoryPass {
  std::vector<MemoryAccess> accesses;
  // Weights that are visited.
  double controls = 0;
  // Weights whose place is found through an index list.
  double pointer_steps = 0;
  // Bits of a bitmap that are scanned along its rows, and across them.
  double bitmap_bits = 0;
  double transposed_bits = 0;
  // Places that are computed.
  double addresses = 0;
};

struct MemoryTraffic {
  double storage_bits = 0;
  MemoryPass forward;
  // Before the update.
  MemoryPass backward;
  MemoryPass update;
};

// Reads and writes of words.
double Accesses(const MemoryPass& pass);

// Names each wrong shape, bit width and share by its path ("conv2d.kernel_height" after `path`,
// which ends in a dot).
void CheckWeightArray(const v1::WeightArray& array, const std::string& path,
                      Violations& violations);

// Why the scheme cannot hold such an array; empty if it can.
std::string WhyNot(v1::MemoryScheme::Kind scheme, const v1::WeightArray& array);

// `array` passed CheckWeightArray and the scheme can hold it.
MemoryTraffic TrafficOf(v1::MemoryScheme::Kind scheme, const v1::WeightArray& array);

// Weights of the array, zeros too.
double WeightsOf(const v1::WeightArray& array);

// All schemes, in the order of the enum, and their names on command lines ("pointer-index").
std::vector<v1::MemoryScheme::Kind> MemorySchemes();
std::string MemorySchemeName(v1::MemoryScheme::Kind scheme);

}  // namespace torpor
