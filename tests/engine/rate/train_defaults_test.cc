// What a training of a rate network is when its specification says nothing.
#include "engine/rate/model.h"
#include "google/protobuf/text_format.h"
#include "gtest/gtest.h"

namespace torpor {
namespace {

TEST(TrainDefaultsTest, FillsWhatIsOpenAndKeepsWhatIsSaid) {
  v1::Network network;
  ASSERT_TRUE(google::protobuf::TextFormat::ParseFromString(
      "rate { input { shape: 4 } layers { dense { units: 2 } activation: SIGMOID } }", &network));
  auto model = RateModel::Build(network, 1);
  ASSERT_TRUE(model.ok()) << model.status();
  v1::TrainSpec spec;
  (*model)->FillTrainDefaults(spec);
  EXPECT_EQ(spec.loss(), v1::Loss::BCE);
  EXPECT_EQ(spec.learning_rate(), 1e-3);
  EXPECT_EQ(spec.batch_size(), 128);
  EXPECT_EQ(spec.schedule(), v1::Schedule::CONSTANT);
  spec.set_loss(v1::Loss::MSE);
  spec.set_learning_rate(0.5);
  spec.set_batch_size(7);
  spec.set_schedule(v1::Schedule::COSINE);
  (*model)->FillTrainDefaults(spec);
  EXPECT_EQ(spec.loss(), v1::Loss::MSE);
  EXPECT_EQ(spec.learning_rate(), 0.5);
  EXPECT_EQ(spec.batch_size(), 7);
  EXPECT_EQ(spec.schedule(), v1::Schedule::COSINE);
}

}  // namespace
}  // namespace torpor
