#include "client/cli/select_report.h"

#include <algorithm>
#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "client/cli/command.h"
#include "client/cli/energy_ledger.h"
#include "client/cli/errors.h"
#include "client/cli/html.h"
#include "client/cli/plot.h"
#include "client/cli/report_plots.h"
#include "client/cli/rpc.h"
#include "client/cli/select_plots.h"
#include "client/cli/select_rows.h"
#include "client/cli/watch.h"
#include "torpor/v1/job.grpc.pb.h"

namespace torpor::cli {
namespace {

// The candidate that all memory is compared with, in its own storage.
const v1::SelectArm* ReferenceArm(const v1::Job& job) {
  for (const v1::SelectArm& arm : job.arms()) {
    if (!arm.has_storage() && arm.candidate() == job.spec().select().reference()) return &arm;
  }
  return nullptr;
}

const v1::SelectArm* ChosenArm(const v1::Job& job) {
  const auto found = std::ranges::find_if(job.arms(), [](const auto& arm) { return arm.chosen(); });
  return found == job.arms().end() ? nullptr : &*found;
}

void AddFigures(const v1::Job& job, HtmlPage& page) {
  const v1::SelectArm* chosen = ChosenArm(job);
  const v1::SelectArm* reference = ReferenceArm(job);
  if (chosen == nullptr) return;
  std::vector<std::pair<std::string, std::string>> figures = {
      {ArmText(*chosen), job.limits_verdict().empty() ? "is the most accurate"
                                                      : "is best, or nearest, under the limits"},
      {Percent(chosen->accuracy()),
       absl::StrCat("accuracy, 95 %: ",
                    PercentRange(chosen->accuracy_low(), chosen->accuracy_high()))}};
  std::string memory = "of memory";
  if (reference != nullptr && reference != chosen && chosen->memory_bytes() > 0) {
    absl::StrAppendFormat(&memory, ", %.3g times less than %s",
                          reference->memory_bytes() / chosen->memory_bytes(), ArmText(*reference));
  }
  figures.emplace_back(MemoryText(chosen->memory_bytes()), memory);
  if (chosen->has_joules()) figures.emplace_back(JoulesText(chosen->joules()), "an inference");
  page.Figures(figures);
}

std::vector<std::vector<std::string>> TableRows(const v1::Job& job) {
  std::vector<std::vector<std::string>> rows;
  for (const v1::SelectArm& arm : job.arms()) {
    const bool measured = !arm.measurements().empty();
    rows.push_back({arm.candidate(), StorageText(arm), measured ? Percent(arm.accuracy()) : "",
                    measured ? PercentRange(arm.accuracy_low(), arm.accuracy_high()) : "",
                    MemoryText(arm.memory_bytes()), absl::StrFormat("%.4g", arm.memory_norm()),
                    arm.has_joules() ? JoulesText(arm.joules()) : "unknown", MuText(arm),
                    ArmMarks(arm)});
  }
  return rows;
}

std::vector<std::pair<std::string, std::string>> SettingEntries(const v1::Job& job) {
  const v1::SelectSpec& spec = job.spec().select();
  std::vector<std::pair<std::string, std::string>> entries = {
      {"dataset", ShortName(spec.dataset())},
      {"held out", absl::StrCat("the last ", spec.validation_samples(),
                                " training samples; no test sample was used")},
      {"seeds", absl::StrJoin(spec.seeds(), ", ")},
      {"M_0", absl::StrCat("memory of ", spec.reference(), " in its own storage")},
      {"early stopping",
       spec.no_early_stop()
           ? "none: every arm was trained to its end"
           : "storages that lay far behind another of the same candidate that takes no more memory "
             "and energy: beyond the intervals by 40 points at a third of their training or by 20 "
             "at two thirds"}};
  return entries;
}

absl::StatusOr<v1::Job> EndedSelection(Context& context, const std::string& id) {
  v1::GetJobRequest request;
  CLI_ASSIGN_OR_RETURN(*request.mutable_name(), ResolveJob(context, id));
  CLI_ASSIGN_OR_RETURN(v1::Job job,
                       Call<v1::JobService>(context, &v1::JobService::Stub::GetJob, request));
  if (!job.spec().has_select()) {
    return UsageError(absl::StrCat(job.name(), " is no selection"), "job", "torpor job list");
  }
  CLI_RETURN_IF_ERROR(JobOutcome(job));
  return job;
}

absl::Status WriteReport(Context& context, const std::string& id, const std::string& html) {
  CLI_ASSIGN_OR_RETURN(const v1::Job job, EndedSelection(context, id));
  const std::string path =
      html.empty() ? absl::StrCat("select-", ShortName(job.name()), ".html") : html;
  CLI_RETURN_IF_ERROR(CheckWritable(path));
  CLI_ASSIGN_OR_RETURN(const Report report, MakeSelectReport(job));
  const std::string stem(absl::StripSuffix(path, ".html"));
  std::vector<std::string> written = {path};
  CLI_RETURN_IF_ERROR(WriteWholeFile(path, report.html));
  for (const auto& [suffix, content] : report.files) {
    written.push_back(stem + suffix);
    CLI_RETURN_IF_ERROR(WriteWholeFile(stem + suffix, content));
  }
  std::vector<Json> rows;
  for (const std::string& file : written) rows.push_back({{"file", file}});
  PrintRows(context, {{"file", "written"}}, rows, {{"job", job.name()}, {"files", written}});
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Report> MakeSelectReport(const v1::Job& job) {
  HtmlPage page(absl::StrCat("Selection ", ShortName(job.name())));
  page.Lead(absl::StrCat("What ", job.arms_size(), " ways to learn and to store a network cost in ",
                         "accuracy, memory and energy, on ",
                         ShortName(job.spec().select().dataset()), "."));
  AddFigures(job, page);
  if (!job.limits_verdict().empty()) page.Paragraph(job.limits_verdict());

  Report report;
  for (const auto& [heading, plots] :
       {std::pair("Accuracy by precision", AccuracyByBits(job)),
        std::pair("Memory by precision", MemoryByBits(job)),
        std::pair("Energy by precision", EnergyByBits(job)),
        std::pair("Reward and Pareto set", RewardByMu(job)),
        std::pair("Accuracy against memory", AccuracyByMemory(job))}) {
    std::vector<std::pair<std::string, std::string>> figures;
    for (const SelectPlot& plot : plots) {
      CLI_ASSIGN_OR_RETURN(const std::string svg, RenderSvg(plot.plot));
      figures.emplace_back(svg, plot.caption);
      report.files.emplace_back(absl::StrCat("-", plot.plot.name, ".svg"), StandaloneSvg(svg));
    }
    if (figures.empty()) continue;
    page.Heading(heading);
    page.Svg(figures);
  }
  report.files.emplace_back(".csv", ArmCsv(job));

  page.Heading("All arms");
  page.Table({"<candidate", "<storage", "accuracy", "95 % interval", "memory", "of M_0", "energy",
              "best for mu", "<"},
             TableRows(job),
             "Means over seeds; intervals Student's over seeds, Wilson's from one.");
  page.Heading("What the words mean");
  page.Definitions(
      {{"own storage", "as the candidate's definition says, float32 unless it says otherwise"},
       {"PTQ", "post-training quantisation: trained in own storage, then rounded once"},
       {"ITQ", "in-training quantisation: rounded at every write while it learns"},
       {"qW, qWN", "weights alone; weights, membranes and thresholds"},
       {"best for mu", "trade-offs for which R = accuracy - mu M / M_0 is the largest of all arms"},
       {"pareto", "no other arm is as good in accuracy, memory and energy and better in one"},
       {"chosen", "the most accurate within the limits, or the nearest to them"}});
  page.Paragraph("Memory is counted and energy simulated, not measured.");
  page.Heading("Made with");
  auto entries = SettingEntries(job);
  for (auto& entry : ProvenanceEntries(job.provenance())) entries.push_back(std::move(entry));
  entries.emplace_back("job", job.name());
  entries.emplace_back("written",
                       absl::FormatTime("%Y-%m-%d %H:%M UTC", absl::Now(), absl::UTCTimeZone()));
  page.Definitions(entries);
  report.html = page.Finish();
  return report;
}

void AddReportSelect(CLI::App& report, Context& context) {
  auto id = std::make_shared<std::string>();
  auto html = std::make_shared<std::string>();
  CLI::App* select =
      AddCommand(report, "select",
                 "Writes what a selection found as an HTML page without script or "
                 "network, with SVG and CSV beside it.",
                 "torpor report select latest\n"
                 "torpor report select job-7f3 --html tiny.html",
                 context, [=, &context] { return WriteReport(context, *id, *html); });
  select->add_option("job", *id, "id, unique beginning of an id, or `latest`")->required();
  select->add_option("--html", *html, "the page; default select-JOB.html");
}

}  // namespace torpor::cli
