// How the weights and biases of a recipe's networks are distributed (study.h).
#include "absl/strings/str_cat.h"
#include "client/cli/errors.h"
#include "client/cli/reproduce/row_metrics.h"
#include "client/cli/reproduce/study.h"
#include "client/cli/rpc.h"
#include "client/cli/weight_plots.h"
#include "torpor/v1/analysis.grpc.pb.h"

namespace torpor::cli::reproduce {
namespace {

void AddShares(Study& study, const Trained& trained, const std::string& layer,
               const std::string& kind, const v1::Histogram& histogram) {
  const std::vector<double> shares = SharesOf(histogram);
  for (int i = 0; i < histogram.value_size(); ++i) {
    const std::string value = ShortNumber(histogram.value(i));
    Place place;
    place.base_id = JoinId(
        {trained.plan.prefix(), absl::StrCat("layer=", layer), absl::StrCat(kind, "=", value)});
    place.dataset = trained.dataset;
    place.what =
        absl::StrCat("share of ", kind, " ", value, " in ", layer, " of ", trained.plan.title());
    place.group = trained.dataset;
    place.metric = absl::StrCat("share of each ", kind);
    place.line = value;
    place.x = histogram.value(i);
    place.ascending = true;
    place.column = JoinId({trained.plan.prefix(), layer});
    study.rows.Add(std::move(place), OfInterval(shares[static_cast<size_t>(i)], 0, 0));
  }
}

}  // namespace

absl::Status RunWeights(Study& study, const Trained& trained) {
  v1::AnalyzeWeightsRequest request;
  request.set_name(trained.stage.model);
  CLI_ASSIGN_OR_RETURN(const v1::WeightAnalysis analysis,
                       Call<v1::AnalysisService>(
                           study.context, &v1::AnalysisService::Stub::AnalyzeWeights, request));
  for (const v1::LayerWeights& layer : analysis.layers()) {
    // Of continuous weights there are pictures alone: their bins are not those of another seed.
    if (layer.weights().width() == 0) {
      AddShares(study, trained, layer.name(), "weight", layer.weights());
      AddShares(study, trained, layer.name(), "bias", layer.biases());
    }
  }
  if (trained.seed != 1) return absl::OkStatus();
  for (Plot& plot :
       WeightPlots(analysis, absl::StrCat(trained.plan.id(), "-"), trained.plan.title())) {
    study.drawings.push_back({std::move(plot), "Of the training with seed 1, a curve a layer."});
  }
  return absl::OkStatus();
}

}  // namespace torpor::cli::reproduce
