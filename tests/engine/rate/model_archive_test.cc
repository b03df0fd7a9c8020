// Models as archives: round trip, damage, and archives of other networks.
#include "engine/base/status.h"
#include "engine/data/catalogue.h"
#include "gtest/gtest.h"
#include "tests/support/rate_networks.h"

namespace torpor {
namespace {

using testing::DeployOf;
using testing::ModelOf;
using testing::ScoresOf;
using A = v1::Activation;

class ModelArchiveTest : public ::testing::Test {
 protected:
  ModelArchiveTest() {
    const Dataset data = SyntheticDigits(v1::Split::TRAIN).Slice(0, 100);
    ThreadPool pool(1);
    auto trainer = model_->NewTrainer(v1::TrainSpec(), &pool);
    TORPOR_CHECK(testing::TrainEpochs(**trainer, data, 50, 1, 0, 1).ok());
    TORPOR_CHECK(model_->Calibrate(data, "digits", "abc", &pool, Cancellation()).ok());
    archive_ = SerializeModel(*model_);
  }
  std::unique_ptr<Model> model_ = ModelOf(144, {{16, A::RELU}, {10, A::SIGMOID}}, 5);
  std::string archive_;
};

TEST_F(ModelArchiveTest, RoundTripKeepsEverything) {
  auto copy = ParseModel(archive_, BuildModel);
  ASSERT_TRUE(copy.ok()) << copy.status();
  EXPECT_EQ(SerializeModel(**copy), archive_);
  EXPECT_EQ((*copy)->loss(), v1::Loss::BCE);
  EXPECT_EQ((*copy)->calibration().SerializeAsString(), model_->calibration().SerializeAsString());
  v1::Realisation chip;
  chip.set_column_noise(0.01);
  const Matrix inputs = Matrix::Constant(6, 144, 0.5f);
  EXPECT_EQ(ScoresOf(*DeployOf(**copy, 0.3, v1::BiasPolicy::TABLE, chip), inputs),
            ScoresOf(*DeployOf(*model_, 0.3, v1::BiasPolicy::TABLE, chip), inputs));
}

TEST_F(ModelArchiveTest, AThousandCorruptionsAreRefused) {
  for (uint64_t i = 0; i < 1000; ++i) {
    RandomStream random(23, RandomPurpose::kTest, 0, i);
    std::string damaged = archive_;
    const size_t at = random.NextBelow(archive_.size());
    if (random.NextBelow(8) == 0) {
      damaged.resize(at);
    } else {
      damaged[at] = static_cast<char>(damaged[at] ^ (1 + random.NextBelow(255)));
    }
    EXPECT_FALSE(ParseModel(damaged, BuildModel).ok()) << "corruption " << i << " at " << at;
  }
}

TEST_F(ModelArchiveTest, CheckpointIsNotAModel) {
  ArchiveWriter writer("checkpoint", model_->definition());
  model_->Save(writer);
  const absl::Status status = ParseModel(writer.Serialize(), BuildModel).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_NE(status.message().find("checkpoint"), std::string::npos);
}

// Digests are right, the tensors belong to another network: nothing of the model changes.
TEST_F(ModelArchiveTest, TensorsOfAnotherShapeAreRefusedByName) {
  ArchiveWriter writer("model", model_->definition());
  ModelOf(144, {{17, A::RELU}, {10, A::SIGMOID}})->Save(writer);
  auto reader = ArchiveReader::Parse(writer.Serialize());
  ASSERT_TRUE(reader.ok());
  const absl::Status status = model_->Load(*reader);
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  EXPECT_NE(status.message().find("layers/layer0/weight"), std::string::npos) << status;
  EXPECT_EQ(SerializeModel(*model_), archive_);
}

TEST_F(ModelArchiveTest, UnknownLossAndBadCountsAreRefused) {
  for (auto [key, value] : {std::pair("loss", "HINGE"), std::pair("loss", "SPIKE_COUNT"),
                            std::pair("calibration/samples", "-3")}) {
    ArchiveWriter writer("model", model_->definition());
    model_->Save(writer);
    writer.SetText(key, value);
    EXPECT_EQ(ParseModel(writer.Serialize(), BuildModel).status().code(),
              absl::StatusCode::kDataLoss)
        << key;
  }
}

TEST_F(ModelArchiveTest, InvalidDefinitionIsRefusedWithItsPath) {
  v1::Network network = model_->definition();
  network.mutable_rate()->mutable_layers(0)->mutable_dense()->set_units(0);
  ArchiveWriter writer("model", network);
  model_->Save(writer);
  const absl::Status status = ParseModel(writer.Serialize(), BuildModel).status();
  EXPECT_NE(status.message().find("network.rate.layers[0].dense.units"), std::string::npos)
      << status;
}

TEST_F(ModelArchiveTest, InitialisationDependsOnTheSeedAlone) {
  auto fresh = [](uint64_t seed) {
    return SerializeModel(*ModelOf(144, {{16, A::RELU}, {10, A::SIGMOID}}, seed));
  };
  EXPECT_EQ(fresh(1), fresh(1));
  EXPECT_NE(fresh(1), fresh(2));
  model_->Initialise(1);
  EXPECT_EQ(SerializeModel(*model_), fresh(1)) << "calibration and loss are forgotten";
}

}  // namespace
}  // namespace torpor
