// Times networks of leaky neurons that learn by surrogate gradients, event-driven, against products
// of matrices over all steps at once and step by step, and prints one JSON object a line.
//
//   lif_bench [SECONDS] [--data PATH]
//
// Networks are 784 - hidden - 10 over 25 steps, inputs coded as latencies or rates, batches of 128
// with Adam, and the pattern task's 700 - 400 - 250 over 250 steps with van Rossum's distance.
// Samples are MNIST's from PATH (else $TORPOR_DATASET_PATH; folders with mnist/, split at ':'), or
// random pixels of like number; they are encoded beforehand. Rates are samples a second of
// processor time, the best of three rounds of SECONDS (default 0.5) each. Two threads are held
// against one in elapsed time, over 25 rounds of a fifth of SECONDS, beside two trainings of one
// thread that share nothing: `to_one` is the median of the `rounds` in which the machine had two
// like processors to give, those two together 1.9 times as fast as one (null: in none);
// `to_two_apart` of all. A row that has a bar says whether it was met.
#include <time.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "engine/base/file_system.h"
#include "engine/base/random.h"
#include "engine/base/status.h"
#include "engine/base/thread_pool.h"
#include "engine/data/catalogue.h"
#include "engine/learn/loss.h"
#include "engine/learn/optimizer.h"
#include "engine/lif/batch_pass.h"
#include "engine/lif/encoders.h"
#include "engine/lif/spike_losses.h"
#include "lif_rivals.h"
#include "nlohmann/json.hpp"
#include "tests/bench/bench_rows.h"

namespace torpor {
namespace {

constexpr int kInputs = 784;
constexpr int kClasses = 10;
constexpr int kSteps = 25;
constexpr size_t kImages = 2560;
constexpr size_t kBatch = 128;
constexpr uint64_t kSeed = 1;

struct Images {
  std::vector<std::vector<float>> values;
  std::vector<int32_t> labels;
};

// MNIST's first training images; none where there is no such set.
Images LoadMnist(const std::string& path) {
  Images images;
  const std::unique_ptr<FileSystem> files = NewPosixFileSystem();
  const auto set =
      DatasetCatalogue(SplitDatasetPath(path), files.get()).Load("mnist", v1::Split::TRAIN);
  if (!set.ok()) return images;
  for (size_t i = 0; i < kImages; ++i) {
    images.values.emplace_back(static_cast<size_t>(set->features()));
    set->CopySample(static_cast<int64_t>(i), images.values.back());
    images.labels.push_back(set->label(static_cast<int64_t>(i)));
  }
  return images;
}

// About MNIST's number of bright pixels, in the middle.
Images DrawPixels() {
  Images images;
  for (size_t i = 0; i < kImages; ++i) {
    RandomStream random(kSeed, RandomPurpose::kTest, 0, i);
    std::vector<float>& image = images.values.emplace_back(kInputs);
    for (int k = 0; k < 160; ++k) {
      const uint64_t at = 28 * (4 + random.NextBelow(20)) + 4 + random.NextBelow(20);
      image[at] = random.NextFloat();
    }
    images.labels.push_back(static_cast<int32_t>(i % kClasses));
  }
  return images;
}

// Weights, gradients and Adam's moments of all layers.
class Parameters {
 public:
  Parameters(const LifPlan& plan, std::span<const float> scales) {
    for (size_t l = 0; l < plan.layers.size(); ++l) {
      const LifSynapses& synapses = *plan.layers[l].synapses;
      const auto count = static_cast<size_t>(synapses.weights());
      for (auto* values : {&weights_, &gradients_, &first_, &second_}) values->emplace_back(count);
      RandomStream random(kSeed, RandomPurpose::kInitialisation, static_cast<uint32_t>(l));
      for (float& w : weights_[l]) w = scales[l] * (2 * random.NextFloat() - 1);
    }
  }
  std::vector<LifWeights> weights() const {
    std::vector<LifWeights> views;
    for (const AlignedFloats& layer : weights_) views.push_back({layer, {}});
    return views;
  }
  std::vector<LifGradients> gradients() {
    std::vector<LifGradients> views;
    for (AlignedFloats& layer : gradients_) views.push_back({layer, {}});
    return views;
  }
  void Update(double rate, float scale, ThreadPool& threads) {
    const AdamStep step(rate, ++step_);
    for (size_t l = 0; l < weights_.size(); ++l) {
      const size_t size = weights_[l].size();
      threads.ParallelFor(static_cast<int>((size + kSlice - 1) / kSlice), [&](int slice) {
        const size_t from = kSlice * static_cast<size_t>(slice);
        const size_t count = std::min(kSlice, size - from);
        const auto part = [&](AlignedFloats& all) { return std::span(all).subspan(from, count); };
        for (float& g : part(gradients_[l])) g *= scale;
        AdamUpdate(step, part(gradients_[l]), part(weights_[l]), part(first_[l]), part(second_[l]));
      });
    }
  }

 private:
  // Of a layer that a thread takes at a time.
  static constexpr size_t kSlice = 16384;
  std::vector<AlignedFloats> weights_, gradients_, first_, second_;
  int64_t step_ = 0;
};

LifPlan ImagePlan(int hidden) {
  LifPlan plan;
  plan.layers.resize(2);
  plan.layers[0].synapses = std::make_shared<DenseSynapses>(kInputs, hidden);
  plan.layers[1].synapses = std::make_shared<DenseSynapses>(hidden, kClasses);
  plan.steps = kSteps;
  return plan;
}

Parameters ImageParameters(const LifPlan& plan, bool rate_code) {
  const auto hidden = static_cast<float>(plan.layers[0].synapses->outputs());
  const float scales[] = {(rate_code ? 0.6f : 1.0f) * std::sqrt(3 / 100.0f), std::sqrt(3 / hidden)};
  return Parameters(plan, scales);
}

LabelledSpikes Encode(const Images& images, bool rate_code) {
  LabelledSpikes data;
  data.labels = images.labels;
  LatencyEncoder latency(kSteps, 50);
  SpikeRateEncoder rate(kSteps, 0.25, kSeed);
  for (size_t i = 0; i < images.values.size(); ++i) {
    LifSpikes& spikes = data.spikes.emplace_back();
    if (rate_code) {
      rate.Encode(images.values[i], i, spikes);
    } else {
      latency.Encode(images.values[i], spikes);
    }
  }
  return data;
}

double Learn(const LabelledSpikes& data, std::span<const LifWeights> weights, size_t sample,
             LifNetworkPass& pass, std::span<const LifGradients> gradients) {
  float delta[kClasses];
  const float loss = LossAndGradient(v1::Loss::CE, v1::Activation::LINEAR, pass.scores(),
                                     data.labels[sample], 1.0f, delta);
  pass.Backward(weights, delta, gradients);
  return loss;
}

// Networks of one plan that learn a batch after another.
class EventTraining {
 public:
  EventTraining(const LifPlan& plan, const LabelledSpikes& data, bool rate_code, int threads)
      : data_(data),
        threads_(threads),
        batch_(&plan, &threads_),
        parameters_(ImageParameters(plan, rate_code)),
        weights_(parameters_.weights()),
        gradients_(parameters_.gradients()) {}

  void Step() {
    std::vector<LifInput> samples;
    for (size_t i = 0; i < kBatch; ++i) samples.push_back({&data_.spikes[at_ + i], {}});
    batch_.Gradients(
        weights_, samples,
        [this](int64_t s, LifNetworkPass& pass, std::span<const LifGradients> sums) {
          return Learn(data_, weights_, at_ + static_cast<size_t>(s), pass, sums);
        },
        gradients_);
    parameters_.Update(2e-3, 1.0f / kBatch, threads_);
    at_ = (at_ + kBatch) % data_.spikes.size();
  }

 private:
  const LabelledSpikes& data_;
  ThreadPool threads_;
  LifBatchPass batch_;
  Parameters parameters_;
  const std::vector<LifWeights> weights_;
  const std::vector<LifGradients> gradients_;
  size_t at_ = 0;
};

template <typename Rival>
double TimeRival(const LifPlan& plan, const LabelledSpikes& data, bool rate_code, bool training,
                 double seconds) {
  Rival rival(&plan);
  ThreadPool pool(1);
  Parameters parameters = ImageParameters(plan, rate_code);
  const std::vector<LifWeights> weights = parameters.weights();
  const std::vector<LifGradients> gradients = parameters.gradients();
  size_t at = 0;
  return kBatch * RateOf(seconds, [&] {
           if (training) {
             rival.Run(weights, data, at, kBatch, gradients);
             parameters.Update(2e-3, 1.0f / kBatch, pool);
           } else {
             rival.Run(weights, data, at, kBatch, {});
           }
           at = (at + kBatch) % data.spikes.size();
         });
}

double TimeInference(const LifPlan& plan, const LabelledSpikes& data, bool rate_code,
                     double seconds, Instructions with) {
  LifNetworkPass pass(&plan, with);
  const Parameters parameters = ImageParameters(plan, rate_code);
  const std::vector<LifWeights> weights = parameters.weights();
  size_t at = 0;
  return kBatch * RateOf(seconds, [&] {
           for (size_t i = 0; i < kBatch; ++i) {
             pass.Forward(weights, {&data.spikes[at + i], {}});
           }
           at = (at + kBatch) % data.spikes.size();
         });
}

void TimeImages(const Images& images, int hidden, bool rate_code, double seconds,
                double training_bar, double inference_bar) {
  const std::string name = std::string(rate_code ? "rate" : "latency") + " H" +
                           std::to_string(hidden) + " T" + std::to_string(kSteps);
  const LifPlan plan = ImagePlan(hidden);
  const LabelledSpikes data = Encode(images, rate_code);
  int64_t events = 0;
  for (const LifSpikes& spikes : data.spikes) events += spikes.size();
  Print(name + " input", {{"events_per_sample", events / static_cast<int64_t>(kImages)}});
  EventTraining alone(plan, data, rate_code, 1);
  EventTraining shared(plan, data, rate_code, 2);
  const double trains = kBatch * RateOf(seconds, [&] { alone.Step(); });
  Print(name + " training", {{"per_second", trains}}, {"per_second", training_bar});
  const double dense = TimeRival<DenseRival>(plan, data, rate_code, true, seconds);
  Print(name + " training, one product", {{"per_second", dense}, {"events_to_it", trains / dense}},
        {"events_to_it", 4});
  const double step = TimeRival<StepRival>(plan, data, rate_code, true, seconds);
  Print(name + " training, step by step", {{"per_second", step}, {"events_to_it", trains / step}});
  const double infers = TimeInference(plan, data, rate_code, seconds, BestInstructions());
  Print(name + " inference", {{"per_second", infers}}, {"per_second", inference_bar});
  const double dense_infers = TimeRival<DenseRival>(plan, data, rate_code, false, seconds);
  Print(name + " inference, one product",
        {{"per_second", dense_infers}, {"events_to_it", infers / dense_infers}});
  EventTraining apart(plan, data, rate_code, 1);
  const SecondThread second = TimeSecondThread(
      seconds / 5, [&] { alone.Step(); }, [&] { apart.Step(); }, [&] { shared.Step(); });
  Print(name + " training, 2 threads",
        {{"per_second", kBatch * second.two},
         {"to_one", second.like_rounds > 0 ? nlohmann::json(second.to_one) : nlohmann::json()},
         {"rounds", second.like_rounds},
         {"of_rounds", SecondThread::kRounds},
         {"two_apart_to_one", second.apart_to_one},
         {"to_two_apart", second.to_apart}},
        {"to_one", 1.7});
}

// Input and target of the pattern task's size: 700 channels whose intervals grow from 1.25 to 36
// steps, 250 outputs with 2400 spikes.
void TimePattern(double seconds) {
  LifPlan plan;
  plan.layers.resize(2);
  for (const auto path : {DenseSynapses::Path::kByDensity, DenseSynapses::Path::kDense}) {
    plan.layers[0].synapses = std::make_shared<DenseSynapses>(700, 400, path);
    plan.layers[1].synapses = std::make_shared<DenseSynapses>(400, 250, path);
    plan.layers[0].neuron = plan.layers[1].neuron = {0.75f, 0.875f, 0.875f, 1, 0.9f};
    plan.order = LifOrder::kDelayed;
    plan.steps = 250;
    plan.integrates = false;
    plan.surrogate = {2, true};
    LifSpikes input, target;
    for (int n = 0; n < 250; ++n) {
      RandomStream random(kSeed, RandomPurpose::kTest, 0, 0, static_cast<uint32_t>(n));
      for (uint32_t j = 0; j < 700; ++j) {
        if (random.NextDouble() * (1.25 + 0.25 * (j / 5)) < 1) input.index.push_back(j);
      }
      for (uint32_t i = 0; i < 250; ++i) {
        if (random.NextDouble() < 0.038) target.index.push_back(i);
      }
      input.EndStep();
      target.EndStep();
    }
    const float scales[] = {0.6f * std::sqrt(3 / 700.0f), 0.3f * std::sqrt(3 / 400.0f)};
    Parameters parameters(plan, scales);
    const std::vector<LifWeights> weights = parameters.weights();
    const std::vector<LifGradients> gradients = parameters.gradients();
    ThreadPool pool(1);
    LifBatchPass batch(&plan, &pool);
    const LifInput sample{&input, {}};
    float distance = 0;
    const double rate = RateOf(seconds, [&] {
      batch.Gradients(
          weights, {&sample, 1},
          [&](int64_t, LifNetworkPass& pass, std::span<const LifGradients> sums) {
            distance = VanRossumLoss({}, pass.spikes(1), target, 1.0f, pass.output_errors());
            pass.BackwardFromSpikes(weights, sums);
            return double{distance};
          },
          gradients);
      parameters.Update(3e-4, 1.0f, pool);
    });
    const bool events = path == DenseSynapses::Path::kByDensity;
    Print(std::string("pattern 700-400-250 T250") + (events ? "" : ", one product"),
          {{"events", input.size()},
           {"epoch_ms", 1e3 / rate},
           {"distance", distance},
           {"per_second", rate}},
          events ? Bar{"per_second", 1e3 / 9} : Bar{});
  }
}

// Where a product over all steps is faster than events.
void TimeDensity(double seconds) {
  for (const int steps : {25, 250}) {
    for (const int outputs : {100, 200, 1000}) {
      for (const double density : {0.1, 0.2, 0.3, 0.4, 0.5, 0.7}) {
        LifSpikes spikes;
        for (int n = 0; n < steps; ++n) {
          RandomStream random(kSeed, RandomPurpose::kTest, 1, 0, static_cast<uint32_t>(n));
          for (uint32_t j = 0; j < kInputs; ++j) {
            if (random.NextDouble() < density) spikes.index.push_back(j);
          }
          spikes.EndStep();
        }
        AlignedFloats weights(static_cast<size_t>(kInputs * outputs), 0.01f);
        LifTile tile;
        tile.Resize(steps, outputs);
        const LifTile& errors = tile;
        double rates[2][2];
        for (const int dense : {0, 1}) {
          const DenseSynapses synapses(
              kInputs, outputs,
              dense == 1 ? DenseSynapses::Path::kDense : DenseSynapses::Path::kEvents);
          rates[0][dense] =
              RateOf(seconds, [&] { synapses.AddDrive(weights, spikes, tile.View()); });
          tile.Clear();
          rates[1][dense] =
              RateOf(seconds, [&] { synapses.AddWeightGradient(spikes, errors.View(), weights); });
        }
        Print("density " + std::to_string(density).substr(0, 4) + ", " + std::to_string(outputs) +
                  " outputs, " + std::to_string(steps) + " steps",
              {{"drive_events_to_product", rates[0][0] / rates[0][1]},
               {"gradient_events_to_product", rates[1][0] / rates[1][1]},
               {"drive_us", 1e6 / rates[0][0]},
               {"gradient_us", 1e6 / rates[1][0]}});
      }
    }
  }
}

void RunAll(const Images& images, double seconds) {
  TimeImages(images, 200, false, seconds, 29000, 100000);
  TimeImages(images, 1000, false, seconds, 7200, 23700);
  TimeImages(images, 200, true, seconds, 14100, 23300);
  TimePattern(seconds);
  const LifPlan plan = ImagePlan(200);
  const LabelledSpikes data = Encode(images, false);
  for (const Instructions with :
       {Instructions::kBase, Instructions::kAvx2, Instructions::kAvx512}) {
    if (with > BestInstructions()) continue;
    Print("latency H200 inference, set " + std::to_string(static_cast<int>(with)),
          {{"per_second", TimeInference(plan, data, false, seconds, with)}});
  }
  TimeDensity(seconds / 10);
}

}  // namespace
}  // namespace torpor

int main(int argc, char** argv) {
  double seconds = 0.5;
  const char* path = std::getenv("TORPOR_DATASET_PATH");
  for (int i = 1; i < argc; ++i) {
    if (std::strcmp(argv[i], "--data") == 0 && i + 1 < argc) {
      path = argv[++i];
    } else {
      seconds = std::atof(argv[i]);
    }
  }
  torpor::Images images;
  if (path != nullptr) images = torpor::LoadMnist(path);
  std::printf("{\"samples\": \"%s\"}\n", images.values.empty() ? "synthetic" : "mnist");
  if (images.values.empty()) images = torpor::DrawPixels();
  torpor::RunAll(images, seconds);
}
