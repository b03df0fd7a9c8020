#include "engine/network/data_run.h"

#include <algorithm>
#include <vector>

#include "absl/strings/str_cat.h"
#include "engine/base/status.h"

namespace torpor {
namespace {

// Samples of a block: fixed, since a deployment's bits may depend on how many samples it runs
// together.
constexpr int64_t kBlock = 256;
// Blocks whose sums are held at once.
constexpr int64_t kWave = 16;

// One block; `first` is its first sample.
absl::Status RunBlock(const Deployment& deployment, const Dataset& data, int64_t first,
                      const Cancellation& cancellation, const UseSample& use,
                      const DataRunSums& sums) {
  const int64_t count = std::min(kBlock, data.size() - first);
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
    results[i].recorder = sums.recorder;
  }
  TORPOR_RETURN_IF_ERROR(deployment.Run(tasks, results, cancellation));
  for (size_t i = 0; i < n; ++i) {
    use(first + static_cast<int64_t>(i), results[i]);
    if (sums.activity != nullptr) sums.activity->Add(results[i].activity);
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckSamples(const Dataset& data, int features) {
  if (data.features() != features) {
    return FieldError("dataset", absl::StrCat("samples must have ", features,
                                              " values for this network, have ", data.features()));
  }
  if (data.size() == 0) return FieldError("samples", "must be at least 1");
  return absl::OkStatus();
}

absl::Status RunData(const Deployment& deployment, const Dataset& data, ThreadPool* pool,
                     const Cancellation& cancellation, const UseSample& use,
                     const DataRunSums& sums) {
  TORPOR_RETURN_IF_ERROR(CheckSamples(data, deployment.features()));
  const int64_t blocks = (data.size() + kBlock - 1) / kBlock;
  for (int64_t wave = 0; wave < blocks; wave += kWave) {
    const size_t held = static_cast<size_t>(std::min(kWave, blocks - wave));
    std::vector<Recorder> recorders(sums.recorder == nullptr ? 0 : held);
    std::vector<Activity> activities(sums.activity == nullptr ? 0 : held);
    std::vector<absl::Status> statuses(held);
    pool->ParallelFor(static_cast<int>(held), [&](int b) {
      const size_t at = static_cast<size_t>(b);
      const DataRunSums own = {.recorder = recorders.empty() ? nullptr : &recorders[at],
                               .activity = activities.empty() ? nullptr : &activities[at]};
      statuses[at] = RunBlock(deployment, data, (wave + b) * kBlock, cancellation, use, own);
    });
    for (const absl::Status& status : statuses) TORPOR_RETURN_IF_ERROR(status);
    for (const Recorder& own : recorders) sums.recorder->Merge(own);
    for (const Activity& own : activities) sums.activity->Add(own);
  }
  return absl::OkStatus();
}

}  // namespace torpor
