#include "client/cli/progress.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "client/cli/energy_ledger.h"
#include "client/cli/mode_levers.h"
#include "client/cli/output.h"
#include "client/cli/rpc.h"
#include "client/cli/select_rows.h"

namespace torpor::cli {
namespace {

constexpr int kBarCells = 20;
constexpr absl::Duration kLineInterval = absl::Seconds(10);

// "9 s", "2 min 05 s", "1 h 04 min".
std::string Span(double seconds) {
  const int64_t whole = std::llround(std::max(0.0, seconds));
  if (whole < 60) return absl::StrCat(whole, " s");
  if (whole < 3600) return absl::StrFormat("%d min %02d s", whole / 60, whole % 60);
  return absl::StrFormat("%d h %02d min", whole / 3600, whole / 60 % 60);
}

std::string Bar(double fraction) {
  const int full = static_cast<int>(std::lround(std::clamp(fraction, 0.0, 1.0) * kBarCells));
  std::string bar;
  for (int i = 0; i < kBarCells; ++i) bar += i < full ? "▇" : "▁";
  return bar;
}

// The metrics that a reader wants to see while it runs, the most telling first.
std::string MetricsText(const google::protobuf::Map<std::string, double>& metrics) {
  struct Shown {
    const char* key;
    const char* title;
    bool percent;
  };
  constexpr Shown kShown[] = {{"validation_accuracy", "validation acc", true},
                              {"test_accuracy", "test acc", true},
                              {"train_accuracy", "acc", true},
                              {"accuracy", "acc", true},
                              {"train_loss", "loss", false},
                              {"samples_per_second", "samples/s", false}};
  std::string text;
  for (const Shown& shown : kShown) {
    const auto found = metrics.find(shown.key);
    if (found == metrics.end()) continue;
    if (shown.percent) {
      absl::StrAppendFormat(&text, "  %s %.2f %%", shown.title, 100 * found->second);
    } else {
      absl::StrAppendFormat(&text, "  %s %.4g", shown.title, found->second);
    }
  }
  return text;
}

std::string RowText(const v1::PowerSweepRow& row) {
  std::string text;
  const auto* mode = v1::PowerMode::descriptor();
  for (int i = 0; i < mode->field_count(); ++i) {
    const std::string& lever = mode->field(i)->name();
    // Further levers of a rate network's mode hardly differ, and a line has little room.
    const bool shown = lever == "epsilon" || lever == "bias" || !row.has_epsilon();
    const std::string value = shown ? LeverText(row, lever) : "";
    if (!value.empty()) absl::StrAppend(&text, "  ", lever, " ", value);
  }
  if (row.has_error()) return absl::StrCat(text, "  ", row.error().message());
  return text +
         absl::StrFormat("  acc %.2f %%  nasp %.2f %%", 100 * row.accuracy(), 100 * row.nasp());
}

// One more measurement of an arm, its last one.
std::string ArmEventText(const v1::SelectArm& arm) {
  std::string text = absl::StrCat("  ", ArmText(arm));
  if (arm.measurements().empty()) return text;
  const v1::SelectMeasurement& last = *arm.measurements().rbegin();
  absl::StrAppendFormat(&text, "  seed %d  acc %.2f %% after %d samples  %s", last.seed(),
                        100 * last.accuracy(), last.trained_samples(),
                        MemoryText(arm.memory_bytes()));
  if (last.has_joules()) absl::StrAppend(&text, "  ", JoulesText(last.joules()));
  return text;
}

}  // namespace

ProgressStyle ChooseProgressStyle(const Context& context, bool events) {
  if (events && context.options.format == Format::kJson) return ProgressStyle::kJson;
  if (context.options.quiet) return ProgressStyle::kSilent;
  if (context.UseColor()) return ProgressStyle::kBar;
  return events ? ProgressStyle::kLines : ProgressStyle::kSilent;
}

std::string JobKind(const v1::JobSpec& spec) {
  switch (spec.kind_case()) {
    case v1::JobSpec::kTrain:
      return "train";
    case v1::JobSpec::kEvaluate:
      return "evaluate";
    case v1::JobSpec::kCalibrate:
      return "calibrate";
    case v1::JobSpec::kPowerSweep:
      return "power_sweep";
    case v1::JobSpec::kTune:
      return "tune";
    case v1::JobSpec::kPowerSearch:
      return "power_search";
    case v1::JobSpec::kSelect:
      return "select";
    case v1::JobSpec::KIND_NOT_SET:
      break;
  }
  return "unknown";
}

std::string ProgressLine(const v1::Job& job) {
  std::string line = absl::StrCat(ShortName(job.name()), " ", JobKind(job.spec()));
  if (job.state() != v1::JobState::RUNNING) {
    absl::StrAppend(&line, "  ", absl::AsciiStrToLower(v1::JobState::Kind_Name(job.state())));
    if (!job.reason().empty()) absl::StrAppend(&line, " (", job.reason(), ")");
    return line;
  }
  const v1::Progress& progress = job.progress();
  if (job.spec().has_tune() && progress.epochs() > 0) {
    // Of a tuning job: settings of epsilon instead of epochs.
    const auto epsilon = progress.metrics().find("epsilon");
    if (epsilon != progress.metrics().end()) {
      absl::StrAppendFormat(&line, "  epsilon %.4g", epsilon->second);
    }
    absl::StrAppend(&line, " (", progress.epoch(), "/", progress.epochs(), ")");
  } else if (job.spec().has_select() && progress.epochs() > 0) {
    absl::StrAppend(&line, "  measured ", progress.epoch(), "/", progress.epochs());
  } else if (progress.epochs() > 0) {
    absl::StrAppend(&line, "  epoch ", progress.epoch(), "/", progress.epochs());
  }
  absl::StrAppend(&line, "  ", Bar(progress.fraction()),
                  absl::StrFormat(" %3.0f %%", 100 * progress.fraction()),
                  MetricsText(progress.metrics()));
  if (progress.has_eta()) {
    absl::StrAppend(&line, "  eta ",
                    Span(progress.eta().seconds() + 1e-9 * progress.eta().nanos()));
  }
  return line;
}

JobProgress::JobProgress(Context& context, ProgressStyle style)
    : context_(context), style_(style) {}

JobProgress::~JobProgress() { Finish(); }

void JobProgress::Finish() {
  if (line_open_) context_.err << "\r\x1b[K" << std::flush;
  line_open_ = false;
}

void JobProgress::Show(const std::string& line, bool important) {
  if (style_ == ProgressStyle::kBar) {
    if (important) {
      // A line of its own that stays, above the moving one.
      context_.err << "\r\x1b[K" << line << '\n';
      line_open_ = false;
    } else {
      context_.err << "\r\x1b[K" << line;
      line_open_ = true;
    }
    context_.err << std::flush;
  } else if (style_ == ProgressStyle::kLines) {
    const absl::Time now = absl::Now();
    if (!important && now - last_line_ < kLineInterval) return;
    last_line_ = now;
    context_.err << line << std::endl;
  }
}

void JobProgress::OnJob(const v1::Job& job) {
  const bool changed = job.state() != job_.state() || job.attempt() != job_.attempt();
  job_ = job;
  if (style_ == ProgressStyle::kJson) {
    const bool ended = job.state() >= v1::JobState::SUCCEEDED;
    Json json = ToJson(job);
    if (!ended) {
      json = {{"job", job.name()},
              {"state", json["state"]},
              {"reason", job.reason()},
              {"attempt", job.attempt()}};
    }
    context_.out << Dump(json, -1) << std::endl;
    return;
  }
  Show(ProgressLine(job_), changed && style_ == ProgressStyle::kLines);
}

void JobProgress::OnEvent(const v1::JobEvent& event) {
  if (style_ == ProgressStyle::kJson) {
    Json json = {{"job", job_.name()}};
    json.update(ToJson(event));
    context_.out << Dump(json, -1) << std::endl;
    return;
  }
  const std::string head = absl::StrCat(ShortName(job_.name()), " ", JobKind(job_.spec()));
  switch (event.event_case()) {
    case v1::JobEvent::kProgress:
      *job_.mutable_progress() = event.progress();
      if (job_.state() == v1::JobState::QUEUED) job_.set_state(v1::JobState::RUNNING);
      Show(ProgressLine(job_), false);
      break;
    case v1::JobEvent::kStarted:
      if (event.started().attempt() > 1) {
        Show(absl::StrCat(head, "  attempt ", event.started().attempt(), " goes on after ",
                          job_.spec().has_tune()     ? "setting "
                          : job_.spec().has_select() ? "measurement "
                                                     : "epoch ",
                          event.started().resumed_from_epoch()),
             true);
      }
      break;
    case v1::JobEvent::kEpochDone: {
      const auto& done = event.epoch_done();
      std::string line = absl::StrCat(head, "  epoch ", done.epoch());
      if (job_.progress().epochs() > 0) absl::StrAppend(&line, "/", job_.progress().epochs());
      absl::StrAppend(&line, MetricsText(done.metrics()));
      if (done.has_elapsed()) {
        absl::StrAppendFormat(&line, "  %.1f s",
                              done.elapsed().seconds() + 1e-9 * done.elapsed().nanos());
      }
      Show(line, true);
      break;
    }
    case v1::JobEvent::kRow:
      Show(absl::StrCat(head, RowText(event.row())), true);
      break;
    case v1::JobEvent::kArm:
      Show(absl::StrCat(head, ArmEventText(event.arm())), true);
      break;
    default:
      break;
  }
}

}  // namespace torpor::cli
