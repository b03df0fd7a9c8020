#include "engine/data/pixels.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <vector>

namespace torpor {
namespace {

TEST(ReadPixelsTest, RoundsAndSaturates) {
  const std::vector<float> values = {0,     1,    0.5f,        -0.1f, 1.5f,        1.49f / 255,
                                     -1e9f, 1e9f, 1.51f / 255, -0.0f, 254.4f / 255};
  std::vector<uint8_t> pixels(values.size());
  ReadPixels(values, pixels);
  EXPECT_EQ(pixels, (std::vector<uint8_t>{0, 255, 128, 0, 255, 1, 0, 255, 2, 0, 254}));
}

TEST(ReadPixelsTest, BytesComeBack) {
  std::vector<float> values;
  for (int p = 0; p < 256; ++p) values.push_back(static_cast<float>(p) / 255);
  std::vector<uint8_t> pixels(values.size());
  ReadPixels(values, pixels);
  for (size_t p = 0; p < pixels.size(); ++p) EXPECT_EQ(pixels[p], p);
}

}  // namespace
}  // namespace torpor
