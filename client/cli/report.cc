// torpor report create: measures a session over a grid of power modes and writes the result as one
// page. Selections are select_report.cc's.
#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "client/cli/command.h"
#include "client/cli/errors.h"
#include "client/cli/html.h"
#include "client/cli/job_run.h"
#include "client/cli/mode_rows.h"
#include "client/cli/plot.h"
#include "client/cli/report_page.h"
#include "client/cli/rpc.h"
#include "client/cli/select_report.h"
#include "client/cli/sweep_grid.h"
#include "client/cli/watch.h"
#include "torpor/v1/analysis.grpc.pb.h"
#include "torpor/v1/session.grpc.pb.h"

namespace torpor::cli {
namespace {

struct ReportFlags {
  std::string session, html;
  SweepGrid grid;
  bool csv = false;
  SubmitFlags submit;
};

absl::Status Create(Context& context, const ReportFlags& flags) {
  ReportInput input;
  // What is wrong with the words is said without a server.
  CLI_RETURN_IF_ERROR(ParseSweepGrid(flags.grid).status());
  CLI_ASSIGN_OR_RETURN(input.session, GetSession(context, flags.session));
  SweepGrid grid = flags.grid;
  FillSweepGrid(input.session, "none,table,homogeneous", grid);
  v1::JobSpec spec;
  spec.set_session(input.session.name());
  CLI_ASSIGN_OR_RETURN(*spec.mutable_power_sweep(), ParseSweepGrid(grid));
  const std::string path = flags.html.empty()
                               ? absl::StrCat("report-", ShortName(input.session.name()), ".html")
                               : flags.html;
  // A long job must not end at a page that cannot be drawn or written.
  CLI_RETURN_IF_ERROR(CheckWritable(path));
  CLI_RETURN_IF_ERROR(CheckPlotting());
  SubmitFlags submit = flags.submit;
  submit.wait = true;
  CLI_ASSIGN_OR_RETURN(input.job, SubmitJob(context, spec, submit));
  CLI_RETURN_IF_ERROR(JobOutcome(input.job));
  v1::AnalyzeWeightsRequest weights;
  weights.set_name(input.session.name());
  CLI_ASSIGN_OR_RETURN(
      input.weights,
      Call<v1::AnalysisService>(context, &v1::AnalysisService::Stub::AnalyzeWeights, weights));

  CLI_ASSIGN_OR_RETURN(const Report report, MakeReport(input));
  const std::string stem(absl::StripSuffix(path, ".html"));
  std::vector<std::string> written = {path};
  CLI_RETURN_IF_ERROR(WriteWholeFile(path, report.html));
  for (const auto& [suffix, content] : report.files) {
    written.push_back(stem + suffix);
    CLI_RETURN_IF_ERROR(WriteWholeFile(stem + suffix, content));
  }
  if (flags.csv) {
    context.out << ModeCsv(input.job);
  } else {
    std::vector<Json> rows;
    for (const std::string& file : written) rows.push_back({{"file", file}});
    PrintRows(context, {{"file", "written"}}, rows,
              {{"job", input.job.name()}, {"session", input.session.name()}, {"files", written}});
  }
  return absl::OkStatus();
}

}  // namespace

void AddReportCommand(CLI::App& root, Context& context) {
  CLI::App* report = AddNoun(root, "report", "Writes what was measured as one page.",
                             "torpor report create s1 --dataset fashion-mnist");
  AddReportSelect(*report, context);
  auto flags = std::make_shared<ReportFlags>();
  CLI::App* create = AddCommand(*report, "create",
                                "Runs a power sweep and writes an HTML page without script or "
                                "network, with SVG and CSV beside it.",
                                "torpor report create s1 --dataset fashion-mnist\n"
                                "torpor report create s1 --dataset mnist --epsilon 1,0.5,0.2,0.1 "
                                "--bias none,homogeneous --html mlp.html\n"
                                "torpor report create cores steps=16 margin=5,10,20,40 "
                                "--dataset mnist --html early.html",
                                context, [=, &context] { return Create(context, *flags); });
  create->add_option("session", flags->session, "the session")->required();
  create->add_option("levers", flags->grid.levers,
                     "lever=value for every mode, or lever=value,value,... for an axis of the grid "
                     "(torpor power get lists them)");
  create->add_option("--dataset", flags->grid.dataset, "name of a dataset (torpor dataset list)")
      ->required();
  create->add_option("--epsilon", flags->grid.epsilon,
                     "list or start:end:step; default 1,0.5,0.2,0.1,0.05; networks without "
                     "epsilon: powers of two of their steps");
  create->add_option("--bias", flags->grid.bias,
                     "list of policies; default none,table,homogeneous");
  create->add_option("--split", flags->grid.split, "test, train or validation; default test");
  create->add_option("--samples", flags->grid.samples, "first samples only; default all");
  create->add_option("--noise", flags->grid.noise,
                     "column noise that accuracy is also measured under; default 0.01,0.03; or "
                     "none");
  create->add_option("--html", flags->html, "the page; default report-SESSION.html");
  create->add_flag("--csv", flags->csv, "print the table as CSV instead of the names of the files");
  AddSubmitFlags(*create, flags->submit, false);
}

}  // namespace torpor::cli
