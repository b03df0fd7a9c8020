// torpor memory: what weights cost, by how they are stored.
#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "client/cli/command.h"
#include "client/cli/errors.h"
#include "client/cli/html.h"
#include "client/cli/memory_flags.h"
#include "client/cli/memory_report.h"
#include "client/cli/output.h"
#include "client/cli/plot.h"
#include "client/cli/rpc.h"
#include "torpor/v1/memory.grpc.pb.h"

namespace torpor::cli {
namespace {

constexpr int kDefaultDraws = 4000;
// Of the page's curves.
constexpr int kDensities = 50;
constexpr int kMostArrays = 256;

std::vector<Json> EstimateRows(const v1::EstimateMemoryResponse& response) {
  std::vector<Json> rows;
  for (const v1::MemoryEstimate& estimate : response.estimates()) {
    rows.push_back(EstimateJson(estimate));
  }
  return rows;
}

std::vector<Json> TotalRows(const v1::EstimateMemoryResponse& response) {
  std::vector<Json> rows;
  for (const v1::MemoryEstimate& total : response.totals()) rows.push_back(EstimateJson(total));
  return rows;
}

int ArrayCount(const v1::EstimateMemoryResponse& response) {
  return static_cast<int>(std::count_if(response.estimates().begin(), response.estimates().end(),
                                        [&](const v1::MemoryEstimate& estimate) {
                                          return estimate.scheme() ==
                                                 response.estimates(0).scheme();
                                        }));
}

// One scheme: its sums; several: lists.
Json WholeEstimate(const v1::EstimateMemoryResponse& response, size_t schemes) {
  Json json = Json::object();
  if (schemes == 1 && response.totals_size() == 1) {
    json = EstimateJson(ArrayCount(response) == 1 ? response.estimates(0) : response.totals(0));
  }
  json["profile"] = response.profile().name();
  json["estimates"] = EstimateRows(response);
  json["totals"] = TotalRows(response);
  json["notes"] = std::vector<std::string>(response.notes().begin(), response.notes().end());
  return json;
}

// What tables leave out.
void NoteAll(Context& context, const v1::EstimateMemoryResponse& response) {
  if (context.options.format != Format::kTable) return;
  for (const std::string& note : MemoryNotes(response)) context.Note(note);
}

absl::Status Estimate(Context& context, const MemoryFlags& flags) {
  CLI_ASSIGN_OR_RETURN(const MemoryQuestion question, ParseMemoryFlags(context, flags));
  v1::EstimateMemoryRequest request;
  *request.mutable_subject() = question.subject;
  *request.mutable_costs() = question.costs;
  for (const v1::MemoryScheme::Kind scheme : question.schemes) request.add_schemes(scheme);
  const absl::StatusOr<v1::EstimateMemoryResponse> response =
      Call<v1::MemoryService>(context, &v1::MemoryService::Stub::EstimateMemory, request);
  if (!response.ok()) return NameMemoryFlag(response.status(), flags, question);
  std::vector<Json> rows = EstimateRows(*response);
  if (ArrayCount(*response) > 1) {
    for (Json& total : TotalRows(*response)) rows.push_back(std::move(total));
  }
  if (context.options.format == Format::kTable) rows = WithFigures(std::move(rows));
  PrintRows(context, EstimateColumns(context.options.format), rows,
            WholeEstimate(*response, question.schemes.size()));
  NoteAll(context, *response);
  return absl::OkStatus();
}

struct CompareFlags {
  MemoryFlags question;
  std::string against, html;
  int draws = kDefaultDraws;
  uint64_t seed = 0;
  bool no_html = false;
};

// The arrays as they were taken, once each.
std::vector<v1::WeightArray> ArraysOf(const v1::EstimateMemoryResponse& response) {
  std::vector<v1::WeightArray> arrays;
  for (const v1::MemoryEstimate& estimate : response.estimates()) {
    if (estimate.scheme() == response.estimates(0).scheme()) arrays.push_back(estimate.of());
  }
  return arrays;
}

// All arrays at common densities.
absl::StatusOr<std::vector<MemoryCurvePoint>> Curves(Context& context,
                                                     const v1::CompareMemoryResponse& response) {
  std::vector<MemoryCurvePoint> points;
  const std::vector<v1::WeightArray> arrays = ArraysOf(response.estimates());
  if (arrays.size() > kMostArrays) {
    context.Note(absl::StrCat("no curves over density: more than ", kMostArrays, " arrays"));
    return points;
  }
  v1::EstimateMemoryRequest request;
  for (const v1::WeightArray& array : arrays) *request.mutable_subject()->add_arrays() = array;
  *request.mutable_costs()->mutable_device_profile() = response.estimates().profile();
  for (const v1::MemoryEstimate& total : response.estimates().totals()) {
    request.add_schemes(total.scheme());
  }
  for (int i = 1; i <= kDensities; ++i) {
    MemoryCurvePoint& point = points.emplace_back();
    point.density = static_cast<double>(i) / kDensities;
    for (v1::WeightArray& array : *request.mutable_subject()->mutable_arrays()) {
      array.set_density(point.density);
    }
    CLI_ASSIGN_OR_RETURN(
        const v1::EstimateMemoryResponse at,
        Call<v1::MemoryService>(context, &v1::MemoryService::Stub::EstimateMemory, request));
    point.totals.assign(at.totals().begin(), at.totals().end());
  }
  return points;
}

// What the comparison is about, for people.
std::string SubjectText(const MemoryFlags& flags) {
  if (!flags.session.empty()) return absl::StrCat("session ", flags.session);
  if (!flags.model.empty()) return absl::StrCat("model ", flags.model);
  std::vector<std::string> shapes = flags.dense;
  shapes.insert(shapes.end(), flags.conv.begin(), flags.conv.end());
  return absl::StrCat(absl::StrJoin(shapes, ", "), ", ", flags.bits.empty() ? "8" : flags.bits,
                      " bits, density ", flags.density.empty() ? "1" : flags.density);
}

// The scheme that the others are held against: the one asked for, else the first.
absl::StatusOr<v1::MemoryScheme::Kind> Against(const CompareFlags& flags,
                                               const v1::CompareMemoryResponse& response) {
  if (flags.against.empty()) return response.comparisons(0).scheme();
  CLI_ASSIGN_OR_RETURN(const v1::MemoryScheme::Kind against,
                       ParseScheme(flags.against, "--against"));
  for (const v1::MemoryComparison& comparison : response.comparisons()) {
    if (comparison.scheme() == against) return against;
  }
  return UsageError(absl::StrCat(SchemeName(against), " is not among the schemes compared"),
                    "--against", absl::StrCat("--scheme crossbar,", SchemeName(against)));
}

// The page and what is beside it; their names.
absl::StatusOr<std::vector<std::string>> WritePage(Context& context, const std::string& path,
                                                   const MemoryReportInput& input) {
  CLI_ASSIGN_OR_RETURN(const Report report, MakeMemoryReport(input));
  const std::string stem(absl::StripSuffix(path, ".html"));
  std::vector<std::string> written = {path};
  CLI_RETURN_IF_ERROR(WriteWholeFile(path, report.html));
  for (const auto& [suffix, content] : report.files) {
    written.push_back(stem + suffix);
    CLI_RETURN_IF_ERROR(WriteWholeFile(written.back(), content));
  }
  context.Note(absl::StrCat("page: ", path, ", with SVG and CSV beside it"));
  return written;
}

absl::Status Compare(Context& context, const CompareFlags& flags) {
  const std::string path = flags.html.empty() ? "memory.html" : flags.html;
  if (!flags.no_html) {
    CLI_RETURN_IF_ERROR(CheckWritable(path));
    CLI_RETURN_IF_ERROR(CheckPlotting());
  }
  if (!flags.against.empty()) {
    CLI_RETURN_IF_ERROR(ParseScheme(flags.against, "--against").status());
  }
  CLI_ASSIGN_OR_RETURN(const MemoryQuestion question, ParseMemoryFlags(context, flags.question));
  v1::CompareMemoryRequest request;
  *request.mutable_subject() = question.subject;
  *request.mutable_costs() = question.costs;
  for (const v1::MemoryScheme::Kind scheme : question.schemes) request.add_schemes(scheme);
  request.set_draws(flags.draws);
  request.set_seed(flags.seed);
  absl::StatusOr<v1::CompareMemoryResponse> response =
      Call<v1::MemoryService>(context, &v1::MemoryService::Stub::CompareMemory, request);
  if (!response.ok()) return NameMemoryFlag(response.status(), flags.question, question);

  MemoryReportInput input;
  CLI_ASSIGN_OR_RETURN(input.against, Against(flags, *response));
  input.response = *std::move(response);
  input.subject = SubjectText(flags.question);
  input.draws = flags.draws;
  std::vector<std::string> files;
  if (!flags.no_html) {
    CLI_ASSIGN_OR_RETURN(input.points, Curves(context, input.response));
    CLI_ASSIGN_OR_RETURN(files, WritePage(context, path, input));
  }
  Json whole = ToJson(input.response);
  whole["files"] = files;
  PrintRows(context, ComparisonColumns(context.options.format),
            ComparisonRows(input.response, input.against), whole);
  if (context.options.format != Format::kTable) return absl::OkStatus();
  context.out << "\nsavings are against " << SchemeName(input.against)
              << "; break-even densities, all arrays at one density:\n\n";
  PrintRows(context, BreakEvenColumns(Format::kTable), BreakEvenRows(input.response), Json());
  NoteAll(context, input.response.estimates());
  return absl::OkStatus();
}

}  // namespace

void AddMemoryCommands(CLI::App& root, Context& context) {
  const std::string estimate_example =
      "torpor memory estimate --dense 784x128 --scheme pointer-bitmap --bits 8 --density 0.5 "
      "-o json\n"
      "torpor memory estimate --conv 28x28x3x3x32x32 --scheme functional,pointer-index\n"
      "torpor memory estimate --session s1 --bits 4";
  CLI::App* memory = AddNoun(root, "memory", "What weights cost, by how they are stored.",
                             "torpor memory estimate --dense 784x128 --bits 8 --density 0.5\n"
                             "torpor memory compare --conv 28x28x3x3x32x32 --bits 8");
  auto flags = std::make_shared<MemoryFlags>();
  CLI::App* estimate = AddCommand(
      *memory, "estimate", "Storage, energies and leakage of arrays in memory organisations.",
      estimate_example, context, [=, &context] { return Estimate(context, *flags); });
  AddMemoryFlags(*estimate, *flags);

  auto compare_flags = std::make_shared<CompareFlags>();
  CLI::App* compare = AddCommand(
      *memory, "compare",
      "Savings, how far they hold over ranges of the coefficients, and break-even densities; "
      "writes a page with plots.",
      "torpor memory compare --dense 784x128 --bits 4 --density 0.93\n"
      "torpor memory compare --conv 28x28x3x3x32x32 --scheme functional,pointer-index "
      "--against pointer-index --html conv.html",
      context, [=, &context] { return Compare(context, *compare_flags); });
  AddMemoryFlags(*compare, compare_flags->question);
  compare->add_option("--against", compare_flags->against,
                      "scheme that savings are against; default the first");
  compare->add_option(
      "--draws", compare_flags->draws,
      "random draws of the coefficients from their ranges, 0..100000; default 4000");
  compare->add_option("--seed", compare_flags->seed, "of the draws; default 0");
  compare->add_option("--html", compare_flags->html, "the page; default memory.html");
  compare->add_flag("--no-html", compare_flags->no_html, "the tables alone");
}

}  // namespace torpor::cli
