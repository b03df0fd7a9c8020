#include "engine/base/thread_pool.h"

#include <atomic>
#include <thread>
#include <vector>

#include "gtest/gtest.h"

namespace torpor {
namespace {

class ThreadPoolTest : public ::testing::TestWithParam<int> {};

TEST_P(ThreadPoolTest, EveryIterationRunsOnce) {
  ThreadPool pool(GetParam());
  EXPECT_EQ(pool.threads(), GetParam());
  for (const int count : {0, 1, 2, 3, 100, 10000}) {
    std::vector<std::atomic<int>> runs(static_cast<size_t>(count));
    pool.ParallelFor(count, [&](int i) { ++runs[static_cast<size_t>(i)]; });
    for (const auto& run : runs) EXPECT_EQ(run, 1);
  }
}

TEST_P(ThreadPoolTest, ResultsAreVisibleToTheCaller) {
  ThreadPool pool(GetParam());
  std::vector<int> out(64);  // plain ints: a race would show under the thread sanitizer
  for (int round = 0; round < 500; ++round) {
    pool.ParallelFor(64, [&](int i) { out[static_cast<size_t>(i)] = round + i; });
    for (int i = 0; i < 64; ++i) ASSERT_EQ(out[static_cast<size_t>(i)], round + i);
  }
}

TEST_P(ThreadPoolTest, SeveralCallersShareThePool) {
  ThreadPool pool(GetParam());
  std::atomic<int> total{0};
  {
    std::vector<std::jthread> callers;
    for (int caller = 0; caller < 4; ++caller) {
      callers.emplace_back([&] {
        for (int round = 0; round < 100; ++round) pool.ParallelFor(17, [&](int) { ++total; });
      });
    }
  }
  EXPECT_EQ(total, 4 * 100 * 17);
}

TEST_P(ThreadPoolTest, LoopsMayNest) {
  ThreadPool pool(GetParam());
  std::atomic<int> total{0};
  pool.ParallelFor(8, [&](int) { pool.ParallelFor(8, [&](int) { ++total; }); });
  EXPECT_EQ(total, 64);
}

INSTANTIATE_TEST_SUITE_P(Threads, ThreadPoolTest, ::testing::Values(1, 2, 4));

TEST(ThreadPool, CpusAreCounted) { EXPECT_GE(AvailableCpus(), 1); }

}  // namespace
}  // namespace torpor
