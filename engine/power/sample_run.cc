#include "engine/power/sample_run.h"

#include <algorithm>
#include <functional>

#include "absl/strings/str_cat.h"
#include "engine/base/status.h"

namespace torpor {
namespace {

// Samples of a block: fixed, since a deployment's bits may depend on how many samples it runs
// together.
constexpr int64_t kBlock = 256;
// Blocks whose recorders are held at once.
constexpr int64_t kWave = 16;

absl::Status CheckData(const Deployment& deployment, const Dataset& data) {
  if (data.features() != deployment.features()) {
    return FieldError("dataset", absl::StrCat("samples must have ", deployment.features(),
                                              " values for this network, have ", data.features()));
  }
  if (data.classes() > deployment.read_out().classes) {
    return FieldError("dataset", absl::StrCat("has ", data.classes(), " classes, this network has ",
                                              deployment.read_out().classes, " outputs"));
  }
  if (data.size() == 0) return FieldError("samples", "must be at least 1");
  return absl::OkStatus();
}

// Runs a block and hands each sample's result over: use(i, result) with i within the block.
absl::Status RunBlock(const Deployment& deployment, const Dataset& data, int64_t first,
                      int64_t count, const Cancellation& cancellation, Recorder* recorder,
                      const std::function<void(size_t, const SampleResult&)>& use) {
  const size_t n = static_cast<size_t>(count);
  const size_t classes = static_cast<size_t>(deployment.read_out().classes);
  Matrix inputs(count, data.features());
  data.CopyRange(first, count, View(inputs));
  std::vector<float> scores(n * classes);
  std::vector<SampleTask> tasks(n);
  std::vector<SampleResult> results(n);
  for (size_t i = 0; i < n; ++i) {
    tasks[i].input.values = {inputs.row(static_cast<Eigen::Index>(i)).data(),
                             static_cast<size_t>(inputs.cols())};
    tasks[i].key.sample = static_cast<uint64_t>(first) + i;
    results[i].scores = {scores.data() + i * classes, classes};
    results[i].recorder = recorder;
  }
  TORPOR_RETURN_IF_ERROR(deployment.Run(tasks, results, cancellation));
  for (size_t i = 0; i < n; ++i) use(i, results[i]);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::vector<SampleFigures>> RunSamples(const Deployment& deployment,
                                                      const Dataset& data, ThreadPool* pool,
                                                      const Cancellation& cancellation,
                                                      const SampleRunExtras& extras) {
  TORPOR_RETURN_IF_ERROR(CheckData(deployment, data));
  std::vector<SampleFigures> figures(static_cast<size_t>(data.size()));
  const int64_t blocks = (data.size() + kBlock - 1) / kBlock;
  for (int64_t wave = 0; wave < blocks; wave += kWave) {
    const int64_t held = std::min(kWave, blocks - wave);
    std::vector<Recorder> recorders(static_cast<size_t>(held));
    std::vector<Activity> activities(static_cast<size_t>(held));
    std::vector<absl::Status> statuses(static_cast<size_t>(held));
    pool->ParallelFor(static_cast<int>(held), [&](int b) {
      const int64_t first = (wave + b) * kBlock;
      const int64_t count = std::min(kBlock, data.size() - first);
      const auto note = [&](size_t i, const SampleResult& result) {
        const int64_t sample = first + static_cast<int64_t>(i);
        const Quantity power = result.activity.Total(&LayerActivity::synaptic_power);
        TORPOR_CHECK(power.counted());
        figures[static_cast<size_t>(sample)] = {
            .klass = ClassOf(result.scores),
            .synaptic_power = power.value(),
            .loss = SampleLoss(deployment.read_out(), result.scores, data.label(sample)),
            .probability = WinningProbability(deployment.read_out(), result.scores),
            .steps = result.steps_used};
        if (extras.pricer != nullptr) {
          figures[static_cast<size_t>(sample)].joules = extras.pricer->Joules(result.activity);
        }
        if (extras.activity != nullptr) activities[static_cast<size_t>(b)].Add(result.activity);
      };
      Recorder* own = extras.recorder == nullptr ? nullptr : &recorders[static_cast<size_t>(b)];
      statuses[static_cast<size_t>(b)] =
          RunBlock(deployment, data, first, count, cancellation, own, note);
    });
    for (const absl::Status& status : statuses) TORPOR_RETURN_IF_ERROR(status);
    if (extras.recorder != nullptr) {
      for (const Recorder& own : recorders) extras.recorder->Merge(own);
    }
    if (extras.activity != nullptr) {
      for (const Activity& own : activities) extras.activity->Add(own);
    }
  }
  return figures;
}

absl::StatusOr<int64_t> CountCorrect(const Deployment& deployment, const Dataset& data,
                                     ThreadPool* pool, const Cancellation& cancellation) {
  TORPOR_RETURN_IF_ERROR(CheckData(deployment, data));
  const int64_t blocks = (data.size() + kBlock - 1) / kBlock;
  std::vector<absl::Status> statuses(static_cast<size_t>(blocks));
  std::vector<int64_t> correct(static_cast<size_t>(blocks));
  pool->ParallelFor(static_cast<int>(blocks), [&](int b) {
    const int64_t first = b * kBlock;
    const int64_t count = std::min(kBlock, data.size() - first);
    const auto note = [&](size_t i, const SampleResult& result) {
      const bool right = ClassOf(result.scores) == data.label(first + static_cast<int64_t>(i));
      correct[static_cast<size_t>(b)] += right ? 1 : 0;
    };
    statuses[static_cast<size_t>(b)] =
        RunBlock(deployment, data, first, count, cancellation, nullptr, note);
  });
  int64_t total = 0;
  for (size_t b = 0; b < statuses.size(); ++b) {
    TORPOR_RETURN_IF_ERROR(statuses[b]);
    total += correct[b];
  }
  return total;
}

}  // namespace torpor
