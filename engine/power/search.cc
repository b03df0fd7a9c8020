#include "engine/power/search.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/base/status.h"
#include "engine/power/inverse.h"
#include "engine/power/mode_bench.h"

namespace torpor {
namespace {

// Of NASP, for what is found.
constexpr double kTolerance = 1e-8;
// Of the target, for sets that are compared: a thousandth of the power is not what decides.
constexpr double kCompareTolerance = 1e-3;
// ln of the ratio at which a layer stands at 1 whatever the first layer's epsilon is.
const double kAlone = -std::log(kSmallestEpsilon);
// Passes that an inversion takes, about: for the progress alone.
constexpr int kUsualPasses = 8;

std::vector<std::string> FreeLayers(const Model& model, const v1::PowerSearchSpec& spec) {
  std::vector<std::string> layers;
  const v1::NetworkDescription description = model.Describe();
  for (const v1::LayerDescription& layer : description.layers()) {
    if (layer.synapses() > 0 && !spec.base().layer_epsilon().contains(layer.name())) {
      layers.push_back(layer.name());
    }
  }
  return layers;
}

// A set of epsilons at the target, measured.
struct Candidate {
  // ln of each free layer's epsilon over the first's, before the clamp.
  std::vector<double> ratios;
  double factor = 0;  // ln of the common factor
  std::vector<double> epsilons;
  double noise_accuracy = 0;
  double loss = 0;

  bool BetterThan(const Candidate& other) const {
    if (noise_accuracy != other.noise_accuracy) return noise_accuracy > other.noise_accuracy;
    return loss < other.loss;
  }
};

class Search {
 public:
  Search(const Model& model, const v1::PowerSearchSpec& spec, const ModeBench& bench,
         const PowerProgress& progress)
      : spec_(spec),
        bench_(bench),
        progress_(progress),
        layers_(FreeLayers(model, spec)),
        noise_(PlanFor(spec.noise(), model)) {}

  absl::StatusOr<SearchResult> One();
  absl::StatusOr<SearchResult> ByLayer();

 private:
  v1::PowerMode ModeOf(const std::vector<double>& epsilons) const;
  std::vector<double> EpsilonsOf(const std::vector<double>& ratios, double factor) const;
  absl::StatusOr<Inverse> Solve(const std::vector<double>& ratios, double start,
                                double tolerance) const;
  // Null where the target is out of reach on this line, or the set was measured before.
  absl::StatusOr<std::optional<Candidate>> Measure(const std::vector<double>& ratios, double start);
  // Measures `ratios` and makes it the best if it is; says whether.
  absl::StatusOr<bool> Try(const std::vector<double>& ratios, Candidate& best);
  absl::Status Descend(double step, Candidate& best);
  absl::Status Unreachable(double floor) const;
  void Add(v1::PowerSweepRow row) {
    result_.rows.push_back(std::move(row));
    if (!progress_.on_row) return;
    progress_.on_row(static_cast<int>(result_.rows.size()), 0, result_.rows.back());
  }

  const v1::PowerSearchSpec& spec_;
  const ModeBench& bench_;
  const PowerProgress& progress_;
  const std::vector<std::string> layers_;
  const NoisePlan noise_;
  std::vector<std::vector<double>> measured_;
  SearchResult result_;
};

v1::PowerMode Search::ModeOf(const std::vector<double>& epsilons) const {
  v1::PowerMode mode = spec_.base();
  if (std::all_of(epsilons.begin(), epsilons.end(),
                  [&](double epsilon) { return epsilon == epsilons[0]; })) {
    mode.set_epsilon(epsilons[0]);
    return mode;
  }
  for (size_t l = 0; l < layers_.size(); ++l) {
    (*mode.mutable_layer_epsilon())[layers_[l]] = epsilons[l];
  }
  return mode;
}

std::vector<double> Search::EpsilonsOf(const std::vector<double>& ratios, double factor) const {
  std::vector<double> epsilons;
  for (const double ratio : ratios) {
    epsilons.push_back(std::clamp(std::exp(factor + ratio), kSmallestEpsilon, 1.0));
  }
  return epsilons;
}

absl::StatusOr<Inverse> Search::Solve(const std::vector<double>& ratios, double start,
                                      double tolerance) const {
  const auto [least, most] = std::minmax_element(ratios.begin(), ratios.end());
  InverseOptions options;
  // Where every layer stands at the smallest epsilon, and where every one stands at 1.
  options.low = std::log(kSmallestEpsilon) - *most;
  options.high = -*least;
  options.start = start;
  options.tolerance = tolerance;
  return Invert([&](double factor) { return bench_.Nasp(ModeOf(EpsilonsOf(ratios, factor))); },
                spec_.nasp(), options);
}

absl::Status Search::Unreachable(double floor) const {
  return WithHelp(
      WithReason(absl::OutOfRangeError(absl::StrCat("unreachable, floor ", floor)), "UNREACHABLE",
                 {{"floor", absl::StrCat(floor)}}),
      "Ask for a NASP of at least the floor, or take another bias policy or epsilon_by.");
}

absl::StatusOr<SearchResult> Search::One() {
  std::vector<double> asked;
  const auto curve = [&](double factor) -> absl::StatusOr<double> {
    asked.push_back(factor);
    TORPOR_ASSIGN_OR_RETURN(v1::PowerSweepRow row,
                            bench_.Measure(ModeOf(EpsilonsOf({0.0}, factor)), NoisePlan()));
    const double nasp = row.nasp();
    Add(std::move(row));
    return nasp;
  };
  InverseOptions options;
  options.low = std::log(kSmallestEpsilon);
  options.high = 0;
  options.start = std::log(spec_.nasp());
  options.tolerance = kTolerance;
  TORPOR_ASSIGN_OR_RETURN(const Inverse inverse, Invert(curve, spec_.nasp(), options));
  if (inverse.place == Inverse::Place::kBelowLow) return Unreachable(inverse.value);

  result_.found = ModeOf(EpsilonsOf({0.0}, inverse.argument));
  // Its row goes to the end, with what was left out on the way.
  const auto row = result_.rows.begin() +
                   (std::find(asked.begin(), asked.end(), inverse.argument) - asked.begin());
  TORPOR_CHECK(row != result_.rows.end());
  v1::PowerSweepRow last = std::move(*row);
  result_.rows.erase(row);
  TORPOR_RETURN_IF_ERROR(bench_.AddNoise(result_.found, noise_, last));
  Add(std::move(last));
  return std::move(result_);
}

absl::StatusOr<std::optional<Candidate>> Search::Measure(const std::vector<double>& ratios,
                                                         double start) {
  TORPOR_ASSIGN_OR_RETURN(const Inverse inverse,
                          Solve(ratios, start, kCompareTolerance * spec_.nasp()));
  if (inverse.place != Inverse::Place::kWithin) return std::optional<Candidate>();
  Candidate candidate;
  candidate.ratios = ratios;
  candidate.factor = inverse.argument;
  candidate.epsilons = EpsilonsOf(ratios, inverse.argument);
  for (const std::vector<double>& earlier : measured_) {
    bool same = true;
    for (size_t l = 0; l < earlier.size(); ++l) {
      // Closer than the comparison's tolerance moves them.
      same &= std::fabs(std::log(candidate.epsilons[l] / earlier[l])) < 2 * kCompareTolerance;
    }
    if (same) return std::optional<Candidate>();
  }
  measured_.push_back(candidate.epsilons);
  NoisePlan first_level = noise_;
  first_level.levels.resize(1);
  TORPOR_ASSIGN_OR_RETURN(v1::PowerSweepRow row,
                          bench_.Measure(ModeOf(candidate.epsilons), first_level));
  candidate.noise_accuracy = row.noise_accuracy(0).accuracy();
  candidate.loss = row.loss();
  Add(std::move(row));
  return std::optional<Candidate>(std::move(candidate));
}

absl::StatusOr<bool> Search::Try(const std::vector<double>& ratios, Candidate& best) {
  TORPOR_ASSIGN_OR_RETURN(std::optional<Candidate> candidate, Measure(ratios, best.factor));
  if (!candidate.has_value() || !candidate->BetterThan(best)) return false;
  best = *std::move(candidate);
  return true;
}

absl::Status Search::Descend(double step, Candidate& best) {
  for (size_t l = 1; l < layers_.size(); ++l) {
    for (const double direction : {step, -step}) {
      // From where the layer stands, which the clamp may have moved.
      const double epsilon = best.epsilons[l];
      if (direction > 0 ? epsilon >= 1 : epsilon <= kSmallestEpsilon) continue;
      std::vector<double> ratios = best.ratios;
      ratios[l] = std::log(epsilon / best.epsilons[0]) + direction;
      TORPOR_ASSIGN_OR_RETURN(const bool better, Try(ratios, best));
      if (better) break;
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<SearchResult> Search::ByLayer() {
  const std::vector<double> single(layers_.size(), 0.0);
  // Whether the target is in reach at all, before anything is compared.
  TORPOR_ASSIGN_OR_RETURN(const Inverse reach,
                          Solve(single, std::log(spec_.nasp()), kCompareTolerance * spec_.nasp()));
  if (reach.place == Inverse::Place::kBelowLow) return Unreachable(reach.value);
  if (reach.place == Inverse::Place::kAboveHigh || layers_.size() == 1) return One();

  TORPOR_ASSIGN_OR_RETURN(std::optional<Candidate> first, Measure(single, reach.argument));
  TORPOR_CHECK(first.has_value());
  Candidate best = *std::move(first);
  std::vector<double> alone(layers_.size(), kAlone);
  alone[0] = 0;
  TORPOR_RETURN_IF_ERROR(Try(alone, best).status());
  const double two = std::log(2.0);
  if (layers_.size() == 2) {
    for (const double ratio : {-2 * two, -two, two, 2 * two, 3 * two, 4 * two}) {
      TORPOR_RETURN_IF_ERROR(Try({0, ratio}, best).status());
    }
    for (const double step : {two / 2, two / 4}) TORPOR_RETURN_IF_ERROR(Descend(step, best));
  } else {
    for (const double step : {2 * two, two, two / 2}) TORPOR_RETURN_IF_ERROR(Descend(step, best));
  }

  TORPOR_ASSIGN_OR_RETURN(const Inverse inverse, Solve(best.ratios, best.factor, kTolerance));
  result_.found = ModeOf(EpsilonsOf(best.ratios, inverse.argument));
  TORPOR_ASSIGN_OR_RETURN(v1::PowerSweepRow row, bench_.Measure(result_.found, noise_));
  Add(std::move(row));
  return std::move(result_);
}

// Passes that a search makes, about.
double UsualPasses(const v1::PowerSearchSpec& spec, const NoisePlan& noise, size_t layers) {
  if (!spec.per_layer() || layers < 2) return 1 + kUsualPasses + noise.passes();
  const double sets = layers == 2 ? 12 : 2 + 4.5 * static_cast<double>(layers - 1);
  return 2 + 2 * kUsualPasses + noise.passes() + sets * (5 + noise.seeds);
}

}  // namespace

absl::Status CheckSearch(const Model& model, const v1::PowerSearchSpec& spec) {
  Violations violations;
  if (!(spec.nasp() > 0 && spec.nasp() <= 1)) {  // so written that NaN is refused
    violations.Add("nasp", absl::StrCat("must be in (0, 1], got ", spec.nasp()));
  }
  if (spec.base().has_epsilon()) {
    violations.Add("base.epsilon", "must not be set: it is what the search finds");
  }
  if (spec.base().bias() == v1::BiasPolicy::TUNED) {
    violations.Add("base.bias",
                   "TUNED stands for the epsilons of its tunings alone and has no curve to search; "
                   "sweep those instead");
  }
  if (spec.per_layer() && spec.noise().without()) {
    violations.Add("noise.without", "must not be set with per_layer, which chooses by noise");
  }
  if (spec.per_layer() && !spec.noise().without() && PlanFor(spec.noise(), model).levels.empty()) {
    violations.Add("noise.levels", "must name a level with per_layer, which chooses by noise");
  }
  if (FreeLayers(model, spec).empty()) {
    violations.Add("base.layer_epsilon", "must leave a layer whose epsilon can be found");
  }
  TORPOR_RETURN_IF_ERROR(violations.ToStatus());
  if (spec.per_layer() && !HasNoiseUnit(model)) {
    return WithHelp(WithReason(absl::FailedPreconditionError(
                                   "per_layer: the search chooses by accuracy under noise, whose "
                                   "unit this model does not have before it is calibrated"),
                               "CALIBRATION_REQUIRED"),
                    "Gather the statistics with `torpor job submit calibrate SESSION --dataset "
                    "NAME`.");
  }
  return absl::OkStatus();
}

absl::StatusOr<SearchResult> SearchPower(const Model& model, const v1::PowerSearchSpec& spec,
                                         const v1::Realisation& realisation, const Dataset& data,
                                         ThreadPool* pool, const Cancellation& cancellation,
                                         const PowerProgress& progress) {
  TORPOR_RETURN_IF_ERROR(CheckSearch(model, spec));
  const double usual =
      UsualPasses(spec, PlanFor(spec.noise(), model), FreeLayers(model, spec).size());
  double passes = 0;
  const auto after_pass = [&] {
    ++passes;
    // How many passes there will be is not known: nine tenths evenly, the rest ever more slowly.
    const double share = passes / usual;
    const double fraction = share < 0.9 ? share : 1 - 0.01 / (share - 0.8);
    if (progress.on_fraction) progress.on_fraction(fraction);
  };
  TORPOR_ASSIGN_OR_RETURN(
      const ModeBench bench,
      ModeBench::Create(model, spec.has_realisation() ? spec.realisation() : realisation, data,
                        pool, cancellation, after_pass));
  Search search(model, spec, bench, progress);
  return spec.per_layer() ? search.ByLayer() : search.One();
}

}  // namespace torpor
