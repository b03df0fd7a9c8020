#include "engine/power/evaluate.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/base/status.h"

namespace torpor {
namespace {

// Samples of a block: fixed, since a deployment's bits may depend on how many samples it runs
// together.
constexpr int64_t kBlock = 256;
// Blocks whose recorders are held at once.
constexpr int64_t kWave = 16;

// What one sample did.
struct SampleFigures {
  int32_t klass = 0;
  double synaptic_power = 0;
  double loss = 0;
  double probability = 0;
};

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

absl::Status RunBlock(const Deployment& deployment, const Dataset& data, int64_t first,
                      int64_t count, const Cancellation& cancellation, Recorder* recorder,
                      std::span<SampleFigures> figures) {
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
  for (size_t i = 0; i < n; ++i) {
    const int32_t label = data.label(first + static_cast<int64_t>(i));
    const Quantity power = results[i].activity.Total(&LayerActivity::synaptic_power);
    TORPOR_CHECK(power.counted());
    figures[i] = {.klass = ClassOf(results[i].scores),
                  .synaptic_power = power.value(),
                  .loss = SampleLoss(deployment.read_out(), results[i].scores, label),
                  .probability = WinningProbability(deployment.read_out(), results[i].scores)};
  }
  return absl::OkStatus();
}

// The figures of all samples, in order; recordings are added to `recorder` unless it is null.
absl::StatusOr<std::vector<SampleFigures>> RunAll(const Deployment& deployment, const Dataset& data,
                                                  ThreadPool* pool,
                                                  const Cancellation& cancellation,
                                                  Recorder* recorder) {
  TORPOR_RETURN_IF_ERROR(CheckData(deployment, data));
  std::vector<SampleFigures> figures(static_cast<size_t>(data.size()));
  const int64_t blocks = (data.size() + kBlock - 1) / kBlock;
  for (int64_t wave = 0; wave < blocks; wave += kWave) {
    const int64_t held = std::min(kWave, blocks - wave);
    std::vector<Recorder> recorders(static_cast<size_t>(held));
    std::vector<absl::Status> statuses(static_cast<size_t>(held));
    pool->ParallelFor(static_cast<int>(held), [&](int i) {
      const int64_t first = (wave + i) * kBlock;
      const int64_t count = std::min(kBlock, data.size() - first);
      statuses[static_cast<size_t>(i)] = RunBlock(
          deployment, data, first, count, cancellation,
          recorder == nullptr ? nullptr : &recorders[static_cast<size_t>(i)],
          std::span(figures).subspan(static_cast<size_t>(first), static_cast<size_t>(count)));
    });
    for (const absl::Status& status : statuses) TORPOR_RETURN_IF_ERROR(status);
    if (recorder == nullptr) continue;
    for (const Recorder& own : recorders) recorder->Merge(own);
  }
  return figures;
}

double MeanPower(const std::vector<SampleFigures>& figures) {
  double sum = 0;
  for (const SampleFigures& figure : figures) sum += figure.synaptic_power;
  return sum / static_cast<double>(figures.size());
}

// A network that draws nothing at full power draws the same share of it, all, in every mode.
double Ratio(double power, double full) { return full > 0 ? power / full : 1; }

}  // namespace

absl::StatusOr<FullPowerReference> MeasureFullPower(const Deployment& full, const Dataset& data,
                                                    ThreadPool* pool,
                                                    const Cancellation& cancellation) {
  FullPowerReference reference;
  TORPOR_ASSIGN_OR_RETURN(const std::vector<SampleFigures> figures,
                          RunAll(full, data, pool, cancellation, &reference.recorder));
  for (const SampleFigures& figure : figures) reference.classes.push_back(figure.klass);
  reference.synaptic_power = MeanPower(figures);
  reference.nominal_synaptic_power = full.NominalSynapticPower(reference.recorder);
  return reference;
}

absl::StatusOr<v1::PowerSweepRow> EvaluateMode(const Deployment& deployment,
                                               const FullPowerReference& full, const Dataset& data,
                                               ThreadPool* pool, const Cancellation& cancellation) {
  TORPOR_CHECK(full.classes.size() == static_cast<size_t>(data.size()));
  TORPOR_ASSIGN_OR_RETURN(const std::vector<SampleFigures> figures,
                          RunAll(deployment, data, pool, cancellation, nullptr));
  int64_t correct = 0;
  int64_t agreeing = 0;
  double loss = 0;
  CalibrationError ece;
  for (size_t i = 0; i < figures.size(); ++i) {
    const bool right = figures[i].klass == data.label(static_cast<int64_t>(i));
    correct += right ? 1 : 0;
    agreeing += figures[i].klass == full.classes[i] ? 1 : 0;
    loss += figures[i].loss;
    ece.Add(figures[i].probability, right);
  }
  const int64_t n = data.size();
  const Interval accuracy = WilsonInterval(correct, n);
  const Interval agreement = WilsonInterval(agreeing, n);
  v1::PowerSweepRow row;
  row.set_epsilon(deployment.mode().epsilon());
  row.set_bias(deployment.mode().bias());
  row.set_accuracy(static_cast<double>(correct) / static_cast<double>(n));
  row.set_accuracy_low(accuracy.low);
  row.set_accuracy_high(accuracy.high);
  row.set_loss(loss / static_cast<double>(n));
  row.set_ece(ece.Value());
  row.set_agreement(static_cast<double>(agreeing) / static_cast<double>(n));
  row.set_agreement_low(agreement.low);
  row.set_agreement_high(agreement.high);
  row.set_nasp(Ratio(MeanPower(figures), full.synaptic_power));
  row.set_nasp_nominal(
      Ratio(deployment.NominalSynapticPower(full.recorder), full.nominal_synaptic_power));
  row.set_samples(n);
  return row;
}

absl::StatusOr<std::vector<v1::PowerSweepRow>> SweepPower(
    const Model& model, const v1::PowerSweepSpec& spec, const v1::Realisation& realisation,
    const Dataset& data, ThreadPool* pool, const Cancellation& cancellation,
    const std::function<void(int done, int total, const v1::PowerSweepRow& row)>& on_row) {
  if (spec.epsilon().empty() || spec.epsilon_size() > 1000) {
    return FieldError("epsilon",
                      absl::StrCat("must have 1..1000 values, has ", spec.epsilon_size()));
  }
  const v1::Realisation& chip = spec.has_realisation() ? spec.realisation() : realisation;
  TORPOR_ASSIGN_OR_RETURN(const std::shared_ptr<const Deployment> at_full,
                          model.Deploy(v1::PowerMode(), chip));
  TORPOR_ASSIGN_OR_RETURN(const FullPowerReference full,
                          MeasureFullPower(*at_full, data, pool, cancellation));
  std::vector<v1::BiasPolicy::Kind> policies;
  for (int policy : spec.bias()) policies.push_back(static_cast<v1::BiasPolicy::Kind>(policy));
  if (policies.empty()) policies.push_back(v1::BiasPolicy::NONE);

  const int total = spec.epsilon_size() * static_cast<int>(policies.size());
  std::vector<v1::PowerSweepRow> rows;
  for (double epsilon : spec.epsilon()) {
    for (v1::BiasPolicy::Kind policy : policies) {
      v1::PowerMode mode;
      mode.set_epsilon(epsilon);
      mode.set_bias(policy);
      v1::PowerSweepRow row;
      if (auto deployment = model.Deploy(mode, chip); deployment.ok()) {
        TORPOR_ASSIGN_OR_RETURN(row, EvaluateMode(**deployment, full, data, pool, cancellation));
      } else {
        row.set_epsilon(epsilon);
        row.set_bias(policy);
        *row.mutable_error() = ToProto(deployment.status());
      }
      rows.push_back(row);
      if (on_row) on_row(static_cast<int>(rows.size()), total, row);
    }
  }
  return rows;
}

}  // namespace torpor
