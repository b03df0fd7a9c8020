// Several ways to draw the same power, under column noise (study.h).
#include "absl/strings/str_cat.h"
#include "client/cli/errors.h"
#include "client/cli/reproduce/row_metrics.h"
#include "client/cli/reproduce/study.h"

namespace torpor::cli::reproduce {
namespace {

// A scheme at a target.
struct Point {
  double nasp;
  const recipe::Scheme& scheme;
};

std::string LevelText(double level) {
  return level > 0 ? absl::StrCat("column noise ", ShortNumber(100 * level), " %")
                   : "no column noise";
}

Place PlaceOf(const Trained& trained, const Point& point, const std::string& before,
              const std::string& after) {
  Place place;
  place.base_id =
      JoinId({trained.plan.prefix(), before, absl::StrCat("nasp=", ShortNumber(point.nasp)),
              absl::StrCat("mode=", point.scheme.name()), after});
  place.dataset = trained.dataset;
  place.line = ShortNumber(point.nasp);
  place.column = point.scheme.title();
  return place;
}

Place AccuracyPlace(const Trained& trained, const Point& point, double level) {
  Place place = PlaceOf(trained, point, absl::StrCat("noise=", ShortNumber(level)), "");
  place.group = absl::StrCat(GroupOf(trained), ", ", LevelText(level));
  place.metric = "accuracy";
  return place;
}

void AddAccuracy(Study& study, const Trained& trained, const Point& point, double level,
                 const Value& value) {
  Place place = AccuracyPlace(trained, point, level);
  place.what = absl::StrCat("accuracy under ", LevelText(level), " at NASP ",
                            ShortNumber(point.nasp), ", ", point.scheme.title());
  place.x = 100 * point.nasp;
  study.rows.Add(std::move(place), value);
}

void AddMode(Study& study, const Trained& trained, const Point& point,
             const v1::PowerSweepRow& row) {
  const auto add = [&](const std::string& name, const std::string& what, double value, Unit unit) {
    Place place = PlaceOf(trained, point, "", absl::StrCat("metric=", name));
    place.what =
        absl::StrCat(what, " at target NASP ", ShortNumber(point.nasp), ", ", point.scheme.title());
    place.group = GroupOf(trained);
    place.metric = name;
    place.unit = unit;
    study.rows.Add(std::move(place), Value{value, {}, {}, 1});
  };
  add("nasp", "NASP on the test samples", row.nasp(), Unit::kFraction);
  for (const v1::RateLayer& layer : trained.stage.network.rate().layers()) {
    if (layer.name().empty()) continue;
    const auto& by_layer = row.power_mode().layer_epsilon();
    const auto own = by_layer.find(layer.name());
    add(absl::StrCat("epsilon.", layer.name()), absl::StrCat("epsilon of layer ", layer.name()),
        own == by_layer.end() ? row.power_mode().epsilon() : own->second, Unit::kNumber);
  }
}

}  // namespace

absl::Status RunEqualPower(Study& study, const Trained& trained) {
  const recipe::EqualPower& plan = trained.plan.equal_power();
  v1::JobSpec spec;
  v1::PowerSweepSpec& sweep = *spec.mutable_power_sweep();
  sweep = NewSweep(trained, v1::Split::TEST, plan.samples());
  *sweep.mutable_noise() = plan.noise();
  std::vector<Point> points;
  for (const double nasp : plan.nasp()) {
    for (const recipe::Scheme& scheme : plan.schemes()) {
      const Point point{nasp, scheme};
      v1::JobSpec search_spec;
      v1::PowerSearchSpec& search = *search_spec.mutable_power_search();
      search.set_dataset(trained.train.dataset());
      search.set_nasp(nasp);
      *search.mutable_base() = scheme.base();
      search.set_per_layer(scheme.per_layer());
      search.mutable_realisation();
      if (scheme.per_layer()) {
        *search.mutable_noise() = plan.noise();
      } else {
        search.mutable_noise()->set_without(true);
      }
      const absl::StatusOr<v1::Job> found = study.runner.Run(trained.stage, search_spec);
      if (!found.ok()) {
        // A target below the scheme's floor is an answer, not an end. Others are.
        if (!absl::IsUnknown(found.status()) ||
            found.status().message().find("nreachable") == absl::string_view::npos) {
          return found.status();
        }
        for (const double level : plan.noise().levels()) {
          Place place = AccuracyPlace(trained, point, level);
          place.what = absl::StrCat("accuracy under ", LevelText(level), ", ", scheme.title());
          study.rows.AddError(std::move(place), std::string(found.status().message()));
        }
        continue;
      }
      *sweep.add_modes() = found->found_mode();
      points.push_back(point);
    }
  }
  CLI_ASSIGN_OR_RETURN(const v1::Job job, study.runner.Run(trained.stage, spec));
  if (static_cast<size_t>(job.rows_size()) != points.size()) {
    return WorkFailed("the sweep has not one row a mode", job.name());
  }
  for (size_t i = 0; i < points.size(); ++i) {
    const v1::PowerSweepRow& row = job.rows(static_cast<int>(i));
    if (row.has_error()) return WorkFailed(row.error().message(), job.name());
    AddAccuracy(study, trained, points[i], 0,
                OfInterval(row.accuracy(), row.accuracy_low(), row.accuracy_high()));
    for (const v1::NoiseAccuracy& noise : row.noise_accuracy()) {
      Value value = OfInterval(noise.accuracy(), noise.low(), noise.high());
      value.repetitions = noise.seeds();
      AddAccuracy(study, trained, points[i], noise.level(), value);
    }
    AddMode(study, trained, points[i], row);
  }
  return absl::OkStatus();
}

}  // namespace torpor::cli::reproduce
