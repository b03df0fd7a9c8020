// Figures 2 and 3 of the paper: single neurons (study.h).
#include "absl/strings/str_cat.h"
#include "client/cli/errors.h"
#include "client/cli/neuron_plots.h"
#include "client/cli/reproduce/study.h"
#include "client/cli/rpc.h"
#include "torpor/v1/analysis.grpc.pb.h"

namespace torpor::cli::reproduce {
namespace {

struct Curve {
  const char* name;    // in ids
  const char* column;  // for people
  int look;
};
constexpr Curve kOptimal = {"true", "true optimum", 0};
constexpr Curve kTable = {"table", "Table I", 1};
constexpr Curve kTangent = {"tangent", "eq. 11 by quadrature", 2};

void AddBiasRow(Study& study, const recipe::NeuronBias& plan, const Curve& curve,
                const std::string& at, double x, double value) {
  const bool slope = at.empty();
  Place place;
  place.base_id = JoinId({plan.prefix(), slope ? "" : absl::StrCat("eps=", at),
                          absl::StrCat(slope ? "slope=" : "curve=", curve.name)});
  place.what =
      slope ? absl::StrCat(plan.title(), ": slope of the bias change at epsilon 1, ", curve.column)
            : absl::StrCat(plan.title(), ": bias change at epsilon ", at, ", ", curve.column);
  place.group = slope ? "slopes at epsilon 1" : plan.title();
  place.metric = slope ? "slope" : "bias change";
  place.line = slope ? plan.title() : at;
  place.column = curve.column;
  place.x = x;
  place.unit = Unit::kNumber;
  study.rows.Add(std::move(place), Value{value, {}, {}, 1});
}

Series Line(const Curve& curve) {
  Series series;
  series.name = curve.column;
  series.look = curve.look;
  return series;
}

absl::Status RunBias(Study& study, const recipe::NeuronBias& plan, int index) {
  CLI_ASSIGN_OR_RETURN(
      const v1::AnalyzeNeuronBiasResponse answer,
      Call<v1::AnalysisService>(study.context, &v1::AnalysisService::Stub::AnalyzeNeuronBias,
                                plan.request()));
  Series optimal = Line(kOptimal), table = Line(kTable), tangent = Line(kTangent);
  tangent.style = Series::Style::kLine;
  for (const auto& point : answer.points()) {
    const double x = point.epsilon();
    const std::string at = ShortNumber(x);
    AddBiasRow(study, plan, kOptimal, at, x, point.optimal_change());
    optimal.points.push_back({x, point.optimal_change(), {}, {}});
    if (point.has_table_change()) {
      AddBiasRow(study, plan, kTable, at, x, point.table_change());
      table.points.push_back({x, point.table_change(), {}, {}});
    }
    AddBiasRow(study, plan, kTangent, at, x, point.tangent_change());
    tangent.points.push_back({x, point.tangent_change(), {}, {}});
  }
  AddBiasRow(study, plan, kOptimal, "", std::nan(""), answer.optimal_slope());
  if (answer.has_table_slope()) {
    AddBiasRow(study, plan, kTable, "", std::nan(""), answer.table_slope());
  }
  AddBiasRow(study, plan, kTangent, "", std::nan(""), answer.tangent_slope());
  Drawing drawing;
  drawing.plot.name = absl::StrCat("bias-", index);
  drawing.plot.title = plan.title();
  drawing.plot.x.label = "epsilon: scale of the weights (1 = full power)";
  drawing.plot.y.label = "bias change (units of s)";
  // The last is on top, and Table I's is often the same as the tangent.
  drawing.plot.series = {tangent, table, optimal};
  drawing.caption =
      "The bias change that keeps the output nearest to the unscaled neuron's, and the paper's "
      "approximations, which touch it at epsilon 1.";
  study.drawings.push_back(std::move(drawing));
  return absl::OkStatus();
}

absl::Status RunTuning(Study& study, const recipe::NeuronTuning& plan, int index) {
  CLI_ASSIGN_OR_RETURN(
      const v1::AnalyzeNeuronTuningResponse answer,
      Call<v1::AnalysisService>(study.context, &v1::AnalysisService::Stub::AnalyzeNeuronTuning,
                                plan.request()));
  Drawing drawing;
  drawing.plot = NeuronTuningPlot(answer, plan.title());
  drawing.plot.name = absl::StrCat("tuning-", index);
  // As large as its neighbours on the page.
  drawing.plot.width = Plot().width;
  drawing.plot.y.label = "response (share of its peak)";
  drawing.plot.y.minimum = 0;
  drawing.plot.y.maximum = 1.05;
  drawing.plot.legend = "outside right center";
  drawing.caption =
      "Response over its peak; norms of input and weights 1, bias change by Table I unless said "
      "otherwise.";
  for (const auto& curve : answer.curves()) {
    const std::string at = ShortNumber(curve.epsilon());
    const auto add = [&](const std::string& name, const std::string& column,
                         const std::string& what, double value, Unit unit) {
      Place place;
      place.base_id =
          JoinId({plan.prefix(), absl::StrCat("eps=", at), absl::StrCat("metric=", name)});
      place.what = absl::StrCat(plan.title(), " at epsilon ", at, ": ", what);
      place.group = plan.title();
      place.metric = "tuning";
      place.line = at;
      place.column = column;
      place.x = curve.epsilon();
      place.unit = unit;
      study.rows.Add(std::move(place), Value{value, {}, {}, 1});
    };
    add("width", "full width at half maximum", "full width at half maximum", curve.width(),
        Unit::kDegree);
    add("floor", "smallest response / peak", "smallest response over peak", curve.floor(),
        Unit::kNumber);
    add("change", "bias change", "bias change", curve.bias_change(), Unit::kNumber);
  }
  study.drawings.push_back(std::move(drawing));
  return absl::OkStatus();
}

}  // namespace

absl::Status RunNeurons(Study& study) {
  int index = 0;
  for (const recipe::NeuronBias& plan : study.recipe.neuron_bias()) {
    CLI_RETURN_IF_ERROR(RunBias(study, plan, ++index));
  }
  for (const recipe::NeuronTuning& plan : study.recipe.neuron_tuning()) {
    CLI_RETURN_IF_ERROR(RunTuning(study, plan, ++index));
  }
  return absl::OkStatus();
}

}  // namespace torpor::cli::reproduce
