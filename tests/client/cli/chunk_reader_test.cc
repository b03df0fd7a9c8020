#include "client/cli/chunk_reader.h"

#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "client/cli/errors.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace torpor::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

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

}  // namespace
}  // namespace torpor::cli
