#include "tests/bench/stream_switches.h"

#include <cstddef>
#include <deque>
#include <vector>

#include "spdlog/spdlog.h"
#include "tests/bench/stream_driver.h"
#include "tests/bench/stream_torpor.h"
#include "torpor/v1/session.grpc.pb.h"

namespace torpor::bench {
namespace {

struct SwitchTimes {
  std::vector<double> prepare, swap, call;
};

// Switches the mode to epsilon 0.1 under `policy` and back, `switches` times in all; the times of
// those to the policy.
SwitchTimes SwitchBackAndForth(const std::shared_ptr<grpc::Channel>& channel,
                               v1::BiasPolicy::Kind policy, int switches) {
  const auto sessions = v1::SessionService::NewStub(channel);
  const auto seconds = [](const google::protobuf::Duration& d) {
    return static_cast<double>(d.seconds()) + d.nanos() * 1e-9;
  };
  SwitchTimes times;
  for (int i = 0; i < switches; ++i) {
    const bool down = i % 2 == 0;
    v1::SetPowerModeRequest request;
    request.set_session("sessions/mlp");
    if (down) {
      request.mutable_power_mode()->set_epsilon(0.1);
      request.mutable_power_mode()->set_bias(policy);
    }
    v1::SetPowerModeResponse response;
    grpc::ClientContext context;
    const Clock::time_point start = Clock::now();
    const grpc::Status status = sessions->SetPowerMode(&context, request, &response);
    if (!status.ok()) spdlog::error("switch: {}", status.error_message());
    if (!down || !status.ok()) continue;
    times.call.push_back(Seconds(Clock::now() - start));
    times.prepare.push_back(seconds(response.prepare_time()));
    times.swap.push_back(seconds(response.swap_time()));
  }
  return times;
}

}  // namespace

nlohmann::json MeasureSwitches(const std::shared_ptr<grpc::Channel>& channel, int streams,
                               bool calibrated) {
  constexpr int kSwitches = 101;
  const v1::StreamInferRequest message = ItemOf(v1::DataType::FLOAT32, 1);
  const v1::StreamInferRequest open = OpenOf("sessions/mlp");
  const auto stub = v1::InferenceService::NewStub(channel);
  std::deque<TorporDriver> drivers;
  for (int i = 0; i < streams; ++i) {
    TorporDriver& driver = drivers.emplace_back(&message, 4, IsAnswer);
    stub->async()->StreamInfer(driver.context(), &driver);
    driver.Start(&open);
  }
  std::vector<v1::BiasPolicy::Kind> policies = {v1::BiasPolicy::NONE, v1::BiasPolicy::HOMOGENEOUS};
  if (calibrated) {
    policies.insert(policies.end(),
                    {v1::BiasPolicy::TABLE, v1::BiasPolicy::EMPIRICAL, v1::BiasPolicy::MATCHED});
  }
  nlohmann::json report = {{"streams", streams}, {"switches_each", kSwitches}};
  for (const v1::BiasPolicy::Kind policy : policies) {
    const SwitchTimes times = SwitchBackAndForth(channel, policy, kSwitches);
    report[v1::BiasPolicy::Kind_Name(policy)] = {
        {"prepare_ms_median", Quantile(times.prepare, 0.5) * 1e3},
        {"prepare_ms_p99", Quantile(times.prepare, 0.99) * 1e3},
        {"swap_ms_median", Quantile(times.swap, 0.5) * 1e3},
        {"call_with_durable_write_ms_median", Quantile(times.call, 0.5) * 1e3}};
  }
  size_t answered = 0;
  bool ok = true;
  for (TorporDriver& driver : drivers) driver.Stop();
  for (TorporDriver& driver : drivers) {
    driver.Wait();
    answered += driver.latencies.size();
    ok = ok && driver.status.ok();
  }
  report["samples_answered"] = answered;
  report["streams_ok"] = ok;
  return report;
}

}  // namespace torpor::bench
