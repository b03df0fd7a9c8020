// torpor dataset: what the server finds on its dataset path.
#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "client/cli/command.h"
#include "client/cli/dataset_samples.h"
#include "client/cli/errors.h"
#include "client/cli/output.h"
#include "client/cli/rpc.h"
#include "torpor/v1/dataset.grpc.pb.h"

namespace torpor::cli {
namespace {

const std::vector<Column>& Columns() {
  static const auto* columns = new std::vector<Column>{
      {"name"},    {"format"},        {"sample_shape", "shape"}, {"target_shape", "target"},
      {"classes"}, {"train_samples"}, {"test_samples"},          {"directory"}};
  return *columns;
}

absl::Status List(Context& context) {
  v1::ListDatasetsRequest request;
  request.set_page_size(1000);
  std::vector<Json> rows;
  std::vector<std::string> searched;
  bool files_found = false;
  do {
    CLI_ASSIGN_OR_RETURN(
        const v1::ListDatasetsResponse response,
        Call<v1::DatasetService>(context, &v1::DatasetService::Stub::ListDatasets, request));
    for (const v1::Dataset& dataset : response.datasets()) {
      rows.push_back(ToJson(dataset));
      files_found = files_found || dataset.format() != "synthetic";
    }
    searched.assign(response.searched().begin(), response.searched().end());
    request.set_page_token(response.next_page_token());
  } while (!request.page_token().empty());
  PrintRows(context, Columns(), rows, {{"datasets", rows}, {"searched", searched}});
  if (!files_found) {
    context.Note(absl::StrCat("no files found in: ", absl::StrJoin(searched, ", "),
                              "\n  try: apt-get install dataset-fashion-mnist, or start the server "
                              "with --dataset-path"));
  }
  return absl::OkStatus();
}

absl::Status Get(Context& context, const std::string& id) {
  v1::GetDatasetRequest request;
  request.set_name(FullName("datasets", id));
  const auto dataset =
      Call<v1::DatasetService>(context, &v1::DatasetService::Stub::GetDataset, request);
  if (!dataset.ok()) return dataset.status();
  PrintObject(context, Columns(), ToJson(*dataset));
  return absl::OkStatus();
}

absl::Status Verify(Context& context, const std::string& id) {
  v1::VerifyDatasetRequest request;
  request.set_name(FullName("datasets", id));
  const auto verified =
      Call<v1::DatasetService>(context, &v1::DatasetService::Stub::VerifyDataset, request);
  if (!verified.ok()) return verified.status();
  Json whole = ToJson(*verified);
  whole["ok"] = true;
  if (context.options.format != Format::kTable) {
    PrintObject(
        context,
        {{"dataset.name"}, {"ok"}, {"digest"}, {"dataset.train_samples"}, {"dataset.test_samples"}},
        whole);
    return absl::OkStatus();
  }
  PrintObject(context, {{"dataset.name", "dataset"}, {"ok"}, {"digest"}}, whole);
  std::vector<Json> files;
  for (const v1::DatasetFile& file : verified->dataset().files()) files.push_back(ToJson(file));
  if (!files.empty()) {
    context.out << '\n';
    PrintRows(context, {{"name"}, {"size_bytes", "size", Cell::kBytes}, {"sha256"}}, files, files);
  }
  return absl::OkStatus();
}

}  // namespace

void AddDatasetCommands(CLI::App& root, Context& context) {
  CLI::App* dataset = AddNoun(root, "dataset", "Labelled samples that the server has.",
                              "torpor dataset list\n"
                              "torpor dataset verify fashion-mnist");
  AddCommand(*dataset, "list", "Lists the datasets on the server's dataset path.",
             "torpor dataset list", context, [&context] { return List(context); });
  auto id = std::make_shared<std::string>();
  AddCommand(*dataset, "get", "Shows a dataset.", "torpor dataset get fashion-mnist", context,
             [=, &context] { return Get(context, *id); })
      ->add_option("dataset", *id, "its name")
      ->required();
  AddCommand(*dataset, "verify", "Reads every byte and checks it; prints digests.",
             "torpor dataset verify fashion-mnist", context,
             [=, &context] { return Verify(context, *id); })
      ->add_option("dataset", *id, "its name")
      ->required();
  AddSampleCommands(*dataset, context);
}

}  // namespace torpor::cli
