#include "engine/base/random.h"
#include "engine/rate/dot_products.h"
#include "engine/rate/packed_weights.h"
#include "gtest/gtest.h"

namespace torpor {
namespace {

Matrix Random(uint64_t seed, Eigen::Index rows, Eigen::Index columns, double density = 1) {
  RandomStream random(seed, RandomPurpose::kTest);
  Matrix m(rows, columns);
  for (Eigen::Index i = 0; i < m.size(); ++i) {
    const float value = 2 * random.NextFloat() - 1;
    m.data()[i] = random.NextDouble() < density ? value : 0.0f;
  }
  return m;
}

std::span<const float> Row(const Matrix& m, Eigen::Index i) {
  return {m.data() + i * m.cols(), static_cast<size_t>(m.cols())};
}

// Every set of instructions that this CPU has.
class ProductsTest : public ::testing::TestWithParam<Instructions> {
 protected:
  void SetUp() override {
    if (GetParam() > BestInstructions()) GTEST_SKIP() << "the CPU does not have them";
  }
};

INSTANTIATE_TEST_SUITE_P(AllSets, ProductsTest,
                         ::testing::Values(Instructions::kBase, Instructions::kAvx2,
                                           Instructions::kAvx512));

// Sizes below, at and above the boundaries of panels, chains and tiles.
TEST_P(ProductsTest, PackedProductEqualsItsReferenceAndTheOneOfASingleSample) {
  for (double density : {0.0, 0.2, 1.0}) {
    for (Eigen::Index inputs : {1, 31, 1023, 1024, 1030, 2049}) {
      for (Eigen::Index units : {1, 47, 48, 49, 100}) {
        const Matrix weights = Random(1, units, inputs);
        const PackedWeights packed((View(weights)));
        for (Eigen::Index samples : {1, 2, 3, 7, 8, 9, 131}) {
          if (samples > 9 && inputs > 31) continue;
          const Matrix u = Random(2, samples, inputs, density);
          Matrix fast(samples, units), plain(samples, units), one(1, units);
          fast.setConstant(7);
          PackedProduct(packed, View(u), View(fast), GetParam());
          ReferenceProduct(View(weights), View(u), View(plain));
          EXPECT_LT((fast - plain).cwiseAbs().maxCoeff(), 3e-6f * (1 + plain.cwiseAbs().maxCoeff()))
              << inputs << " x " << units;
          for (Eigen::Index i = 0; i < samples; ++i) {
            PackedProduct(packed, Row(u, i), {one.data(), static_cast<size_t>(units)}, GetParam());
            EXPECT_EQ(one, fast.row(i)) << inputs << " x " << units << ", sample " << i;
          }
        }
      }
    }
  }
}

TEST_P(ProductsTest, DotProductsEqualTheirReferenceAndThoseOfASingleSample) {
  for (Eigen::Index inputs : {1, 15, 16, 17, 33, 784, 2049}) {
    for (Eigen::Index units : {1, 4, 5, 6, 10, 31}) {
      const Matrix weights = Random(3, units, inputs);
      for (Eigen::Index samples : {1, 3, 4, 5, 9}) {
        const Matrix u = Random(4, samples, inputs);
        Matrix fast(samples, units), plain(samples, units), one(1, units);
        DotProducts(View(weights), View(u), View(fast), GetParam());
        ReferenceProduct(View(weights), View(u), View(plain));
        EXPECT_LT((fast - plain).cwiseAbs().maxCoeff(), 3e-6f * (1 + plain.cwiseAbs().maxCoeff()))
            << inputs << " x " << units;
        for (Eigen::Index i = 0; i < samples; ++i) {
          DotProducts(View(weights), Rows(u, i, 1), View(one), GetParam());
          EXPECT_EQ(one, fast.row(i)) << inputs << " x " << units << ", sample " << i;
        }
      }
    }
  }
}

// Inputs in the middle of wider rows, sums into the middle of wider rows.
TEST_P(ProductsTest, StridesAreFollowed) {
  const Matrix weights = Random(5, 50, 20);
  const PackedWeights packed((View(weights)));
  const Matrix wide = Random(6, 9, 30);
  const Matrix u = wide.middleCols(4, 20);
  Matrix expected(9, 50), sums(9, 70);
  const ConstMatrixView inside(wide.data() + 4, 9, 20, Eigen::OuterStride<>(30));
  const MatrixView to(sums.data() + 3, 9, 50, Eigen::OuterStride<>(70));
  ReferenceProduct(View(weights), View(u), View(expected));
  for (bool dots : {false, true}) {
    sums.setZero();
    if (dots) {
      DotProducts(View(weights), inside, to, GetParam());
    } else {
      PackedProduct(packed, inside, to, GetParam());
    }
    EXPECT_LT((sums.middleCols(3, 50) - expected).cwiseAbs().maxCoeff(), 1e-5f);
    EXPECT_EQ(sums.leftCols(3).cwiseAbs().sum() + sums.rightCols(17).cwiseAbs().sum(), 0);
  }
}

}  // namespace
}  // namespace torpor
