#include "engine/lif/two_ended_range.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <thread>
#include <vector>

namespace torpor {
namespace {

TEST(TwoEndedRangeTest, GivesNothingUntilOpenedAndAfterItsClose) {
  TwoEndedRange range;
  EXPECT_EQ(range.TakeFirst(), -1);
  EXPECT_EQ(range.TakeLast(1), -1);
  range.Open(5, 9);
  range.Close();
  EXPECT_EQ(range.TakeFirst(), -1);
  EXPECT_EQ(range.TakeLast(1), -1);
  range.Open(7, 7);
  EXPECT_EQ(range.TakeFirst(), -1);
  EXPECT_EQ(range.TakeLast(1), -1);
}

TEST(TwoEndedRangeTest, TakesFromBothEnds) {
  TwoEndedRange range;
  range.Open(5, 10);
  EXPECT_EQ(range.TakeFirst(), 5);
  EXPECT_EQ(range.TakeLast(2), 9);
  EXPECT_EQ(range.TakeLast(3), 8);
  // Two are left.
  EXPECT_EQ(range.TakeLast(3), -1);
  EXPECT_EQ(range.TakeLast(2), 7);
  EXPECT_EQ(range.TakeLast(2), -1);
  EXPECT_EQ(range.TakeFirst(), 6);
  EXPECT_EQ(range.TakeFirst(), -1);
  EXPECT_EQ(range.TakeLast(1), -1);
}

TEST(TwoEndedRangeTest, EveryNumberIsTakenOnceByAnyOfManyThreads) {
  constexpr int64_t kCount = 100000;
  TwoEndedRange range;
  range.Open(3, 3 + kCount);
  std::vector<int64_t> first;
  std::vector<std::vector<int64_t>> last(3);
  std::vector<std::thread> threads;
  for (std::vector<int64_t>& taken : last) {
    threads.emplace_back([&range, &taken] {
      for (int64_t i; (i = range.TakeLast(2)) >= 0;) taken.push_back(i);
    });
  }
  for (int64_t i; (i = range.TakeFirst()) >= 0;) first.push_back(i);
  for (std::thread& thread : threads) thread.join();

  ASSERT_FALSE(first.empty());
  EXPECT_TRUE(std::is_sorted(first.begin(), first.end()));
  std::vector<int64_t> all = first;
  for (const std::vector<int64_t>& taken : last) {
    EXPECT_TRUE(std::is_sorted(taken.rbegin(), taken.rend()));
    for (const int64_t i : taken) EXPECT_GT(i, first.back());
    all.insert(all.end(), taken.begin(), taken.end());
  }
  std::sort(all.begin(), all.end());
  ASSERT_EQ(all.size(), static_cast<size_t>(kCount));
  for (int64_t i = 0; i < kCount; ++i) EXPECT_EQ(all[static_cast<size_t>(i)], 3 + i);
}

}  // namespace
}  // namespace torpor
