// Scores and powers against tests/golden/nasp.json (made by nasp.py beside it, with numpy alone).
#include <cmath>
#include <fstream>

#include "engine/power/evaluate.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "tests/support/rate_networks.h"

namespace torpor {
namespace {

using nlohmann::json;
using testing::RateNetworkOf;
using testing::ScoresOf;

std::vector<float> Flat(const json& rows) {
  std::vector<float> values;
  for (const json& row : rows) {
    if (row.is_array()) {
      for (double value : row) values.push_back(static_cast<float>(value));
    } else {
      values.push_back(row.get<float>());
    }
  }
  return values;
}

class GoldenNaspTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::ifstream file(std::string(TORPOR_TEST_SOURCE_DIR) + "/golden/nasp.json");
    ASSERT_TRUE(file.good());
    golden_ = json::parse(file);
    v1::Network network =
        RateNetworkOf(6, {{5, v1::Activation::RELU}, {3, v1::Activation::SIGMOID}});
    network.mutable_rate()->mutable_layers(0)->set_name("hidden");
    network.mutable_rate()->mutable_layers(1)->set_name("out");
    ArchiveWriter writer("model", network);
    writer.AddFloats("layers/hidden/weight", {5, 6}, Flat(golden_["W1"]));
    writer.AddFloats("layers/hidden/bias", {5}, Flat(golden_["b1"]));
    writer.AddFloats("layers/out/weight", {3, 5}, Flat(golden_["W2"]));
    writer.AddFloats("layers/out/bias", {3}, Flat(golden_["b2"]));
    writer.SetText("loss", "BCE");
    auto model = ParseModel(writer.Serialize(), BuildModel);
    ASSERT_TRUE(model.ok()) << model.status();
    model_ = *std::move(model);
    const std::vector<float> inputs = Flat(golden_["inputs"]);
    const int64_t n = static_cast<int64_t>(inputs.size()) / 6;
    inputs_ = Eigen::Map<const Matrix>(inputs.data(), n, 6);
    data_ = Dataset::FromFloats(inputs, {6}, std::vector<int32_t>(static_cast<size_t>(n), 0), 3);
    ASSERT_TRUE(model_->Calibrate(*data_, "golden", "digest", &pool_, cancellation_).ok());
  }

  v1::PowerMode ModeOf(const json& mode) {
    v1::PowerMode power;
    v1::BiasPolicy::Kind bias = v1::BiasPolicy::UNSPECIFIED;
    EXPECT_TRUE(v1::BiasPolicy::Kind_Parse(mode["bias"], &bias));
    power.set_bias(bias);
    power.set_epsilon(mode["epsilon"][0]);
    if (mode["epsilon"][0] != mode["epsilon"][1]) {
      (*power.mutable_layer_epsilon())["out"] = mode["epsilon"][1];
    }
    return power;
  }

  json golden_;
  std::unique_ptr<Model> model_;
  Matrix inputs_;
  std::optional<Dataset> data_;
  ThreadPool pool_{1};
  Cancellation cancellation_;
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
  for (const json& mode : golden_["modes"]) {
    SCOPED_TRACE(mode["bias"].get<std::string>() + " " + mode["epsilon"].dump());
    auto deployment = model_->Deploy(ModeOf(mode), v1::Realisation());
    ASSERT_TRUE(deployment.ok()) << deployment.status();
    std::vector<Activity> activities;
    const Matrix scores = ScoresOf(**deployment, inputs_, 0, &activities);
    for (Eigen::Index p = 0; p < inputs_.rows(); ++p) {
      const size_t at = static_cast<size_t>(p);
      EXPECT_NEAR(activities[at].Total(&LayerActivity::synaptic_power).value(),
                  mode["power"][at].get<double>(), 2e-5);
      for (Eigen::Index i = 0; i < 3; ++i) {
        EXPECT_NEAR(scores(p, i), mode["scores"][at][static_cast<size_t>(i)].get<double>(), 1e-5);
      }
    }
  }
}

TEST_F(GoldenNaspTest, NaspRealAndNominalMatch) {
  auto full_power = model_->Deploy(v1::PowerMode(), v1::Realisation());
  ASSERT_TRUE(full_power.ok());
  auto full = MeasureFullPower(**full_power, *data_, &pool_, cancellation_);
  ASSERT_TRUE(full.ok());
  for (const json& mode : golden_["modes"]) {
    SCOPED_TRACE(mode["bias"].get<std::string>() + " " + mode["epsilon"].dump());
    auto deployment = model_->Deploy(ModeOf(mode), v1::Realisation());
    ASSERT_TRUE(deployment.ok());
    auto row = EvaluateMode(**deployment, *full, *data_, &pool_, cancellation_);
    ASSERT_TRUE(row.ok());
    EXPECT_NEAR(row->nasp(), mode["nasp"].get<double>(), 1e-5);
    EXPECT_NEAR(row->nasp_nominal(), mode["nasp_nominal"].get<double>(), 1e-5);
  }
}

}  // namespace
}  // namespace torpor
