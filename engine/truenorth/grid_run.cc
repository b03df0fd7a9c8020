#include "engine/truenorth/grid_run.h"

#include <algorithm>
#include <numeric>

#include "engine/base/status.h"
#include "engine/data/pixels.h"

namespace torpor {
namespace {

// Samples at work at once.
constexpr size_t kBlock = 512;
// Core ticks between two looks at the cancellation: about a millisecond.
constexpr int64_t kCoreTicksAtOnce = 2048;
// Core ticks and samples that callers should hand over at once.
constexpr int64_t kCoreTicksOfCall = 16 * kCoreTicksAtOnce;
constexpr int64_t kSamplesOfCall = 64;

// Ticks below which one by one is faster: where the kernels' times cross by
// tests/bench/truenorth_bench.cc (Zen 4), much the same for small and large grids.
int FewTicks(PopcountSet set) {
  switch (set) {
    case PopcountSet::kBase:
      return 8;
    case PopcountSet::kAvx2:
      return 56;
    case PopcountSet::kAvx512:
      return 48;
    case PopcountSet::kAvx512Popcount:
      return 88;
  }
  return 8;
}

// Of lanes first..first+count-1.
uint64_t SumOfLanes(const uint64_t* slots, int first, int count, int words) {
  if (words == kLineWords)
    return std::accumulate(slots + first, slots + first + count, uint64_t{0});
  uint64_t sum = 0;
  for (int lane = first; lane < first + count; ++lane) sum += slots[SlotOf(lane, words)];
  return sum;
}

}  // namespace

int GridBlockSamples(const GridPlan& plan, const GridMode& mode) {
  const int64_t most = std::max<int64_t>(kSamplesOfCall, kLanes / mode.ticks);
  const int64_t core_ticks = int64_t{plan.cores()} * mode.copies * mode.ticks;
  return static_cast<int>(std::clamp<int64_t>(kCoreTicksOfCall / core_ticks, 1, most));
}

GridRun::GridRun(const GridKernels& kernels, const RateCode& code, const GridMode& mode,
                 GridWorkspace& workspace, Instructions with, PopcountSet popcount)
    : kernels_(kernels),
      code_(code),
      mode_(mode),
      workspace_(workspace),
      with_(with),
      popcount_(popcount),
      record_(kernels.plan(), mode.copies) {}

absl::Status GridRun::Run(std::span<const SampleTask> tasks, std::span<SampleResult> results,
                          const Cancellation& cancellation) {
  for (const SampleResult& result : results) record_.AddSample(result.recorder);
  for (size_t first = 0; first < tasks.size(); first += kBlock) {
    const size_t count = std::min(kBlock, tasks.size() - first);
    TORPOR_RETURN_IF_ERROR(
        RunBlock(tasks.subspan(first, count), results.subspan(first, count), cancellation));
  }
  record_.Finish();
  return absl::OkStatus();
}

absl::Status GridRun::RunBlock(std::span<const SampleTask> tasks, std::span<SampleResult> results,
                               const Cancellation& cancellation) {
  TORPOR_RETURN_IF_ERROR(cancellation.Check());
  ReadInputs(tasks);
  sums_.assign(tasks.size() * kernels_.tallies(), 0);
  samples_.clear();
  for (size_t i = 0; i < tasks.size(); ++i) samples_.push_back({.index = i});
  while (!samples_.empty()) {
    int64_t ticks = 0;
    for (const Sample& sample : samples_) ticks += mode_.ticks - sample.ticks_taken;
    if (ticks >= FewTicks(popcount_)) {
      TORPOR_RETURN_IF_ERROR(RunLanes(tasks, results, cancellation));
      continue;
    }
    for (Sample& sample : samples_) {
      TORPOR_RETURN_IF_ERROR(
          RunSingly(tasks[sample.index], results[sample.index], sample, cancellation));
    }
    samples_.clear();
  }
  return absl::OkStatus();
}

void GridRun::ReadInputs(std::span<const SampleTask> tasks) {
  const size_t features = static_cast<size_t>(kernels_.plan().features);
  const auto has_values = [](const SampleTask& task) { return task.input.bytes.empty(); };
  const size_t size =
      static_cast<size_t>(std::count_if(tasks.begin(), tasks.end(), has_values)) * features;
  if (workspace_.pixels.size() < size) workspace_.pixels.resize(size);
  uint8_t* next = workspace_.pixels.data();
  pixels_.clear();
  for (const SampleTask& task : tasks) {
    if (!has_values(task)) {
      pixels_.push_back(task.input.bytes);
      continue;
    }
    ReadPixels(task.input.values, {next, features});
    pixels_.emplace_back(next, features);
    next += features;
  }
}

absl::Status GridRun::RunSingly(const SampleTask& task, SampleResult& result, Sample& sample,
                                const Cancellation& cancellation) {
  PopcountWorkspace& single = workspace_.single;
  single.Prepare(kernels_.plan());
  uint64_t* sums = SumsOf(sample.index);
  int64_t core_ticks = kCoreTicksAtOnce;
  bool stops = false;
  while (!stops) {
    code_.Spikes(pixels_[sample.index], task.key.sample, sample.ticks_taken,
                 single.levels[0].data(), 1);
    for (int copy = 0; copy < mode_.copies; ++copy) {
      core_ticks += kernels_.plan().cores();
      if (core_ticks >= kCoreTicksAtOnce) {
        TORPOR_RETURN_IF_ERROR(cancellation.Check());
        core_ticks = 0;
      }
      kernels_.copies()[static_cast<size_t>(copy)].popcount.Run(single, popcount_);
      for (size_t t = 0; t < single.sums.size(); ++t) sums[t] += single.sums[t];
      record_.AddTick(single, result.recorder);
    }
    stops = Stops(sample.index, ++sample.ticks_taken);
  }
  Finish(sample.index, sample.ticks_taken, result);
  return absl::OkStatus();
}

int GridRun::ShareLanes() {
  // Ticks ahead of a decision would be recorded though they may be left out.
  const int active = static_cast<int>(samples_.size());
  int most = mode_.ticks;
  if (mode_.margin.has_value()) most = record_.empty() ? std::max(1, kLanes / active) : 1;
  shares_.clear();
  int lanes = 0;
  for (Sample& sample : samples_) {
    const int count = std::min({most, mode_.ticks - sample.ticks_taken, kLanes - lanes});
    if (count == 0) break;
    shares_.push_back({.index = sample.index, .first_tick = sample.ticks_taken, .count = count});
    lanes += count;
  }
  return lanes;
}

void GridRun::WriteSpikes(std::span<const SampleTask> tasks, int lanes) {
  SlicedWorkspace& sliced = workspace_.sliced;
  const int words = WordsOf(kernels_.plan().features);
  // Lanes whose slots lie side by side go out together, word by word: single words of a lane lie so
  // far apart that they would drive each other out of the cache.
  const int tile = sliced.words;
  spikes_.resize(static_cast<size_t>(tile * words));
  int lane = 0;
  for (const Share& share : shares_) {
    for (int i = 0; i < share.count; ++i, ++lane) {
      code_.Spikes(pixels_[share.index], tasks[share.index].key.sample, share.first_tick + i,
                   spikes_.data() + lane % tile, tile);
      if (lane % tile != tile - 1 && lane != lanes - 1) continue;
      uint64_t* to = sliced.PixelWords(lane / tile * tile);
      for (int w = 0; w < words; ++w) {
        std::copy_n(spikes_.data() + w * tile, tile, to + int64_t{w} * kLanes);
      }
    }
  }
}

absl::Status GridRun::RunLanes(std::span<const SampleTask> tasks, std::span<SampleResult> results,
                               const Cancellation& cancellation) {
  SlicedWorkspace& sliced = workspace_.sliced;
  sliced.Prepare(kernels_.plan());
  const int lanes = ShareLanes();
  sliced.Start(lanes, kernels_.tallies());
  recorders_.clear();
  WriteSpikes(tasks, lanes);
  if (!record_.empty()) {
    for (const Share& share : shares_) {
      recorders_.insert(recorders_.end(), static_cast<size_t>(share.count),
                        results[share.index].recorder);
    }
  }
  BitSlicedGrid::TransposePixels(sliced, with_);
  for (int copy = 0; copy < mode_.copies; ++copy) {
    TORPOR_RETURN_IF_ERROR(
        kernels_.copies()[static_cast<size_t>(copy)].bit_sliced.Run(sliced, with_, cancellation));
    record_.AddLanes(sliced, recorders_);
  }
  // The shares are of the first samples, in order.
  int lane = 0;
  for (size_t s = 0; s < shares_.size(); ++s) {
    const Share& share = shares_[s];
    uint64_t* sums = SumsOf(share.index);
    bool stops = false;
    // All at once where no decision lies between two ticks.
    const int step = mode_.margin.has_value() ? 1 : share.count;
    for (int i = 0; i < share.count && !stops; i += step) {
      for (size_t t = 0; t < kernels_.tallies(); ++t) {
        sums[t] += SumOfLanes(sliced.SumsOf(static_cast<int>(t)), lane + i, step, sliced.words);
      }
      samples_[s].ticks_taken += step;
      stops = Stops(share.index, samples_[s].ticks_taken);
    }
    if (stops) Finish(share.index, samples_[s].ticks_taken, results[share.index]);
    if (stops) samples_[s].ticks_taken = mode_.ticks;
    lane += share.count;
  }
  std::erase_if(samples_, [&](const Sample& sample) { return sample.ticks_taken == mode_.ticks; });
  return absl::OkStatus();
}

bool GridRun::Stops(size_t index, int ticks_taken) {
  if (ticks_taken == mode_.ticks) return true;
  if (!mode_.margin.has_value()) return false;
  uint64_t first = 0;
  uint64_t second = 0;
  for (const int tally : kernels_.class_tallies()) {
    const uint64_t votes = SumsOf(index)[tally];
    second = std::max(second, std::min(first, votes));
    first = std::max(first, votes);
  }
  return static_cast<double>(first - second) >= *mode_.margin;
}

void GridRun::Finish(size_t index, int ticks_taken, SampleResult& result) {
  const GridPlan& plan = kernels_.plan();
  const uint64_t* sums = SumsOf(index);
  result.steps_used = ticks_taken;
  const double scale = static_cast<double>(mode_.ticks) / ticks_taken;
  for (size_t k = 0; k < result.scores.size(); ++k) {
    const uint64_t votes = sums[kernels_.class_tallies()[k]];
    result.scores[k] = static_cast<float>(scale * static_cast<double>(votes));
  }
  const auto sum = [&](int tally) { return Quantity(static_cast<double>(sums[tally])); };
  result.activity.layers.resize(plan.layers.size());
  for (size_t l = 0; l < plan.layers.size(); ++l) {
    const LayerTallies& of = kernels_.layer_tallies()[l];
    const double cores = static_cast<double>(plan.layers[l].cores.size());
    result.activity.layers[l] = {.synaptic_power = sum(of.weighted_events),
                                 .synaptic_events = sum(of.events),
                                 .spikes = sum(of.neuron_spikes),
                                 .core_ticks = cores * ticks_taken * mode_.copies,
                                 .reads = sum(of.axon_spikes),
                                 .writes = 0.0,
                                 .bits_moved = sum(of.axon_spikes),
                                 .conversions = 0.0,
                                 .off_power = 0.0};
  }
}

}  // namespace torpor
