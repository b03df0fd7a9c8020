// Progress of a job: one moving line on a terminal, plain lines when piped, JSON lines for
// programs.
#pragma once

#include <string>

#include "absl/time/time.h"
#include "client/cli/context.h"
#include "torpor/v1/job.pb.h"

namespace torpor::cli {

// How a watched job shows itself.
enum class ProgressStyle {
  kSilent,
  kBar,    // one line that is written over, with the estimated time left
  kLines,  // a line for each epoch or row, and one every 10 s
  kJson,   // one JSON object a line on `out`: events, and the job at its end
};

// kBar on a terminal, kLines when piped, kJson with -o json. `events`: --watch, which asks for
// lines also when piped.
ProgressStyle ChooseProgressStyle(const Context& context, bool events);

// Not thread-safe. Writes to context.err, JSON to context.out.
class JobProgress {
 public:
  JobProgress(Context& context, ProgressStyle style);
  ~JobProgress();
  JobProgress(const JobProgress&) = delete;
  JobProgress& operator=(const JobProgress&) = delete;

  void OnJob(const v1::Job& job);
  void OnEvent(const v1::JobEvent& event);
  // Ends the moving line so that other output starts on a line of its own.
  void Finish();

 private:
  void Show(const std::string& line, bool important);

  Context& context_;
  const ProgressStyle style_;
  v1::Job job_;
  bool line_open_ = false;
  absl::Time last_line_ = absl::InfinitePast();
};

// "job-7f3 train  epoch 4/10  ▇▇▇▁▁  acc 96.10 %  1.9 s/epoch  eta 11 s"
std::string ProgressLine(const v1::Job& job);
// The kind as the field of JobSpec, e.g. "train" or "select".
std::string JobKind(const v1::JobSpec& spec);

}  // namespace torpor::cli
