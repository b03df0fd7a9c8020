// Shared weights against tests/golden/convnet.json (made by convnet.py beside it, by brute force
// over places).
#include <vector>

#include "engine/rate/model.h"
#include "gtest/gtest.h"
#include "tests/engine/rate/golden_model_fixture.h"
#include "tests/support/convnets.h"

namespace torpor {
namespace {

using testing::ConvnetOf;
using testing::Flat;

class GoldenConvnetTest : public GoldenModelTest {
 protected:
  GoldenConvnetTest() : GoldenModelTest("convnet.json") {}
  void SetUp() override {
    ArchiveWriter writer("model", ConvnetOf("2, 6, 5", R"(
        layers { name: "conv" activation: RELU
                 conv2d { channels: 3 kernel: [3, 2] stride: [2, 1] padding: 1 } }
        layers { name: "pool" max_pool2d { kernel: 2 stride: 1 } }
        layers { name: "out" dense { units: 3 } activation: SIGMOID })"));
    writer.AddFloats("layers/conv/weight", {3, 2, 3, 2}, Flat(golden_["W1"]));
    writer.AddFloats("layers/conv/bias", {3}, Flat(golden_["b1"]));
    writer.AddFloats("layers/out/weight", {3, 30}, Flat(golden_["W2"]));
    writer.AddFloats("layers/out/bias", {3}, Flat(golden_["b2"]));
    Load(writer, 60);
  }
};

TEST_F(GoldenConvnetTest, EachInputDrawsAtEveryPlaceThatSeesIt) {
  const auto& model = static_cast<const RateModel&>(*model_);
  const auto frozen = Freeze(model.shapes(), model.parameters());
  const std::vector<double> draw = golden_["draw"].get<std::vector<double>>();
  ASSERT_EQ(frozen->layers[0].column_power.size(), draw.size());
  for (size_t j = 0; j < draw.size(); ++j) {
    EXPECT_NEAR(frozen->layers[0].column_power[j], draw[j], 1e-9) << j;
  }
  EXPECT_NEAR(model_->calibration().full_power(), golden_["full_power"].get<double>(), 1e-4);
}

TEST_F(GoldenConvnetTest, ScoresPowerAndNaspOfEveryModeMatch) {
  ExpectScoresAndPower({.power_relative = 1e-5, .scores = 1e-4});
  ExpectNasp();
}

}  // namespace
}  // namespace torpor
