// torpor demo: a network trained on real images keeps classifying while its synaptic power falls to
// a tenth.
#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "client/cli/command.h"
#include "client/cli/demo_report.h"
#include "client/cli/demo_stream.h"
#include "client/cli/demo_table.h"
#include "client/cli/errors.h"
#include "client/cli/html.h"
#include "client/cli/job_run.h"
#include "client/cli/plot.h"
#include "client/cli/power_mode.h"
#include "client/cli/private_server.h"
#include "client/cli/progress.h"
#include "client/cli/rpc.h"
#include "client/cli/sample_reader.h"
#include "client/cli/watch.h"
#include "torpor/v1/dataset.grpc.pb.h"
#include "torpor/v1/job.grpc.pb.h"
#include "torpor/v1/session.grpc.pb.h"

namespace torpor::cli {
namespace {

constexpr char kSession[] = "sessions/demo";
// Small enough that a switch is felt at once, large enough that the calls do not cost more than the
// network.
constexpr int kItemSamples = 32;

struct DemoFlags {
  std::string dataset = "fashion-mnist";
  std::string dataset_path;
  std::string html = "demo.html";
  std::string epsilon = "1,0.5,0.2,0.1";
  std::string bias = "none,table,homogeneous";
  int epochs = 3;
  int units = 1000;
  uint64_t seed = 1;
  double column_noise = 0.01;
  double seconds = 1;
  bool keep = false;
};

struct Mode {
  double epsilon;
  v1::BiasPolicy::Kind bias;
};

// Full power first, then every policy from the largest epsilon down: each begins again where the
// power is full.
absl::StatusOr<std::vector<Mode>> PlanModes(const DemoFlags& flags) {
  CLI_ASSIGN_OR_RETURN(std::vector<double> epsilons, ParseGrid(flags.epsilon, "--epsilon"));
  std::sort(epsilons.rbegin(), epsilons.rend());
  for (const double epsilon : epsilons) {
    if (!(epsilon > 0 && epsilon <= 1)) {
      return UsageError(absl::StrFormat("epsilon must be in (0, 1], got %g", epsilon), "--epsilon",
                        "--epsilon 1,0.5,0.2,0.1");
    }
  }
  std::vector<Mode> modes = {{1, v1::BiasPolicy::NONE}};
  for (const absl::string_view word : absl::StrSplit(flags.bias, ',')) {
    CLI_ASSIGN_OR_RETURN(const v1::BiasPolicy::Kind bias, ParseBias(std::string(word)));
    for (const double epsilon : epsilons) {
      if (epsilon == 1 && bias == v1::BiasPolicy::NONE) continue;  // That is the first.
      modes.push_back({epsilon, bias});
    }
  }
  return modes;
}

// What the demo streams, and what its network must fit.
struct DemoImages {
  v1::Dataset dataset;
  int64_t pixels = 1;
  v1::ReadSamplesResponse samples;
};

absl::StatusOr<DemoImages> LoadImages(Context& context, const std::string& dataset) {
  v1::GetDatasetRequest request;
  request.set_name(FullName("datasets", dataset));
  DemoImages images;
  auto found = Call<v1::DatasetService>(context, &v1::DatasetService::Stub::GetDataset, request);
  if (absl::IsNotFound(found.status())) {
    return UsageError(std::string(found.status().message()),
                      "--dataset-path, else TORPOR_DATASET_PATH",
                      dataset == "fashion-mnist"
                          ? "apt-get install dataset-fashion-mnist"
                          : "a folder with t10k-images-idx3-ubyte[.gz] and its three companions");
  }
  if (!found.ok()) return found.status();
  images.dataset = *std::move(found);
  for (const int64_t dimension : images.dataset.sample_shape()) images.pixels *= dimension;
  CLI_ASSIGN_OR_RETURN(images.samples, ReadSamples(context, dataset, v1::Split::TEST, 0,
                                                   images.dataset.test_samples()));
  return images;
}

v1::Network DemoNetwork(int64_t inputs, int units, int classes) {
  v1::Network network;
  network.set_display_name("demo");
  network.mutable_rate()->mutable_input()->add_shape(inputs);
  v1::RateLayer* hidden = network.mutable_rate()->add_layers();
  hidden->set_name("hidden");
  hidden->mutable_dense()->set_units(units);
  hidden->set_activation(v1::Activation::RELU);
  v1::RateLayer* out = network.mutable_rate()->add_layers();
  out->set_name("out");
  out->mutable_dense()->set_units(classes);
  out->set_activation(v1::Activation::SIGMOID);
  return network;
}

absl::Status CreateDemoSession(Context& context, const DemoFlags& flags, const DemoImages& images) {
  v1::CreateSessionRequest request;
  request.set_session_id("demo");
  *request.mutable_network() = DemoNetwork(images.pixels, flags.units, images.dataset.classes());
  request.set_seed(flags.seed);
  request.mutable_realisation()->set_column_noise(flags.column_noise);
  request.mutable_realisation()->set_seed(flags.seed);
  request.set_request_id(NewRequestId());
  return NameFlag(
      Call<v1::SessionService>(context, &v1::SessionService::Stub::CreateSession, request)
          .status());
}

// The ended job. A job that is left by Ctrl-C is cancelled: its server goes too.
absl::StatusOr<v1::Job> RunJob(Context& context, const v1::JobSpec& spec, ProgressStyle style) {
  v1::CreateJobRequest request;
  *request.mutable_spec() = spec;
  request.set_request_id(NewRequestId());
  absl::StatusOr<v1::Job> job =
      Call<v1::JobService>(context, &v1::JobService::Stub::CreateJob, request);
  if (!job.ok()) return NameFlag(job.status());
  const std::string name = job->name();
  job = FollowJob(context, name, style, 0, /*stays=*/false);
  if (!job.ok()) {
    v1::CancelJobRequest cancel;
    cancel.set_name(name);
    cancel.set_request_id(NewRequestId());
    (void)Call<v1::JobService>(context, &v1::JobService::Stub::CancelJob, cancel);
    context.Note("the demo's job and its private server are stopped");
    return job.status();
  }
  CLI_RETURN_IF_ERROR(JobOutcome(*job));
  return job;
}

// Prints rows as they come: over a moving line on a terminal, else plainly.
class LiveTable {
 public:
  explicit LiveTable(Context& context)
      : context_(context),
        shown_(context.options.format == Format::kTable),
        moving_(shown_ && context.UseColor()) {
    if (shown_) context_.out << DemoTableHeader() << std::endl;
  }
  void Progress(const Mode& mode, int64_t answered, int64_t all) {
    if (moving_) {
      context_.err << "\r" << DemoProgressLine(mode.epsilon, mode.bias, answered, all) << "\033[K"
                   << std::flush;
    }
  }
  void Row(const DemoRow& row) {
    Clear();
    if (shown_) context_.out << DemoTableLine(row) << std::endl;
  }
  void Clear() {
    if (moving_) context_.err << "\r\033[K" << std::flush;
  }

 private:
  Context& context_;
  const bool shown_;
  const bool moving_;
};

// Switches the streaming session through all modes.
absl::Status MeasureModes(Context& context, const DemoFlags& flags, const std::vector<Mode>& modes,
                          const v1::ReadSamplesResponse& images, DemoRecord& record) {
  DemoStream stream(context.Channel(), images, kSession, kItemSamples);
  CLI_RETURN_IF_ERROR(stream.Start());
  const absl::Time begin = absl::Now();
  LiveTable table(context);
  for (size_t i = 0; i < modes.size(); ++i) {
    DemoRow row;
    row.epsilon = modes[i].epsilon;
    row.bias = modes[i].bias;
    if (i > 0) {
      v1::SetPowerModeRequest request;
      request.set_session(kSession);
      request.mutable_power_mode()->set_epsilon(row.epsilon);
      request.mutable_power_mode()->set_bias(row.bias);
      request.set_request_id(NewRequestId());
      stream.BeginSwitch();
      row.switch_begin_s = absl::ToDoubleSeconds(absl::Now() - begin);
      CLI_ASSIGN_OR_RETURN(
          const v1::SetPowerModeResponse response,
          Call<v1::SessionService>(context, &v1::SessionService::Stub::SetPowerMode, request));
      row.switch_end_s = absl::ToDoubleSeconds(absl::Now() - begin);
      stream.EndSwitch(response.session().generation());
      row.prepare_ms =
          1e3 * response.prepare_time().seconds() + 1e-6 * response.prepare_time().nanos();
      row.swap_ms = 1e3 * response.swap_time().seconds() + 1e-6 * response.swap_time().nanos();
    }
    const absl::StatusOr<ModeFigures> figures = stream.Measure(
        absl::Seconds(flags.seconds),
        [&](int64_t answered, int64_t all) { table.Progress(modes[i], answered, all); },
        [] { return InterruptGuard::Interrupted(); });
    if (!figures.ok()) {
      table.Clear();
      return InterruptGuard::Interrupted() ? Interrupted() : figures.status();
    }
    row.figures = *figures;
    table.Row(row);
    record.rows.push_back(row);
  }
  CLI_ASSIGN_OR_RETURN(record.stream, stream.Finish());
  return absl::OkStatus();
}

// What homogeneous keeps when the chip has no noise: the algebra, measured.
absl::StatusOr<std::vector<v1::PowerSweepRow>> MeasureWithoutNoise(Context& context,
                                                                   const DemoFlags& flags,
                                                                   const std::vector<Mode>& modes) {
  v1::JobSpec spec;
  spec.set_session(kSession);
  v1::PowerSweepSpec& sweep = *spec.mutable_power_sweep();
  sweep.set_dataset(FullName("datasets", flags.dataset));
  sweep.set_split(v1::Split::TEST);
  sweep.add_bias(v1::BiasPolicy::HOMOGENEOUS);
  sweep.mutable_realisation()->set_seed(flags.seed);
  // The demo shows the exact case beside its live rows; nothing else is drawn from it.
  sweep.mutable_noise()->set_without(true);
  for (const Mode& mode : modes) {
    if (mode.bias == v1::BiasPolicy::HOMOGENEOUS) sweep.add_epsilon(mode.epsilon);
  }
  if (sweep.epsilon().empty()) return std::vector<v1::PowerSweepRow>();
  CLI_ASSIGN_OR_RETURN(const v1::Job job, RunJob(context, spec, ProgressStyle::kSilent));
  return std::vector<v1::PowerSweepRow>(job.rows().begin(), job.rows().end());
}

void PrintNext(Context& context, const PrivateServer* kept, const std::string& dataset) {
  if (kept != nullptr) {
    const std::string& address = kept->process().address;
    context.Note(absl::StrCat("the server goes on at ", address, "; next:"));
    context.Note(absl::StrCat("  export TORPOR_SERVER=", address));
    context.Note(
        absl::StrCat("  ", context.program, " power set demo --epsilon 0.3 --bias homogeneous"));
    context.Note(absl::StrCat("  ", context.program, " power get demo"));
    context.Note(
        absl::StrCat("  ", context.program, " server stop && rm -r ", kept->process().data_dir));
    return;
  }
  context.Note("next, with a server that stays:");
  for (const std::string& command : DemoNextCommands(context.program, dataset)) {
    context.Note(absl::StrCat("  ", command));
  }
}

void PrintResult(Context& context, const DemoRecord& record, const std::string& html) {
  const StreamTotals& stream = record.stream;
  if (context.options.format == Format::kTable) {
    context.out << absl::StrFormat(
                       "%d images answered in %.1f s; %d of %d requests dropped, %d refused, %d "
                       "replies from a mode that was not asked for",
                       stream.samples_answered, stream.seconds, stream.dropped(), stream.items_sent,
                       stream.items_refused, stream.wrong_generation)
                << std::endl
                << "report: " << html << std::endl;
    return;
  }
  std::vector<Json> rows;
  for (const DemoRow& row : record.rows) rows.push_back(DemoRowJson(row));
  std::vector<Column> columns;
  for (const auto& [key, value] : rows.front().items()) columns.push_back({key});
  PrintRows(context, columns, rows,
            {{"rows", rows},
             {"training",
              {{"test_accuracy", record.training.metrics().contains("test_accuracy")
                                     ? Json(record.training.metrics().at("test_accuracy"))
                                     : Json()},
               {"seconds", record.training_seconds}}},
             {"stream",
              {{"images", stream.samples_answered},
               {"seconds", stream.seconds},
               {"requests", stream.items_sent},
               {"dropped", stream.dropped()},
               {"refused", stream.items_refused},
               {"wrong_generation", stream.wrong_generation}}},
             {"report", html}});
}

absl::Status Demo(Context& context, const DemoFlags& flags) {
  if (!(flags.seconds >= 0 && flags.seconds <= 3600)) {
    return UsageError(absl::StrFormat("must be in [0, 3600], got %g", flags.seconds),
                      "--seconds-per-mode");
  }
  CLI_ASSIGN_OR_RETURN(const std::vector<Mode> modes, PlanModes(flags));
  const std::string path = flags.dataset_path.empty()
                               ? context.Env("TORPOR_DATASET_PATH", "/usr/share/datasets")
                               : flags.dataset_path;
  // Minutes of work must not end at a page that cannot be drawn or written.
  CLI_RETURN_IF_ERROR(CheckWritable(flags.html));
  CLI_RETURN_IF_ERROR(CheckPlotting());

  // From here Ctrl-C must not kill us: the server would stay behind.
  InterruptGuard guard;
  CLI_ASSIGN_OR_RETURN(std::unique_ptr<PrivateServer> server,
                       PrivateServer::Start(context, "demo", path));
  CLI_ASSIGN_OR_RETURN(const DemoImages images, LoadImages(context, flags.dataset));
  context.Note(absl::StrFormat(
      "private server at %s; training %d-%d-%d on %s, %d epochs, %.3g %% column noise",
      server->process().address, static_cast<int>(images.pixels), flags.units,
      images.dataset.classes(), flags.dataset, flags.epochs, 100 * flags.column_noise));
  CLI_RETURN_IF_ERROR(CreateDemoSession(context, flags, images));

  DemoRecord record;
  record.program = context.program;
  record.dataset = flags.dataset;
  record.inputs = images.pixels;
  record.hidden_units = flags.units;
  record.classes = images.dataset.classes();
  record.column_noise = flags.column_noise;
  v1::JobSpec spec;
  spec.set_session(kSession);
  spec.mutable_train()->set_dataset(FullName("datasets", flags.dataset));
  spec.mutable_train()->set_epochs(flags.epochs);
  spec.mutable_train()->set_seed(flags.seed);
  if (InterruptGuard::Interrupted()) return Interrupted();
  const absl::Time begin = absl::Now();
  const ProgressStyle style = context.UseColor() ? ProgressStyle::kBar : ProgressStyle::kLines;
  CLI_ASSIGN_OR_RETURN(record.training, RunJob(context, spec, style));
  record.training_seconds = absl::ToDoubleSeconds(absl::Now() - begin);
  context.Note(absl::StrFormat(
      "trained in %.0f s; the stream runs from here on, and is switched while it runs",
      record.training_seconds));

  CLI_RETURN_IF_ERROR(MeasureModes(context, flags, modes, images.samples, record));
  absl::StatusOr<std::vector<v1::PowerSweepRow>> noiseless =
      MeasureWithoutNoise(context, flags, modes);
  if (noiseless.ok()) {
    record.noiseless = *std::move(noiseless);
  } else {
    context.Note(
        absl::StrCat("the comparison without noise is left out: ", noiseless.status().message()));
  }
  CLI_ASSIGN_OR_RETURN(const std::string page, DemoPage(record));
  CLI_RETURN_IF_ERROR(WriteWholeFile(flags.html, page));
  PrintResult(context, record, flags.html);
  if (flags.keep) CLI_RETURN_IF_ERROR(server->Keep());
  PrintNext(context, flags.keep ? server.get() : nullptr, flags.dataset);
  if (record.stream.dropped() > 0 || record.stream.wrong_generation > 0) {
    return WorkFailed(
        absl::StrFormat("%d requests dropped, %d replies from a mode that was not asked for",
                        record.stream.dropped(), record.stream.wrong_generation),
        "stream", record.stream.first_refusal);
  }
  return absl::OkStatus();
}

}  // namespace

void AddDemoCommand(CLI::App& root, Context& context) {
  auto flags = std::make_shared<DemoFlags>();
  CLI::App* demo =
      AddCommand(root, "demo",
                 "Trains a network, keeps it classifying, and turns its power down while it runs.",
                 "torpor demo\n"
                 "torpor demo --dataset mnist --dataset-path ~/data --epochs 5 --column-noise 0.03",
                 context, [=, &context] { return Demo(context, *flags); });
  demo->add_option("--dataset", flags->dataset, "name of an IDX dataset; default fashion-mnist");
  demo->add_option(
      "--dataset-path", flags->dataset_path,
      "folders of datasets, split at ':' (else TORPOR_DATASET_PATH, else /usr/share/datasets)");
  demo->add_option("--epochs", flags->epochs, "passes over the training images; default 3");
  demo->add_option("--units", flags->units, "hidden ReLU units; default 1000");
  demo->add_option("--seed", flags->seed, "of parameters, shuffling and noise; default 1");
  demo->add_option("--column-noise", flags->column_noise,
                   "noise on every column, share of the full-power spread; default 0.01");
  demo->add_option("--epsilon", flags->epsilon, "list or start:end:step; default 1,0.5,0.2,0.1");
  demo->add_option("--bias", flags->bias, "list of policies; default none,table,homogeneous");
  demo->add_option(
      "--seconds-per-mode", flags->seconds,
      "stay in a mode at least so long, also when every image was answered; default 1");
  demo->add_option("--html", flags->html, "the report; default demo.html");
  demo->add_flag("--keep", flags->keep, "leave the private server and the session running");
}

}  // namespace torpor::cli
