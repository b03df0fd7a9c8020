// The vectorised products with overlapping rows against plain loops.
#include "engine/rate/window_products.h"

#include <vector>

#include "engine/base/random.h"
#include "gtest/gtest.h"

namespace torpor {
namespace {

std::vector<float> Random(size_t n, uint64_t seed) {
  std::vector<float> values(n);
  RandomStream random(seed, RandomPurpose::kTest);
  for (float& value : values) value = 2 * random.NextFloat() - 1;
  return values;
}

TEST(WindowProductsTest, EqualPlainLoopsForEverySize) {
  const std::vector<float> image = Random(600, 1);
  for (int64_t units : {1, 2, 3, 4, 5, 6, 7, 13, 16}) {
    for (int64_t rows : {1, 3, 4, 9, 25}) {
      for (int64_t n : {1, 15, 16, 17, 31, 32, 33, 64, 100}) {
        SCOPED_TRACE(::testing::Message() << units << " x " << rows << " x " << n);
        std::vector<int32_t> offsets;
        for (int64_t k = 0; k < rows; ++k) offsets.push_back(static_cast<int32_t>(k * 7 % 40));
        const std::vector<float> weight = Random(static_cast<size_t>(units * rows), 2);
        const int64_t stride = RoundUpToLanes(n) + 16;
        const size_t size = static_cast<size_t>(units * stride);
        std::vector<float> out(size), expected(size);
        WindowProduct(weight.data(), units, image.data(), offsets, n, out.data(), stride);
        ReferenceWindowProduct(weight.data(), units, image.data(), offsets, n, expected.data(),
                               stride);
        for (int64_t u = 0; u < units; ++u) {
          for (int64_t p = 0; p < n; ++p) {
            const size_t at = static_cast<size_t>(u * stride + p);
            ASSERT_NEAR(out[at], expected[at], 1e-5) << u << ", " << p;
          }
        }

        std::vector<float> deltas = Random(3 * size, 3);
        for (size_t i = 0; i < deltas.size(); ++i) {
          if (static_cast<int64_t>(i) % stride >= n) deltas[i] = 0;
        }
        const WindowSamples samples = {.count = 3,
                                       .images = image.data(),
                                       .image_stride = 50,
                                       .deltas = deltas.data(),
                                       .delta_stride = static_cast<int64_t>(size),
                                       .delta_row = stride};
        std::vector<float> gradient = Random(weight.size(), 4);
        std::vector<float> plain = gradient;
        WindowGradient(samples, units, offsets, n, gradient.data());
        ReferenceWindowGradient(samples, units, offsets, n, plain.data());
        for (size_t i = 0; i < gradient.size(); ++i) ASSERT_NEAR(gradient[i], plain[i], 3e-5);
      }
    }
  }
}

}  // namespace
}  // namespace torpor
