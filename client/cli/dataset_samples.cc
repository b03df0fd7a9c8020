#include "client/cli/dataset_samples.h"

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "client/cli/command.h"
#include "client/cli/errors.h"
#include "client/cli/job_run.h"
#include "client/cli/npy_output.h"
#include "client/cli/output.h"
#include "client/cli/part_file.h"
#include "client/cli/sample_reader.h"

namespace torpor::cli {
namespace {

struct SampleFlags {
  std::string dataset, split;
  // Paths of files to write; empty: none.
  std::string inputs, targets;
  int64_t first = 0, count = 10;
  // In the place of the input.
  bool target = false;
};

absl::Status WriteNpy(const std::string& path, const v1::Tensor& tensor) {
  PartFile file(path);
  CLI_RETURN_IF_ERROR(file.Open());
  CLI_RETURN_IF_ERROR(file.Append(NpyBytes(tensor)));
  return file.Finish();
}

// `first_flag` set flags.first.
absl::StatusOr<v1::ReadSamplesResponse> Read(Context& context, const SampleFlags& flags,
                                             absl::string_view first_flag) {
  CLI_ASSIGN_OR_RETURN(const v1::Split::Kind split, ParseSplit(flags.split));
  if (flags.count < 1) {
    return UsageError(absl::StrCat("must be at least 1, got ", flags.count), "--count",
                      "--count 10");
  }
  return ReadSamples(context, flags.dataset, split, flags.first, flags.count, first_flag);
}

absl::Status Samples(Context& context, const SampleFlags& flags) {
  CLI_ASSIGN_OR_RETURN(const v1::ReadSamplesResponse read, Read(context, flags, "--first"));
  if (!flags.targets.empty() && !read.has_targets()) {
    return UsageError(absl::StrCat("samples of ", flags.dataset, " have labels, no targets"),
                      "--targets", "--inputs");
  }
  if (!flags.inputs.empty()) CLI_RETURN_IF_ERROR(WriteNpy(flags.inputs, read.inputs()));
  if (!flags.targets.empty()) CLI_RETURN_IF_ERROR(WriteNpy(flags.targets, read.targets()));
  std::vector<Json> rows;
  for (int i = 0; i < read.labels_size(); ++i) {
    rows.push_back({{"sample", flags.first + i}, {"label", read.labels(i)}});
  }
  PrintRows(context, {{"sample"}, {"label"}}, rows,
            {{"samples", rows}, {"split_samples", read.split_samples()}});
  return absl::OkStatus();
}

absl::Status Spikes(Context& context, const SampleFlags& flags) {
  CLI_ASSIGN_OR_RETURN(const v1::ReadSamplesResponse read, Read(context, flags, "--sample"));
  CLI_ASSIGN_OR_RETURN(const v1::SpikeTrain spikes,
                       flags.target ? TargetSpikes(read, 0) : InputSpikes(read, 0));
  for (int i = 0; i < spikes.step_size(); ++i) {
    context.out << spikes.step(i) << ' ' << spikes.index(i) << '\n';
  }
  return absl::OkStatus();
}

}  // namespace

void AddSampleCommands(CLI::App& dataset, Context& context) {
  auto samples = std::make_shared<SampleFlags>();
  CLI::App* list = AddCommand(
      dataset, "samples", "Lists samples with their labels, and writes what they are to files.",
      "torpor dataset samples fashion-mnist --first 100 --count 32 --inputs images.npy\n"
      "torpor session infer s1 --input images.npy",
      context, [=, &context] { return Samples(context, *samples); });
  list->add_option("dataset", samples->dataset, "its name")->required();
  list->add_option("--split", samples->split, "test or train; default test");
  list->add_option("--first", samples->first, "the first sample; default 0");
  list->add_option("--count", samples->count, "how many; default 10");
  list->add_option("--inputs", samples->inputs, "file for the inputs, .npy: [n x sample shape]");
  list->add_option("--targets", samples->targets,
                   "file for the spikes to be learned, .npy: [n x steps x units]");

  auto spikes = std::make_shared<SampleFlags>();
  spikes->count = 1;
  CLI::App* print = AddCommand(
      dataset, "spikes", "Prints a sample that is a spike train, as lines \"STEP INPUT\".",
      "torpor dataset spikes synthetic-pattern | torpor session spikes s1 --chunk 10", context,
      [=, &context] { return Spikes(context, *spikes); });
  print->add_option("dataset", spikes->dataset, "its name")->required();
  print->add_option("--split", spikes->split, "test or train; default test");
  print->add_option("--sample", spikes->first, "which one; default 0");
  print->add_flag("--target", spikes->target, "the spikes that it is to become, in its place");
}

}  // namespace torpor::cli
