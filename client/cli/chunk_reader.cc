#include "client/cli/chunk_reader.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "client/cli/errors.h"

namespace torpor::cli {
namespace {

// Whether a field is one of the chunk's spikes, "chunk.index[3]".
bool IsSpike(absl::string_view field, size_t* spike) {
  return (absl::ConsumePrefix(&field, "chunk.index[") ||
          absl::ConsumePrefix(&field, "chunk.step[")) &&
         absl::ConsumeSuffix(&field, "]") && absl::SimpleAtoi(field, spike);
}

std::string LineOfInput(int64_t number) { return absl::StrCat("line ", number, " of the input"); }

}  // namespace

ChunkReader::ChunkReader(std::istream& in, int steps, int64_t at_least)
    : in_(in), at_least_(at_least) {
  chunk_.set_steps(steps);
}

absl::StatusOr<bool> ChunkReader::Next() {
  chunk_.clear_step();
  chunk_.clear_index();
  lines_.clear();
  reset_ = false;
  first_ = end_;
  if (!has_line_) CLI_RETURN_IF_ERROR(Read());
  if (has_line_ && line_.reset) {
    reset_ = true;
    first_ = 0;
    CLI_RETURN_IF_ERROR(Read());
  }
  if (!has_line_ && first_ >= at_least_ && !reset_) return false;
  end_ = first_ + chunk_.steps();
  while (has_line_ && !line_.reset && line_.step < end_) {
    if (line_.step < 0) return Wrong(absl::StrCat("a step is 0 or above, got ", line_.step));
    if (line_.step < first_) {
      return Wrong(absl::StrCat("step ", line_.step, " comes too late: the steps up to ",
                                first_ - 1, " were sent already"));
    }
    chunk_.add_step(static_cast<int32_t>(line_.step - first_));
    chunk_.add_index(line_.input);
    lines_.push_back(line_number_);
    CLI_RETURN_IF_ERROR(Read());
  }
  return true;
}

absl::Status ChunkReader::AtLine(absl::Status status) const {
  const auto bad = DetailOf<google::rpc::BadRequest>(status);
  size_t spike = 0;
  if (!bad.has_value() || bad->field_violations_size() == 0 ||
      !IsSpike(bad->field_violations(0).field(), &spike) || spike >= lines_.size()) {
    return status;
  }
  return WithWhere(std::move(status), LineOfInput(lines_[spike]));
}

absl::Status ChunkReader::Read() {
  const int64_t since = line_.step;
  std::string text;
  has_line_ = false;
  while (std::getline(in_, text)) {
    ++line_number_;
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
    return CheckSilence(since);
  }
  return absl::OkStatus();
}

absl::Status ChunkReader::CheckSilence(int64_t since) const {
  if (line_.step <= since + kMostSilence) return absl::OkStatus();
  return UsageError(
      absl::StrCat("step ", line_.step, " comes ", line_.step - since, " steps after step ", since,
                   "; at most ", kMostSilence, " may pass without a spike"),
      LineOfInput(line_number_),
      "steps of the network, not microseconds or a clock's time, or \"reset\" and step 0 again");
}

absl::Status ChunkReader::Wrong(absl::string_view what) const {
  return UsageError(
      what, LineOfInput(line_number_),
      "lines of a step and an input in ascending order, e.g. \"17 203\", or \"reset\"");
}

}  // namespace torpor::cli
