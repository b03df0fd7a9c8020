// Models of the family lif that learn the synthetic digits.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "engine/data/catalogue.h"
#include "engine/lif/model.h"
#include "tests/support/lif_networks.h"
#include "tests/support/status_matchers.h"

namespace torpor {

inline std::unique_ptr<Model> Built(const v1::Network& network, uint64_t seed = 5) {
  auto model = LifModel::Build(network, seed);
  EXPECT_TRUE(model.ok()) << model.status();
  return *std::move(model);
}

class LifModelTest : public ::testing::Test {
 protected:
  v1::TrainSpec Spec() {
    v1::TrainSpec spec;
    spec.set_batch_size(50);
    spec.set_learning_rate(1e-2);
    spec.set_seed(3);
    return spec;
  }
  // Batches first..last-1 of 50 samples, going round.
  absl::Status Learn(Model& model, Trainer& trainer, int first, int last, StepReport* sum = nullptr,
                     const Dataset* data = nullptr) {
    const Dataset& from = data == nullptr ? train_ : *data;
    for (int b = first; b < last; ++b) {
      const int64_t at = int64_t{b} * 50 % from.size();
      Matrix inputs(50, model.features());
      from.CopyRange(at, 50, View(inputs));
      std::vector<int32_t> labels;
      for (int64_t i = 0; i < 50; ++i) labels.push_back(from.label(at + i));
      StepReport report;
      TORPOR_RETURN_IF_ERROR(trainer.Step({.inputs = View(std::as_const(inputs)),
                                           .labels = labels,
                                           .progress = static_cast<double>(b) / 200},
                                          report));
      if (sum != nullptr) {
        sum->loss += report.loss;
        sum->correct += report.correct;
        sum->samples += report.samples;
      }
    }
    return absl::OkStatus();
  }
  void Train(Model& model, const v1::TrainSpec& spec, int batches = 160) {
    TORPOR_ASSERT_OK_AND_ASSIGN(const auto trainer, model.NewTrainer(spec, &pool_));
    TORPOR_ASSERT_OK(Learn(model, *trainer, 0, batches));
  }
  absl::Status Calibrate(Model& model) {
    return model.Calibrate(train_.Slice(0, 500), "datasets/digits", "digest", &pool_,
                           Cancellation());
  }
  struct Answer {
    std::vector<float> scores;
    std::vector<int32_t> steps;
    double events = 0;
    double power = 0;
  };
  Answer Run(const Deployment& deployment, int samples = 200) {
    std::vector<float> values(static_cast<size_t>(samples * deployment.features()));
    const size_t classes = static_cast<size_t>(deployment.read_out().classes);
    Answer answer;
    answer.scores.resize(static_cast<size_t>(samples) * classes);
    std::vector<SampleTask> tasks(static_cast<size_t>(samples));
    std::vector<SampleResult> results(tasks.size());
    for (size_t i = 0; i < tasks.size(); ++i) {
      const std::span<float> sample(values.data() + i * static_cast<size_t>(deployment.features()),
                                    static_cast<size_t>(deployment.features()));
      test_.CopySample(static_cast<int64_t>(i), sample);
      tasks[i] = {.input = {.values = sample}, .key = {.sample = i}};
      results[i].scores = std::span(answer.scores).subspan(i * classes, classes);
    }
    EXPECT_TRUE(deployment.Run(tasks, results, Cancellation()).ok());
    for (const SampleResult& result : results) {
      answer.steps.push_back(result.steps_used);
      answer.events += result.activity.Total(&LayerActivity::synaptic_events).value();
      answer.power += result.activity.Total(&LayerActivity::synaptic_power).value();
    }
    return answer;
  }
  double Accuracy(const Model& model, const v1::PowerMode& mode = {}) {
    const auto deployment = model.Deploy(mode, {});
    EXPECT_TRUE(deployment.ok()) << deployment.status();
    const Answer answer = Run(**deployment, 500);
    int correct = 0;
    for (int i = 0; i < 500; ++i) {
      correct += ClassOf(std::span(answer.scores).subspan(static_cast<size_t>(10 * i), 10)) ==
                         test_.label(i)
                     ? 1
                     : 0;
    }
    return correct / 500.0;
  }

  const Dataset train_ = SyntheticDigits(v1::Split::TRAIN);
  const Dataset test_ = SyntheticDigits(v1::Split::TEST);
  ThreadPool pool_{2};
};

}  // namespace torpor
