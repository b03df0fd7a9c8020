// Streaming against a bare gRPC echo of the same message size, in one process and in interleaved
// rounds, so that the ratio means something on a busy machine; and the time of a power switch under
// each closed-form policy while streams run. Prints JSON.
//
//   stream_bench [--seconds S] [--rounds R] [--streams N] [--dataset NAME]
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
#include "tests/bench/stream_driver.h"
#include "tests/bench/stream_echo.h"
#include "tests/bench/stream_switches.h"
#include "tests/bench/stream_torpor.h"

namespace torpor::bench {
namespace {

// Figures over all rounds; the ratio is the median of the rounds' ratios.
nlohmann::json Summary(const std::vector<Measured>& rounds, const std::vector<Measured>& echo) {
  std::vector<double> rates, ratios, latencies;
  for (size_t i = 0; i < rounds.size(); ++i) {
    rates.push_back(rounds[i].rate);
    ratios.push_back(rounds[i].rate / echo[i].rate);
    latencies.insert(latencies.end(), rounds[i].latencies.begin(), rounds[i].latencies.end());
  }
  return {{"rate_per_s", Quantile(rates, 0.5)},
          {"ratio_to_echo", Quantile(ratios, 0.5)},
          {"p50_us", Quantile(latencies, 0.5) * 1e6},
          {"p99_us", Quantile(latencies, 0.99) * 1e6}};
}

int Main(int argc, char** argv) {
  double seconds = 2;
  int rounds = 5;
  int streams = 8;
  std::string dataset = "fashion-mnist";
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
    CreateSession(torpor, "single", {10});
    CreateSession(torpor, "mlp", {1000, 10});
    for (const int depth : {1, 32}) {
      std::vector<Measured> bare, single, mlp;
      RunEcho(echo, depth, 0.2);
      RunTorpor(torpor, "sessions/single", depth, 0.2);
      for (int round = 0; round < rounds; ++round) {
        bare.push_back(RunEcho(echo, depth, seconds));
        single.push_back(RunTorpor(torpor, "sessions/single", depth, seconds));
        mlp.push_back(RunTorpor(torpor, "sessions/mlp", depth, seconds));
      }
      report["depth_" + std::to_string(depth)] = {{"echo", Summary(bare, bare)},
                                                  {"784-10", Summary(single, bare)},
                                                  {"784-1000-10", Summary(mlp, bare)}};
    }
    report["switch_784-1000-10"] =
        MeasureSwitches(torpor, streams, TrainBriefly(torpor, "sessions/mlp", dataset));
  }
  report["message_bytes"] = kInputs * sizeof(float);
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
