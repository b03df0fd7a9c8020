// Seeded mutations of a corpus, so that fuzz targets run the same inputs in every test run.
#pragma once

#include <string>
#include <vector>

#include "engine/base/random.h"

namespace torpor::fuzz {

// One to six random edits of an element of the corpus: flipped bits, bytes and 32-bit numbers that
// break size checks, cut, repeated and inserted pieces, pieces of other elements.
inline std::string Mutate(const std::vector<std::string>& corpus, RandomStream& random) {
  static constexpr uint32_t kNumbers[] = {0,    1,      2,          0x7F,       0x80,
                                          0xFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF};
  std::string bytes = corpus[random.NextBelow(corpus.size())];
  const uint64_t edits = 1 + random.NextBelow(6);
  for (uint64_t edit = 0; edit < edits; ++edit) {
    if (bytes.empty()) bytes.push_back('x');
    const size_t at = random.NextBelow(bytes.size());
    const size_t length = 1 + random.NextBelow(std::min<size_t>(bytes.size() - at, 16));
    switch (random.NextBelow(8)) {
      case 0:
        bytes[at] = static_cast<char>(bytes[at] ^ (1 << random.NextBelow(8)));
        break;
      case 1:
        bytes[at] = static_cast<char>(kNumbers[random.NextBelow(std::size(kNumbers))]);
        break;
      case 2:
        for (size_t i = 0; i < 4 && at + i < bytes.size(); ++i) {
          // Either byte order, by chance of the number.
          bytes[at + i] =
              static_cast<char>(kNumbers[random.NextBelow(std::size(kNumbers))] >> 8 * i);
        }
        break;
      case 3:
        bytes.erase(at, length);
        break;
      case 4:
        bytes.insert(at, bytes.substr(at, length));
        break;
      case 5:
        bytes.resize(at);
        break;
      case 6: {
        const std::string& other = corpus[random.NextBelow(corpus.size())];
        if (!other.empty()) bytes.insert(at, other.substr(random.NextBelow(other.size()), 64));
        break;
      }
      default:
        bytes[at] = static_cast<char>(random.NextU32());
    }
  }
  return bytes;
}

}  // namespace torpor::fuzz
