#include "server/store/names.h"

#include <sys/random.h>

#include <algorithm>
#include <cstdint>

#include "absl/strings/str_cat.h"
#include "engine/base/status.h"

namespace torpor {
namespace {

bool IsId(std::string_view id) {
  if (id.empty() || id.size() > 63 || id[0] < 'a' || id[0] > 'z') return false;
  return std::all_of(id.begin(), id.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
  });
}

// What goes into an error: a name of a megabyte would not fit into the trailers.
std::string Shorten(std::string_view text) {
  return text.size() <= 80 ? std::string(text) : std::string(text.substr(0, 77)) + "...";
}

void FillRandom(void* buffer, size_t size) {
  // Below 256 bytes getrandom is neither short nor interrupted once the pool is ready.
  TORPOR_CHECK(getrandom(buffer, size, 0) == static_cast<ssize_t>(size));
}

}  // namespace

absl::Status CheckId(std::string_view path, std::string_view id) {
  if (IsId(id)) return absl::OkStatus();
  return FieldError(std::string(path),
                    absl::StrCat("must match [a-z][a-z0-9-]{0,62}, got '", Shorten(id), "'"));
}

absl::StatusOr<std::string> IdOf(std::string_view collection, std::string_view name,
                                 std::string_view path) {
  const size_t slash = name.find('/');
  if (slash != std::string_view::npos && name.substr(0, slash) == collection &&
      IsId(name.substr(slash + 1))) {
    return std::string(name.substr(slash + 1));
  }
  return FieldError(std::string(path), absl::StrCat("must be '", std::string(collection),
                                                    "/' and an id, got '", Shorten(name), "'"));
}

std::string NameOf(std::string_view collection, std::string_view id) {
  return std::string(collection) + "/" + std::string(id);
}

std::string RandomId(std::string_view prefix) {
  static constexpr char kLetters[] = "abcdefghijklmnopqrstuvwxyz0123456789";
  uint32_t bits[8];
  FillRandom(bits, sizeof(bits));
  std::string id = std::string(prefix) + "-";
  for (uint32_t b : bits) id += kLetters[b % 36];
  return id;
}

std::string RandomUid() {
  static constexpr char kHex[] = "0123456789abcdef";
  unsigned char bytes[16];
  FillRandom(bytes, sizeof(bytes));
  std::string uid;
  for (unsigned char b : bytes) {
    uid += kHex[b >> 4];
    uid += kHex[b & 15];
  }
  return uid;
}

}  // namespace torpor
