#include "engine/stdp/responses.h"

#include <algorithm>
#include <mutex>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "engine/base/status.h"
#include "engine/learn/temperature.h"
#include "engine/network/data_run.h"
#include "engine/stdp/presentation.h"
#include "engine/stdp/rate_encoder.h"
#include "engine/stdp/stored_weights.h"

namespace torpor {
namespace {

// Of one task: some milliseconds of work.
constexpr int64_t kTaskSamples = 32;

// Shows samples one after the other.
class Showing {
 public:
  // theta: [neurons], stored as the plan says.
  Showing(const StdpPlan& plan, std::span<const float> theta, const WeightRows& rows)
      : rows_(rows),
        encoder_(plan.parameters.steps, plan.parameters.spike_chance, 0),
        presentation_(plan.parameters, theta, StdpStateFormats(plan.quantization), 0),
        pixels_(static_cast<size_t>(plan.parameters.inputs)),
        counts_(static_cast<size_t>(plan.parameters.neurons)) {}

  void Show(const Dataset& data, int64_t sample) {
    data.CopyBytes(sample, pixels_);
    encoder_.Encode(pixels_, static_cast<uint64_t>(sample), train_);
    presentation_.Present(rows_, train_, static_cast<uint64_t>(sample), counts_);
  }
  // Those of the last step never arrive.
  std::span<const uint32_t> arrived() const {
    return {train_.inputs.data(), train_.begin[static_cast<size_t>(train_.steps() - 1)]};
  }
  const std::vector<int32_t>& counts() const { return counts_; }

 private:
  const WeightRows& rows_;
  RateEncoder encoder_;
  Presentation presentation_;
  SpikeTrain train_;
  std::vector<uint8_t> pixels_;
  std::vector<int32_t> counts_;
};

}  // namespace

absl::Status CheckLabelled(const StdpPlan& plan, const Dataset& data) {
  TORPOR_RETURN_IF_ERROR(CheckSamples(data, plan.parameters.inputs));
  std::vector<bool> seen(static_cast<size_t>(plan.classes));
  for (int64_t i = 0; i < data.size(); ++i) {
    if (data.label(i) >= plan.classes) {
      return FieldError("dataset",
                        absl::StrCat("label ", data.label(i), " of sample ", i,
                                     " is beyond the network's ", plan.classes, " classes"));
    }
    seen[static_cast<size_t>(data.label(i))] = true;
  }
  std::vector<int> absent;
  for (int label = 0; label < plan.classes; ++label) {
    if (!seen[static_cast<size_t>(label)]) absent.push_back(label);
  }
  if (absent.empty()) return absl::OkStatus();
  return WithHelp(
      FieldError("dataset",
                 absl::StrCat("must have samples of every class, by which neurons are "
                              "named; none of the ",
                              data.size(), " samples has label ", absl::StrJoin(absent, ", "))),
      absl::StrCat("Take more samples (calibration_samples), or a network of fewer than ",
                   plan.classes, " classes (stdp.classes)."));
}

absl::StatusOr<StdpResponses> RecordResponses(const StdpPlan& plan, const StdpWeights& weights,
                                              const Dataset& data, ThreadPool* pool,
                                              const Cancellation& cancellation) {
  TORPOR_RETURN_IF_ERROR(CheckLabelled(plan, data));
  const size_t classes = static_cast<size_t>(plan.classes);
  StdpResponses all;
  all.spikes.resize(static_cast<size_t>(plan.parameters.neurons) * classes);
  all.samples.resize(classes);
  all.input_spikes.resize(static_cast<size_t>(plan.parameters.inputs));
  all.emitted.resize(static_cast<size_t>(data.size()));
  const WeightRows rows = RowsOf(plan, weights.weights, plan.quantization);
  std::vector<float> theta = weights.theta;
  StoreThetas(plan.quantization, theta);
  std::mutex mutex;
  absl::Status status;
  const int tasks = static_cast<int>((data.size() + kTaskSamples - 1) / kTaskSamples);
  pool->ParallelFor(tasks, [&](int task) {
    if (const absl::Status check = cancellation.Check(); !check.ok()) {
      const std::lock_guard lock(mutex);
      status.Update(check);
      return;
    }
    Showing showing(plan, theta, rows);
    std::vector<int64_t> input_spikes(all.input_spikes.size());
    const int64_t first = task * kTaskSamples;
    const int64_t last = std::min(first + kTaskSamples, data.size());
    for (int64_t i = first; i < last; ++i) {
      showing.Show(data, i);
      for (const uint32_t input : showing.arrived()) ++input_spikes[input];
      std::vector<StdpResponses::Emitted>& emitted = all.emitted[static_cast<size_t>(i)];
      for (size_t j = 0; j < showing.counts().size(); ++j) {
        if (showing.counts()[j] > 0) {
          emitted.push_back({static_cast<uint32_t>(j), showing.counts()[j]});
        }
      }
    }
    const std::lock_guard lock(mutex);
    for (size_t i = 0; i < input_spikes.size(); ++i) all.input_spikes[i] += input_spikes[i];
  });
  TORPOR_RETURN_IF_ERROR(status);
  for (int64_t i = 0; i < data.size(); ++i) {
    const size_t label = static_cast<size_t>(data.label(i));
    ++all.samples[label];
    for (const StdpResponses::Emitted& each : all.emitted[static_cast<size_t>(i)]) {
      all.spikes[each.neuron * classes + label] += each.spikes;
    }
  }
  return all;
}

void StdpScores(v1::StdpReadOut::Kind read_out, const NeuronLabels& labels,
                std::span<const int32_t> counts, std::span<float> scores) {
  if (read_out == v1::StdpReadOut::PROPORTION) {
    ProportionScores(labels, counts, scores);
  } else {
    ActivityScores(labels, counts, scores);
  }
}

double ReadOutTemperature(v1::StdpReadOut::Kind read_out, const NeuronLabels& labels,
                          const StdpResponses& responses, const Dataset& data) {
  const int64_t samples = static_cast<int64_t>(responses.emitted.size());
  Matrix scores(samples, labels.classes);
  std::vector<int32_t> truth;
  std::vector<int32_t> counts(labels.assigned.size());
  for (int64_t i = 0; i < samples; ++i) {
    const auto& emitted = responses.emitted[static_cast<size_t>(i)];
    for (const auto& each : emitted) counts[each.neuron] = each.spikes;
    StdpScores(read_out, labels, counts,
               {scores.row(i).data(), static_cast<size_t>(labels.classes)});
    for (const auto& each : emitted) counts[each.neuron] = 0;
    truth.push_back(data.label(i));
  }
  return FitTemperature(View(std::as_const(scores)), truth);
}

}  // namespace torpor
