#include "engine/data/gzip.h"

#include <zlib.h>

#include <algorithm>
#include <cstdint>
#include <limits>

#include "absl/strings/str_cat.h"
#include "engine/base/status.h"

namespace torpor {
namespace {

// Owns zlib's state.
class Inflater {
 public:
  Inflater() {
    // 15 bits of window, +16: gzip only.
    TORPOR_CHECK(inflateInit2(&stream_, 15 + 16) == Z_OK);
  }
  ~Inflater() { inflateEnd(&stream_); }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;
  z_stream& stream() { return stream_; }

 private:
  z_stream stream_ = {};
};

constexpr size_t kStep = size_t{1} << 20;

// Inflates until `count` bytes are there or the content ends. `ended` says that it ended as it
// should.
absl::StatusOr<std::string> Inflate(std::string_view data, size_t count, bool& ended) {
  Inflater inflater;
  z_stream& stream = inflater.stream();
  std::string content;
  ended = false;
  while (content.size() < count) {
    if (stream.avail_in == 0) {
      const size_t piece = std::min<size_t>(data.size(), std::numeric_limits<uInt>::max());
      stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(data.data()));
      stream.avail_in = static_cast<uInt>(piece);
      data.remove_prefix(piece);
    }
    const size_t before = content.size();
    // Grows with what really comes out, not with what a header promises.
    const size_t room = std::min(std::max(kStep, before), count - before);
    content.resize(before + room);
    stream.next_out = reinterpret_cast<Bytef*>(content.data() + before);
    stream.avail_out = static_cast<uInt>(std::min<size_t>(room, 1u << 30));
    const uInt offered = stream.avail_out;
    const int result = inflate(&stream, Z_NO_FLUSH);
    content.resize(before + (offered - stream.avail_out));
    if (result == Z_STREAM_END) {
      if (stream.avail_in == 0 && data.empty()) {
        ended = true;
        break;
      }
      // Another member, or rubbish, which its header check then refuses.
      if (inflateReset(&stream) != Z_OK) return absl::DataLossError("damaged gzip data");
    } else if (result == Z_BUF_ERROR && stream.avail_in == 0 && data.empty()) {
      break;  // the input ends too early
    } else if (result != Z_OK) {
      return absl::DataLossError(
          absl::StrCat("damaged gzip data after ", content.size(), " bytes of content",
                       stream.msg != nullptr ? ": " : "", stream.msg != nullptr ? stream.msg : ""));
    }
  }
  return content;
}

}  // namespace

bool IsGzip(std::string_view data) { return data.starts_with("\x1f\x8b"); }

absl::StatusOr<std::string> Gunzip(std::string_view data, size_t limit) {
  TORPOR_CHECK(limit < std::numeric_limits<size_t>::max());
  bool ended = false;
  // One byte more than allowed, to see whether there is more, and to reach the checksum.
  TORPOR_ASSIGN_OR_RETURN(std::string content, Inflate(data, limit + 1, ended));
  if (content.size() > limit) {
    return absl::DataLossError(absl::StrCat("gzip content is longer than ", limit, " bytes"));
  }
  if (!ended) {
    return absl::DataLossError(
        absl::StrCat("gzip data is cut off after ", content.size(), " bytes of content"));
  }
  return content;
}

absl::StatusOr<std::string> GunzipPrefix(std::string_view data, size_t count) {
  bool ended = false;
  return Inflate(data, count, ended);
}

}  // namespace torpor
