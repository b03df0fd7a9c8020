#include "engine/truenorth/cores_file.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "engine/base/status.h"
#include "engine/network/calibration_archive.h"
#include "engine/network/npz_arrays.h"
#include "engine/truenorth/model.h"

namespace torpor {
namespace {

constexpr int kBytes = kCoreAxons / 8;

// What is known of an array's values before the file is read.
enum class Content { kWires, kLeak, kCrossbar };

struct Array {
  NpzShape shape;
  Content content = Content::kWires;
  // Of wires, what they must be; else 0.
  std::vector<float> values;
};

void AddArray(std::vector<Array>& arrays, const CoreLayerPlan& layer, const char* name,
              int64_t width, float unused, Content content = Content::kWires) {
  const int64_t cores = static_cast<int64_t>(layer.cores.size());
  Array& array = arrays.emplace_back();
  array.shape = {absl::StrCat(layer.name, ".", name), {cores, kCoreNeurons}};
  if (width > 1) array.shape.shape.push_back(width);
  array.content = content;
  array.values.assign(static_cast<size_t>(cores * kCoreNeurons * width), unused);
}

// Element of core k, axon or neuron n.
float& At(Array& array, size_t k, int64_t n) {
  return array.values[k * kCoreNeurons + static_cast<size_t>(n)];
}

// Cores and local numbers of a layer's neurons.
struct Place {
  int core = 0;
  int neuron = 0;
};
std::vector<Place> PlacesOf(const CoreLayerPlan& layer) {
  std::vector<Place> places;
  for (size_t k = 0; k < layer.cores.size(); ++k) {
    for (int j = 0; j < layer.cores[k].neurons; ++j) places.push_back({static_cast<int>(k), j});
  }
  return places;
}

void AddTypes(const GridPlan& plan, const CoreLayerPlan& layer, std::vector<Array>& arrays) {
  const size_t first = arrays.size();
  AddArray(arrays, layer, "axon_types", 1, -1);
  AddArray(arrays, layer, "tables", kAxonTypes, 0);
  for (size_t k = 0; k < layer.cores.size(); ++k) {
    for (int i = 0; i < layer.cores[k].axons(); ++i) {
      At(arrays[first], k, i) = static_cast<float>(i % kAxonTypes);
    }
    for (int j = 0; j < layer.cores[k].neurons; ++j) {
      const std::vector<int8_t> table = StrengthTable(plan.strengths, j, plan.classes);
      for (int t = 0; t < kAxonTypes; ++t) {
        const size_t at = (k * kCoreNeurons + static_cast<size_t>(j)) * kAxonTypes;
        arrays[first + 1].values[at + static_cast<size_t>(t)] = table[static_cast<size_t>(t)];
      }
    }
  }
}

// What drives each axon of layer l.
void AddSources(const GridPlan& plan, size_t l, std::vector<Array>& arrays) {
  const CoreLayerPlan& layer = plan.layers[l];
  const size_t first = arrays.size();
  if (l == 0) {
    AddArray(arrays, layer, "pixel", 1, -1);
  } else {
    AddArray(arrays, layer, "source_core", 1, -1);
    AddArray(arrays, layer, "source_neuron", 1, -1);
  }
  const std::vector<Place> below = l == 0 ? std::vector<Place>() : PlacesOf(plan.layers[l - 1]);
  for (size_t k = 0; k < layer.cores.size(); ++k) {
    for (int i = 0; i < layer.cores[k].axons(); ++i) {
      const int32_t source = layer.cores[k].sources[static_cast<size_t>(i)];
      if (l == 0) {
        At(arrays[first], k, i) = static_cast<float>(source);
      } else {
        At(arrays[first], k, i) = static_cast<float>(below[static_cast<size_t>(source)].core);
        At(arrays[first + 1], k, i) = static_cast<float>(below[static_cast<size_t>(source)].neuron);
      }
    }
  }
}

// Which axon each neuron of layer l drives.
void AddDestinations(const GridPlan& plan, size_t l, std::vector<Array>& arrays) {
  const CoreLayerPlan& layer = plan.layers[l];
  const size_t first = arrays.size();
  AddArray(arrays, layer, "destination_core", 1, -1);
  AddArray(arrays, layer, "destination_axon", 1, -1);
  if (l + 1 == plan.layers.size()) return;
  const std::vector<Place> places = PlacesOf(layer);
  const CoreLayerPlan& above = plan.layers[l + 1];
  for (size_t k = 0; k < above.cores.size(); ++k) {
    for (int i = 0; i < above.cores[k].axons(); ++i) {
      const int32_t source = above.cores[k].sources[static_cast<size_t>(i)];
      const Place& place = places[static_cast<size_t>(source)];
      At(arrays[first], static_cast<size_t>(place.core), place.neuron) = static_cast<float>(k);
      At(arrays[first + 1], static_cast<size_t>(place.core), place.neuron) = static_cast<float>(i);
    }
  }
}

// All arrays of a plan, with leaks and crossbars of zeros, by layer in a fixed order.
constexpr size_t kLeakAt = 2;
constexpr size_t kCrossbarAt = 3;
std::vector<Array> ArraysOf(const GridPlan& plan, size_t l) {
  std::vector<Array> arrays;
  const CoreLayerPlan& layer = plan.layers[l];
  AddTypes(plan, layer, arrays);
  AddArray(arrays, layer, "leak", 1, 0, Content::kLeak);
  AddArray(arrays, layer, "crossbar", kBytes, 0, Content::kCrossbar);
  AddSources(plan, l, arrays);
  AddDestinations(plan, l, arrays);
  return arrays;
}

size_t ByteOf(size_t k, int neuron, int axon) {
  return (k * kCoreNeurons + static_cast<size_t>(neuron)) * kBytes + static_cast<size_t>(axon / 8);
}

// The sites that a core has, as the largest value of its byte.
int UsedBits(const CorePlan& core, int neuron, int byte) {
  if (neuron >= core.neurons) return 0;
  const int bits = std::min(8, core.axons() - 8 * byte);
  return bits <= 0 ? 0 : (1 << bits) - 1;
}

// The first element that is not as it must be, in words; "" where there is none.
std::string Fault(const CoreLayerPlan& layer, const Array& wanted,
                  const std::vector<float>& values) {
  for (size_t e = 0; e < values.size(); ++e) {
    const float value = values[e];
    const auto at = [&] {
      return absl::StrCat(value, " at ", NpzIndexText(wanted.shape.shape, static_cast<int64_t>(e)));
    };
    if (!std::isfinite(value) || value != std::nearbyint(value)) {
      return absl::StrCat("must hold integers, has ", at());
    }
    if (wanted.content == Content::kWires) {
      if (value != wanted.values[e]) {
        return absl::StrCat("must be ", wanted.values[e], " there by the definition's plan, has ",
                            at());
      }
    } else if (wanted.content == Content::kLeak) {
      const CorePlan& core = layer.cores[e / kCoreNeurons];
      const int bound = static_cast<int>(e % kCoreNeurons) < core.neurons ? kMaxLeak : 0;
      if (std::abs(value) > static_cast<float>(bound)) {
        return bound == 0 ? absl::StrCat("must be 0 where the neuron is not used, has ", at())
                          : absl::StrCat("must be in -", bound, "..", bound, ", has ", at());
      }
    } else {
      if (value < 0 || value > 255) return absl::StrCat("must hold bytes in 0..255, has ", at());
      const size_t neuron = e / kBytes;
      const int used =
          UsedBits(layer.cores[neuron / kCoreNeurons], static_cast<int>(neuron % kCoreNeurons),
                   static_cast<int>(e % kBytes));
      if ((static_cast<int>(value) & ~used) != 0) {
        return absl::StrCat("must not set sites of axons or neurons that are not used, has ", at());
      }
    }
  }
  return "";
}

// Two elements of a pair of wire arrays that name the same end; "" where there are none. `many` is
// what the elements are and `one` what they share.
std::string Shared(const std::vector<int64_t>& shape, const std::vector<float>& cores,
                   const std::vector<float>& places, const char* many, const char* one) {
  std::map<std::pair<float, float>, size_t> seen;
  for (size_t e = 0; e < cores.size(); ++e) {
    if (!(cores[e] >= 0 && places[e] >= 0)) continue;
    const auto [first, fresh] = seen.insert({{cores[e], places[e]}, e});
    if (fresh) continue;
    const auto text = [&](size_t i) { return NpzIndexText(shape, static_cast<int64_t>(i)); };
    return absl::StrCat(many, " ", text(first->second), " and ", text(e), " both have ", one, " [",
                        cores[e], ", ", places[e],
                        "]; a neuron drives one axon, and an axon has "
                        "one neuron");
  }
  return "";
}

}  // namespace

absl::StatusOr<CoresReader> CoresReader::Create(const v1::Network& network, v1::Loss::Kind loss) {
  if (!network.has_truenorth()) {
    return FieldError("network", "must be of the family truenorth: a cores file holds crossbars");
  }
  if (loss != v1::Loss::UNSPECIFIED && loss != v1::Loss::CE) {
    return FieldError("loss", "must be CE for grids of cores");
  }
  const auto model = TrueNorthModel::Build(network, 0);
  if (!model.ok()) return WithFieldPrefix(model.status(), "network.");
  CoresReader reader;
  reader.network_ = network;
  reader.plan_ =
      std::make_shared<const GridPlan>(static_cast<const TrueNorthModel&>(**model).plan());
  int64_t values = 0;
  for (size_t l = 0; l < reader.plan_->layers.size(); ++l) {
    for (const Array& array : ArraysOf(*reader.plan_, l)) {
      values += static_cast<int64_t>(array.values.size());
    }
  }
  // Twice, so that a file with some arrays too many can still be told which.
  reader.max_bytes_ = 2 * values * static_cast<int64_t>(sizeof(double)) + kNpzOverhead;
  return reader;
}

absl::StatusOr<std::string> CoresReader::ToArchive(std::string_view npz) const {
  TORPOR_ASSIGN_OR_RETURN(const NpzReader reader, NpzReader::Open(npz));
  std::vector<NpzShape> shapes;
  std::vector<std::vector<Array>> layers;
  for (size_t l = 0; l < plan_->layers.size(); ++l) {
    layers.push_back(ArraysOf(*plan_, l));
    for (const Array& array : layers.back()) shapes.push_back(array.shape);
  }
  TORPOR_RETURN_IF_ERROR(CheckNpzShapes(reader, shapes));

  NpzMismatches mismatches;
  GridParameters parameters;
  for (size_t l = 0; l < layers.size(); ++l) {
    const CoreLayerPlan& layer = plan_->layers[l];
    std::vector<std::vector<float>> read;
    for (const Array& wanted : layers[l]) {
      TORPOR_ASSIGN_OR_RETURN(std::vector<float> values, ReadNpzArray(reader, wanted.shape.name));
      read.push_back(std::move(values));
      std::string fault;
      // Two ends of a wire in one place say more than that one of them is wrong.
      const std::string& name = wanted.shape.name;
      const size_t a = read.size() - 1;
      if (name.ends_with(".source_neuron")) {
        fault = Shared(wanted.shape.shape, read[a - 1], read[a], "axons", "neuron");
      } else if (name.ends_with(".destination_axon")) {
        fault = Shared(wanted.shape.shape, read[a - 1], read[a], "neurons", "axon");
      }
      if (fault.empty()) fault = Fault(layer, wanted, read[a]);
      if (!fault.empty()) mismatches.Add(name, "with wrong values", std::move(fault));
    }
    std::vector<CoreParameters>& cores = parameters.emplace_back();
    for (size_t k = 0; k < layer.cores.size() && mismatches.empty(); ++k) {
      const CorePlan& core = layer.cores[k];
      CoreParameters& own = cores.emplace_back();
      own.connection.resize(core.neurons, core.axons());
      for (int j = 0; j < core.neurons; ++j) {
        own.leak.push_back(read[kLeakAt][k * kCoreNeurons + static_cast<size_t>(j)]);
        for (int i = 0; i < core.axons(); ++i) {
          const int byte = static_cast<int>(read[kCrossbarAt][ByteOf(k, j, i)]);
          own.connection(j, i) = static_cast<float>(byte >> (i % 8) & 1);
        }
      }
    }
  }
  TORPOR_RETURN_IF_ERROR(mismatches.ToStatus());
  ArchiveWriter archive("model", network_);
  SaveGrid(*plan_, parameters, archive);
  SaveLoss(v1::Loss::CE, archive);
  return archive.Serialize();
}

absl::StatusOr<std::string> WriteCores(const BinaryGrid& grid) {
  const GridPlan& plan = *grid.plan;
  std::vector<std::vector<Array>> layers;
  for (size_t l = 0; l < plan.layers.size(); ++l) {
    std::vector<Array>& arrays = layers.emplace_back(ArraysOf(plan, l));
    for (size_t k = 0; k < plan.layers[l].cores.size(); ++k) {
      const CorePlan& core = plan.layers[l].cores[k];
      const BinaryCore& written = grid.layers[l][k];
      for (int j = 0; j < core.neurons; ++j) {
        At(arrays[kLeakAt], k, j) = static_cast<float>(written.leak[static_cast<size_t>(j)]);
        for (int i = 0; i < core.axons(); ++i) {
          if (written.weight[static_cast<size_t>(j * core.axons() + i)] == 0) continue;
          arrays[kCrossbarAt].values[ByteOf(k, j, i)] += static_cast<float>(1 << (i % 8));
        }
      }
    }
  }
  std::vector<NpzFloats> floats;
  for (const std::vector<Array>& arrays : layers) {
    for (const Array& array : arrays) {
      floats.push_back({array.shape.name, array.shape.shape, array.values});
    }
  }
  return WriteNpz(floats);
}

absl::StatusOr<std::string> CoresOfArchive(std::string_view archive) {
  TORPOR_ASSIGN_OR_RETURN(const ArchiveReader reader, ArchiveReader::Parse(archive));
  if (!reader.network().has_truenorth()) {
    return WithHelp(WithReason(absl::FailedPreconditionError(
                                   "only networks of the family truenorth are made of cores"),
                               "FORMAT_OF_OTHER_FAMILY"),
                    "Export it as an archive or an NPZ.");
  }
  TORPOR_ASSIGN_OR_RETURN(const std::unique_ptr<Model> model,
                          ParseModel(archive, &TrueNorthModel::Build));
  return WriteCores(static_cast<const TrueNorthModel&>(*model).Thresholded());
}

}  // namespace torpor
