// Fuzz targets of the family lif over a fixed, seeded corpus: chunks of spikes, and definitions
// with trainings and power modes.
#include <string>
#include <vector>

#include "engine/base/random.h"
#include "google/protobuf/text_format.h"
#include "gtest/gtest.h"
#include "tests/fuzz/chunk_target.h"
#include "tests/fuzz/corpus.h"
#include "tests/fuzz/lif_target.h"
#include "tests/fuzz/messages.h"

namespace torpor::fuzz {
namespace {

v1::SpikeTrain SomeSpikes(int steps, int inputs, double chance, RandomStream& random) {
  v1::SpikeTrain train;
  train.set_steps(steps);
  for (int n = 0; n < steps; ++n) {
    for (int i = 0; i < inputs; ++i) {
      if (random.NextDouble() >= chance) continue;
      train.add_step(n);
      train.add_index(i);
    }
  }
  return train;
}

// Four chunks through network `first`, then one through the next, one of as many steps as samples
// have, and one that is refused.
std::string StreamThrough(size_t first) {
  std::vector<StreamNetwork>& networks = StreamNetworks();
  RandomStream random(21, RandomPurpose::kTest, 0, first);
  std::string bytes(1, static_cast<char>(first));
  const auto put = [&](size_t network, int steps, double chance, bool reset) {
    v1::StreamInferRequest::Item item;
    item.set_seq(static_cast<int64_t>(random.NextBelow(100)));
    item.set_sample_key(network);
    item.set_reset(reset);
    const int inputs = networks[(first + network) % networks.size()].whole().stream_inputs();
    *item.mutable_chunk() = SomeSpikes(steps, inputs, chance, random);
    PutMessage(item, bytes);
  };
  put(0, 7, 0.3, false);
  put(0, 1, 0.5, false);
  put(0, kChunkSampleSteps, 0.4, true);
  put(0, 20, 0.1, false);
  put(1, kChunkSampleSteps, 0.3, false);
  put(0, 4097, 0, false);
  put(1, 3, 0.3, false);
  return bytes;
}

TEST(Fuzz, Chunks) {
  std::vector<std::string> seeds;
  for (size_t n = 0; n < StreamNetworks().size(); ++n) seeds.push_back(StreamThrough(n));
  RunCorpus(FuzzChunks, seeds, 20000);
}

// Fields of LifNetwork, TrainSpec and PowerMode.
std::string Trained(const std::string& network, const std::string& spec, const std::string& mode) {
  std::string bytes;
  PutMessage(testing::LifNetworkOf(network), bytes);
  v1::TrainSpec train;
  TORPOR_CHECK(google::protobuf::TextFormat::ParseFromString(spec, &train));
  PutMessage(train, bytes);
  v1::PowerMode power;
  TORPOR_CHECK(google::protobuf::TextFormat::ParseFromString(mode, &power));
  PutMessage(power, bytes);
  return bytes;
}

TEST(Fuzz, Lif) {
  const std::string dense =
      "input { shape: [6] } steps: 8 layers { name: 'hidden' dense { units: 5 } initial_scale: 2 "
      "neuron { alpha: 0.5 beta: 0.75 gamma: 0.5 delta: 2 threshold: 0.5 } } "
      "layers { name: 'out' dense { units: 2 } } ";
  const std::string image =
      "input { shape: [2, 5, 4] } steps: 7 layers { conv2d { channels: 2 kernel: 3 padding: 1 } "
      "initial_scale: 4 } layers { avg_pool2d { kernel: [2, 2] stride: 1 } } layers { flatten {} } "
      "layers { dense { units: 3 } } ";
  const std::string recurrent =
      "layers { dense { units: 4 recurrent: true } } layers { dense { units: 3 } } ";
  const std::string wage = "quantization { scheme: WAGE weight_bits: 4 membrane_bits: 5 } ";
  RunCorpus(
      FuzzLif,
      {Trained(dense, "optimizer: SGD momentum: 0.5 learning_rate: 0.1 batch_size: 2",
               "epsilon: 0.5 bias: HOMOGENEOUS output_gain: true"),
       Trained(dense + "read_out: SPIKES rate { chance: 0.5 } order: DELAYED",
               "loss: SPIKE_COUNT lif { slope: 4 right_share: 0.75 other_share: 0.25 }",
               "margin: 2 steps: 5 epsilon: 0.25"),
       Trained(dense + "direct {} quantization { scheme: RANGE weight_bits: 4 }",
               "optimizer: ADAMAX schedule: STEPS step_at: 0.5 step_factor: 0.25", "margin: 0.5"),
       Trained(dense + wage,
               "optimizer: SGD lif { integers { gradient_bits: 6 error_bits: 7 rounding: NEAREST } "
               "reset_gradient: true }",
               "precision_bits: 3 layer_epsilon { key: 'hidden' value: 0.5 }"),
       Trained("input { shape: [7, 5] } spikes {} read_out: SPIKES " + recurrent,
               "loss: VAN_ROSSUM lif { filter_decay: 0.5 }", "steps: 3"),
       Trained(image + "latency { threshold: 20 } step_ms: 2", "loss: CE", "margin: 0.25"),
       Trained(image + "rate {} " + wage, "lif { integers {} }", "steps: 2")},
      20000);
}

}  // namespace
}  // namespace torpor::fuzz
