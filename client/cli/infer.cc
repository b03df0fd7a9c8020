#include "client/cli/infer.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "client/cli/command.h"
#include "client/cli/errors.h"
#include "client/cli/job_run.h"
#include "client/cli/npy_input.h"
#include "client/cli/output.h"
#include "client/cli/rpc.h"
#include "client/cli/sample_reader.h"
#include "torpor/v1/inference.grpc.pb.h"

namespace torpor::cli {
namespace {

struct InferFlags {
  std::string session, dataset, input;
  int64_t index = 0, count = 1, generation = 0;
  uint64_t key = 0;
};

// What is classified.
struct Samples {
  // [n x inputs].
  v1::Tensor input;
  // n; empty where they are not known.
  std::vector<int> labels;
};

absl::StatusOr<Samples> OfDataset(Context& context, const InferFlags& flags) {
  if (flags.count < 1) {
    return UsageError(absl::StrCat("must be at least 1, got ", flags.count), "--count",
                      "--count 1");
  }
  CLI_ASSIGN_OR_RETURN(
      const v1::ReadSamplesResponse read,
      ReadSamples(context, flags.dataset, v1::Split::TEST, flags.index, flags.count, "--index"));
  if (read.labels_size() < flags.count) {
    return UsageError(absl::StrCat("of ", flags.count, " samples from ", flags.index,
                                   " on not all are in 0..", read.split_samples() - 1),
                      "--count", absl::StrCat("--count ", read.labels_size()));
  }
  return Samples{FlatRows(read.inputs(), 0, flags.count),
                 {read.labels().begin(), read.labels().end()}};
}

absl::StatusOr<Samples> OfFile(Context& context, const InferFlags& flags) {
  Samples samples;
  CLI_ASSIGN_OR_RETURN(samples.input, ReadNpyInput(context, flags.input));
  // Images of any shape, as a network trained on them took them.
  if (samples.input.shape_size() > 2) {
    samples.input = FlatRows(samples.input, 0, samples.input.shape(0));
  }
  return samples;
}

const Json* At(const Json* list, int index) {
  const bool there =
      list != nullptr && list->is_array() && index >= 0 && index < static_cast<int>(list->size());
  return there ? &(*list)[static_cast<size_t>(index)] : nullptr;
}

// A row for each sample; the first is number `first`. `whole`: the response as JSON.
std::vector<Json> RowsOf(const v1::InferResponse& response, const Json& whole,
                         const std::vector<int>& labels, int64_t first) {
  const auto found = whole.find("scores");
  const Json* scores = found == whole.end() ? nullptr : &*found;
  std::vector<Json> rows;
  for (int i = 0; i < response.classes_size(); ++i) {
    Json row = {{"sample", first + i}, {"class", response.classes(i)}};
    if (i < static_cast<int>(labels.size())) row["label"] = labels[static_cast<size_t>(i)];
    // Of the class that the sample got.
    const Json* score = At(At(scores, i), response.classes(i));
    if (score != nullptr) row["score"] = *score;
    row["synaptic_power"] =
        i < response.synaptic_power_size() ? Json(response.synaptic_power(i)) : Json(nullptr);
    if (i < response.steps_size()) row["steps"] = response.steps(i);
    row["generation"] = response.generation();
    rows.push_back(std::move(row));
  }
  return rows;
}

std::vector<Column> ColumnsOf(bool labels, bool steps) {
  std::vector<Column> columns = {{"sample"}, {"class"}};
  if (labels) columns.push_back({"label"});
  columns.insert(columns.end(),
                 {{"score", "", Cell::kNumber}, {"synaptic_power", "", Cell::kNumber}});
  if (steps) columns.push_back({"steps"});
  columns.push_back({"generation"});
  return columns;
}

absl::Status Infer(Context& context, const InferFlags& flags) {
  if (flags.dataset.empty() == flags.input.empty()) {
    return UsageError("samples come from a dataset or from a file", "torpor session infer",
                      "--dataset fashion-mnist --index 0, or --input samples.npy");
  }
  const bool of_file = !flags.input.empty();
  v1::InferRequest request;
  CLI_ASSIGN_OR_RETURN(*request.mutable_session(), ResolveSession(context, flags.session));
  CLI_ASSIGN_OR_RETURN(Samples samples,
                       of_file ? OfFile(context, flags) : OfDataset(context, flags));
  *request.mutable_input() = std::move(samples.input);
  request.set_require_generation(flags.generation);
  request.set_sample_key(flags.key);
  const absl::StatusOr<v1::InferResponse> response =
      Call<v1::InferenceService>(context, &v1::InferenceService::Stub::Infer, request);
  if (!response.ok()) {
    return of_file ? WithWhere(response.status(), flags.input) : NameFlag(response.status());
  }
  Json whole = {{"session", request.session()}};
  whole.update(ToJson(*response));
  const std::vector<Json> rows =
      RowsOf(*response, whole, samples.labels, of_file ? 0 : flags.index);
  if (!samples.labels.empty()) whole["labels"] = samples.labels;
  PrintRows(context, ColumnsOf(!samples.labels.empty(), response->steps_size() > 0), rows, whole);
  return absl::OkStatus();
}

}  // namespace

void AddInferCommand(CLI::App& session, Context& context) {
  auto flags = std::make_shared<InferFlags>();
  CLI::App* infer = AddCommand(session, "infer", "Classifies samples in the present mode.",
                               "torpor session infer s1 --dataset fashion-mnist --index 7\n"
                               "torpor session infer s1 --input samples.npy -o json",
                               context, [=, &context] { return Infer(context, *flags); });
  infer->add_option("session", flags->session, "the session")->required();
  infer->add_option("--dataset", flags->dataset, "test samples of this dataset of the server");
  infer->add_option("--index", flags->index, "the first of them; default 0");
  infer->add_option("--count", flags->count, "how many; default 1");
  infer->add_option("--input", flags->input,
                    "samples [n x inputs] or [n x sample shape] of an .npy file, float32 or uint8; "
                    "- reads stdin");
  infer->add_option("--require-generation", flags->generation,
                    "refuse unless the session is at this generation");
  infer->add_option("--sample-key", flags->key, "key of the first sample's noise; default 0");
}

}  // namespace torpor::cli
