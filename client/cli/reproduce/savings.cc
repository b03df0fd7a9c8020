// The least power that keeps accuracy, with epsilon chosen on held-out training samples (study.h).
#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "client/cli/errors.h"
#include "client/cli/reproduce/figures.h"
#include "client/cli/reproduce/row_metrics.h"
#include "client/cli/reproduce/study.h"

namespace torpor::cli::reproduce {
namespace {

// A job measures so many epsilons at a time; the scan ends at the first that loses too much.
constexpr int kChunk = 12;

// A policy's scan on the held-out samples, and what it chose.
struct Scan {
  std::string name;
  v1::BiasPolicy::Kind bias;
  Stage stage;
  // Large to small, measured.
  std::vector<v1::PowerSweepRow> rows;
  double chosen = 1;
};

// Rows and drawings of the saving stand under it.
std::string TitleOf(const Trained& trained, const recipe::Saving& saving) {
  return absl::StrCat(GroupOf(trained), saving.title().empty() ? "" : ", ", saving.title());
}

// Under the saving's noise where it has one.
Value AccuracyValue(const v1::PowerSweepRow& row, const recipe::Saving& saving) {
  if (saving.column_noise() > 0 && !row.noise_accuracy().empty()) {
    const v1::NoiseAccuracy& noise = row.noise_accuracy(0);
    return OfInterval(noise.accuracy(), noise.low(), noise.high());
  }
  return OfInterval(row.accuracy(), row.accuracy_low(), row.accuracy_high());
}

double AccuracyOf(const v1::PowerSweepRow& row, const recipe::Saving& saving) {
  return AccuracyValue(row, saving).value;
}

v1::JobSpec SweepSpec(const Trained& trained, const recipe::Saving& saving, v1::Split::Kind split,
                      int64_t samples) {
  v1::JobSpec spec;
  *spec.mutable_power_sweep() = NewSweep(trained, split, samples);
  if (saving.column_noise() > 0) {
    v1::NoiseSpec& noise = *spec.mutable_power_sweep()->mutable_noise();
    noise.clear_without();
    noise.add_levels(saving.column_noise());
    noise.set_seeds(saving.noise_seeds());
  }
  return spec;
}

absl::StatusOr<std::vector<v1::PowerSweepRow>> Measure(Study& study, const Trained& trained,
                                                       const recipe::Saving& saving,
                                                       const Scan& scan,
                                                       const std::vector<double>& epsilons) {
  v1::JobSpec spec =
      SweepSpec(trained, saving, v1::Split::VALIDATION, trained.train.validation_samples());
  spec.mutable_power_sweep()->mutable_epsilon()->Assign(epsilons.begin(), epsilons.end());
  spec.mutable_power_sweep()->add_bias(scan.bias);
  CLI_ASSIGN_OR_RETURN(const v1::Job job, study.runner.Run(scan.stage, spec));
  return std::vector<v1::PowerSweepRow>(job.rows().begin(), job.rows().end());
}

// Goes down the grid until accuracy falls below `least`.
absl::Status Choose(Study& study, const Trained& trained, const recipe::Saving& saving,
                    const std::vector<double>& grid, double least, Scan& scan) {
  for (size_t at = 0; at < grid.size(); at += kChunk) {
    const size_t end = std::min(grid.size(), at + kChunk);
    CLI_ASSIGN_OR_RETURN(const std::vector<v1::PowerSweepRow> rows,
                         Measure(study, trained, saving, scan,
                                 std::vector<double>(grid.begin() + at, grid.begin() + end)));
    for (const v1::PowerSweepRow& row : rows) {
      if (row.has_error()) {
        return WorkFailed(absl::StrCat("bias ", scan.name, " at epsilon ", row.epsilon(), ": ",
                                       row.error().message()),
                          "savings");
      }
      scan.rows.push_back(row);
      if (AccuracyOf(row, saving) < least) return absl::OkStatus();
      scan.chosen = row.epsilon();
    }
  }
  return absl::OkStatus();
}

struct Figure {
  const char* metric;  // "" for the row's main figure
  const char* column;
  const char* what;
  Unit unit;
  Value value;
};

void AddRows(Study& study, const Trained& trained, const recipe::Saving& saving, const Scan& scan,
             const v1::PowerSweepRow& full, const v1::PowerSweepRow& row) {
  const std::string group = TitleOf(trained, saving);
  const Figure figures[] = {
      {"", "saving", "saving of synaptic power", Unit::kFraction,
       OfInterval(1 - row.nasp(), 1 - row.nasp_high(), 1 - row.nasp_low())},
      {"saving_nominal", "saving, nominal", "saving of synaptic power, hidden inputs of full power",
       Unit::kFraction, OfInterval(1 - row.nasp_nominal(), 0, 0)},
      {"epsilon", "epsilon", "epsilon chosen on held-out samples", Unit::kNumber,
       OfInterval(scan.chosen, 0, 0)},
      {"nasp", "NASP", "NASP", Unit::kFraction,
       OfInterval(row.nasp(), row.nasp_low(), row.nasp_high())},
      {"nasp_nominal", "NASP, nominal", "NASP, hidden inputs of full power", Unit::kFraction,
       OfInterval(row.nasp_nominal(), 0, 0)},
      {"accuracy", "test accuracy", "test accuracy", Unit::kFraction, AccuracyValue(row, saving)},
      {"loss_of_accuracy", "accuracy lost", "test accuracy lost against full power",
       Unit::kFraction, OfInterval(AccuracyOf(full, saving) - AccuracyOf(row, saving), 0, 0)},
  };
  for (const Figure& figure : figures) {
    Place place;
    place.base_id =
        JoinId({trained.plan.prefix(), saving.prefix(), absl::StrCat("bias=", scan.name),
                *figure.metric == '\0' ? "" : absl::StrCat("metric=", figure.metric)});
    place.dataset = trained.dataset;
    place.what = absl::StrCat(figure.what, ", ", group, ", bias ", scan.name);
    place.group = group;
    place.metric = "savings";
    place.line = scan.name;
    place.column = figure.column;
    place.unit = figure.unit;
    study.rows.Add(std::move(place), figure.value);
  }
}

// What the choice was made from: accuracy on the held-out samples against power.
void Draw(Study& study, const Trained& trained, const recipe::Saving& saving,
          const std::vector<Scan>& scans, double least) {
  Drawing drawing;
  Plot& plot = drawing.plot;
  plot = LegendBelow(absl::StrCat("savings-", trained.plan.id(), "-", trained.dataset,
                                  saving.column_noise() > 0 ? "-noise" : ""),
                     TitleOf(trained, saving));
  double highest = 0, leftmost = 100;
  for (const Scan& scan : scans) {
    Series series;
    series.name = scan.name;
    series.look = scan.bias - v1::BiasPolicy::NONE;
    for (const v1::PowerSweepRow& row : scan.rows) {
      const double x = 100 * row.nasp(), y = 100 * AccuracyOf(row, saving);
      series.points.push_back({x, y, std::nullopt, std::nullopt});
      highest = std::max(highest, y);
      leftmost = std::min(leftmost, x);
    }
    plot.series.push_back(std::move(series));
  }
  const double left = leftmost * 0.9, right = 105;
  plot.x = NaspAxis(left, right);
  plot.y.label = "accuracy on held-out samples (%)";
  plot.y.minimum = std::floor(100 * least - 1.5);
  plot.y.maximum = std::min(100.0, std::ceil(highest) + 1);
  Series bound;
  bound.name = "least that is allowed";
  bound.style = Series::Style::kLine;
  bound.look = 6;
  bound.points = {{left, 100 * least, {}, {}}, {right, 100 * least, {}, {}}};
  plot.series.push_back(std::move(bound));
  drawing.caption = absl::StrCat(
      "Each policy goes down its grid of epsilons until accuracy on the ",
      trained.train.validation_samples(),
      " held-out training samples falls below the line; the last point above it is taken to the "
      "test samples. Training seed ",
      trained.seed, ".");
  study.drawings.push_back(std::move(drawing));
}

}  // namespace

absl::Status RunSaving(Study& study, const Trained& trained, const recipe::Saving& saving) {
  std::vector<double> grid;
  for (double epsilon = 1; epsilon >= saving.floor(); epsilon *= saving.ratio()) {
    grid.push_back(epsilon);
  }
  Scan full{"none", v1::BiasPolicy::NONE, trained.stage, {}, 1};
  CLI_ASSIGN_OR_RETURN(full.rows, Measure(study, trained, saving, full, {1}));
  if (full.rows.empty() || full.rows[0].has_error()) {
    return WorkFailed("full power could not be measured", "savings");
  }
  const double least = AccuracyOf(full.rows[0], saving) - saving.allowed_loss();

  std::vector<Scan> scans;
  for (const int bias : saving.bias()) {
    const auto kind = static_cast<v1::BiasPolicy::Kind>(bias);
    scans.push_back({PolicyLabel(kind, ""), kind, trained.stage, {}, 1});
    CLI_RETURN_IF_ERROR(Choose(study, trained, saving, grid, least, scans.back()));
  }
  for (const recipe::Tuning& tuning : saving.tunings()) {
    CLI_ASSIGN_OR_RETURN(const Stage tuned, Tune(study, trained, tuning, saving.tuned_epsilon()));
    scans.push_back({tuning.name(), v1::BiasPolicy::TUNED, tuned, {}, 1});
    CLI_RETURN_IF_ERROR(
        Choose(study, trained, saving,
               std::vector<double>(saving.tuned_epsilon().begin(), saving.tuned_epsilon().end()),
               least, scans.back()));
  }
  for (const Scan& scan : scans) {
    v1::JobSpec spec = SweepSpec(trained, saving, v1::Split::TEST, saving.samples());
    v1::PowerSweepSpec& sweep = *spec.mutable_power_sweep();
    sweep.add_modes()->set_epsilon(1);
    v1::PowerMode& mode = *sweep.add_modes();
    mode.set_epsilon(scan.chosen);
    mode.set_bias(scan.bias);
    CLI_ASSIGN_OR_RETURN(const v1::Job job, study.runner.Run(scan.stage, spec));
    if (job.rows_size() != 2 || job.rows(0).has_error() || job.rows(1).has_error()) {
      return WorkFailed(absl::StrCat("bias ", scan.name, " could not be measured on test samples"),
                        job.name());
    }
    AddRows(study, trained, saving, scan, job.rows(0), job.rows(1));
  }
  if (trained.seed == 1) Draw(study, trained, saving, scans, least);
  return absl::OkStatus();
}

}  // namespace torpor::cli::reproduce
