#include "client/cli/infer.h"

#include <cstring>
#include <memory>

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

// Samples, and their labels where these are known.
struct Samples {
  v1::Tensor input;
  std::vector<int> labels;
};

absl::StatusOr<Samples> ReadDataset(Context& context, const InferFlags& flags) {
  if (flags.count < 1) {
    return UsageError(absl::StrCat("must be at least 1, got ", flags.count), "--count",
                      "--count 1");
  }
  CLI_ASSIGN_OR_RETURN(
      const v1::ReadSamplesResponse read,
      ReadSamples(context, flags.dataset, v1::Split::TEST, flags.index, flags.count));
  if (read.labels_size() < flags.count) {
    return UsageError(absl::StrCat("samples ", flags.index, " to ", flags.index + flags.count - 1,
                                   " are not all in 0..", read.split_samples() - 1),
                      "--index", "--index 0");
  }
  return Samples{FlatRows(read.inputs(), 0, flags.count),
                 {read.labels().begin(), read.labels().end()}};
}

absl::Status Infer(Context& context, const InferFlags& flags) {
  if (flags.dataset.empty() == flags.input.empty()) {
    return UsageError("samples come from a dataset or from a file", "torpor session infer",
                      "--dataset fashion-mnist --index 0, or --input samples.npy");
  }
  v1::InferRequest request;
  CLI_ASSIGN_OR_RETURN(*request.mutable_session(), ResolveSession(context, flags.session));
  Samples samples;
  if (!flags.dataset.empty()) {
    CLI_ASSIGN_OR_RETURN(samples, ReadDataset(context, flags));
  } else {
    CLI_ASSIGN_OR_RETURN(samples.input, ReadNpyInput(context, flags.input));
    // Images of any shape, as a network trained on them took them.
    if (samples.input.shape_size() > 2) {
      samples.input = FlatRows(samples.input, 0, samples.input.shape(0));
    }
  }
  *request.mutable_input() = std::move(samples.input);
  request.set_require_generation(flags.generation);
  request.set_sample_key(flags.key);
  const absl::StatusOr<v1::InferResponse> response =
      Call<v1::InferenceService>(context, &v1::InferenceService::Stub::Infer, request);
  if (!response.ok()) {
    return flags.input.empty() ? NameFlag(response.status())
                               : WithWhere(response.status(), flags.input);
  }
  Json whole = {{"session", request.session()}};
  whole.update(ToJson(*response));
  if (!samples.labels.empty()) whole["labels"] = samples.labels;
  std::vector<Json> rows;
  for (int i = 0; i < response->classes_size(); ++i) {
    Json row = {{"sample", flags.dataset.empty() ? i : flags.index + i},
                {"class", response->classes(i)}};
    if (i < static_cast<int>(samples.labels.size())) {
      row["label"] = samples.labels[static_cast<size_t>(i)];
    }
    if (whole["scores"].is_array() && i < static_cast<int>(whole["scores"].size())) {
      const Json& scores = whole["scores"][static_cast<size_t>(i)];
      if (scores.is_array() && response->classes(i) < static_cast<int>(scores.size())) {
        row["score"] = scores[static_cast<size_t>(response->classes(i))];
      }
    }
    row["synaptic_power"] =
        i < response->synaptic_power_size() ? Json(response->synaptic_power(i)) : Json(nullptr);
    if (i < response->steps_size()) row["steps"] = response->steps(i);
    row["generation"] = response->generation();
    rows.push_back(std::move(row));
  }
  std::vector<Column> columns = {{"sample"}, {"class"}};
  if (!samples.labels.empty()) columns.push_back({"label"});
  columns.insert(columns.end(),
                 {{"score", "", Cell::kNumber}, {"synaptic_power", "", Cell::kNumber}});
  if (response->steps_size() > 0) columns.push_back({"steps"});
  columns.push_back({"generation"});
  PrintRows(context, columns, rows, whole);
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
