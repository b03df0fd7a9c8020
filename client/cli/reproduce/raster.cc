// What a network that learns a spike train makes of its sample (study.h).
#include "absl/strings/str_cat.h"
#include "client/cli/errors.h"
#include "client/cli/reproduce/figures.h"
#include "client/cli/reproduce/study.h"
#include "client/cli/sample_reader.h"
#include "client/cli/spike_stream.h"

namespace torpor::cli::reproduce {
namespace {

Series SeriesOf(const v1::SpikeTrain& spikes, const std::string& name, Series::Style style,
                int look) {
  Series series;
  series.name = name;
  series.style = style;
  series.look = look;
  for (int i = 0; i < spikes.step_size(); ++i) {
    series.points.push_back({static_cast<double>(spikes.step(i)),
                             static_cast<double>(spikes.index(i)), std::nullopt, std::nullopt});
  }
  return series;
}

Plot RasterPlot(const recipe::NetworkPlan& plan, const v1::SpikeTrain& target,
                const v1::SpikeTrain& output, int64_t units) {
  Plot plot = LegendBelow(absl::StrCat("raster-", plan.id()),
                          absl::StrCat(plan.title(), ": target and output"));
  plot.x.label = "step";
  plot.x.minimum = 0;
  plot.x.maximum = target.steps();
  plot.y.label = "output neuron";
  plot.y.minimum = 0;
  plot.y.maximum = static_cast<double>(units);
  plot.width = 520;
  plot.height = 560;
  plot.series = {SeriesOf(target, "target", Series::Style::kWideBars, 5),
                 SeriesOf(output, "output", Series::Style::kBars, 6)};
  return plot;
}

}  // namespace

absl::Status RunRaster(Study& study, const Trained& trained) {
  CLI_ASSIGN_OR_RETURN(
      const v1::ReadSamplesResponse sample,
      ReadSamples(study.context, trained.dataset, v1::Split::TEST, /*first=*/0, /*count=*/1));
  if (!sample.has_targets()) {
    return UsageError(absl::StrCat("samples of ", trained.dataset, " have labels, no targets"),
                      absl::StrCat("raster of network ", trained.plan.id()), "synthetic-pattern");
  }
  CLI_ASSIGN_OR_RETURN(const v1::SpikeTrain input, InputSpikes(sample, 0));
  CLI_ASSIGN_OR_RETURN(const v1::SpikeTrain target, TargetSpikes(sample, 0));
  CLI_ASSIGN_OR_RETURN(const std::string session, study.runner.SessionOf(trained.stage));
  SpikeStream stream(study.context);
  CLI_RETURN_IF_ERROR(stream.Open(session));
  CLI_ASSIGN_OR_RETURN(const v1::InferResponse response, stream.Send(input, /*reset=*/true));
  stream.Close();

  Drawing drawing;
  drawing.plot = RasterPlot(trained.plan, target, response.spikes(), sample.targets().shape(2));
  drawing.caption = absl::StrCat("Spikes of the network with seed 1 after training, ",
                                 response.spikes().step_size(), " of them, above the ",
                                 target.step_size(), " that they are to become.");
  study.drawings.push_back(std::move(drawing));
  return absl::OkStatus();
}

}  // namespace torpor::cli::reproduce
