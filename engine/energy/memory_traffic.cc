#include "engine/energy/memory_traffic.h"

#include <cmath>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"

namespace torpor {
namespace {

using Scheme = v1::MemoryScheme;
using Kind = MemoryAccess::Kind;

constexpr double kMostWeights = 1099511627776.0;  // 2^40

// ceil(log2 x), 0 for x <= 1: bits that tell x things apart.
double BitsOf(double x) {
  int bits = 0;
  while (std::ldexp(1.0, bits) < x) ++bits;
  return bits;
}

// An array as the formulas have it.
struct Sizes {
  // N, z, b.
  double weights = 0;
  double kept = 0;
  double bits = 0;
  // How often a pass visits a weight: active inputs times places.
  double visits = 0;
  // Lists of the forward table and of the reverse one, bits of an entry's address in each, bits of
  // a pointer.
  double rows = 0;
  double columns = 0;
  double column_bits = 0;
  double row_bits = 0;
  double pointer_bits = 0;
  // Lists that a bitmap has pointers to.
  double bitmap_rows = 0;
  // Whether pointers are read once a pass, row by row, and not with each weight.
  bool reads_pointers = false;
};

Sizes SizesOf(const v1::WeightArray& array) {
  Sizes s;
  s.weights = WeightsOf(array);
  s.kept = s.weights * (array.has_density() ? array.density() : 1);
  s.bits = array.bits();
  s.visits = array.has_input_activity() ? array.input_activity() : 1;
  if (array.has_conv2d()) {
    const v1::WeightArray::Conv2dShape& conv = array.conv2d();
    const double place = BitsOf(conv.kernel_height()) + BitsOf(conv.kernel_width());
    s.visits *= conv.has_places() ? static_cast<double>(conv.places())
                                  : static_cast<double>(conv.height()) * conv.width();
    s.rows = conv.input_channels();
    s.columns = conv.output_channels();
    // An entry of a channel's list says the place in the kernel too.
    s.column_bits = place + BitsOf(s.columns);
    s.row_bits = place + BitsOf(s.rows);
    s.pointer_bits = BitsOf(s.kept);
    s.bitmap_rows = s.rows * conv.kernel_height() * conv.kernel_width();
  } else {
    s.rows = static_cast<double>(array.dense().inputs());
    s.columns = static_cast<double>(array.dense().outputs());
    s.column_bits = BitsOf(s.columns);
    s.row_bits = BitsOf(s.rows);
    s.pointer_bits = BitsOf(s.kept + 1);
    s.bitmap_rows = s.rows;
    s.reads_pointers = true;
  }
  return s;
}

// Backward and forward visit each weight, the update writes it; the control of a visit is not paid
// again by the update that follows it.
void AddWeights(double count, double forward_bits, double bits, double capacity,
                MemoryTraffic& traffic) {
  traffic.forward.accesses.push_back({Kind::kRead, count, forward_bits, capacity});
  traffic.forward.controls += count;
  traffic.backward.accesses.push_back({Kind::kBackward, count, bits, capacity});
  traffic.backward.controls += count;
}

MemoryTraffic Plain(const Sizes& s, bool functional) {
  MemoryTraffic traffic;
  traffic.storage_bits = s.weights * s.bits;
  const double count = s.weights * s.visits;
  AddWeights(count, s.bits, s.bits, traffic.storage_bits, traffic);
  traffic.update.accesses.push_back({Kind::kUpdate, count, s.bits, traffic.storage_bits});
  if (functional) traffic.forward.addresses = traffic.backward.addresses = count;
  return traffic;
}

MemoryTraffic CoordinateList(const Sizes& s) {
  // A convolution's columns say the place in the kernel; its rows need not say it again.
  const double row_bits = BitsOf(s.rows);
  const double word = s.bits + s.column_bits + row_bits;
  MemoryTraffic traffic;
  traffic.storage_bits = s.kept * word;
  const double count = s.kept * s.visits;
  AddWeights(count, word, word, traffic.storage_bits, traffic);
  traffic.update.accesses.push_back({Kind::kUpdate, count, s.bits, traffic.storage_bits});
  return traffic;
}

MemoryTraffic PointerIndex(const Sizes& s) {
  const double table = s.kept * (s.bits + s.column_bits);
  const double pointers = (s.rows + 1) * s.pointer_bits;
  const double reverse = s.kept * (s.row_bits + s.pointer_bits);
  const double reverse_pointers = (s.columns + 1) * s.pointer_bits;
  MemoryTraffic traffic;
  traffic.storage_bits = table + pointers + reverse + reverse_pointers;
  const double count = s.kept * s.visits;
  AddWeights(count, s.bits + s.column_bits, s.bits, table, traffic);
  traffic.backward.accesses.push_back({Kind::kRead, count, s.row_bits + s.pointer_bits, reverse});
  traffic.update.accesses.push_back({Kind::kUpdate, count, s.bits, table});
  traffic.forward.pointer_steps = traffic.backward.pointer_steps = count;
  if (s.reads_pointers) {
    // Where a list begins, and where it ends.
    traffic.forward.accesses.push_back(
        {Kind::kRead, 2 * s.rows * s.visits, s.pointer_bits, pointers});
    traffic.backward.accesses.push_back(
        {Kind::kRead, 2 * s.columns * s.visits, s.pointer_bits, reverse_pointers});
  }
  return traffic;
}

MemoryTraffic PointerBitmap(const Sizes& s) {
  const double table = s.kept * s.bits;
  const double pointers = (s.bitmap_rows + 1) * s.pointer_bits;
  MemoryTraffic traffic;
  traffic.storage_bits = s.weights + table + pointers;
  const double count = s.kept * s.visits;
  AddWeights(count, s.bits, s.bits, table, traffic);
  traffic.update.accesses.push_back({Kind::kUpdate, count, s.bits, table});
  traffic.forward.bitmap_bits = s.weights * s.visits;
  traffic.backward.transposed_bits = s.weights * s.visits;
  if (s.reads_pointers) {
    traffic.forward.accesses.push_back({Kind::kRead, s.rows * s.visits, s.pointer_bits, pointers});
    traffic.backward.accesses.push_back(
        {Kind::kRead, s.columns * s.visits, s.pointer_bits, pointers});
  }
  return traffic;
}

// One field that must lie between whole bounds.
void CheckWhole(int64_t value, int64_t low, int64_t high, const std::string& path,
                Violations& violations) {
  if (value >= low && value <= high) return;
  violations.Add(path, absl::StrCat("must be in ", low, "..", high, ", got ", value));
}

void CheckShare(bool set, double share, const std::string& path, Violations& violations) {
  if (!set || (share >= 0 && share <= 1)) return;
  violations.Add(path, absl::StrCat("must be in [0, 1], got ", share));
}

void CheckConvolution(const v1::WeightArray::Conv2dShape& conv, const std::string& path,
                      Violations& violations) {
  const auto side = [&](const char* name, int32_t value) {
    CheckWhole(value, 1, 65536, path + name, violations);
  };
  side("height", conv.height());
  side("width", conv.width());
  side("kernel_height", conv.kernel_height());
  side("kernel_width", conv.kernel_width());
  side("input_channels", conv.input_channels());
  side("output_channels", conv.output_channels());
  const auto inside = [&](const char* name, int32_t kernel, const char* of, int32_t image) {
    if (kernel <= image) return;
    violations.Add(path + name,
                   absl::StrCat("must be at most the image's ", of, ", ", image, ", got ", kernel));
  };
  inside("kernel_height", conv.kernel_height(), "height", conv.height());
  inside("kernel_width", conv.kernel_width(), "width", conv.width());
  if (conv.has_places()) {
    CheckWhole(conv.places(), 1, int64_t{1} << 32, path + "places", violations);
  }
}

}  // namespace

double Accesses(const MemoryPass& pass) {
  double sum = 0;
  for (const MemoryAccess& access : pass.accesses) sum += access.count;
  return sum;
}

double WeightsOf(const v1::WeightArray& array) {
  if (array.has_conv2d()) {
    const v1::WeightArray::Conv2dShape& conv = array.conv2d();
    return static_cast<double>(conv.kernel_height()) * conv.kernel_width() * conv.input_channels() *
           conv.output_channels();
  }
  return static_cast<double>(array.dense().inputs()) * static_cast<double>(array.dense().outputs());
}

void CheckWeightArray(const v1::WeightArray& array, const std::string& path,
                      Violations& violations) {
  std::string shape;
  if (array.has_dense()) {
    shape = "dense";
    CheckWhole(array.dense().inputs(), 1, 16777216, path + "dense.inputs", violations);
    CheckWhole(array.dense().outputs(), 1, 16777216, path + "dense.outputs", violations);
  } else if (array.has_conv2d()) {
    shape = "conv2d";
    CheckConvolution(array.conv2d(), path + "conv2d.", violations);
  } else {
    violations.Add(path + "dense", "must be set, or conv2d");
  }
  if (WeightsOf(array) > kMostWeights) {
    violations.Add(path + shape, "must have at most 2^40 weights");
  }
  CheckWhole(array.bits(), 1, 32, path + "bits", violations);
  CheckShare(array.has_density(), array.density(), path + "density", violations);
  CheckShare(array.has_input_activity(), array.input_activity(), path + "input_activity",
             violations);
}

std::string WhyNot(v1::MemoryScheme::Kind scheme, const v1::WeightArray& array) {
  if (scheme != Scheme::FUNCTIONAL || array.has_conv2d()) return "";
  return "functional encoding computes where a weight leads from its place in a kernel; dense "
         "weights are without such a structure";
}

MemoryTraffic TrafficOf(v1::MemoryScheme::Kind scheme, const v1::WeightArray& array) {
  TORPOR_CHECK(WhyNot(scheme, array).empty());
  const Sizes sizes = SizesOf(array);
  switch (scheme) {
    case Scheme::CROSSBAR:
      return Plain(sizes, false);
    case Scheme::FUNCTIONAL:
      return Plain(sizes, true);
    case Scheme::COORDINATE_LIST:
      return CoordinateList(sizes);
    case Scheme::POINTER_INDEX:
      return PointerIndex(sizes);
    case Scheme::POINTER_BITMAP:
      return PointerBitmap(sizes);
    default:
      break;
  }
  TORPOR_CHECK(false);
  return {};
}

std::vector<v1::MemoryScheme::Kind> MemorySchemes() {
  return {Scheme::CROSSBAR, Scheme::COORDINATE_LIST, Scheme::POINTER_INDEX, Scheme::POINTER_BITMAP,
          Scheme::FUNCTIONAL};
}

std::string MemorySchemeName(v1::MemoryScheme::Kind scheme) {
  return absl::StrReplaceAll(absl::AsciiStrToLower(Scheme::Kind_Name(scheme)), {{"_", "-"}});
}

}  // namespace torpor
