// torpor neuron: the bias that a scaled neuron needs, and how selective it stays.
#include <cmath>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "client/cli/command.h"
#include "client/cli/errors.h"
#include "client/cli/html.h"
#include "client/cli/job_run.h"
#include "client/cli/neuron_plots.h"
#include "client/cli/output.h"
#include "client/cli/plot.h"
#include "client/cli/power_mode.h"
#include "client/cli/rpc.h"
#include "torpor/v1/analysis.grpc.pb.h"

namespace torpor::cli {
namespace {

struct NeuronFlags {
  std::string activation = "relu";
  double mean = 0, stddev = 1, bias = 0;
  // "LOW,HIGH" instead of mean and deviation.
  std::string uniform;
  // A file of numbers instead of them.
  std::string samples;
  std::string epsilon;
  int angles = 0;
  bool unadjusted = false;
  std::string svg;
};

absl::StatusOr<v1::Activation::Kind> ParseActivation(const std::string& word) {
  std::vector<std::string> choices;
  for (const auto kind : {v1::Activation::LINEAR, v1::Activation::RELU, v1::Activation::SIGMOID,
                          v1::Activation::TANH, v1::Activation::STEP}) {
    choices.push_back(absl::AsciiStrToLower(v1::Activation::Kind_Name(kind)));
    if (absl::AsciiStrToLower(word) == choices.back()) return kind;
  }
  const std::string close = ClosestTo(word, choices);
  return UsageError(
      absl::StrCat("no such activation: `", word, "`"), "--activation",
      absl::StrCat("--activation ", close.empty() ? absl::StrJoin(choices, ", ") : close));
}

// Numbers separated by white space or commas.
absl::Status ReadSamples(Context& context, const std::string& path,
                         v1::PreActivation::Samples& samples) {
  constexpr size_t kMaxBytes = 64 << 20;
  std::ifstream file;
  if (path != "-") {
    file.open(path, std::ios::binary);
    if (!file) return UsageError("cannot be read", path, absl::StrCat("ls -l ", path));
  }
  std::istream& in = path == "-" ? context.in : file;
  std::string text;
  char block[1 << 16];
  while (in.read(block, sizeof block), in.gcount() > 0) {
    text.append(block, static_cast<size_t>(in.gcount()));
    if (text.size() > kMaxBytes) return UsageError("larger than 64 MiB", path);
  }
  for (const absl::string_view word :
       absl::StrSplit(text, absl::ByAnyChar(", \t\r\n"), absl::SkipEmpty())) {
    double value;
    if (!absl::SimpleAtod(word, &value)) {
      return UsageError(absl::StrCat("not a number: `", word.substr(0, 40), "`"), path,
                        "numbers separated by spaces, commas or lines");
    }
    samples.add_values(value);
  }
  return absl::OkStatus();
}

absl::Status ReadDistribution(Context& context, const NeuronFlags& flags,
                              v1::PreActivation& distribution) {
  if (!flags.uniform.empty() && !flags.samples.empty()) {
    return UsageError("the distribution of s is given twice", "--uniform, --samples",
                      "one of the two");
  }
  if (!flags.samples.empty()) {
    return ReadSamples(context, flags.samples, *distribution.mutable_samples());
  }
  if (!flags.uniform.empty()) {
    const std::vector<std::string> ends = absl::StrSplit(flags.uniform, ',');
    double low, high;
    if (ends.size() != 2 || !absl::SimpleAtod(ends[0], &low) || !absl::SimpleAtod(ends[1], &high)) {
      return UsageError(absl::StrCat("not LOW,HIGH: `", flags.uniform, "`"), "--uniform",
                        "--uniform=-1,2");
    }
    distribution.mutable_uniform()->set_low(low);
    distribution.mutable_uniform()->set_high(high);
    return absl::OkStatus();
  }
  distribution.mutable_normal()->set_mean(flags.mean);
  distribution.mutable_normal()->set_stddev(flags.stddev);
  return absl::OkStatus();
}

std::string DistributionText(const NeuronFlags& flags) {
  if (!flags.samples.empty()) return "measured s";
  if (!flags.uniform.empty()) return absl::StrCat("s uniform in ", flags.uniform);
  return absl::StrCat("s of mean ", flags.mean, " and deviation ", flags.stddev);
}

// Asked for before any work.
absl::Status CheckSvg(const std::string& path) {
  if (path.empty()) return absl::OkStatus();
  CLI_RETURN_IF_ERROR(CheckWritable(path));
  return CheckPlotting();
}

absl::Status WriteSvg(Context& context, const Plot& plot, const std::string& path) {
  if (path.empty()) return absl::OkStatus();
  CLI_ASSIGN_OR_RETURN(const std::string svg, RenderSvg(plot));
  CLI_RETURN_IF_ERROR(WriteWholeFile(path, StandaloneSvg(svg)));
  context.Note(absl::StrCat("figure: ", path));
  return absl::OkStatus();
}

absl::Status Bias(Context& context, const NeuronFlags& flags) {
  CLI_RETURN_IF_ERROR(CheckSvg(flags.svg));
  v1::AnalyzeNeuronBiasRequest request;
  CLI_ASSIGN_OR_RETURN(const v1::Activation::Kind activation, ParseActivation(flags.activation));
  request.set_activation(activation);
  request.set_bias(flags.bias);
  CLI_RETURN_IF_ERROR(ReadDistribution(context, flags, *request.mutable_pre_activation()));
  CLI_ASSIGN_OR_RETURN(const std::vector<double> epsilons, ParseGrid(flags.epsilon, "--epsilon"));
  request.mutable_epsilon()->Add(epsilons.begin(), epsilons.end());
  const absl::StatusOr<v1::AnalyzeNeuronBiasResponse> response =
      Call<v1::AnalysisService>(context, &v1::AnalysisService::Stub::AnalyzeNeuronBias, request);
  if (!response.ok()) return NameFlag(response.status());
  const Json whole = ToJson(*response);
  std::vector<Json> rows;
  for (const v1::AnalyzeNeuronBiasResponse::Point& point : response->points()) {
    rows.push_back(ToJson(point));
  }
  PrintRows(context,
            {{"epsilon"},
             {"optimal_change", "optimal", Cell::kNumber},
             {"table_change", "Table I", Cell::kNumber},
             {"tangent_change", "tangent", Cell::kNumber},
             {"optimal_error", "error: optimal", Cell::kNumber},
             {"table_error", "error: Table I", Cell::kNumber},
             {"unchanged_error", "error: unchanged", Cell::kNumber}},
            rows, whole);
  if (context.options.format == Format::kTable) {
    context.out << "\nslope at epsilon 1\n";
    PrintObject(context,
                {{"optimal_slope", "optimal", Cell::kNumber},
                 {"table_slope", "Table I", Cell::kNumber},
                 {"tangent_slope", "tangent (eq. 11)", Cell::kNumber}},
                whole);
  }
  return WriteSvg(
      context,
      NeuronBiasPlot(*response, absl::StrCat("Bias of a scaled ", flags.activation, " neuron, ",
                                             DistributionText(flags), ", bias ", flags.bias)),
      flags.svg);
}

absl::Status Tuning(Context& context, const NeuronFlags& flags) {
  CLI_RETURN_IF_ERROR(CheckSvg(flags.svg));
  v1::AnalyzeNeuronTuningRequest request;
  CLI_ASSIGN_OR_RETURN(const v1::Activation::Kind activation, ParseActivation(flags.activation));
  request.set_activation(activation);
  request.set_mean(flags.mean);
  request.set_stddev(flags.stddev);
  request.set_bias(flags.bias);
  request.set_angles(flags.angles);
  request.set_unadjusted(flags.unadjusted);
  CLI_ASSIGN_OR_RETURN(const std::vector<double> epsilons, ParseGrid(flags.epsilon, "--epsilon"));
  request.mutable_epsilon()->Add(epsilons.begin(), epsilons.end());
  const absl::StatusOr<v1::AnalyzeNeuronTuningResponse> response =
      Call<v1::AnalysisService>(context, &v1::AnalysisService::Stub::AnalyzeNeuronTuning, request);
  if (!response.ok()) return NameFlag(response.status());
  std::vector<Json> rows;
  for (const v1::AnalyzeNeuronTuningResponse::Curve& curve : response->curves()) {
    rows.push_back({{"epsilon", curve.epsilon()},
                    {"width", curve.width()},
                    {"floor", curve.floor()},
                    {"bias_change", curve.bias_change()}});
  }
  PrintRows(context,
            {{"epsilon"},
             {"width", "full width at half maximum (degree)", Cell::kNumber},
             {"floor", "least / peak", Cell::kNumber},
             {"bias_change", "change of the bias", Cell::kNumber}},
            rows, ToJson(*response));
  return WriteSvg(
      context,
      NeuronTuningPlot(*response, absl::StrCat("Tuning of a scaled ", flags.activation, " neuron",
                                               flags.unadjusted ? ", bias unadjusted" : "")),
      flags.svg);
}

}  // namespace

void AddNeuronCommands(CLI::App& root, Context& context) {
  CLI::App* neuron =
      AddNoun(root, "neuron", "Analyses single neurons: what scaled weights ask of a bias.",
              "torpor neuron bias --activation relu --mean -0.1 --stddev 0.25 --bias 0.7 --epsilon "
              "0:2:0.1\n"
              "torpor neuron tuning --activation relu --epsilon 1,0.5,0.2");
  auto flags = std::make_shared<NeuronFlags>();
  const auto add_common = [&](CLI::App* command, const std::string& epsilon) {
    command->add_option("--activation", flags->activation,
                        "linear, relu (default), sigmoid, tanh or step");
    command->add_option("--mean", flags->mean, "mean of the pre-activation s; default 0");
    command->add_option("--stddev", flags->stddev, "its standard deviation; default 1");
    command->add_option("--bias", flags->bias, "the trained bias; default 0");
    command->add_option("--epsilon", flags->epsilon, epsilon)->required();
    command->add_option("--svg", flags->svg, "draws the figure to this file too");
  };
  CLI::App* bias = AddCommand(
      *neuron, "bias", "The bias change that a scaled neuron needs: true, Table I, tangent.",
      "torpor neuron bias --activation relu --mean -0.1 --stddev 0.25 --bias 0.7 --epsilon 0:2:0.1",
      context, [=, &context] { return Bias(context, *flags); });
  add_common(bias, "list or start:end:step in [0, 4], e.g. 0:2:0.1");
  bias->add_option("--uniform", flags->uniform, "LOW,HIGH: s is uniform instead of normal");
  bias->add_option("--samples", flags->samples, "file of measured s instead; - is standard input");
  CLI::App* tuning =
      AddCommand(*neuron, "tuning", "Response against the angle between input and weights.",
                 "torpor neuron tuning --activation sigmoid --epsilon 1,0.5,0.2 --svg tuning.svg",
                 context, [=, &context] { return Tuning(context, *flags); });
  add_common(tuning, "list or start:end:step in (0, 1], e.g. 1,0.5,0.2");
  tuning->add_option("--angles", flags->angles, "points of each curve in JSON; default 361");
  tuning->add_flag("--unadjusted", flags->unadjusted, "leaves the bias as it is");
}

}  // namespace torpor::cli
