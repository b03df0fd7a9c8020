#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "engine/network/deployment.h"
#include "tests/support/bad_fields.h"

namespace torpor {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::vector<std::string> Wrong(int steps, std::vector<int32_t> step, std::vector<int32_t> index) {
  return testing::FieldsOf(
      CheckChunk({.steps = steps, .step = step, .index = index}, 4, 10, "chunk."));
}

TEST(ChunkTest, AscendingSpikesWithinTheBoundsAreTaken) {
  EXPECT_THAT(Wrong(1, {}, {}), IsEmpty());
  EXPECT_THAT(Wrong(10, {0, 0, 9, 9}, {0, 3, 0, 1}), IsEmpty());
}

TEST(ChunkTest, EverythingElseIsNamed) {
  EXPECT_THAT(Wrong(0, {}, {}), ElementsAre("chunk.steps"));
  EXPECT_THAT(Wrong(11, {}, {}), ElementsAre("chunk.steps"));
  EXPECT_THAT(Wrong(5, {1}, {}), ElementsAre("chunk.index"));
  EXPECT_THAT(Wrong(5, {1, 5}, {1, 1}), ElementsAre("chunk.step[1]"));
  EXPECT_THAT(Wrong(5, {-1}, {1}), ElementsAre("chunk.step[0]"));
  EXPECT_THAT(Wrong(5, {1}, {4}), ElementsAre("chunk.index[0]"));
  EXPECT_THAT(Wrong(5, {1}, {-1}), ElementsAre("chunk.index[0]"));
  EXPECT_THAT(Wrong(5, {2, 1}, {0, 0}), ElementsAre("chunk.step[1]"));
  EXPECT_THAT(Wrong(5, {2, 2}, {1, 1}), ElementsAre("chunk.index[1]"));
  EXPECT_THAT(Wrong(5, {2, 2}, {1, 0}), ElementsAre("chunk.index[1]"));
}

}  // namespace
}  // namespace torpor
