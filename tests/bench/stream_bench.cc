// Streaming against a bare gRPC echo of the same message size, in one process and in interleaved
// rounds, so that the ratio means something on a busy machine; and the time of a power switch under
// each closed-form policy while streams run. Prints JSON.
//
//   stream_bench [--seconds S] [--rounds R] [--streams N] [--dataset NAME] [--part
//   all|dense|grid|chunks]
//
// Server, echo and client share the process and its processors: `taskset -c 0 stream_bench` has all
// of them, the engine too, on one core.
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <system_error>
#include <vector>

#include "CLI/CLI.hpp"
#include "grpcpp/grpcpp.h"
#include "nlohmann/json.hpp"
#include "server/server.h"
#include "spdlog/spdlog.h"
#include "tests/bench/stream_chunks.h"
#include "tests/bench/stream_driver.h"
#include "tests/bench/stream_echo.h"
#include "tests/bench/stream_grid.h"
#include "tests/bench/stream_networks.h"
#include "tests/bench/stream_summary.h"
#include "tests/bench/stream_switches.h"
#include "tests/bench/stream_torpor.h"

namespace torpor::bench {
namespace {

// Dense networks on single samples of floats. Makes sessions/single and sessions/mlp.
nlohmann::json MeasureDense(const std::shared_ptr<grpc::Channel>& torpor,
                            const std::shared_ptr<grpc::Channel>& echo, int rounds,
                            double seconds) {
  const v1::StreamInferRequest message = ItemOf(v1::DataType::FLOAT32, 1);
  const size_t bytes = message.ByteSizeLong();
  CreateSession(torpor, "single", DenseNetwork({10}));
  CreateSession(torpor, "mlp", DenseNetwork({1000, 10}));
  nlohmann::json report = {{"message_bytes", bytes}};
  for (const int depth : {1, 32}) {
    std::vector<Measured> bare, single, mlp;
    RunEcho(echo, bytes, depth, 0.2);
    RunTorpor(torpor, "sessions/single", message, depth, 0.2);
    for (int round = 0; round < rounds; ++round) {
      bare.push_back(RunEcho(echo, bytes, depth, seconds));
      single.push_back(RunTorpor(torpor, "sessions/single", message, depth, seconds));
      mlp.push_back(RunTorpor(torpor, "sessions/mlp", message, depth, seconds));
    }
    report["depth_" + std::to_string(depth)] = {{"echo", Summary(bare, bare)},
                                                {"784-10", Summary(single, bare)},
                                                {"784-1000-10", Summary(mlp, bare)}};
  }
  return report;
}

int Main(int argc, char** argv) {
  double seconds = 2;
  int rounds = 5;
  int streams = 8;
  std::string dataset = "fashion-mnist";
  std::string part = "all";
  CLI::App app{"Streaming against a bare gRPC echo."};
  app.add_option("--seconds", seconds, "Seconds a measurement")->capture_default_str();
  app.add_option("--rounds", rounds, "Interleaved rounds")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  app.add_option("--streams", streams, "Streams that run while modes are switched")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  app.add_option("--dataset", dataset, "What the switched network is trained on")
      ->capture_default_str();
  app.add_option("--part", part, "What to measure; all has the switches too")
      ->check(CLI::IsMember({"all", "dense", "grid", "chunks"}))
      ->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  spdlog::set_level(spdlog::level::warn);

  std::string directory = (std::filesystem::temp_directory_path() / "stream-bench-XXXXXX").string();
  if (mkdtemp(directory.data()) == nullptr) return 1;
  ServerOptions options;
  options.listen = "127.0.0.1:0";
  options.data_dir = directory;
  if (!CompleteOptions(options).ok()) return 1;
  absl::StatusOr<std::unique_ptr<Server>> server = Server::Start(options);
  if (!server.ok()) {
    std::fprintf(stderr, "%s\n", server.status().ToString().c_str());
    return 1;
  }
  const EchoServer echo_server;

  nlohmann::json report;
  {
    const auto torpor =
        grpc::CreateChannel((*server)->address(), grpc::InsecureChannelCredentials());
    const auto echo = echo_server.NewChannel();
    const auto wants = [&](const char* of) { return part == "all" || part == of; };
    if (wants("dense")) report["dense"] = MeasureDense(torpor, echo, rounds, seconds);
    if (wants("grid")) report["core_grid"] = MeasureGrid(torpor, echo, rounds, seconds);
    if (wants("chunks")) report["spike_chunks"] = MeasureChunks(torpor, echo, rounds, seconds);
    if (part == "all") {
      report["switch_784-1000-10"] =
          MeasureSwitches(torpor, streams, TrainBriefly(torpor, "sessions/mlp", dataset));
    }
  }
  report["rounds"] = rounds;
  report["seconds"] = seconds;
  std::printf("%s\n", report.dump(2).c_str());
  (*server)->Stop();
  std::error_code ignored;
  std::filesystem::remove_all(directory, ignored);
  return 0;
}

}  // namespace
}  // namespace torpor::bench

int main(int argc, char** argv) { return torpor::bench::Main(argc, argv); }
