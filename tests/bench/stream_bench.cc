// Streaming against a bare gRPC echo of the same message size, in one process and in interleaved
// rounds, so that the ratio means something on a busy machine; and the time of a power switch under
// each closed-form policy while streams run. Prints JSON.
//
//   stream_bench [--seconds S] [--rounds R] [--streams N] [--dataset NAME]
#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <deque>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "CLI/CLI.hpp"
#include "grpcpp/generic/async_generic_service.h"
#include "grpcpp/generic/generic_stub.h"
#include "grpcpp/grpcpp.h"
#include "nlohmann/json.hpp"
#include "server/server.h"
#include "spdlog/spdlog.h"
#include "torpor/v1/inference.grpc.pb.h"
#include "torpor/v1/job.grpc.pb.h"
#include "torpor/v1/session.grpc.pb.h"

namespace torpor {
namespace {

using Clock = std::chrono::steady_clock;
constexpr int kInputs = 784;

double Seconds(Clock::duration d) { return std::chrono::duration<double>(d).count(); }

// Sends each message back as it came, without looking inside.
class EchoReactor final : public grpc::ServerGenericBidiReactor {
 public:
  EchoReactor() { StartRead(&message_); }
  void OnReadDone(bool ok) override {
    if (ok) {
      StartWrite(&message_);
    } else {
      Finish(grpc::Status::OK);
    }
  }
  void OnWriteDone(bool ok) override {
    if (ok) StartRead(&message_);
  }
  void OnDone() override { delete this; }

 private:
  grpc::ByteBuffer message_;
};

class EchoService final : public grpc::CallbackGenericService {
 public:
  grpc::ServerGenericBidiReactor* CreateReactor(grpc::GenericCallbackServerContext*) override {
    return new EchoReactor;
  }
};

// Keeps `depth` messages in flight on one stream until told to stop, and times each. Replies come
// in order.
template <class Request, class Reply>
class Driver final : public grpc::ClientBidiReactor<Request, Reply> {
 public:
  // `is_answer` says whether a reply answers a message; others (mode changes) are counted apart.
  Driver(const Request* message, int depth, std::function<bool(const Reply&)> is_answer)
      : message_(message), depth_(depth), is_answer_(std::move(is_answer)) {}

  grpc::ClientContext* context() { return &context_; }

  // `opening` is written first, and its reply awaited, unless null.
  void Start(const Request* opening) {
    opening_ = opening != nullptr;
    writing_ = opening_;
    this->StartCall();
    this->StartRead(&reply_);
    if (opening_) {
      this->StartWrite(opening);
    } else {
      Send(depth_);
    }
  }
  void Stop() {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  void Wait() {
    std::unique_lock lock(mutex_);
    wake_.wait(lock, [this] { return done_; });
  }

  void OnReadDone(bool ok) override {
    if (!ok) return;
    bool half_close = false;
    int send = 0;
    {
      const std::lock_guard lock(mutex_);
      if (opening_) {
        opening_ = false;
        send = depth_;
      } else if (is_answer_(reply_)) {
        latencies.push_back(Seconds(Clock::now() - sent_.front()));
        sent_.pop_front();
        if (!stopping_) {
          send = 1;
        }
        half_close = Ended();
      } else {
        ++others;
      }
    }
    this->StartRead(&reply_);
    if (send > 0) Send(send);
    if (half_close) this->StartWritesDone();
  }
  void OnWriteDone(bool ok) override {
    bool write = false;
    bool half_close = false;
    {
      const std::lock_guard lock(mutex_);
      writing_ = false;
      if (ok && to_send_ > 0) {
        write = true;
        Begin();
      }
      half_close = Ended();
    }
    if (write) this->StartWrite(message_);
    if (half_close) this->StartWritesDone();
  }
  void OnDone(const grpc::Status& s) override {
    const std::lock_guard lock(mutex_);
    status = s;
    done_ = true;
    wake_.notify_all();
  }

  std::vector<double> latencies;  // seconds
  int64_t others = 0;
  grpc::Status status;

 private:
  // True once, when all is answered after Stop.
  bool Ended() {
    if (!stopping_ || opening_ || half_closed_ || writing_ || to_send_ > 0 || !sent_.empty())
      return false;
    half_closed_ = true;
    return true;
  }
  void Begin() {
    --to_send_;
    writing_ = true;
    sent_.push_back(Clock::now());
  }
  void Send(int count) {
    bool write = false;
    {
      const std::lock_guard lock(mutex_);
      to_send_ += count;
      if (!writing_) {
        write = true;
        Begin();
      }
    }
    if (write) this->StartWrite(message_);
  }

  const Request* const message_;
  const int depth_;
  const std::function<bool(const Reply&)> is_answer_;
  grpc::ClientContext context_;
  Reply reply_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Clock::time_point> sent_;
  int to_send_ = 0;
  bool writing_ = false;
  bool opening_ = false;
  bool stopping_ = false;
  bool half_closed_ = false;
  bool done_ = false;
};

struct Measured {
  double rate = 0;
  std::vector<double> latencies;
};

template <class D>
Measured Run(D& driver, double seconds) {
  const Clock::time_point start = Clock::now();
  std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
  driver.Stop();
  driver.Wait();
  Measured measured;
  measured.rate = static_cast<double>(driver.latencies.size()) / Seconds(Clock::now() - start);
  measured.latencies = std::move(driver.latencies);
  if (!driver.status.ok()) spdlog::error("stream failed: {}", driver.status.error_message());
  return measured;
}

Measured RunEcho(const std::shared_ptr<grpc::Channel>& channel, int depth, double seconds) {
  const grpc::Slice slice(std::string(kInputs * sizeof(float), 'x'));
  const grpc::ByteBuffer message(&slice, 1);
  Driver<grpc::ByteBuffer, grpc::ByteBuffer> driver(&message, depth,
                                                    [](const grpc::ByteBuffer&) { return true; });
  grpc::GenericStub stub(channel);
  stub.PrepareBidiStreamingCall(driver.context(), "/bench/Echo", {}, &driver);
  driver.Start(nullptr);
  return Run(driver, seconds);
}

using TorporDriver = Driver<v1::StreamInferRequest, v1::StreamInferResponse>;

v1::StreamInferRequest ItemOf() {
  v1::StreamInferRequest request;
  v1::Tensor& input = *request.mutable_item()->mutable_input();
  input.set_dtype(v1::DataType::FLOAT32);
  input.add_shape(1);
  input.add_shape(kInputs);
  std::mt19937 random(1);
  std::vector<float> values(kInputs);
  for (float& v : values) v = std::uniform_real_distribution<float>(0, 1)(random);
  input.set_data(values.data(), values.size() * sizeof(float));
  return request;
}

v1::StreamInferRequest OpenOf(const std::string& session) {
  v1::StreamInferRequest request;
  request.mutable_open()->set_session(session);
  return request;
}

bool IsAnswer(const v1::StreamInferResponse& reply) { return reply.has_result(); }

Measured RunTorpor(const std::shared_ptr<grpc::Channel>& channel, const std::string& session,
                   int depth, double seconds) {
  const v1::StreamInferRequest message = ItemOf();
  const v1::StreamInferRequest open = OpenOf(session);
  TorporDriver driver(&message, depth, IsAnswer);
  const auto stub = v1::InferenceService::NewStub(channel);
  stub->async()->StreamInfer(driver.context(), &driver);
  driver.Start(&open);
  return Run(driver, seconds);
}

void CreateSession(const std::shared_ptr<grpc::Channel>& channel, const std::string& id,
                   const std::vector<int>& units) {
  v1::CreateSessionRequest request;
  request.set_session_id(id);
  v1::RateNetwork& rate = *request.mutable_network()->mutable_rate();
  rate.mutable_input()->add_shape(kInputs);
  for (size_t l = 0; l < units.size(); ++l) {
    v1::RateLayer& layer = *rate.add_layers();
    layer.mutable_dense()->set_units(units[l]);
    layer.set_activation(l + 1 == units.size() ? v1::Activation::SIGMOID : v1::Activation::RELU);
  }
  grpc::ClientContext context;
  v1::Session session;
  const grpc::Status status =
      v1::SessionService::NewStub(channel)->CreateSession(&context, request, &session);
  if (!status.ok()) spdlog::error("create: {}", status.error_message());
}

double Quantile(std::vector<double> values, double q) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  return values[static_cast<size_t>(q * static_cast<double>(values.size() - 1))];
}

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

// Trains the session a little, so that it has the statistics that closed forms need.
bool TrainBriefly(const std::shared_ptr<grpc::Channel>& channel, const std::string& session,
                  const std::string& dataset) {
  const auto jobs = v1::JobService::NewStub(channel);
  v1::CreateJobRequest create;
  create.mutable_spec()->set_session(session);
  v1::TrainSpec& train = *create.mutable_spec()->mutable_train();
  train.set_dataset("datasets/" + dataset);
  train.set_epochs(1);
  train.set_train_samples(5000);
  v1::Job job;
  grpc::Status status;
  {
    grpc::ClientContext context;
    status = jobs->CreateJob(&context, create, &job);
  }
  while (status.ok() && job.state() != v1::JobState::FAILED &&
         job.state() != v1::JobState::CANCELLED && job.state() != v1::JobState::SUCCEEDED) {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    grpc::ClientContext context;
    v1::GetJobRequest get;
    get.set_name(job.name());
    status = jobs->GetJob(&context, get, &job);
  }
  if (!status.ok()) spdlog::error("train: {}", status.error_message());
  if (job.has_error()) spdlog::error("train: {}", job.error().message());
  return status.ok() && job.state() == v1::JobState::SUCCEEDED;
}

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

// Switches the MLP's mode while `streams` streams keep four samples each in flight.
nlohmann::json MeasureSwitches(const std::shared_ptr<grpc::Channel>& channel, int streams,
                               bool calibrated) {
  constexpr int kSwitches = 101;
  const v1::StreamInferRequest message = ItemOf();
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
  EchoService echo_service;
  grpc::ServerBuilder builder;
  int echo_port = 0;
  builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &echo_port);
  builder.RegisterCallbackGenericService(&echo_service);
  const std::unique_ptr<grpc::Server> echo_server = builder.BuildAndStart();

  nlohmann::json report;
  {
    const auto torpor =
        grpc::CreateChannel((*server)->address(), grpc::InsecureChannelCredentials());
    const auto echo = grpc::CreateChannel("127.0.0.1:" + std::to_string(echo_port),
                                          grpc::InsecureChannelCredentials());
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
  echo_server->Shutdown(std::chrono::system_clock::now());
  std::error_code ignored;
  std::filesystem::remove_all(directory, ignored);
  return 0;
}

}  // namespace
}  // namespace torpor

int main(int argc, char** argv) { return torpor::Main(argc, argv); }
