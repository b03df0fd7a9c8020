#include "client/cli/chunk_reader.h"

#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/cord.h"
#include "absl/strings/str_cat.h"
#include "client/cli/errors.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace torpor::cli {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

// "FIRST: STEP/INDEX ..." of every chunk, with "reset " before it; the error at the end, if any.
std::vector<std::string> Chunks(const std::string& input, int steps, int64_t at_least = 0) {
  std::istringstream in(input);
  ChunkReader reader(in, steps, at_least);
  std::vector<std::string> chunks;
  while (true) {
    const auto more = reader.Next();
    if (!more.ok()) chunks.push_back(FormatError(more.status(), /*color=*/false));
    if (!more.ok() || !*more) return chunks;
    std::string text = absl::StrCat(reader.reset() ? "reset " : "", reader.first(), ":");
    for (int i = 0; i < reader.chunk().step_size(); ++i) {
      absl::StrAppend(&text, " ", reader.chunk().step(i), "/", reader.chunk().index(i));
    }
    chunks.push_back(text);
  }
}

TEST(ChunkReader, CutsAtTheEndOfAChunkAndCountsFromItsBeginning) {
  EXPECT_THAT(Chunks("0 7\n2,8\r\n\n# none\n3 1\n10 5\n", 3),
              ElementsAre("0: 0/7 2/8", "3: 0/1", "6:", "9: 1/5"));
  EXPECT_THAT(Chunks("", 3), IsEmpty());
}

TEST(ChunkReader, GoesOnWithoutSpikesAsLongAsAsked) {
  EXPECT_THAT(Chunks("1 1\n", 4, 9), ElementsAre("0: 1/1", "4:", "8:"));
  EXPECT_THAT(Chunks("", 4, 8), ElementsAre("0:", "4:"));
}

TEST(ChunkReader, AResetBeginsAnewAtStepNoneAndCutsTheChunk) {
  EXPECT_THAT(Chunks("5 1\nreset\n1 2\n", 4), ElementsAre("0:", "4: 1/1", "reset 0: 1/2"));
  EXPECT_THAT(Chunks("reset\n", 4), ElementsAre("reset 0:"));
}

TEST(ChunkReader, NamesTheLineAndTheStepThatWasSentLast) {
  const std::vector<std::string> late = Chunks("1 1\n12 1\n9 1\n25 1\n", 10);
  ASSERT_EQ(late.size(), 2u);
  EXPECT_THAT(late[1], HasSubstr("step 9 comes too late: the steps up to 9 were sent already"));
  EXPECT_THAT(late[1], HasSubstr("line 3"));
  EXPECT_THAT(Chunks("-1 1\n", 10), ElementsAre(HasSubstr("0 or above, got -1")));
  EXPECT_THAT(Chunks("0 1\nfive\n", 10), ElementsAre(HasSubstr("\"five\" is no spike")));
}

// Times of a clock as steps would run the network for hours without a word.
TEST(ChunkReader, RefusesStepsThatLookLikeTimes) {
  EXPECT_THAT(Chunks("3 1\n1000004 1\n", 10),
              ElementsAre(AllOf(HasSubstr("step 1000004 comes 1000001 steps after step 3"),
                                HasSubstr("line 2"), HasSubstr("microseconds"))));
  EXPECT_THAT(Chunks("1732250307000000 1\n", 10), ElementsAre(HasSubstr("after step 0")));
  EXPECT_THAT(Chunks("3 1\n1000003 1\n", 4096), SizeIs(245));
  EXPECT_THAT(Chunks("900000 1\nreset\n900000 1\n", 4096), SizeIs(2 * 220));
}

TEST(ChunkReader, FindsTheLineOfASpikeThatTheServerRefused) {
  const auto refused = [](const std::string& field) {
    google::rpc::BadRequest bad;
    bad.add_field_violations()->set_field(field);
    absl::Status status = absl::InvalidArgumentError("no");
    status.SetPayload("type.googleapis.com/google.rpc.BadRequest",
                      absl::Cord(bad.SerializeAsString()));
    return status;
  };
  std::istringstream in("# spikes\n0 1\n\n3 9\n5 1\n6 2\n");
  ChunkReader reader(in, 5, 0);
  ASSERT_TRUE(*reader.Next());
  const auto at = [&](const std::string& field) {
    return FormatError(reader.AtLine(refused(field)), /*color=*/false);
  };
  EXPECT_THAT(at("chunk.index[1]"), HasSubstr("line 4 of the input"));
  EXPECT_THAT(at("chunk.step[0]"), HasSubstr("line 2 of the input"));
  ASSERT_TRUE(*reader.Next());
  EXPECT_THAT(at("chunk.index[1]"), HasSubstr("line 6 of the input"));
  for (const char* other : {"chunk.index[2]", "chunk.steps", "session", "chunk.index[x]"}) {
    EXPECT_THAT(at(other), Not(HasSubstr("line"))) << other;
  }
}

}  // namespace
}  // namespace torpor::cli
