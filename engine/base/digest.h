// Digests: SHA-256 for content, CRC32C for records.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace torpor {

// Lower-case hex, 64 characters.
std::string Sha256Hex(std::string_view data);

// SHA-256 of a stream of pieces.
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  void Update(std::string_view data);
  // Lower-case hex; call once.
  std::string FinishHex();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// CRC-32C (Castagnoli) as in RFC 3720.
uint32_t Crc32c(std::string_view data);

}  // namespace torpor
