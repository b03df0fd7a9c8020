#include "engine/lif/batch_pass.h"

#include <algorithm>
#include <atomic>
#include <bit>
#include <numeric>

#include "engine/base/status.h"
#include "engine/lif/stages.h"

namespace torpor {
namespace {

// Of a gradient that one thread adds up at a time: its share of all blocks fits a cache.
constexpr int64_t kSlice = 8192;

// sum = the first block's values, or sum += another's; leaves zeros behind while they are at hand.
TORPOR_SIMD void TakeFirst(float* sum, float* values, int64_t count) {
  for (int64_t i = 0; i < count; ++i) {
    sum[i] = values[i];
    values[i] = 0;
  }
}
TORPOR_SIMD void TakeNext(float* sum, float* values, int64_t count) {
  for (int64_t i = 0; i < count; ++i) {
    sum[i] += values[i];
    values[i] = 0;
  }
}

// Bits of the largest magnitude: they grow with it, and NaN's are beyond all.
TORPOR_SIMD int32_t LargestBits(const float* values, int64_t count) {
  int32_t largest = 0;
  for (int64_t i = 0; i < count; ++i) {
    const int32_t bits = std::bit_cast<int32_t>(values[i]) & 0x7fffffff;
    largest = bits > largest ? bits : largest;
  }
  return largest;
}

void Clear(const LifGradients& gradients) {
  std::fill(gradients.input.begin(), gradients.input.end(), 0.0f);
  std::fill(gradients.recurrent.begin(), gradients.recurrent.end(), 0.0f);
}

}  // namespace

struct LifBatchPass::Batch {
  std::span<const LifWeights> weights;
  std::span<const LifInput> samples;
  const Learn& learn;
};

LifBatchPass::LifBatchPass(const LifPlan* plan, ThreadPool* threads, Instructions with)
    : plan_(plan), threads_(threads), with_(with) {
  for (const LifLayerPlan& layer : plan->layers) {
    input_sizes_.push_back(layer.synapses == nullptr ? 0 : layer.synapses->weights());
    recurrent_sizes_.push_back(layer.recurrent == nullptr ? 0 : layer.recurrent->weights());
  }
  const int64_t all = std::reduce(input_sizes_.begin(), input_sizes_.end()) +
                      std::reduce(recurrent_sizes_.begin(), recurrent_sizes_.end());
  const int64_t values = plan->steps * StepValues(*plan);
  const int64_t most = std::min(kMostGradients / all, kMostValues / values);
  blocks_ = std::vector<Block>(static_cast<size_t>(std::clamp<int64_t>(most, 1, kMostBlocks)));
  for (Block& block : blocks_) {
    block.pass = std::make_unique<LifNetworkPass>(plan, with);
    block.ahead = std::vector<std::atomic<LifNetworkPass*>>(kMostAhead);
  }
  ahead_.resize(static_cast<size_t>(std::min(kMostAhead, kMostAheadValues / values)));
}

void LifBatchPass::Divide(Block& block) const {
  const int64_t all = std::reduce(input_sizes_.begin(), input_sizes_.end()) +
                      std::reduce(recurrent_sizes_.begin(), recurrent_sizes_.end());
  block.values.resize(static_cast<size_t>(all));
  std::span<float> rest = block.values;
  const auto take = [&rest](int64_t count) {
    const std::span<float> taken = rest.first(static_cast<size_t>(count));
    rest = rest.subspan(static_cast<size_t>(count));
    return taken;
  };
  for (size_t l = 0; l < input_sizes_.size(); ++l) {
    const std::span<float> input = take(input_sizes_[l]);
    block.gradients.push_back({input, take(recurrent_sizes_[l])});
  }
}

int64_t LifBatchPass::BlocksOf(int64_t samples) const {
  const int64_t wanted = (samples + kSamplesPerBlock - 1) / kSamplesPerBlock;
  const int64_t most = std::clamp<int64_t>(samples, 1, static_cast<int64_t>(blocks_.size()));
  return std::min(std::max<int64_t>(wanted, 2), most);
}

LifBatchPass::Sums LifBatchPass::Gradients(std::span<const LifWeights> weights,
                                           std::span<const LifInput> samples, const Learn& learn,
                                           std::span<const LifGradients> gradients) {
  TORPOR_CHECK(gradients.size() == input_sizes_.size());
  const auto count = static_cast<int64_t>(samples.size());
  const int64_t blocks = BlocksOf(count);
  for (Block& block : blocks_) block.left.Close();
  begun_ = 0;
  ahead_taken_ = 0;
  const Batch batch = {weights, samples, learn};
  threads_->ParallelFor(static_cast<int>(blocks), [&](int b) {
    Block& block = blocks_[static_cast<size_t>(b)];
    std::span<const LifGradients> own = gradients;
    if (blocks > 1) {
      if (block.gradients.empty()) Divide(block);
      own = block.gradients;
    } else {
      for (const LifGradients& layer : own) Clear(layer);
    }
    block.end = count * (b + 1) / blocks;
    for (auto& pass : block.ahead) pass.store(nullptr, std::memory_order_relaxed);
    block.left.Open(count * b / blocks, block.end);
    ++begun_;
    LearnBlock(batch, block, own);
    if (begun_ == blocks) RunAhead(batch, blocks, b);
  });
  Sums sums;
  sums.largest_gradient = AddBlocks(static_cast<size_t>(blocks), gradients);
  for (size_t b = 0; b < static_cast<size_t>(blocks); ++b) sums.loss += blocks_[b].loss;
  return sums;
}

void LifBatchPass::LearnBlock(const Batch& batch, Block& block,
                              std::span<const LifGradients> gradients) {
  block.loss = 0;
  int64_t next = block.end;
  for (int64_t s; (s = block.left.TakeFirst()) >= 0; next = s + 1) {
    block.pass->Forward(batch.weights, batch.samples[static_cast<size_t>(s)]);
    block.loss += batch.learn(s, *block.pass, gradients);
  }
  // The rest was taken from the end.
  for (; next < block.end; ++next) {
    std::atomic<LifNetworkPass*>& ahead = block.ahead[static_cast<size_t>(block.end - 1 - next)];
    ahead.wait(nullptr, std::memory_order_acquire);
    block.loss += batch.learn(next, *ahead.load(std::memory_order_acquire), gradients);
  }
}

void LifBatchPass::RunAhead(const Batch& batch, int64_t blocks, int64_t done) {
  // With the last sample alone its own thread is through before another could be.
  constexpr int64_t kLeft = 2;
  const auto take_pass = [this] { return ahead_taken_.fetch_add(1, std::memory_order_relaxed); };
  size_t mine = take_pass();
  for (int64_t other = 1; other < blocks; ++other) {
    Block& block = blocks_[static_cast<size_t>((done + other) % blocks)];
    while (mine < ahead_.size()) {
      const int64_t sample = block.left.TakeLast(kLeft);
      if (sample < 0) break;
      std::unique_ptr<LifNetworkPass>& pass = ahead_[mine];
      if (pass == nullptr) pass = std::make_unique<LifNetworkPass>(plan_, with_);
      pass->Forward(batch.weights, batch.samples[static_cast<size_t>(sample)]);
      std::atomic<LifNetworkPass*>& ahead =
          block.ahead[static_cast<size_t>(block.end - 1 - sample)];
      ahead.store(pass.get(), std::memory_order_release);
      ahead.notify_one();
      mine = take_pass();
    }
  }
}

float LifBatchPass::AddBlocks(size_t blocks, std::span<const LifGradients> gradients) {
  std::atomic<int32_t> largest = 0;
  const auto add = [&](std::span<float> sum, auto part) {
    const auto count = static_cast<int64_t>(sum.size());
    threads_->ParallelFor(static_cast<int>((count + kSlice - 1) / kSlice), [&](int slice) {
      const int64_t from = slice * kSlice;
      const int64_t in_slice = std::min(kSlice, count - from);
      for (size_t b = 0; b < blocks && blocks > 1; ++b) {
        (b == 0 ? TakeFirst : TakeNext)(sum.data() + from, part(blocks_[b]).data() + from,
                                        in_slice);
      }
      const int32_t bits = LargestBits(sum.data() + from, in_slice);
      int32_t before = largest.load(std::memory_order_relaxed);
      while (before < bits &&
             !largest.compare_exchange_weak(before, bits, std::memory_order_relaxed)) {
      }
    });
  };
  for (size_t l = 0; l < gradients.size(); ++l) {
    add(gradients[l].input, [l](const Block& block) { return block.gradients[l].input; });
    add(gradients[l].recurrent, [l](const Block& block) { return block.gradients[l].recurrent; });
  }
  return std::bit_cast<float>(largest.load(std::memory_order_relaxed));
}

void LifBatchPass::Forward(std::span<const LifWeights> weights, std::span<const LifInput> samples,
                           const See& see) {
  const auto count = static_cast<int64_t>(samples.size());
  const auto blocks = std::min<int64_t>(count, static_cast<int64_t>(blocks_.size()));
  threads_->ParallelFor(static_cast<int>(blocks), [&](int b) {
    LifNetworkPass& pass = *blocks_[static_cast<size_t>(b)].pass;
    for (int64_t s = count * b / blocks; s < count * (b + 1) / blocks; ++s) {
      pass.Forward(weights, samples[static_cast<size_t>(s)]);
      see(s, pass);
    }
  });
}

}  // namespace torpor
