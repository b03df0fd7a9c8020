// Fuzz target of chunks of spikes: several items of a stream through small networks with traces.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/base/status.h"
#include "engine/families.h"
#include "server/session/chunk_run.h"
#include "tests/fuzz/messages.h"
#include "tests/support/lif_networks.h"

namespace torpor::fuzz {

// Samples of these networks are spikes too, of so many steps.
inline constexpr int kChunkSampleSteps = 12;

// A network that chunks go through. One thread.
class StreamNetwork {
 public:
  StreamNetwork(const std::string& text, v1::PowerMode mode = {}) : mode_(std::move(mode)) {
    auto model = BuildModel(testing::LifNetworkOf(text), 9);
    TORPOR_CHECK(model.ok());
    model_ = *std::move(model);
    whole_ = Deploy(mode_);
  }
  const Deployment& whole() const { return *whole_; }
  bool counts_spikes() const {
    return model_->definition().lif().read_out() == v1::LifReadOut::SPIKES;
  }
  // Samples of `steps` steps, taken step by step as chunks are: their scores have the same bits.
  const Deployment& Samples(int steps) {
    std::shared_ptr<const Deployment>& of = samples_[steps];
    if (of == nullptr) {
      v1::PowerMode mode = mode_;
      mode.set_steps(steps);
      // Never reached.
      mode.set_margin(std::numeric_limits<float>::max());
      of = Deploy(mode);
    }
    return *of;
  }

 private:
  std::shared_ptr<const Deployment> Deploy(const v1::PowerMode& mode) const {
    auto deployment = model_->Deploy(mode, {});
    TORPOR_CHECK(deployment.ok());
    return *std::move(deployment);
  }
  v1::PowerMode mode_;
  std::unique_ptr<Model> model_;
  std::shared_ptr<const Deployment> whole_;
  std::map<int, std::shared_ptr<const Deployment>> samples_;
};

// Dense, recurrent and convolutional; the first three remember what the next of them can go on
// from, the others do not.
inline std::vector<StreamNetwork>& StreamNetworks() {
  static std::vector<StreamNetwork>* const networks = [] {
    v1::PowerMode down;
    down.set_epsilon(0.5);
    auto* all = new std::vector<StreamNetwork>;
    all->emplace_back(
        "input { shape: [12, 8] } spikes {} neuron { threshold: 0.3 } read_out: SPIKES "
        "layers { dense { units: 17 } initial_scale: 2 } "
        "layers { dense { units: 4 } initial_scale: 2 }");
    all->emplace_back(
        "input { shape: [12, 8] } spikes {} neuron { threshold: 0.3 } order: DELAYED "
        "layers { dense { units: 17 recurrent: true } initial_scale: 2 } "
        "layers { dense { units: 4 } initial_scale: 2 }");
    all->emplace_back(
        "input { shape: [12, 8] } spikes {} neuron { threshold: 0.3 } read_out: SPIKES "
        "layers { dense { units: 17 recurrent: true } initial_scale: 2 } "
        "layers { dense { units: 4 recurrent: true } initial_scale: 2 }",
        down);
    all->emplace_back(
        "input { shape: [12, 2, 5, 4] } spikes {} neuron { threshold: 0.2 } read_out: SPIKES "
        "layers { conv2d { channels: 3 kernel: 3 padding: 1 } initial_scale: 2 } "
        "layers { avg_pool2d { kernel: 2 } } layers { flatten {} } "
        "layers { dense { units: 4 } initial_scale: 4 }");
    all->emplace_back(
        "input { shape: [12, 2, 6, 4] } spikes {} neuron { threshold: 0.1 } "
        "layers { avg_pool2d { kernel: 2 } } "
        "layers { conv2d { channels: 5 kernel: [2, 1] stride: 2 } initial_scale: 4 } "
        "layers { dense { units: 2 } }");
    all->emplace_back(
        "input { shape: [12, 8] } spikes {} quantization { scheme: WAGE weight_bits: 4 "
        "membrane_bits: 4 } layers { dense { units: 5 } initial_scale: 2 } "
        "layers { dense { units: 2 } }");
    return all;
  }();
  return *networks;
}

// One chunk as a session runs it, and its answer.
class ChunkWork final : public InferenceWork {
 public:
  ChunkWork(const Deployment& deployment, const v1::SpikeTrain& train, StreamMemory& memory,
            bool forget)
      : scores_(static_cast<size_t>(deployment.read_out().classes)) {
    samples = 1;
    chunk = &train;
    stream = &memory;
    reset = forget;
    response = &response_;
    result_.scores = scores_;
    status_ = RunChunk(deployment, *this, result_);
  }
  void Done(const absl::Status&, const std::shared_ptr<const Served>&) override {}

  const absl::Status& status() const { return status_; }
  const std::vector<float>& scores() const { return scores_; }
  const v1::SpikeTrain& spikes() const { return response_.spikes(); }
  bool answered() const { return response_.has_spikes(); }
  const SampleResult& result() const { return result_; }

 private:
  std::vector<float> scores_;
  v1::InferResponse response_;
  SampleResult result_;
  absl::Status status_;
};

// Steps begin..end-1 of a chunk that was accepted.
inline v1::SpikeTrain PieceOf(const v1::SpikeTrain& train, int begin, int end) {
  v1::SpikeTrain piece;
  piece.set_steps(end - begin);
  for (int i = 0; i < train.step_size(); ++i) {
    if (train.step(i) < begin || train.step(i) >= end) continue;
    piece.add_step(train.step(i) - begin);
    piece.add_index(train.index(i));
  }
  return piece;
}

// What must hold of the answer to an accepted chunk by itself.
inline void CheckChunkAnswer(const StreamNetwork& network, const v1::SpikeTrain& chunk,
                             const ChunkWork& work) {
  const v1::SpikeTrain& out = work.spikes();
  TORPOR_CHECK(work.answered() && out.steps() == chunk.steps() &&
               work.result().steps_used == chunk.steps());
  const SpikeChunk spikes = {.steps = out.steps(),
                             .step = {out.step().data(), static_cast<size_t>(out.step_size())},
                             .index = {out.index().data(), static_cast<size_t>(out.index_size())}};
  const int classes = static_cast<int>(work.scores().size());
  TORPOR_CHECK(CheckChunk(spikes, classes, chunk.steps(), "").ok());
  float sum = 0;
  for (const float score : work.scores()) {
    TORPOR_CHECK(std::isfinite(score));
    sum += score;
  }
  if (network.counts_spikes()) {
    TORPOR_CHECK(sum == static_cast<float>(out.step_size()));
  } else {
    TORPOR_CHECK(out.step().empty());
  }
  for (const LayerActivity& layer : work.result().activity.layers) {
    TORPOR_CHECK(layer.synaptic_events.value() >= 0 && layer.spikes.value() >= 0);
    TORPOR_CHECK(std::isfinite(layer.synaptic_power.value()));
  }
}

// The same chunk in two pieces, cut after `cut` steps, gives the same spikes and scores.
inline void CheckPieces(const StreamNetwork& network, const v1::SpikeTrain& chunk, int cut,
                        const ChunkWork& whole, StreamMemory& memory) {
  const v1::SpikeTrain first = PieceOf(chunk, 0, cut);
  const v1::SpikeTrain second = PieceOf(chunk, cut, chunk.steps());
  const ChunkWork one(network.whole(), first, memory, whole.reset);
  TORPOR_CHECK(one.status().ok() && one.state_lost == whole.state_lost);
  if (second.steps() == 0) {
    TORPOR_CHECK(one.scores() == whole.scores());
    TORPOR_CHECK(std::ranges::equal(one.spikes().index(), whole.spikes().index()));
    return;
  }
  const ChunkWork two(network.whole(), second, memory, false);
  TORPOR_CHECK(two.status().ok() && !two.state_lost);
  v1::SpikeTrain both = one.spikes();
  for (int i = 0; i < two.spikes().step_size(); ++i) {
    both.add_step(two.spikes().step(i) + cut);
    both.add_index(two.spikes().index(i));
  }
  TORPOR_CHECK(std::ranges::equal(both.step(), whole.spikes().step()));
  TORPOR_CHECK(std::ranges::equal(both.index(), whole.spikes().index()));
  for (size_t c = 0; c < whole.scores().size(); ++c) {
    const double a = static_cast<double>(one.scores()[c]);
    const double b = static_cast<double>(two.scores()[c]);
    const double score = static_cast<double>(whole.scores()[c]);
    if (network.counts_spikes()) {
      TORPOR_CHECK(a + b == score);
      continue;
    }
    const double mean = (a * first.steps() + b * second.steps()) / chunk.steps();
    TORPOR_CHECK(std::fabs(mean - score) <= 1e-5 * (std::fabs(a) + std::fabs(b)) + 1e-30);
  }
}

// A chunk that begins at rest gives what a sample of the same spikes gives.
inline void CheckAgainstSample(StreamNetwork& network, const v1::SpikeTrain& chunk,
                               const ChunkWork& whole) {
  const size_t inputs = static_cast<size_t>(network.whole().stream_inputs());
  std::vector<float> values(inputs * kChunkSampleSteps);
  for (int i = 0; i < chunk.step_size(); ++i) {
    values[static_cast<size_t>(chunk.step(i)) * inputs + static_cast<size_t>(chunk.index(i))] = 1;
  }
  std::vector<float> scores(whole.scores().size());
  const SampleTask task = {.input = {.values = values}, .key = {}};
  SampleResult result;
  result.scores = scores;
  TORPOR_CHECK(network.Samples(chunk.steps()).Run({&task, 1}, {&result, 1}, Cancellation()).ok());
  TORPOR_CHECK(result.steps_used == chunk.steps() && scores == whole.scores());
  TORPOR_CHECK(result.activity.layers.size() == whole.result().activity.layers.size());
  const auto events = &LayerActivity::synaptic_events;
  TORPOR_CHECK(result.activity.Total(events).value() ==
               whole.result().activity.Total(events).value());
}

// Items of a stream (StreamInferRequest.Item): the first byte says which network they go through,
// the sum of it and an item's sample_key which that item goes through.
inline int FuzzChunks(const uint8_t* data, size_t size) {
  constexpr int kMostItems = 8;
  if (size == 0) return 0;
  std::string_view rest(reinterpret_cast<const char*>(data) + 1, size - 1);
  std::vector<StreamNetwork>& networks = StreamNetworks();
  const auto network_of = [&](uint64_t key) -> StreamNetwork& {
    return networks[(data[0] + key % networks.size()) % networks.size()];
  };
  // The second stream sees what the first accepted, in pieces: so a refused chunk that left a trace
  // shows.
  StreamMemory memory, in_pieces;
  int accepted = 0;
  const auto take = [&](StreamNetwork& network, const v1::StreamInferRequest::Item& item) {
    const StreamState* const before = memory.state.get();
    const ChunkWork work(network.whole(), item.chunk(), memory, item.reset());
    if (!work.status().ok()) {
      TORPOR_CHECK(work.status().code() == absl::StatusCode::kInvalidArgument);
      TORPOR_CHECK(work.status().message().find("chunk.") == 0);
      TORPOR_CHECK(memory.state.get() == before && !work.answered());
      return;
    }
    ++accepted;
    CheckChunkAnswer(network, item.chunk(), work);
    const int steps = item.chunk().steps();
    const auto cut = 1 + static_cast<uint64_t>(item.seq()) % static_cast<uint64_t>(steps);
    CheckPieces(network, item.chunk(), static_cast<int>(cut), work, in_pieces);
    if ((before == nullptr || item.reset() || work.state_lost) && steps <= kChunkSampleSteps) {
      CheckAgainstSample(network, item.chunk(), work);
    }
  };
  uint64_t last_key = 0;
  v1::StreamInferRequest::Item item;
  for (int n = 0; n < kMostItems && TakeMessage(rest, item); ++n) {
    last_key = item.sample_key();
    take(network_of(last_key), item);
  }
  if (accepted == 0) return 0;
  // What both remember now: an input that wakes all.
  StreamNetwork& network = network_of(last_key);
  v1::StreamInferRequest::Item probe;
  probe.mutable_chunk()->set_steps(5);
  for (int n = 0; n < 5; n += 2) {
    for (int i = 0; i < network.whole().stream_inputs(); ++i) {
      probe.mutable_chunk()->add_step(n);
      probe.mutable_chunk()->add_index(i);
    }
  }
  take(network, probe);
  return 1;
}

}  // namespace torpor::fuzz
