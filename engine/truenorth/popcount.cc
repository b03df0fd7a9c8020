#include "engine/truenorth/popcount.h"

#include <algorithm>
#include <cstring>

#include "engine/base/status.h"
#include "engine/truenorth/rate_code.h"

namespace torpor {
namespace {

// Beyond the largest sum of a core's strengths, 2 x 256.
constexpr int32_t kMostLeak = 1024;
// Bits that 8 bytes hold from any bit of the first one on.
constexpr int kMostLines = 57;

}  // namespace

void PopcountWorkspace::Prepare(const GridPlan& plan) {
  if (!levels.empty()) return;
  const auto add = [&](int lines) { levels.emplace_back(static_cast<size_t>(WordsOf(lines)) + 1); };
  add(plan.features);
  for (const CoreLayerPlan& layer : plan.layers) add(layer.neurons);
}

PopcountGrid::PopcountGrid(const BinaryGrid& grid, const TallyPlan& tallies)
    : plan_(grid.plan), tallies_(tallies.tallies.size()) {
  for (size_t l = 0; l < plan_->layers.size(); ++l) {
    Layer& layer = layers_.emplace_back();
    for (size_t c = 0; c < plan_->layers[l].cores.size(); ++c) {
      const CorePlan& core = plan_->layers[l].cores[c];
      layer.cores.push_back({.lines = {},
                             .ends = {},
                             .groups = GroupsOf(core, grid.layers[l][c]),
                             .first_neuron = core.first_neuron});
      AddLines(core, layer.cores.back());
      layer.aligned = layer.aligned && core.first_neuron % 8 == 0;
    }
  }
  levels_.push_back(LevelOf(0, plan_->features, tallies));
  for (size_t l = 0; l < plan_->layers.size(); ++l) {
    levels_.push_back(LevelOf(static_cast<int>(l) + 1, plan_->layers[l].neurons, tallies));
  }
}

void PopcountGrid::AddLines(const CorePlan& plan, Core& core) {
  for (int i = 0; i < plan.axons();) {
    const int32_t source = plan.sources[static_cast<size_t>(i)];
    // A whole word from a whole byte needs no shift.
    const int most = std::min({64 - i % 64, plan.axons() - i, source % 8 == 0 ? 64 : kMostLines});
    int count = 1;
    while (count < most && plan.sources[static_cast<size_t>(i + count)] == source + count) ++count;
    core.lines.push_back({.mask = ~uint64_t{0} >> (64 - count),
                          .byte = static_cast<uint32_t>(source / 8),
                          .shift = static_cast<uint8_t>(source % 8),
                          .to = static_cast<uint8_t>(i % 64)});
    for (size_t w = static_cast<size_t>(i / 64); w < core.ends.size(); ++w) ++core.ends[w];
    i += count;
  }
}

std::vector<PopcountGroup> PopcountGrid::GroupsOf(const CorePlan& core, const BinaryCore& sites) {
  std::vector<PopcountGroup> groups(static_cast<size_t>(core.neurons + kGroupNeurons - 1) /
                                    kGroupNeurons);
  // Places that stay empty never fire.
  for (PopcountGroup& group : groups) {
    std::fill(std::begin(group.drive), std::end(group.drive), ~uint64_t{0} << 32);
  }
  const int axons = core.axons();
  for (int j = 0; j < core.neurons; ++j) {
    PopcountGroup& group = groups[static_cast<size_t>(j / kGroupNeurons)];
    const int place = j % kGroupNeurons;
    int8_t strengths[kTypes] = {};
    for (int i = 0; i < axons; ++i) {
      const int8_t weight = sites.weight[static_cast<size_t>(j * axons + i)];
      if (weight == 0) continue;
      const int type = i % kTypes;
      TORPOR_CHECK(strengths[type] == 0 || strengths[type] == weight);
      strengths[type] = weight;
      group.sites[type][place] |= uint64_t{1} << i / kTypes;
    }
    const int32_t leak = std::clamp(sites.leak[static_cast<size_t>(j)], -kMostLeak, kMostLeak);
    group.drive[place] = uint64_t{static_cast<uint32_t>(leak - 1)} << 32;
    for (int t = 0; t < kTypes; ++t) {
      group.drive[place] |= uint64_t{static_cast<uint8_t>(strengths[t])} << 8 * t;
    }
  }
  return groups;
}

PopcountGrid::Level PopcountGrid::LevelOf(int level, int lines, const TallyPlan& tallies) {
  Level of;
  of.words = WordsOf(lines);
  const size_t words = static_cast<size_t>(of.words);
  for (size_t t = 0; t < tallies.tallies.size(); ++t) {
    const Tally& tally = tallies.tallies[t];
    if (tally.level != level) continue;
    for (int bit = 0; bit < 31; ++bit) {
      const auto has = [&](size_t i) { return (tally.weights[i] >> bit & 1) != 0; };
      bool any = false;
      for (size_t i = 0; i < tally.weights.size() && !any; ++i) any = has(i);
      if (!any) continue;
      const size_t lane = of.lanes.size();
      of.lanes.push_back({.tally = static_cast<int>(t), .bit = bit});
      of.masks.resize((lane / 8 + 1) * words * 8);
      for (size_t i = 0; i < tally.weights.size(); ++i) {
        if (!has(i)) continue;
        of.masks[(lane / 8 * words + i / 64) * 8 + lane % 8] |= uint64_t{1} << i % 64;
      }
    }
  }
  while (of.lanes.size() % 8 != 0) of.lanes.push_back({.tally = -1, .bit = 0});
  return of;
}

void PopcountGrid::Run(PopcountWorkspace& workspace, PopcountSet with) const {
  const PopcountKernel& kernel = PopcountKernelOf(with);
  for (size_t l = 0; l < layers_.size(); ++l) {
    const char* below = reinterpret_cast<const char*>(workspace.levels[l].data());
    std::vector<uint64_t>& out = workspace.levels[l + 1];
    if (!layers_[l].aligned) std::fill(out.begin(), out.end(), 0);
    for (const Core& core : layers_[l].cores) {
      uint64_t axons[kTypes];
      int i = 0;
      for (size_t w = 0; w < core.ends.size(); ++w) {
        uint64_t word = 0;
        for (; i < core.ends[w]; ++i) {
          const Lines& lines = core.lines[static_cast<size_t>(i)];
          uint64_t bits;
          std::memcpy(&bits, below + lines.byte, sizeof(bits));
          word |= (bits >> lines.shift & lines.mask) << lines.to;
        }
        axons[w] = word;
      }
      uint64_t x[kTypes];
      kernel.by_type(axons, x);
      const int groups = static_cast<int>(core.groups.size());
      if (layers_[l].aligned) {
        kernel.fire(core.groups.data(), groups, x,
                    reinterpret_cast<uint8_t*>(out.data()) + core.first_neuron / 8);
        continue;
      }
      uint64_t fires[kCoreNeurons / 64] = {};
      kernel.fire(core.groups.data(), groups, x, reinterpret_cast<uint8_t*>(fires));
      const size_t word = static_cast<size_t>(core.first_neuron / 64);
      const int shift = core.first_neuron % 64;
      for (size_t w = 0; w * 64 < core.groups.size() * kGroupNeurons; ++w) {
        out[word + w] |= fires[w] << shift;
        if (shift != 0 && fires[w] >> (64 - shift) != 0) {
          out[word + w + 1] |= fires[w] >> (64 - shift);
        }
      }
    }
  }
  workspace.sums.assign(tallies_, 0);
  for (size_t l = 0; l < levels_.size(); ++l) {
    const Level& level = levels_[l];
    workspace.counts.resize(std::max(workspace.counts.size(), level.lanes.size()));
    kernel.count(workspace.levels[l].data(), level.words, level.masks.data(),
                 static_cast<int>(level.lanes.size() / 8), workspace.counts.data());
    for (size_t i = 0; i < level.lanes.size(); ++i) {
      if (level.lanes[i].tally < 0) continue;
      workspace.sums[static_cast<size_t>(level.lanes[i].tally)] += workspace.counts[i]
                                                                   << level.lanes[i].bit;
    }
  }
}

}  // namespace torpor
