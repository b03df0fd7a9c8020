// Lines of spikes as chunks of a stream.
#pragma once

#include <cstdint>
#include <istream>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "torpor/v1/inference.pb.h"

namespace torpor::cli {

// Cuts lines "STEP INPUT", in ascending order of steps, into chunks of a fixed number of steps. A
// line "reset" begins anew at step 0. Empty lines and those that begin with # say nothing. Reads no
// further than the first line behind a chunk. Not thread-safe.
class ChunkReader {
 public:
  // Steps that may pass without a spike; more look like times in another unit.
  static constexpr int64_t kMostSilence = 1'000'000;

  // `in` outlives the reader. `steps` of every chunk; without spikes too as long as fewer than
  // `at_least` steps are over.
  ChunkReader(std::istream& in, int steps, int64_t at_least);

  // False at the end of the input; a usage error that names the line where one is wrong.
  absl::StatusOr<bool> Next();

  const v1::SpikeTrain& chunk() const { return chunk_; }
  // Step of the stream that the chunk begins with.
  int64_t first() const { return first_; }
  // Whether the network is put to rest before the chunk.
  bool reset() const { return reset_; }
  // An error about a spike of the chunk, e.g. "chunk.index[3]", with its line; any other as it is.
  absl::Status AtLine(absl::Status status) const;

 private:
  // A spike of the input, or a wish to begin anew.
  struct Line {
    int64_t step = 0;
    int32_t input = 0;
    bool reset = false;
  };

  absl::Status Read();
  absl::Status CheckSilence(int64_t since) const;
  absl::Status Wrong(absl::string_view what) const;

  std::istream& in_;
  const int64_t at_least_;
  v1::SpikeTrain chunk_;
  // [spikes of the chunk]: numbers of their lines.
  std::vector<int64_t> lines_;
  // The first that is in no chunk yet.
  Line line_;
  bool has_line_ = false;
  int64_t line_number_ = 0;
  int64_t first_ = 0, end_ = 0;
  bool reset_ = false;
};

}  // namespace torpor::cli
