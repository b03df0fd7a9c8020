#include "tests/bench/stream_grid.h"

#include <string>
#include <vector>

#include "tests/bench/stream_driver.h"
#include "tests/bench/stream_echo.h"
#include "tests/bench/stream_networks.h"
#include "tests/bench/stream_summary.h"
#include "tests/bench/stream_torpor.h"

namespace torpor::bench {
namespace {

constexpr int kManySamples = 256;

struct Load {
  v1::DataType::Kind dtype = v1::DataType::UINT8;
  int samples = 1;
  // Messages in flight.
  int depth = 1;
};

nlohmann::json MeasureLoad(const std::shared_ptr<grpc::Channel>& torpor,
                           const std::shared_ptr<grpc::Channel>& echo, const Load& load, int rounds,
                           double seconds) {
  const v1::StreamInferRequest message = ItemOf(load.dtype, load.samples);
  const size_t bytes = message.ByteSizeLong();
  RunEcho(echo, bytes, load.depth, 0.2);
  RunTorpor(torpor, "sessions/grid", message, load.depth, 0.2);
  std::vector<Measured> bare, grid;
  for (int round = 0; round < rounds; ++round) {
    bare.push_back(RunEcho(echo, bytes, load.depth, seconds));
    grid.push_back(RunTorpor(torpor, "sessions/grid", message, load.depth, seconds));
  }
  nlohmann::json figures = Summary(grid, bare);
  figures["samples_per_s"] = figures["rate_per_s"].get<double>() * load.samples;
  return {{"message_bytes", bytes}, {"echo", Summary(bare, bare)}, {"grid", figures}};
}

}  // namespace

nlohmann::json MeasureGrid(const std::shared_ptr<grpc::Channel>& torpor,
                           const std::shared_ptr<grpc::Channel>& echo, int rounds, double seconds) {
  v1::PowerMode mode;
  mode.set_steps(1);
  const v1::Session session = CreateSession(torpor, "grid", SmallCoreGrid(), mode);
  nlohmann::json report = {{"parameters", "initial, not learned"},
                           {"ticks", session.power_mode().steps()}};
  const auto measure = [&](const Load& load) {
    const std::string name = std::to_string(load.samples) +
                             (load.dtype == v1::DataType::UINT8 ? " x uint8" : " x float32") +
                             ", depth " + std::to_string(load.depth);
    report[name] = MeasureLoad(torpor, echo, load, rounds, seconds);
  };
  for (const v1::DataType::Kind dtype : {v1::DataType::UINT8, v1::DataType::FLOAT32}) {
    for (const int depth : {1, 32}) measure({dtype, 1, depth});
    for (const int depth : {1, 2}) measure({dtype, kManySamples, depth});
  }
  return report;
}

}  // namespace torpor::bench
