#include "engine/truenorth/plan.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/base/status.h"
#include "engine/network/validation.h"

namespace torpor {
namespace {

constexpr int kMaxLayers = 16;
// Those of one chip; bounds what a definition can make us allocate.
constexpr int64_t kMaxCores = 4096;
constexpr int kDefaultClasses = 10;
constexpr int kDefaultTicks = 16;

// Height and width of what a layer's blocks lie on, and values at each place.
struct Ground {
  int channels = 1;
  int64_t rows = 0;
  int64_t columns = 0;
  // For messages.
  const char* unit = "pixels";
};

// How many blocks place `at` of a side lies in, and the first of them.
struct Cover {
  int first = 0;
  int count = 0;
};

Cover CoverOf(int at, int block, int stride, int blocks) {
  const int first = at < block ? 0 : (at - block) / stride + 1;
  const int last = std::min(at / stride, blocks - 1);
  return {first, last - first + 1};
}

std::string BlockText(const std::string& layer, int row, int column) {
  return absl::StrCat("layer \"", layer, "\": the core of block [", row, ", ", column, "]");
}

// An image of one or several channels; nothing where it is none.
Ground ImageOf(const v1::Input& input, Violations& violations) {
  Ground image;
  if (CheckInput(input, "input.shape", violations) == 0) return image;
  const int dimensions = input.shape_size();
  if (dimensions != 2 && dimensions != 3) {
    violations.Add("input.shape",
                   absl::StrCat("must be [height, width] or [channels, height, width], has ",
                                dimensions, " dimensions"));
    return image;
  }
  image.channels = dimensions == 3 ? static_cast<int>(input.shape(0)) : 1;
  image.rows = input.shape(dimensions - 2);
  image.columns = input.shape(dimensions - 1);
  return image;
}

// Whether blocks of this size and step cover one side of `size` exactly.
bool CheckSide(const v1::BlockLayer& layer, const std::string& path, const Ground& ground,
               const char* side, int64_t size, Violations& violations) {
  if (size < layer.block()) {
    violations.Add(path + ".block", absl::StrCat("must be at most the ", size, " ", ground.unit,
                                                 " of ", side, " below, got ", layer.block()));
    return false;
  }
  if ((size - layer.block()) % layer.stride() != 0) {
    violations.Add(path + ".stride",
                   absl::StrCat("must step blocks of ", layer.block(), " across ", size, " ",
                                ground.unit, " of ", side, " without a rest: ", size, " - ",
                                layer.block(), " is no multiple of ", layer.stride()));
    return false;
  }
  return true;
}

// Size of the layer's grid of cores; false where the definition has none.
bool ResolveGrid(const v1::BlockLayer& layer, const std::string& path, const Ground& ground,
                 CoreLayerPlan& plan, Violations& violations) {
  if (layer.block() < 1) {
    violations.Add(path + ".block", absl::StrCat("must be at least 1, got ", layer.block()));
  }
  if (layer.stride() < 1) {
    violations.Add(path + ".stride", absl::StrCat("must be at least 1, got ", layer.stride()));
  }
  if (layer.block() < 1 || layer.stride() < 1) return false;
  if (layer.stride() > layer.block()) {
    violations.Add(path + ".stride",
                   absl::StrCat("must be at most the block's ", layer.block(), ", or blocks leave ",
                                ground.unit, " out; got ", layer.stride()));
    return false;
  }
  const bool high = CheckSide(layer, path, ground, "height", ground.rows, violations);
  const bool wide = CheckSide(layer, path, ground, "width", ground.columns, violations);
  if (!high || !wide) return false;
  plan.block = layer.block();
  plan.stride = layer.stride();
  plan.rows = static_cast<int>((ground.rows - plan.block) / plan.stride + 1);
  plan.columns = static_cast<int>((ground.columns - plan.block) / plan.stride + 1);
  const int64_t places = int64_t{plan.block} * plan.block;
  const int64_t axons = places * ground.channels;
  if (axons > kCoreAxons) {
    violations.Add(
        path + ".block",
        absl::StrCat(BlockText(plan.name, 0, 0), " would need ", axons, " axons (", plan.block,
                     " x ", plan.block, " ", ground.unit,
                     ground.channels > 1 ? absl::StrCat(" of ", ground.channels, " channels") : "",
                     "), a core has ", kCoreAxons));
  }
  return true;
}

// A core has an axon at least for each of its blocks, and a neuron drives one axon.
void CheckFanOut(const CoreLayerPlan& below, const CoreLayerPlan& plan, const std::string& path,
                 Violations& violations) {
  // The cores in the middle lie in most blocks.
  const int row = below.rows / 2;
  const int column = below.columns / 2;
  const int64_t blocks = int64_t{CoverOf(row, plan.block, plan.stride, plan.rows).count} *
                         CoverOf(column, plan.block, plan.stride, plan.columns).count;
  if (blocks > kCoreNeurons) {
    violations.Add(path + ".stride",
                   absl::StrCat(BlockText(below.name, row, column), " would lie in ", blocks,
                                " blocks of layer \"", plan.name, "\", more than its ",
                                kCoreNeurons, " neurons: a neuron drives one axon"));
  }
}

// Cores of the first layer: every block's pixels.
void WirePixels(const Ground& image, CoreLayerPlan& layer) {
  for (CorePlan& core : layer.cores) {
    for (int channel = 0; channel < image.channels; ++channel) {
      for (int i = 0; i < layer.block; ++i) {
        const int64_t row = core.row * layer.stride + i;
        const int64_t first =
            (channel * image.rows + row) * image.columns + core.column * layer.stride;
        for (int j = 0; j < layer.block; ++j) {
          core.sources.push_back(static_cast<int32_t>(first + j));
        }
      }
    }
  }
}

void MakeCores(CoreLayerPlan& layer) {
  for (int row = 0; row < layer.rows; ++row) {
    for (int column = 0; column < layer.columns; ++column) {
      CorePlan& core = layer.cores.emplace_back();
      core.row = row;
      core.column = column;
    }
  }
}

// Gives the cores of `layer` their neurons.
template <typename NeuronsOf>
void CountNeurons(CoreLayerPlan& layer, NeuronsOf neurons_of) {
  layer.neurons = 0;
  for (CorePlan& core : layer.cores) {
    core.neurons = neurons_of(core);
    core.first_neuron = layer.neurons;
    layer.neurons += core.neurons;
  }
}

// Joins two layers: as many neurons below as axons above, each driving one.
void WireLayers(CoreLayerPlan& below, CoreLayerPlan& above) {
  const int share = kCoreAxons / (above.block * above.block);
  const auto row_cover = [&](const CorePlan& core) {
    return CoverOf(core.row, above.block, above.stride, above.rows);
  };
  const auto column_cover = [&](const CorePlan& core) {
    return CoverOf(core.column, above.block, above.stride, above.columns);
  };
  CountNeurons(below, [&](const CorePlan& core) {
    const int destinations = row_cover(core).count * column_cover(core).count;
    below.fan_out = std::max(below.fan_out, destinations);
    return destinations * share;
  });
  for (CorePlan& core : above.cores) {
    for (int i = 0; i < above.block; ++i) {
      for (int j = 0; j < above.block; ++j) {
        const int row = core.row * above.stride + i;
        const int column = core.column * above.stride + j;
        const CorePlan& source = below.cores[static_cast<size_t>(row * below.columns + column)];
        const Cover rows = row_cover(source);
        const Cover columns = column_cover(source);
        const int place = (core.row - rows.first) * columns.count + (core.column - columns.first);
        for (int k = 0; k < share; ++k) {
          core.sources.push_back(source.first_neuron + place * share + k);
        }
      }
    }
  }
  above.inputs = below.neurons;
}

// Neurons of every core of the last layer.
int ResolveOutput(const v1::TrueNorthNetwork& network, const CoreLayerPlan* last, GridPlan& plan,
                  Violations& violations) {
  plan.classes = network.classes() == 0 ? kDefaultClasses : network.classes();
  if (plan.classes < 2 || plan.classes > kCoreNeurons) {
    violations.Add("classes",
                   absl::StrCat("must be in 2..", kCoreNeurons, ", got ", network.classes()));
    return 0;
  }
  const int neurons = network.output_neurons() == 0 ? kCoreNeurons / plan.classes * plan.classes
                                                    : network.output_neurons();
  if (neurons > kCoreNeurons) {
    violations.Add(
        "output_neurons",
        absl::StrCat(last != nullptr ? BlockText(last->name, 0, 0) : "a core of the last layer",
                     " would need ", neurons, " neurons, a core has ", kCoreNeurons));
  } else if (neurons < plan.classes || neurons % plan.classes != 0) {
    violations.Add("output_neurons", absl::StrCat("must be a positive multiple of the ",
                                                  plan.classes, " classes, got ", neurons));
  }
  return neurons;
}

void ResolveSettings(const v1::TrueNorthNetwork& network, GridPlan& plan, Violations& violations) {
  plan.ticks = network.has_ticks() ? network.ticks() : kDefaultTicks;
  if (plan.ticks < 1 || plan.ticks > kMaxTicks) {
    violations.Add("ticks", absl::StrCat("must be in 1..", kMaxTicks, ", got ", network.ticks()));
  }
  if (!v1::Template::Kind_IsValid(network.template_())) {
    violations.Add("template",
                   "must be SIGNS (s = [-1, 1]) or SIGNS_AND_DOUBLES (s = [-2, -1, 1, 2])");
  } else if (network.template_() != v1::Template::UNSPECIFIED) {
    plan.strengths = network.template_();
  }
  if (!v1::RateCode::Kind_IsValid(network.code())) {
    violations.Add("code", "must be EVEN, THERMOMETER or BERNOULLI");
  } else if (network.code() != v1::RateCode::UNSPECIFIED) {
    plan.code = network.code();
  }
}

// The layers' grids; wires come later, when they are known to be few enough.
void ResolveLayers(const v1::TrueNorthNetwork& network, const Ground& image, GridPlan& plan,
                   Violations& violations) {
  if (network.layers_size() < 1 || network.layers_size() > kMaxLayers) {
    violations.Add("layers", absl::StrCat("must have 1..", kMaxLayers, " layers, has ",
                                          network.layers_size()));
    return;
  }
  LayerNames names;
  Ground ground = image;
  bool known = image.rows > 0;
  int64_t cores = 0;
  for (int l = 0; l < network.layers_size(); ++l) {
    const v1::BlockLayer& layer = network.layers(l);
    const std::string path = absl::StrCat("layers[", l, "]");
    CoreLayerPlan& own = plan.layers.emplace_back();
    own.name = names.Check(layer.name(), l, path, violations);
    // Where a layer's size is not known, those above it have nothing to lie on.
    known = known && ResolveGrid(layer, path, ground, own, violations);
    if (!known) continue;
    if (l > 0) CheckFanOut(plan.layers[static_cast<size_t>(l - 1)], own, path, violations);
    cores += int64_t{own.rows} * own.columns;
    ground = {.rows = own.rows, .columns = own.columns, .unit = "cores"};
  }
  if (cores > kMaxCores) {
    violations.Add("layers",
                   absl::StrCat("must have at most ", kMaxCores, " cores together, need ", cores));
  }
}

}  // namespace

int64_t GridPlan::cores() const {
  int64_t sum = 0;
  for (const CoreLayerPlan& layer : layers) sum += static_cast<int64_t>(layer.cores.size());
  return sum;
}

int64_t GridPlan::sites() const {
  int64_t sum = 0;
  for (const CoreLayerPlan& layer : layers) {
    for (const CorePlan& core : layer.cores) sum += int64_t{core.axons()} * core.neurons;
  }
  return sum;
}

absl::StatusOr<GridPlan> PlanGrid(const v1::TrueNorthNetwork& network) {
  Violations violations;
  GridPlan plan;
  const Ground image = ImageOf(network.input(), violations);
  ResolveLayers(network, image, plan, violations);
  const int outputs =
      ResolveOutput(network, plan.layers.empty() ? nullptr : &plan.layers.back(), plan, violations);
  ResolveSettings(network, plan, violations);
  TORPOR_RETURN_IF_ERROR(violations.ToStatus());

  for (CoreLayerPlan& layer : plan.layers) MakeCores(layer);
  WirePixels(image, plan.layers.front());
  plan.features = static_cast<int>(image.channels * image.rows * image.columns);
  plan.layers.front().inputs = plan.features;
  for (size_t l = 0; l + 1 < plan.layers.size(); ++l) {
    WireLayers(plan.layers[l], plan.layers[l + 1]);
  }
  CountNeurons(plan.layers.back(), [&](const CorePlan&) { return outputs; });
  plan.neurons_per_class = plan.layers.back().neurons / plan.classes;
  return plan;
}

std::vector<int8_t> StrengthTable(v1::Template::Kind strengths, int neuron, int classes) {
  const int index = neuron / classes;
  std::vector<int8_t> table(kAxonTypes);
  for (int type = 0; type < kAxonTypes; ++type) {
    if (strengths == v1::Template::SIGNS_AND_DOUBLES) {
      constexpr int8_t kTable[kAxonTypes] = {-2, -1, 1, 2};
      table[static_cast<size_t>(type)] = kTable[(type + index) % kAxonTypes];
    } else {
      // Bit t: the strength of type t is +1.
      constexpr int kPositive[] = {3, 5, 6, 9, 10, 12};
      table[static_cast<size_t>(type)] = (kPositive[index % 6] >> type & 1) != 0 ? 1 : -1;
    }
  }
  return table;
}

int Strength(v1::Template::Kind strengths, int axon, int neuron, int classes) {
  return StrengthTable(strengths, neuron, classes)[static_cast<size_t>(axon % kAxonTypes)];
}

}  // namespace torpor
