// Times training and inference of one network and prints one JSON object a line.
//
//   engine_bench train MLP|SINGLE THREADS BATCH SECONDS DENSITY
//   engine_bench infer MLP|SINGLE THREADS BATCH SECONDS DENSITY
//   engine_bench deploy MLP|SINGLE
//
// MLP is 784-1000-10 (ReLU, sigmoid), SINGLE 784-10 (sigmoid). DENSITY is the share of non-zero
// inputs: 1 is random dense data, 0.2 about that of MNIST. With several threads, inference splits a
// batch into equal parts.
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
#include "nlohmann/json.hpp"

namespace torpor {
namespace {

using Clock = std::chrono::steady_clock;

double Seconds(Clock::time_point since) {
  return std::chrono::duration<double>(Clock::now() - since).count();
}

v1::Network Definition(const std::string& name) {
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

double Infer(const Model& model, int threads, int batch, double seconds, double density) {
  auto deployment = model.Deploy(v1::PowerMode(), v1::Realisation());
  TORPOR_CHECK(deployment.ok());
  ThreadPool pool(threads);
  const Matrix inputs = Inputs(batch, density);
  std::vector<float> scores(static_cast<size_t>(batch) * 10);
  std::vector<SampleTask> tasks(static_cast<size_t>(batch));
  std::vector<SampleResult> results(static_cast<size_t>(batch));
  for (size_t i = 0; i < tasks.size(); ++i) {
    tasks[i].input.values = {inputs.row(static_cast<Eigen::Index>(i)).data(), 784};
    results[i].scores = {scores.data() + 10 * i, 10};
  }
  const Cancellation cancellation;
  const size_t part =
      (tasks.size() + static_cast<size_t>(threads) - 1) / static_cast<size_t>(threads);
  auto run = [&] {
    pool.ParallelFor(threads, [&](int t) {
      const size_t first = std::min(tasks.size(), static_cast<size_t>(t) * part);
      const size_t count = std::min(part, tasks.size() - first);
      TORPOR_CHECK((*deployment)
                       ->Run(std::span(tasks).subspan(first, count),
                             std::span(results).subspan(first, count), cancellation)
                       .ok());
    });
  };
  for (int i = 0; i < 3; ++i) run();
  int64_t runs = 0;
  const auto start = Clock::now();
  while (Seconds(start) < seconds) {
    for (int i = 0; i < 4; ++i) run();
    runs += 4;
  }
  return static_cast<double>(runs) * batch / Seconds(start);
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
  } else if ((what == "train" || what == "infer") && argc == 7) {
    const int threads = std::atoi(argv[3]);
    const int batch = std::atoi(argv[4]);
    const double seconds = std::atof(argv[5]);
    const double density = std::atof(argv[6]);
    out.update({{"threads", threads}, {"batch", batch}, {"density", density}});
    out["samples_per_second"] = what == "train" ? Train(**model, threads, batch, seconds, density)
                                                : Infer(**model, threads, batch, seconds, density);
  } else {
    std::fprintf(stderr,
                 "usage: engine_bench train|infer MLP|SINGLE THREADS BATCH SECONDS DENSITY\n"
                 "       engine_bench deploy MLP|SINGLE\n");
    return 2;
  }
  std::printf("%s\n", out.dump().c_str());
  return 0;
}

}  // namespace
}  // namespace torpor

int main(int argc, char** argv) { return torpor::Run(argc, argv); }
