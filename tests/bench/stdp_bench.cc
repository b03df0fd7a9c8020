// Times a competitive network that learns by STDP, event-driven, against the dense clock-driven
// reference, in one thread, and prints one JSON object a line.
//
//   stdp_bench [SECONDS] [--data PATH]
//
// The network is the paper's: 784 inputs, 400 neurons, 250 steps, recipe tA (direct inhibition,
// tinySNN's rule), its baseline and tD, all warmed up on the first samples. Samples are MNIST's
// from PATH (else $TORPOR_DATASET_PATH; folders with mnist/, split at ':'), or blobs of like
// density. Rates are samples a second of processor time, encoding included, the best of three
// rounds of SECONDS (default 0.5) each. A row that has a bar says whether it was met.
#include <sys/resource.h>
#include <time.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <string>
#include <vector>

#include "engine/base/file_system.h"
#include "engine/base/random.h"
#include "engine/base/simd.h"
#include "engine/base/status.h"
#include "engine/data/catalogue.h"
#include "engine/stdp/learner.h"
#include "engine/stdp/presentation.h"
#include "engine/stdp/rate_encoder.h"
#include "engine/stdp/reference.h"
#include "nlohmann/json.hpp"
#include "tests/bench/bench_rows.h"

namespace torpor {
namespace {

constexpr int kInputs = 784;
constexpr int kNeurons = 400;
constexpr size_t kImages = 4000;
constexpr uint64_t kSeed = 1;
constexpr float kNu1 = 0.01f;

using Images = std::vector<std::vector<uint8_t>>;

// MNIST's first training images; none where there is no such set.
Images LoadMnist(const std::string& path) {
  Images images;
  const std::unique_ptr<FileSystem> files = NewPosixFileSystem();
  const auto set =
      DatasetCatalogue(SplitDatasetPath(path), files.get()).Load("mnist", v1::Split::TRAIN);
  if (!set.ok()) return images;
  std::vector<float> values(static_cast<size_t>(set->features()));
  for (size_t i = 0; i < kImages; ++i) {
    set->CopySample(static_cast<int64_t>(i), values);
    std::vector<uint8_t>& image = images.emplace_back();
    for (const float x : values) image.push_back(static_cast<uint8_t>(std::lround(255 * x)));
  }
  return images;
}

// Strokes of random walks, one a class and shifted a little, with about MNIST's 150 pixels of mean
// intensity 175.
Images DrawStrokes() {
  Images images;
  for (size_t i = 0; i < kImages; ++i) {
    RandomStream shape(kSeed, RandomPurpose::kTest, 0, i % 10);
    RandomStream shift(kSeed, RandomPurpose::kTest, 1, i);
    double row = 13 + 2 * shift.NextNormal();
    double column = 13 + 2 * shift.NextNormal();
    double angle = 6 * shape.NextDouble();
    std::vector<uint8_t>& image = images.emplace_back(kInputs);
    for (int point = 0; point < 36; ++point) {
      for (int r = 0; r < 3; ++r) {
        for (int c = 0; c < 3; ++c) {
          const int at = std::clamp(static_cast<int>(row) + r, 0, 27) * 28 +
                         std::clamp(static_cast<int>(column) + c, 0, 27);
          uint8_t& pixel = image[static_cast<size_t>(at)];
          pixel = std::max(pixel, static_cast<uint8_t>(r == 1 || c == 1 ? 230 : 120));
        }
      }
      angle += 0.5 * shape.NextNormal();
      row = std::clamp(row + 1.2 * std::sin(angle), 3.0, 23.0);
      column = std::clamp(column + 1.2 * std::cos(angle), 3.0, 23.0);
    }
  }
  return images;
}

StdpParameters PaperParameters() {
  StdpParameters p;
  p.inputs = kInputs;
  p.neurons = kNeurons;
  p.steps = 250;
  p.decay = std::exp(-1.0f / 100);
  p.reset = 5;
  p.threshold = 13;
  p.refractory = 5;
  p.theta_plus = 0.1f;
  p.theta_decay = static_cast<float>(std::exp(-250 / 1e7));
  p.inhibition = 500;
  p.spike_chance = 0.128f;
  return p;
}

StdpWeights RandomWeights() {
  StdpWeights weights;
  weights.weights.resize(size_t{kInputs} * kNeurons);
  weights.theta.resize(kNeurons);
  RandomStream random(kSeed, RandomPurpose::kInitialisation);
  for (float& w : weights.weights) w = 0.3f * random.NextFloat();
  return weights;
}

struct Recipe {
  std::string name;
  StdpParameters parameters = PaperParameters();
  LearningSettings settings;
};

std::vector<Recipe> Recipes() {
  std::vector<Recipe> recipes(3);
  recipes[0].name = "tA";
  recipes[0].settings.rule = WindowedSettings{10, 4, 0};
  recipes[1].name = "tD";
  recipes[1].settings.rule = WindowedSettings{10, 4, 0.4f};
  recipes[2].name = "baseline";
  recipes[2].settings.rule = PairwiseSettings{1e-4f};
  recipes[2].parameters.inhibitory = {std::exp(-1.0f / 10), 15, 20, 2, 22.5f};
  for (Recipe& recipe : recipes) recipe.settings.norm = 78.4f;
  return recipes;
}

// A sample after another, encoded.
class Samples {
 public:
  Samples(const Images& images, const StdpParameters& p)
      : images_(images), encoder_(p.steps, p.spike_chance, kSeed) {}
  const SpikeTrain& Next() {
    ++key_;
    encoder_.Encode(images_[key_ % images_.size()], key_, train_);
    return train_;
  }
  uint64_t key() const { return key_; }

 private:
  const Images& images_;
  RateEncoder encoder_;
  SpikeTrain train_;
  uint64_t key_ = 0;
};

struct Trained {
  double rate = 0;
  StdpWeights weights;
};

Trained TimeTraining(const Recipe& recipe, const Images& images, double seconds) {
  Learner learner(recipe.parameters, RandomWeights(), recipe.settings, {}, kSeed);
  Samples samples(images, recipe.parameters);
  std::vector<int32_t> counts(kNeurons);
  const auto one = [&] {
    const SpikeTrain& train = samples.Next();
    learner.Present(train, samples.key(), kNu1, counts);
  };
  for (size_t i = 0; i < kImages; ++i) one();
  Trained trained;
  trained.rate = RateOf(seconds, one);
  trained.weights = learner.Weights();
  return trained;
}

double TimeInference(const Recipe& recipe, const StdpWeights& weights, const WeightRows& rows,
                     const Images& images, double seconds, Instructions with) {
  Presentation presentation(recipe.parameters, weights.theta, {}, kSeed, with);
  Samples samples(images, recipe.parameters);
  std::vector<int32_t> counts(kNeurons);
  return RateOf(seconds, [&] {
    const SpikeTrain& train = samples.Next();
    presentation.Present(rows, train, samples.key(), counts);
  });
}

double TimeReference(const Recipe& recipe, const StdpWeights& weights, std::optional<float> nu1,
                     const Images& images, double seconds) {
  ReferenceNetwork reference(recipe.parameters, weights, recipe.settings, {}, kSeed);
  Samples samples(images, recipe.parameters);
  std::vector<int32_t> counts(kNeurons);
  return RateOf(seconds, [&] {
    const SpikeTrain& train = samples.Next();
    reference.Present(train, samples.key(), nu1, counts);
  });
}

void TimeEncoder(const Images& images, double seconds) {
  for (const Instructions with :
       {Instructions::kBase, Instructions::kAvx2, Instructions::kAvx512}) {
    if (with > BestInstructions()) continue;
    RateEncoder encoder(250, 0.128f, kSeed, with);
    SpikeTrain train;
    uint64_t key = 0;
    const double rate = RateOf(seconds, [&] {
      ++key;
      encoder.Encode(images[key % images.size()], key, train);
    });
    Print("encoder, set " + std::to_string(static_cast<int>(with)), {{"microseconds", 1e6 / rate}});
  }
}

void TimeSets(const Recipe& recipe, const StdpWeights& weights, const Images& images,
              double seconds) {
  const FixedPoint bits8{0, 8, false};
  std::vector<float> stored = weights.weights;
  for (float& w : stored) w = Quantise(w, bits8, v1::Rounding::NEAREST);
  const WeightRows floats = WeightRows::Floats(weights.weights, kInputs, kNeurons);
  const WeightRows codes = WeightRows::Codes(stored, kInputs, kNeurons, bits8);
  for (const Instructions with :
       {Instructions::kBase, Instructions::kAvx2, Instructions::kAvx512}) {
    if (with > BestInstructions()) continue;
    const bool best = with == BestInstructions();
    const std::string set = ", set " + std::to_string(static_cast<int>(with));
    const double in_float = TimeInference(recipe, weights, floats, images, seconds, with);
    const double in_bytes = TimeInference(recipe, weights, codes, images, seconds, with);
    Print(recipe.name + " inference, float" + set, {{"per_second", in_float}},
          best ? Bar{"per_second", 6000} : Bar{});
    Print(recipe.name + " inference, 8 bits" + set,
          {{"per_second", in_bytes}, {"to_float", in_bytes / in_float}},
          best ? Bar{"to_float", 1.3} : Bar{});
  }
}

void RunAll(const Images& images, double seconds) {
  TimeEncoder(images, seconds);
  for (const Recipe& recipe : Recipes()) {
    const Trained trained = TimeTraining(recipe, images, seconds);
    Print(recipe.name + " training", {{"per_second", trained.rate}},
          recipe.name == "tA" ? Bar{"per_second", 4000} : Bar{});
    TimeSets(recipe, trained.weights, images, seconds);
    const WeightRows floats = WeightRows::Floats(trained.weights.weights, kInputs, kNeurons);
    const double infer =
        TimeInference(recipe, trained.weights, floats, images, seconds, BestInstructions());
    const double dense = TimeReference(recipe, trained.weights, std::nullopt, images, seconds);
    const double learns = TimeReference(recipe, trained.weights, kNu1, images, seconds);
    Print(recipe.name + " inference, reference",
          {{"per_second", dense}, {"event_driven_to_it", infer / dense}},
          {"event_driven_to_it", 8});
    Print(recipe.name + " training, reference",
          {{"per_second", learns}, {"event_driven_to_it", trained.rate / learns}},
          {"event_driven_to_it", 8});
  }
  rusage usage;
  TORPOR_CHECK(getrusage(RUSAGE_SELF, &usage) == 0);
  Print("peak memory", {{"megabytes", static_cast<double>(usage.ru_maxrss) / 1024}});
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
  std::printf("{\"samples\": \"%s\"}\n", images.empty() ? "synthetic" : "mnist");
  if (images.empty()) images = torpor::DrawStrokes();
  torpor::RunAll(images, seconds);
}
