#include "client/cli/session_spikes.h"

#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "client/cli/chunk_reader.h"
#include "client/cli/command.h"
#include "client/cli/errors.h"
#include "client/cli/output.h"
#include "client/cli/rpc.h"
#include "client/cli/spike_stream.h"
#include "torpor/v1/inference.pb.h"

namespace torpor::cli {
namespace {

struct SpikesFlags {
  std::string session;
  int chunk = 1;
  int64_t steps = 0;
};

// Milliseconds.
double StepOf(const v1::Network& network) {
  return network.lif().has_step_ms() ? network.lif().step_ms() : 1;
}

// Step `first` of the stream lies `first_ms` behind its beginning.
void Print(Context& context, int64_t first, double first_ms, bool state_lost,
           const v1::InferResponse& response) {
  const v1::SpikeTrain& spikes = response.spikes();
  if (context.options.format == Format::kJson) {
    Json line = ToJson(response);
    line["first_step"] = first;
    line["first_ms"] = first_ms;
    if (state_lost) line["state_lost"] = true;
    context.out << Dump(line, /*indent=*/-1) << "\n";
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
  if (flags.chunk < 1 || flags.chunk > kMostChunkSteps) {
    return UsageError(absl::StrCat("a chunk has 1..", kMostChunkSteps, " steps, got ", flags.chunk),
                      "--chunk", "--chunk 1");
  }
  CLI_ASSIGN_OR_RETURN(const v1::Session session, GetSession(context, flags.session));
  if (session.network().has_lif() && session.network().lif().read_out() != v1::LifReadOut::SPIKES &&
      context.options.format != Format::kJson) {
    context.Note(
        "this network's last layer integrates: it has no output spikes; -o json gives scores");
  }
  const double step_ms = StepOf(session.network());
  SpikeStream stream(context);
  CLI_RETURN_IF_ERROR(stream.Open(session.name()));
  ChunkReader reader(context.in, flags.chunk, flags.steps);
  while (true) {
    CLI_ASSIGN_OR_RETURN(const bool more, reader.Next());
    if (!more) break;
    const absl::StatusOr<v1::InferResponse> response = stream.Send(reader.chunk(), reader.reset());
    if (!response.ok()) return reader.AtLine(response.status());
    Print(context, reader.first(), static_cast<double>(reader.first()) * step_ms,
          stream.state_lost(), *response);
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
      "steps are over, and prints lines \"STEP UNIT\" (-o json: a line for each chunk, with scores "
      "and the milliseconds before it). The network goes on from chunk to chunk; a line \"reset\" "
      "puts it to rest, at step 0.",
      "sensor | torpor session spikes s1 --chunk 1\n"
      "torpor session spikes s1 --chunk 10 --steps 250 < events.txt",
      context, [=, &context] { return Spikes(context, *flags); });
  spikes->add_option("session", flags->session, "the session, of the family lif")->required();
  spikes->add_option("--chunk", flags->chunk,
                     absl::StrCat("steps sent at once, 1..", kMostChunkSteps, "; default 1"));
  spikes->add_option("--steps", flags->steps,
                     "run at least so many steps, also when no spikes are left");
}

}  // namespace torpor::cli
