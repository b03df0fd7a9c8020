// Scores and powers against tests/golden/nasp.json (made by nasp.py beside it, with numpy alone).
#include "gtest/gtest.h"
#include "tests/engine/rate/golden_model_fixture.h"

namespace torpor {
namespace {

using testing::Flat;
using testing::RateNetworkOf;

class GoldenNaspTest : public GoldenModelTest {
 protected:
  GoldenNaspTest() : GoldenModelTest("nasp.json") {}
  void SetUp() override {
    v1::Network network =
        RateNetworkOf(6, {{5, v1::Activation::RELU}, {3, v1::Activation::SIGMOID}});
    network.mutable_rate()->mutable_layers(0)->set_name("hidden");
    network.mutable_rate()->mutable_layers(1)->set_name("out");
    ArchiveWriter writer("model", network);
    writer.AddFloats("layers/hidden/weight", {5, 6}, Flat(golden_["W1"]));
    writer.AddFloats("layers/hidden/bias", {5}, Flat(golden_["b1"]));
    writer.AddFloats("layers/out/weight", {3, 5}, Flat(golden_["W2"]));
    writer.AddFloats("layers/out/bias", {3}, Flat(golden_["b2"]));
    Load(writer, 6);
  }

  // An epsilon of all layers is given as that.
  v1::PowerMode ModeOf(const nlohmann::json& mode) const override {
    v1::PowerMode power = GoldenModelTest::ModeOf(mode);
    if (mode["epsilon"][0] == mode["epsilon"][1]) power.clear_layer_epsilon();
    return power;
  }
};

TEST_F(GoldenNaspTest, CalibrationMatches) {
  const v1::Calibration& calibration = model_->calibration();
  EXPECT_NEAR(calibration.full_power(), golden_["full_power"], 1e-5);
  for (int l = 0; l < 2; ++l) {
    EXPECT_NEAR(calibration.layers(l).pooled_stddev(), golden_["pooled_stddev"][l].get<double>(),
                1e-5);
  }
}

TEST_F(GoldenNaspTest, ScoresAndPowerOfEveryModeMatch) {
  ExpectScoresAndPower({.power = 2e-5, .scores = 1e-5});
}

TEST_F(GoldenNaspTest, NaspRealAndNominalMatch) { ExpectNasp(); }

}  // namespace
}  // namespace torpor
