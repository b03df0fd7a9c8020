#include "tests/bench/stream_chunks.h"

#include <thread>
#include <vector>

#include "tests/bench/stream_driver.h"
#include "tests/bench/stream_echo.h"
#include "tests/bench/stream_networks.h"
#include "tests/bench/stream_summary.h"
#include "tests/bench/stream_torpor.h"

namespace torpor::bench {
namespace {

constexpr int kInputsOfPattern = 700;
// Every eleventh input: the density of the pattern task.
constexpr int kApart = 11;
constexpr int kOthers = 3;

v1::Network PatternNetwork() {
  v1::Network network;
  v1::LifNetwork& lif = *network.mutable_lif();
  lif.mutable_input()->add_shape(kInputsOfPattern);
  lif.set_read_out(v1::LifReadOut::SPIKES);
  for (const int units : {400, 250}) lif.add_layers()->mutable_dense()->set_units(units);
  return network;
}

v1::StreamInferRequest ChunkOfOneStep() {
  v1::StreamInferRequest request;
  v1::SpikeTrain& chunk = *request.mutable_item()->mutable_chunk();
  chunk.set_steps(1);
  for (int j = 0; j < kInputsOfPattern; j += kApart) {
    chunk.add_step(0);
    chunk.add_index(j);
  }
  return request;
}

}  // namespace

nlohmann::json MeasureChunks(const std::shared_ptr<grpc::Channel>& torpor,
                             const std::shared_ptr<grpc::Channel>& echo, int rounds,
                             double seconds) {
  CreateSession(torpor, "spikes", PatternNetwork());
  const v1::StreamInferRequest message = ChunkOfOneStep();
  const size_t bytes = message.ByteSizeLong();
  nlohmann::json report = {{"parameters", "initial, not learned"}, {"message_bytes", bytes}};
  for (const bool beside : {false, true}) {
    std::vector<Measured> bare, chunks;
    RunEcho(echo, bytes, 1, 0.2);
    RunTorpor(torpor, "sessions/spikes", message, 1, 0.2);
    for (int round = 0; round < rounds; ++round) {
      bare.push_back(RunEcho(echo, bytes, 1, seconds));
      std::vector<std::jthread> others;
      for (int i = 0; beside && i < kOthers; ++i) {
        others.emplace_back([&] { RunTorpor(torpor, "sessions/spikes", message, 1, seconds); });
      }
      chunks.push_back(RunTorpor(torpor, "sessions/spikes", message, 1, seconds));
    }
    report[beside ? "beside three streams" : "alone"] = {{"echo", Summary(bare, bare)},
                                                         {"chunks", Summary(chunks, bare)}};
  }
  return report;
}

}  // namespace torpor::bench
