#include "engine/power/evaluate.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "engine/base/status.h"
#include "engine/energy/price.h"
#include "engine/energy/profiles.h"
#include "engine/learn/intervals.h"
#include "engine/power/sample_run.h"

namespace torpor {
namespace {

// Of the calibration error's bootstrap. The seed is fixed, so that equal figures have equal
// intervals.
constexpr int kResamples = 200;
constexpr uint64_t kBootstrapSeed = 0;

double Mean(const std::vector<double>& values) {
  double sum = 0;
  for (const double value : values) sum += value;
  return sum / static_cast<double>(values.size());
}

// A network that draws nothing at full power draws the same share of it, all, in every mode.
double Ratio(double power, double full) { return full > 0 ? power / full : 1; }

std::vector<double> PowersOf(const std::vector<SampleFigures>& figures) {
  std::vector<double> powers;
  powers.reserve(figures.size());
  for (const SampleFigures& figure : figures) powers.push_back(figure.synaptic_power);
  return powers;
}

void SetShare(int64_t count, int64_t n, double* value, Interval* interval) {
  *value = static_cast<double>(count) / static_cast<double>(n);
  *interval = WilsonInterval(count, n);
}

// What prices a deployment's activity: the profile that was asked for, or the family's own, if it
// has one.
absl::StatusOr<std::optional<v1::DeviceProfile>> DeviceOf(const Footprint& footprint,
                                                          const v1::DeviceProfile* profile) {
  if (profile != nullptr) return *profile;
  if (footprint.profile.empty()) return std::nullopt;
  return FindProfile(footprint.profile);
}

v1::Distribution DistributionOf(std::vector<double> values) {
  v1::Distribution distribution;
  distribution.set_mean(Mean(values));
  std::sort(values.begin(), values.end());
  const auto percentile = [&](int per_cent) {
    // The smallest value that so many per cent of the samples do not exceed.
    const size_t rank = (values.size() * static_cast<size_t>(per_cent) + 99) / 100;
    return values[std::max<size_t>(rank, 1) - 1];
  };
  distribution.set_p5(percentile(5));
  distribution.set_p50(percentile(50));
  distribution.set_p95(percentile(95));
  return distribution;
}

void SetSteps(const std::vector<SampleFigures>& figures, v1::PowerSweepRow& row) {
  std::vector<double> steps;
  for (const SampleFigures& figure : figures) {
    if (figure.steps == 0) return;
    steps.push_back(figure.steps);
  }
  *row.mutable_steps() = DistributionOf(std::move(steps));
}

void SetJoules(const std::vector<SampleFigures>& figures, v1::PowerSweepRow& row) {
  std::vector<double> joules;
  for (const SampleFigures& figure : figures) {
    if (!figure.joules.has_value()) return;
    joules.push_back(*figure.joules);
  }
  *row.mutable_joules() = DistributionOf(std::move(joules));
}

}  // namespace

absl::StatusOr<FullPowerReference> MeasureFullPower(const Deployment& full, const Dataset& data,
                                                    ThreadPool* pool,
                                                    const Cancellation& cancellation) {
  FullPowerReference reference;
  TORPOR_ASSIGN_OR_RETURN(
      const std::vector<SampleFigures> figures,
      RunSamples(full, data, pool, cancellation, {.recorder = &reference.recorder}));
  for (const SampleFigures& figure : figures) reference.classes.push_back(figure.klass);
  reference.powers = PowersOf(figures);
  reference.synaptic_power = Mean(reference.powers);
  reference.nominal_synaptic_power = full.NominalSynapticPower(reference.recorder);
  return reference;
}

absl::StatusOr<v1::PowerSweepRow> EvaluateMode(const Deployment& deployment,
                                               const FullPowerReference& full, const Dataset& data,
                                               ThreadPool* pool, const Cancellation& cancellation,
                                               const v1::DeviceProfile* profile) {
  TORPOR_CHECK(full.classes.size() == static_cast<size_t>(data.size()));
  TORPOR_ASSIGN_OR_RETURN(const std::optional<v1::DeviceProfile> device,
                          DeviceOf(deployment.footprint(), profile));
  std::optional<Pricer> pricer;
  if (device.has_value()) pricer.emplace(*device, deployment.footprint());
  Activity activity;
  TORPOR_ASSIGN_OR_RETURN(
      const std::vector<SampleFigures> figures,
      RunSamples(deployment, data, pool, cancellation,
                 {.activity = &activity, .pricer = pricer.has_value() ? &*pricer : nullptr}));
  const int64_t n = data.size();
  int64_t correct = 0;
  int64_t agreeing = 0;
  CalibrationError ece;
  std::vector<uint8_t> right;
  std::vector<double> losses;
  std::vector<double> probabilities;
  for (size_t i = 0; i < figures.size(); ++i) {
    right.push_back(figures[i].klass == data.label(static_cast<int64_t>(i)) ? 1 : 0);
    correct += right[i];
    agreeing += figures[i].klass == full.classes[i] ? 1 : 0;
    losses.push_back(figures[i].loss);
    probabilities.push_back(figures[i].probability);
    ece.Add(figures[i].probability, right[i] != 0);
  }
  TORPOR_ASSIGN_OR_RETURN(const double ece_error,
                          CalibrationStandardError(probabilities, right, kResamples, kBootstrapSeed,
                                                   pool, cancellation));
  v1::PowerSweepRow row;
  if (deployment.mode().has_epsilon()) row.set_epsilon(deployment.mode().epsilon());
  if (deployment.mode().has_bias()) row.set_bias(deployment.mode().bias());
  *row.mutable_power_mode() = deployment.mode();
  row.set_samples(n);

  double share = 0;
  Interval interval;
  SetShare(correct, n, &share, &interval);
  row.set_accuracy(share);
  row.set_accuracy_low(interval.low);
  row.set_accuracy_high(interval.high);
  SetShare(agreeing, n, &share, &interval);
  row.set_agreement(share);
  row.set_agreement_low(interval.low);
  row.set_agreement_high(interval.high);

  interval = MeanInterval(losses);
  row.set_loss(Mean(losses));
  row.set_loss_low(std::max(0.0, interval.low));
  row.set_loss_high(interval.high);

  interval = NormalInterval(ece.Value(), ece_error);
  row.set_ece(ece.Value());
  row.set_ece_low(std::max(0.0, interval.low));
  row.set_ece_high(std::min(1.0, interval.high));

  const std::vector<double> powers = PowersOf(figures);
  row.set_nasp(Ratio(Mean(powers), full.synaptic_power));
  interval = full.synaptic_power > 0 ? RatioInterval(powers, full.powers) : Interval{1, 1};
  row.set_nasp_low(std::max(0.0, interval.low));
  row.set_nasp_high(interval.high);
  row.set_nasp_nominal(
      Ratio(deployment.NominalSynapticPower(full.recorder), full.nominal_synaptic_power));

  SetSteps(figures, row);
  if (device.has_value()) {
    SetJoules(figures, row);
    *row.mutable_energy() =
        Price(ReportActivity(deployment.footprint(), MeanOf(activity, n), n), *device);
  }
  return row;
}

absl::StatusOr<double> MeasureNasp(const Deployment& deployment, const FullPowerReference& full,
                                   const Dataset& data, ThreadPool* pool,
                                   const Cancellation& cancellation) {
  TORPOR_ASSIGN_OR_RETURN(const std::vector<SampleFigures> figures,
                          RunSamples(deployment, data, pool, cancellation));
  return Ratio(Mean(PowersOf(figures)), full.synaptic_power);
}

}  // namespace torpor
