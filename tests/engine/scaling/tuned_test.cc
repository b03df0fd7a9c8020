#include "engine/scaling/tuned.h"

#include "engine/base/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"

namespace torpor {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// A convolution, a pooling layer and a read-out without bias.
std::vector<TunedLayer> Layers() {
  return {{"conv", true, 2}, {"pool", false, 0}, {"out", true, 0}};
}

TunedBiases Tuned(double conv, double out, float bias) {
  TunedBiases tuned;
  tuned.epsilon = {conv, 1, out};
  tuned.bias = {{bias, -bias}, {}, {}};
  tuned.start = v1::BiasPolicy::TABLE;
  tuned.loss = v1::Loss::MSE;
  tuned.method = "adam";
  tuned.epochs = 3;
  tuned.dataset_digest = "abc";
  tuned.samples = 200;
  return tuned;
}

TEST(TunedTest, EachSettingHasItsOwnAndTheLatestCounts) {
  Tunings tunings(Layers());
  tunings.Put(Tuned(0.5, 0.5, 1));
  tunings.Put(Tuned(0.5, 1, 2));
  tunings.Put(Tuned(0.5, 0.5, 3));
  ASSERT_EQ(tunings.Summaries().size(), 2u);
  // The epsilon of a layer without weights counts for nothing, nor does rounding.
  auto found = tunings.Find(std::vector<double>{0.5 + 1e-12, 0.3, 0.5});
  ASSERT_THAT(found, IsOk());
  EXPECT_THAT((*found)->bias[0], ElementsAre(3, -3));
  found = tunings.Find(std::vector<double>{0.5, 1, 1});
  ASSERT_THAT(found, IsOk());
  EXPECT_THAT((*found)->bias[0], ElementsAre(2, -2));
  EXPECT_FALSE(tunings.Find(std::vector<double>{0.5 + 1e-6, 1, 0.5}).ok());
}

TEST(TunedTest, AMissingTuningNamesThoseThereAreAndHowToMakeIt) {
  Tunings tunings(Layers());
  absl::Status status = tunings.Find(std::vector<double>{0.2, 1, 0.2}).status();
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("none")));
  EXPECT_EQ(ReasonOf(status), "TUNING_REQUIRED");
  EXPECT_THAT(ToProto(status).DebugString(), HasSubstr("job submit tune SESSION"));
  EXPECT_THAT(ToProto(status).DebugString(), HasSubstr("--epsilon 0.2`"));

  tunings.Put(Tuned(0.5, 0.5, 1));
  tunings.Put(Tuned(0.1, 1, 1));
  status = tunings.Find(std::vector<double>{0.2, 1, 0.75}).status();
  EXPECT_THAT(std::string(status.message()), HasSubstr("epsilon conv=0.2, out=0.75"));
  EXPECT_THAT(std::string(status.message()), HasSubstr("0.5; conv=0.1, out=1"));
  EXPECT_THAT(ToProto(status).DebugString(), HasSubstr("--epsilon 0.2 --layer-epsilon out=0.75"));
}

TEST(TunedTest, TheArchiveKeepsEverything) {
  Tunings tunings(Layers());
  tunings.Put(Tuned(0.5, 0.5, 1));
  tunings.Put(Tuned(0.1, 1, 2));
  ArchiveWriter writer("model", v1::Network());
  tunings.Save(writer);
  const auto archive = ArchiveReader::Parse(writer.Serialize());
  ASSERT_THAT(archive, IsOk());
  Tunings copy(Layers());
  copy.Put(Tuned(0.9, 0.9, 9));
  ASSERT_THAT(copy.Load(*archive), IsOk());
  const std::vector<v1::Tuning> before = tunings.Summaries();
  const std::vector<v1::Tuning> after = copy.Summaries();
  ASSERT_EQ(after.size(), 2u);
  for (size_t k = 0; k < 2; ++k) {
    EXPECT_EQ(after[k].DebugString(), before[k].DebugString());
  }
  EXPECT_EQ(after[1].layer_epsilon().size(), 2u);
  EXPECT_EQ(after[1].layer_epsilon().at("conv"), 0.1);
  EXPECT_EQ(after[1].start(), v1::BiasPolicy::TABLE);
  EXPECT_EQ(after[1].loss(), v1::Loss::MSE);
  EXPECT_EQ(after[1].method(), "adam");
  EXPECT_EQ(after[1].epochs(), 3);
  EXPECT_EQ(after[1].dataset_digest(), "abc");
  EXPECT_EQ(after[1].samples(), 200);
  const auto found = copy.Find(std::vector<double>{0.1, 1, 1});
  ASSERT_THAT(found, IsOk());
  EXPECT_THAT((*found)->bias[0], ElementsAre(2, -2));
}

TEST(TunedTest, ADamagedArchiveChangesNothing) {
  for (const char* bad : {"start", "loss", "epochs", "samples"}) {
    ArchiveWriter writer("model", v1::Network());
    Tunings tunings(Layers());
    tunings.Put(Tuned(0.5, 0.5, 1));
    tunings.Save(writer);
    writer.SetText(std::string("tunings/0/") + bad, "?");
    const auto archive = ArchiveReader::Parse(writer.Serialize());
    ASSERT_THAT(archive, IsOk());
    Tunings copy(Layers());
    copy.Put(Tuned(0.9, 0.9, 9));
    EXPECT_THAT(copy.Load(*archive), StatusIs(absl::StatusCode::kDataLoss, HasSubstr(bad))) << bad;
    EXPECT_THAT(copy.Find(std::vector<double>{0.9, 1, 0.9}), IsOk());
  }
  // More tunings than there are arrays.
  ArchiveWriter writer("model", v1::Network());
  writer.SetText("tunings/count", "1");
  const auto archive = ArchiveReader::Parse(writer.Serialize());
  ASSERT_THAT(archive, IsOk());
  Tunings copy(Layers());
  EXPECT_THAT(copy.Load(*archive), StatusIs(absl::StatusCode::kDataLoss));
}

TEST(TunedTest, AnArchiveWithoutTuningsLeavesNone) {
  const auto archive = ArchiveReader::Parse(ArchiveWriter("model", v1::Network()).Serialize());
  ASSERT_THAT(archive, IsOk());
  Tunings tunings(Layers());
  tunings.Put(Tuned(0.5, 0.5, 1));
  ASSERT_THAT(tunings.Load(*archive), IsOk());
  EXPECT_TRUE(tunings.empty());
}

}  // namespace
}  // namespace torpor
