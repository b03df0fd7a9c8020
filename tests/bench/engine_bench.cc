// Times training and inference of one network and prints one JSON object a line.
//
//   engine_bench train MLP|SINGLE|LENET THREADS BATCH SECONDS DENSITY
//   engine_bench infer MLP|SINGLE|LENET THREADS BATCH SECONDS DENSITY
//   engine_bench meter MLP|SINGLE|LENET THREADS BATCH SECONDS DENSITY
//   engine_bench deploy MLP|SINGLE|LENET
//
// MLP is 784-1000-10 (ReLU, sigmoid), SINGLE 784-10 (sigmoid), LENET that of
// client/recipes/lenet.yaml (convolutions of 6 and 16 channels with pooling, 120-84-10, ReLU,
// softmax). DENSITY is the share of non-zero inputs: 1 is random dense data, 0.2 about that of
// MNIST. With several threads, inference splits a batch into equal parts of at least 8 samples.
// `meter` runs the same network with and without metering of synaptic power by turns and prints the
// share of the processor's time that metering takes (median of the pairs).
#include <time.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "engine/base/gemm.h"
#include "engine/base/random.h"
#include "engine/base/status.h"
#include "engine/families.h"
#include "engine/rate/deployment.h"
#include "engine/rate/model.h"
#include "nlohmann/json.hpp"
#include "tests/bench/bench_rows.h"

namespace torpor {
namespace {

using Clock = std::chrono::steady_clock;

// Processor time of all threads, to which other load on the machine adds nothing.
double ProcessorSeconds() {
  timespec t;
  TORPOR_CHECK(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t) == 0);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

double Seconds(Clock::time_point since) {
  return std::chrono::duration<double>(Clock::now() - since).count();
}

v1::Network Lenet() {
  v1::Network network;
  v1::RateNetwork& rate = *network.mutable_rate();
  for (int size : {1, 28, 28}) rate.mutable_input()->add_shape(size);
  auto stage = [&](int channels, int padding) {
    v1::RateLayer& conv = *rate.add_layers();
    conv.mutable_conv2d()->set_channels(channels);
    conv.mutable_conv2d()->add_kernel(5);
    conv.mutable_conv2d()->add_padding(padding);
    conv.set_activation(v1::Activation::RELU);
    rate.add_layers()->mutable_max_pool2d()->add_kernel(2);
  };
  stage(6, 2);
  stage(16, 0);
  rate.add_layers()->mutable_flatten();
  for (int units : {120, 84, 10}) {
    v1::RateLayer& layer = *rate.add_layers();
    layer.mutable_dense()->set_units(units);
    layer.set_activation(units == 10 ? v1::Activation::SOFTMAX : v1::Activation::RELU);
  }
  return network;
}

v1::Network Definition(const std::string& name) {
  if (name == "LENET") return Lenet();
  v1::Network network;
  network.mutable_rate()->mutable_input()->add_shape(784);
  auto add = [&](int units, v1::Activation::Kind activation) {
    v1::RateLayer& layer = *network.mutable_rate()->add_layers();
    layer.mutable_dense()->set_units(units);
    layer.set_activation(activation);
  };
  if (name == "MLP") add(1000, v1::Activation::RELU);
  add(10, v1::Activation::SIGMOID);
  return network;
}

Matrix Inputs(int rows, double density) {
  RandomStream random(1, RandomPurpose::kSyntheticData);
  Matrix m(rows, 784);
  for (Eigen::Index i = 0; i < m.size(); ++i) {
    const float value = random.NextFloat();
    m.data()[i] = random.NextDouble() < density ? value : 0.0f;
  }
  return m;
}

// Samples a second.
double Train(Model& model, int threads, int batch, double seconds, double density) {
  ThreadPool pool(threads);
  v1::TrainSpec spec;
  spec.set_batch_size(batch);
  if (model.Describe().layers().rbegin()->activation() == "softmax") spec.set_loss(v1::Loss::CE);
  auto trainer = model.NewTrainer(spec, &pool);
  TORPOR_CHECK(trainer.ok());
  const Matrix inputs = Inputs(batch, density);
  std::vector<int32_t> labels(static_cast<size_t>(batch));
  for (int i = 0; i < batch; ++i) labels[static_cast<size_t>(i)] = i % 10;
  StepReport report;
  auto step = [&] {
    TORPOR_CHECK((*trainer)->Step({.inputs = View(inputs), .labels = labels}, report).ok());
  };
  for (int i = 0; i < 3; ++i) step();
  int64_t steps = 0;
  const auto start = Clock::now();
  while (Seconds(start) < seconds) {
    for (int i = 0; i < 4; ++i) step();
    steps += 4;
  }
  return static_cast<double>(steps) * batch / Seconds(start);
}

// Runs one batch again and again.
class InferenceLoop {
 public:
  InferenceLoop(std::shared_ptr<const Deployment> deployment, int threads, int batch,
                double density)
      : deployment_(std::move(deployment)),
        pool_(threads),
        inputs_(Inputs(batch, density)),
        scores_(static_cast<size_t>(batch) * 10),
        tasks_(static_cast<size_t>(batch)),
        results_(static_cast<size_t>(batch)),
        part_(std::max<size_t>(8, (tasks_.size() + PartsOf(threads) - 1) / PartsOf(threads))) {
    for (size_t i = 0; i < tasks_.size(); ++i) {
      tasks_[i].input.values = {inputs_.row(static_cast<Eigen::Index>(i)).data(), 784};
      results_[i].scores = {scores_.data() + 10 * i, 10};
    }
    for (int i = 0; i < 3; ++i) RunBatch();
  }

  // Samples that were run in about `seconds`.
  int64_t RunFor(double seconds) {
    int64_t runs = 0;
    const auto start = Clock::now();
    while (Seconds(start) < seconds) {
      for (int i = 0; i < 4; ++i) RunBatch();
      runs += 4;
    }
    return runs * static_cast<int64_t>(tasks_.size());
  }

 private:
  // Two a thread: one that comes late leaves its share to the others.
  static size_t PartsOf(int threads) { return threads == 1 ? 1 : 2 * static_cast<size_t>(threads); }

  void RunBatch() {
    const int parts = static_cast<int>((tasks_.size() + part_ - 1) / part_);
    pool_.ParallelFor(parts, [&](int t) {
      const size_t first = static_cast<size_t>(t) * part_;
      const size_t count = std::min(part_, tasks_.size() - first);
      TORPOR_CHECK(deployment_
                       ->Run(std::span(tasks_).subspan(first, count),
                             std::span(results_).subspan(first, count), cancellation_)
                       .ok());
    });
  }

  std::shared_ptr<const Deployment> deployment_;
  ThreadPool pool_;
  const Matrix inputs_;
  std::vector<float> scores_;
  std::vector<SampleTask> tasks_;
  std::vector<SampleResult> results_;
  const size_t part_;
  const Cancellation cancellation_;
};

double Infer(const Model& model, int threads, int batch, double seconds, double density) {
  auto deployment = model.Deploy(v1::PowerMode(), v1::Realisation());
  TORPOR_CHECK(deployment.ok());
  InferenceLoop loop(*deployment, threads, batch, density);
  const auto start = Clock::now();
  const int64_t samples = loop.RunFor(seconds);
  return static_cast<double>(samples) / Seconds(start);
}

// Pairs of short measurements, so that other load on the machine hurts both alike.
nlohmann::json MeteringShare(const Model& model, int threads, int batch, double seconds,
                             double density) {
  const auto& rate = dynamic_cast<const RateModel&>(model);
  const std::shared_ptr<const FrozenWeights> weights = Freeze(rate.shapes(), rate.parameters());
  auto loop = [&](bool metered) {
    std::vector<RateLayerDrive> drives(weights->layers.size());
    for (size_t l = 0; l < drives.size(); ++l) drives[l].bias = weights->layers[l].bias;
    return std::make_unique<InferenceLoop>(
        std::make_shared<const RateDeployment>(weights, std::move(drives), 0, v1::PowerMode(),
                                               ReadOut{.activation = v1::Activation::SIGMOID,
                                                       .loss = v1::Loss::UNSPECIFIED,
                                                       .classes = 10},
                                               metered),
        threads, batch, density);
  };
  const auto with = loop(true), without = loop(false);
  constexpr double kSlice = 0.02;
  // Samples a second of processor time.
  auto measure = [&](InferenceLoop& loop) {
    const double before = ProcessorSeconds();
    const int64_t samples = loop.RunFor(kSlice);
    return static_cast<double>(samples) / (ProcessorSeconds() - before);
  };
  std::vector<double> metered, unmetered, shares;
  const auto start = Clock::now();
  for (bool turn = false; Seconds(start) < seconds; turn = !turn) {
    if (turn) metered.push_back(measure(*with));
    unmetered.push_back(measure(*without));
    if (!turn) metered.push_back(measure(*with));
    shares.push_back(1 - metered.back() / unmetered.back());
  }
  return {{"samples_per_processor_second", Median(metered)},
          {"samples_per_processor_second_unmetered", Median(unmetered)},
          {"metering_share", Median(shares)},
          {"pairs", shares.size()}};
}

// Median milliseconds of a power switch; the very first one also freezes the weights.
nlohmann::json DeployTimes(const Model& model) {
  std::vector<double> times;
  for (int i = 0; i < 101; ++i) {
    v1::PowerMode mode;
    mode.set_epsilon(1.0 / (i + 1));
    mode.set_bias(v1::BiasPolicy::HOMOGENEOUS);
    const auto start = Clock::now();
    TORPOR_CHECK(model.Deploy(mode, v1::Realisation()).ok());
    times.push_back(1e3 * Seconds(start));
  }
  const double first = times.front();
  std::sort(times.begin() + 1, times.end());
  return {{"first_ms", first}, {"median_ms", times[51]}};
}

int Run(int argc, char** argv) {
  const std::string what = argc > 1 ? argv[1] : "";
  const std::string name = argc > 2 ? argv[2] : "";
  auto model = BuildModel(Definition(name), 1);
  TORPOR_CHECK(model.ok());
  nlohmann::json out = {{"engine", "torpor"}, {"gemm", GemmName()}, {"what", what}, {"net", name}};
  if (what == "deploy") {
    out.update(DeployTimes(**model));
  } else if ((what == "train" || what == "infer" || what == "meter") && argc == 7) {
    const int threads = std::atoi(argv[3]);
    const int batch = std::atoi(argv[4]);
    const double seconds = std::atof(argv[5]);
    const double density = std::atof(argv[6]);
    out.update({{"threads", threads}, {"batch", batch}, {"density", density}});
    if (what == "meter") {
      out.update(MeteringShare(**model, threads, batch, seconds, density));
    } else if (what == "train") {
      out["samples_per_second"] = Train(**model, threads, batch, seconds, density);
    } else {
      out["samples_per_second"] = Infer(**model, threads, batch, seconds, density);
    }
  } else {
    std::fprintf(
        stderr,
        "usage: engine_bench train|infer|meter MLP|SINGLE|LENET THREADS BATCH SECONDS DENSITY\n"
        "       engine_bench deploy MLP|SINGLE|LENET\n");
    return 2;
  }
  std::printf("%s\n", out.dump().c_str());
  return 0;
}

}  // namespace
}  // namespace torpor

int main(int argc, char** argv) { return torpor::Run(argc, argv); }
