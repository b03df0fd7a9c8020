#include "client/cli/session_spikes.h"

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "client/cli/command.h"
#include "client/cli/errors.h"
#include "client/cli/output.h"
#include "client/cli/rpc.h"
#include "client/cli/spike_stream.h"
#include "torpor/v1/inference.pb.h"

namespace torpor::cli {
namespace {

constexpr int kMostSteps = 4096;

struct SpikesFlags {
  std::string session;
  int chunk = 1;
  int64_t steps = 0;
};

// A spike of the input, or a wish to begin anew.
struct Line {
  int64_t step = 0;
  int32_t input = 0;
  bool reset = false;
};

// Cuts lines "STEP INPUT" and "reset" into chunks of a fixed number of steps.
class ChunkReader {
 public:
  ChunkReader(std::istream& in, int steps, int64_t at_least) : in_(in), at_least_(at_least) {
    message_.set_steps(steps);
  }

  // False at the end of the input.
  absl::StatusOr<bool> Next() {
    message_.clear_step();
    message_.clear_index();
    reset_ = false;
    first_ = end_;
    if (!has_line_) {
      CLI_RETURN_IF_ERROR(Read());
    }
    if (has_line_ && line_.reset) {
      reset_ = true;
      first_ = 0;
      CLI_RETURN_IF_ERROR(Read());
    }
    if (!has_line_ && first_ >= at_least_ && !reset_) return false;
    end_ = first_ + message_.steps();
    while (has_line_ && !line_.reset && line_.step < end_) {
      if (line_.step < first_) {
        return Wrong(absl::StrCat("step ", line_.step, " comes after step ", first_,
                                  ", which was sent already"));
      }
      message_.add_step(static_cast<int32_t>(line_.step - first_));
      message_.add_index(line_.input);
      CLI_RETURN_IF_ERROR(Read());
    }
    return true;
  }

  const v1::SpikeTrain& chunk() const { return message_; }
  // Step of the stream that the chunk begins with.
  int64_t first() const { return first_; }
  bool reset() const { return reset_; }

 private:
  absl::Status Wrong(absl::string_view what) const {
    return UsageError(
        what, absl::StrCat("line ", number_, " of the input"),
        "lines of a step and an input in ascending order, e.g. \"17 203\", or \"reset\"");
  }
  absl::Status Read() {
    std::string text;
    has_line_ = false;
    while (std::getline(in_, text)) {
      ++number_;
      const std::vector<absl::string_view> words =
          absl::StrSplit(text, absl::ByAnyChar(" \t,\r"), absl::SkipEmpty());
      if (words.empty() || words[0][0] == '#') continue;
      has_line_ = true;
      line_ = {};
      line_.reset = words.size() == 1 && words[0] == "reset";
      if (line_.reset) return absl::OkStatus();
      if (words.size() != 2 || !absl::SimpleAtoi(words[0], &line_.step) ||
          !absl::SimpleAtoi(words[1], &line_.input)) {
        return Wrong(absl::StrCat("\"", text, "\" is no spike"));
      }
      return absl::OkStatus();
    }
    return absl::OkStatus();
  }

  std::istream& in_;
  const int64_t at_least_;
  v1::SpikeTrain message_;
  Line line_;
  bool has_line_ = false;
  int64_t number_ = 0;
  int64_t first_ = 0, end_ = 0;
  bool reset_ = false;
};

void Print(Context& context, int64_t first, const v1::InferResponse& response) {
  const v1::SpikeTrain& spikes = response.spikes();
  if (context.options.format == Format::kJson) {
    Json line = ToJson(response);
    line["first_step"] = first;
    context.out << line.dump() << "\n";
  } else {
    const char* between = context.options.format == Format::kCsv ? "," : " ";
    for (int i = 0; i < spikes.step_size(); ++i) {
      context.out << first + spikes.step(i) << between << spikes.index(i) << "\n";
    }
  }
  // Whoever reads along acts on it.
  context.out.flush();
}

absl::Status Spikes(Context& context, const SpikesFlags& flags) {
  if (flags.chunk < 1 || flags.chunk > kMostSteps) {
    return UsageError(absl::StrCat("a chunk has 1..", kMostSteps, " steps, got ", flags.chunk),
                      "--chunk", "--chunk 1");
  }
  CLI_ASSIGN_OR_RETURN(const std::string session, ResolveSession(context, flags.session));
  SpikeStream stream(context);
  CLI_RETURN_IF_ERROR(stream.Open(session));
  ChunkReader reader(context.in, flags.chunk, flags.steps);
  while (true) {
    CLI_ASSIGN_OR_RETURN(const bool more, reader.Next());
    if (!more) break;
    CLI_ASSIGN_OR_RETURN(const v1::InferResponse response,
                         stream.Send(reader.chunk(), reader.reset()));
    Print(context, reader.first(), response);
  }
  stream.Close();
  return absl::OkStatus();
}

}  // namespace

void AddSpikesCommand(CLI::App& session, Context& context) {
  auto flags = std::make_shared<SpikesFlags>();
  CLI::App* spikes = AddCommand(
      session, "spikes",
      "Streams spikes through a session and prints those of its last layer.\n\n"
      "Reads lines \"STEP INPUT\" in ascending order from stdin, sends a chunk as soon as its "
      "steps "
      "are over, and prints lines \"STEP UNIT\" (-o json: a line for each chunk, with scores). The "
      "network goes on from chunk to chunk; a line \"reset\" puts it to rest, at step 0.",
      "sensor | torpor session spikes s1 --chunk 1\n"
      "torpor session spikes s1 --chunk 10 --steps 250 < events.txt",
      context, [=, &context] { return Spikes(context, *flags); });
  spikes->add_option("session", flags->session, "the session, of the family lif")->required();
  spikes->add_option("--chunk", flags->chunk, "steps sent at once, 1..4096; default 1");
  spikes->add_option("--steps", flags->steps,
                     "run at least so many steps, also when no spikes are left");
}

}  // namespace torpor::cli
