#include "client/cli/demo_table.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "client/cli/report_plots.h"

namespace torpor::cli {
namespace {

double Share(int64_t part, int64_t whole) {
  return whole > 0 ? static_cast<double>(part) / static_cast<double>(whole) : 0;
}

}  // namespace

double DemoRow::accuracy() const { return Share(figures.correct, figures.samples); }
double DemoRow::agreement() const { return Share(figures.agreeing, figures.samples); }

std::string DemoTableHeader() {
  return absl::StrFormat("%8s  %-11s  %9s  %8s  %10s  %9s  %9s  %9s", "epsilon", "bias", "accuracy",
                         "loss", "agreement", "NASP", "images/s", "p99 [ms]");
}

std::string DemoTableLine(const DemoRow& row) {
  return absl::StrFormat("%8.4g  %-11s  %7.2f %%  %8.4f  %8.2f %%  %7.2f %%  %9.0f  %9.2f",
                         row.epsilon, PolicyName(row.bias), 100 * row.accuracy(), row.figures.loss,
                         100 * row.agreement(), 100 * row.figures.nasp,
                         row.figures.images_per_second, row.figures.latency_p99_ms);
}

std::string DemoProgressLine(double epsilon, v1::BiasPolicy::Kind bias, int64_t answered,
                             int64_t all) {
  constexpr int kWidth = 20;
  const double share = std::clamp(Share(answered, all), 0.0, 1.0);
  const int full = static_cast<int>(share * kWidth);
  return absl::StrFormat("%8.4g  %-11s  streaming [%s%s] %3.0f %%", epsilon, PolicyName(bias),
                         std::string(full, '#'), std::string(kWidth - full, '.'), 100 * share);
}

Json DemoRowJson(const DemoRow& row) {
  return {{"epsilon", row.epsilon},
          {"bias", PolicyName(row.bias)},
          {"accuracy", row.accuracy()},
          {"loss", row.figures.loss},
          {"agreement", row.agreement()},
          {"nasp", row.figures.nasp},
          {"meter_nasp", row.figures.meter_nasp},
          {"samples", row.figures.samples},
          {"images_per_second", row.figures.images_per_second},
          {"latency_p50_ms", row.figures.latency_p50_ms},
          {"latency_p99_ms", row.figures.latency_p99_ms},
          {"generation", row.figures.generation},
          {"prepare_ms", row.prepare_ms},
          {"swap_ms", row.swap_ms},
          {"switch_ms", 1e3 * (row.switch_end_s - row.switch_begin_s)}};
}

v1::PowerSweepRow ToSweepRow(const DemoRow& row) {
  v1::PowerSweepRow out;
  out.set_epsilon(row.epsilon);
  out.set_bias(row.bias);
  out.set_accuracy(row.accuracy());
  out.set_loss(row.figures.loss);
  out.set_agreement(row.agreement());
  out.set_nasp(row.figures.nasp);
  out.set_samples(row.figures.samples);
  double low = 0, high = 0;
  WilsonInterval(row.figures.correct, row.figures.samples, &low, &high);
  out.set_accuracy_low(low);
  out.set_accuracy_high(high);
  WilsonInterval(row.figures.agreeing, row.figures.samples, &low, &high);
  out.set_agreement_low(low);
  out.set_agreement_high(high);
  return out;
}

}  // namespace torpor::cli
