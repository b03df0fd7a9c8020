#include "engine/truenorth/bit_sliced.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "engine/base/status.h"

namespace torpor {
namespace {

// Strengths in the order of SlicedNeuron::groups.
constexpr int kStrengths[4] = {2, -2, 1, -1};
constexpr int kNever = 1023;
// Cores between two looks at the cancellation: below a millisecond each.
constexpr size_t kCoresAtOnce = 16;

// Lines of the pixels: whole transpositions.
size_t PixelLines(const GridPlan& plan) {
  return static_cast<size_t>((plan.features + 63) / 64 * 64);
}

template <typename Offset>
void FillGroup(std::vector<Offset>& offsets, size_t first, Offset with) {
  while ((offsets.size() - first) % kGroup != 0) offsets.push_back(with);
}

}  // namespace

void SlicedWorkspace::Prepare(const GridPlan& plan) {
  if (!levels.empty()) return;
  levels.emplace_back(PixelLines(plan) + 1);
  for (const CoreLayerPlan& layer : plan.layers) {
    levels.emplace_back(static_cast<size_t>(layer.neurons) + 1);
  }
  gathered.resize(kGatheredLines);
  std::fill(std::begin(gathered[kOnesLine].words), std::end(gathered[kOnesLine].words),
            ~uint64_t{0});
}

void SlicedWorkspace::Start(int lanes, size_t tallies) {
  words = LaneWords(lanes);
  sums.assign(tallies * kLanes, 0);
}

BitSlicedGrid::BitSlicedGrid(const BinaryGrid& grid, const TallyPlan& tallies) : plan_(grid.plan) {
  for (size_t l = 0; l < plan_->layers.size(); ++l) {
    Layer& layer = layers_.emplace_back();
    const std::vector<CorePlan>& cores = plan_->layers[l].cores;
    for (size_t c = 0; c < cores.size(); ++c) {
      for (int j = 0; j < cores[c].neurons; ++j) {
        AddNeuron(cores[c], grid.layers[l][c], j, layer);
      }
    }
    const SlicedNeuron* neurons = layer.neurons.data();
    for (const CorePlan& core : cores) {
      layer.cores.push_back({.sources = core.sources.data(),
                             .axons = core.axons(),
                             .neurons = neurons,
                             .neuron_count = core.neurons,
                             .offsets = layer.offsets.data()});
      neurons += core.neurons;
    }
  }
  for (const Tally& tally : tallies.tallies) {
    TallyLists lists = ListsOf(tally);
    if (planes_ / 64 != (planes_ + lists.planes - 1) / 64) planes_ = (planes_ + 63) / 64 * 64;
    lists.first_plane = planes_;
    planes_ += lists.planes;
    tallies_.push_back(std::move(lists));
  }
  planes_ = (planes_ + 63) / 64 * 64;
}

void BitSlicedGrid::AddNeuron(const CorePlan& core, const BinaryCore& sites, int j, Layer& layer) {
  SlicedNeuron neuron;
  neuron.line = static_cast<uint32_t>(core.first_neuron + j);
  neuron.first = static_cast<uint32_t>(layer.offsets.size());
  const int axons = core.axons();
  const int8_t* weights = sites.weight.data() + static_cast<int64_t>(j) * axons;
  int64_t negative = 0;
  for (size_t k = 0; k < std::size(kStrengths); ++k) {
    const size_t first = layer.offsets.size();
    for (int i = 0; i < axons; ++i) {
      if (weights[i] != kStrengths[k]) continue;
      layer.offsets.push_back(static_cast<uint16_t>(i * static_cast<int>(sizeof(Line))));
      negative -= std::min<int64_t>(0, weights[i]);
    }
    const int fill = kStrengths[k] < 0 ? kOnesLine : kZeroLine;
    FillGroup(layer.offsets, first, static_cast<uint16_t>(fill * static_cast<int>(sizeof(Line))));
    neuron.groups[k] = static_cast<uint8_t>((layer.offsets.size() - first) / kGroup);
  }
  // I = P - N + b >= 1 where P + (n - N) >= n - b + 1.
  const int64_t threshold = negative - sites.leak[static_cast<size_t>(j)] + 1;
  neuron.threshold = static_cast<uint16_t>(std::clamp<int64_t>(threshold, 0, kNever));
  layer.neurons.push_back(neuron);
}

BitSlicedGrid::TallyLists BitSlicedGrid::ListsOf(const Tally& tally) {
  TallyLists lists;
  lists.level = tally.level;
  uint64_t sum = 0;
  uint32_t all = 0;
  for (const int32_t weight : tally.weights) {
    sum += static_cast<uint64_t>(weight);
    all |= static_cast<uint32_t>(weight);
  }
  TORPOR_CHECK(sum < uint64_t{1} << 31);
  lists.planes = std::max(1, static_cast<int>(std::bit_width(sum)));
  std::vector<int> bits;
  for (int bit = 0; bit < static_cast<int>(std::bit_width(all)); ++bit) {
    if ((all >> bit & 1) == 0) continue;
    std::vector<uint32_t>& offsets = lists.offsets.emplace_back();
    bits.push_back(bit);
    for (size_t i = 0; i < tally.weights.size(); ++i) {
      if ((tally.weights[i] >> bit & 1) != 0) {
        offsets.push_back(static_cast<uint32_t>(i * sizeof(Line)));
      }
    }
    // The level's line after the last one in use.
    const size_t lines =
        tally.level == 0 ? (tally.weights.size() + 63) / 64 * 64 : tally.weights.size();
    FillGroup(offsets, 0, static_cast<uint32_t>(lines * sizeof(Line)));
  }
  for (size_t i = 0; i < bits.size(); ++i) {
    lists.bits.push_back({.bit = bits[i],
                          .offsets = lists.offsets[i].data(),
                          .groups = static_cast<int>(lists.offsets[i].size() / kGroup)});
  }
  return lists;
}

void BitSlicedGrid::TransposePixels(SlicedWorkspace& workspace, Instructions with) {
  const SlicedKernel& kernel = SlicedKernelOf(with);
  std::vector<Line>& pixels = workspace.levels[0];
  for (size_t first = 0; first + 64 <= pixels.size(); first += 64) {
    kernel.transpose(pixels.data() + first);
  }
}

absl::Status BitSlicedGrid::Run(SlicedWorkspace& workspace, Instructions with,
                                const Cancellation& cancellation) const {
  const SlicedKernel& kernel = SlicedKernelOf(with);
  for (size_t l = 0; l < layers_.size(); ++l) {
    for (size_t c = 0; c < layers_[l].cores.size(); ++c) {
      if (c % kCoresAtOnce == 0) TORPOR_RETURN_IF_ERROR(cancellation.Check());
      kernel.run_core(layers_[l].cores[c], workspace.levels[l].data(), workspace.words,
                      workspace.gathered.data(), workspace.levels[l + 1].data());
    }
  }
  workspace.planes.resize(static_cast<size_t>(planes_));
  for (const TallyLists& tally : tallies_) {
    kernel.run_tally(tally.bits.data(), static_cast<int>(tally.bits.size()),
                     workspace.levels[static_cast<size_t>(tally.level)].data(), workspace.words,
                     tally.planes, workspace.planes.data() + tally.first_plane);
  }
  for (int first = 0; first < planes_; first += 64) {
    kernel.transpose(workspace.planes.data() + first);
  }
  for (size_t t = 0; t < tallies_.size(); ++t) {
    const TallyLists& tally = tallies_[t];
    kernel.add_field(workspace.planes.data() + tally.first_plane / 64 * 64, tally.first_plane % 64,
                     tally.planes, workspace.sums.data() + t * kLanes);
  }
  return absl::OkStatus();
}

}  // namespace torpor
