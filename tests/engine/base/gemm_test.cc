#include "engine/base/gemm.h"

#include <atomic>
#include <thread>
#include <tuple>
#include <vector>

#include "engine/base/random.h"
#include "engine/base/thread_pool.h"
#include "gtest/gtest.h"

namespace torpor {
namespace {

Matrix RandomMatrix(Eigen::Index rows, Eigen::Index cols, uint64_t seed) {
  Matrix m(rows, cols);
  RandomStream(seed, RandomPurpose::kTest).FillNormal({m.data(), static_cast<size_t>(m.size())});
  return m;
}

// m, n, k.
class GemmTest : public ::testing::TestWithParam<std::tuple<int, int, int>> {};

TEST_P(GemmTest, EveryProductEqualsTheReference) {
  const auto [m, n, k] = GetParam();
  const Matrix a = RandomMatrix(m, k, 1), b = RandomMatrix(n, k, 2), start = RandomMatrix(m, n, 3);
  const Matrix at = a.transpose(), bt = b.transpose();
  for (const float beta : {0.0f, 1.0f}) {
    Matrix expected = start;
    ReferenceGemmAbt(View(a), View(b), beta, View(expected));
    const float tolerance = 1e-5f * static_cast<float>(k + 1);
    Matrix c = start;
    GemmAbt(View(a), View(b), beta, View(c));
    EXPECT_LE((c - expected).cwiseAbs().maxCoeff(), tolerance) << "A B^T, beta " << beta;
    c = start;
    GemmAb(View(a), View(bt), beta, View(c));
    EXPECT_LE((c - expected).cwiseAbs().maxCoeff(), tolerance) << "A B, beta " << beta;
    c = start;
    GemmAtb(View(at), View(bt), beta, View(c));
    EXPECT_LE((c - expected).cwiseAbs().maxCoeff(), tolerance) << "A^T B, beta " << beta;
  }
}

INSTANTIATE_TEST_SUITE_P(Shapes, GemmTest,
                         ::testing::Combine(::testing::Values(1, 2, 7, 64),
                                            ::testing::Values(1, 10, 33),
                                            ::testing::Values(0, 1, 8, 100)));

TEST(Gemm, ZeroBetaOverwritesEvenNotANumber) {
  const Matrix a = RandomMatrix(3, 4, 1), b = RandomMatrix(5, 4, 2);
  Matrix c = Matrix::Constant(3, 5, std::numeric_limits<float>::quiet_NaN());
  GemmAbt(View(a), View(b), 0, View(c));
  EXPECT_TRUE(c.allFinite());
  Matrix row = Matrix::Constant(1, 5, std::numeric_limits<float>::quiet_NaN());
  GemmAbt(Rows(a, 0, 1), View(b), 0, View(row));
  EXPECT_TRUE(row.allFinite());
}

TEST(Gemm, StridesAreKept) {
  const Matrix big = RandomMatrix(8, 20, 1), b = RandomMatrix(6, 5, 2);
  // A 4 x 5 window of a 20 wide matrix.
  const ConstMatrixView window(big.data() + 2 * 20 + 3, 4, 5, Eigen::OuterStride<>(20));
  Matrix into = Matrix::Zero(4, 9);
  GemmAbt(window, View(b), 0, MatrixView(into.data() + 1, 4, 6, Eigen::OuterStride<>(9)));
  const Matrix expected = big.block(2, 3, 4, 5) * b.transpose();
  EXPECT_LE((into.block(0, 1, 4, 6) - expected).cwiseAbs().maxCoeff(), 1e-5f);
  EXPECT_EQ(into.col(0).cwiseAbs().sum() + into.rightCols(2).cwiseAbs().sum(), 0);
}

TEST(Gemm, RowsAreAView) {
  const Matrix m = RandomMatrix(5, 3, 1);
  EXPECT_EQ(Matrix(Rows(m, 1, 2)), Matrix(m.middleRows(1, 2)));
  EXPECT_EQ(Rows(m, 5, 0).rows(), 0);
}

// Products run side by side in one process, on buffers that a serial library might share.
TEST(Gemm, SameBitsFromSeveralThreads) {
  const Matrix a = RandomMatrix(64, 300, 1), b = RandomMatrix(200, 300, 2);
  Matrix expected(64, 200);
  GemmAbt(View(a), View(b), 0, View(expected));
  ThreadPool pool(4);
  std::vector<Matrix> results(64, Matrix(64, 200));
  pool.ParallelFor(
      64, [&](int i) { GemmAbt(View(a), View(b), 0, View(results[static_cast<size_t>(i)])); });
  for (const Matrix& result : results) EXPECT_EQ(result, expected);
}

// A library that shares its buffers unguarded mixes up a few products in a million: so many that it
// shows, of a shape whose time goes into packing.
TEST(Gemm, ThreadsThatMultiplyAtOnceDoNotDisturbEachOther) {
  constexpr int kThreads = 4;
  std::atomic<int> wrong = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&wrong, t] {
      const Matrix a = RandomMatrix(64, 4, 10 + t), b = RandomMatrix(64, 4, 20 + t);
      Matrix expected(64, 64), c(64, 64);
      GemmAbt(View(a), View(b), 0, View(expected));
      for (int i = 0; i < 200000; ++i) {
        GemmAbt(View(a), View(b), 0, View(c));
        if (c != expected) ++wrong;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
}

TEST(GemmDeathTest, ShapesMustAgree) {
  const Matrix a = RandomMatrix(3, 4, 1), b = RandomMatrix(5, 3, 2);
  Matrix c(3, 5);
  EXPECT_DEATH(GemmAbt(View(a), View(b), 0, View(c)), "check failed");
}

TEST(Gemm, NamesItself) { EXPECT_FALSE(GemmName().empty()); }

}  // namespace
}  // namespace torpor
