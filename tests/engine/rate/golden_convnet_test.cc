// Shared weights against tests/golden/convnet.json (made by convnet.py beside it, by brute force
// over places).
#include <fstream>

#include "engine/power/evaluate.h"
#include "engine/rate/model.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "tests/support/convnets.h"
#include "tests/support/rate_networks.h"

namespace torpor {
namespace {

using nlohmann::json;
using testing::ConvnetOf;
using testing::ScoresOf;

class GoldenConvnetTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::ifstream file(std::string(TORPOR_TEST_SOURCE_DIR) + "/golden/convnet.json");
    ASSERT_TRUE(file.good());
    golden_ = json::parse(file);
    ArchiveWriter writer("model", ConvnetOf("2, 6, 5", R"(
        layers { name: "conv" activation: RELU
                 conv2d { channels: 3 kernel: [3, 2] stride: [2, 1] padding: 1 } }
        layers { name: "pool" max_pool2d { kernel: 2 stride: 1 } }
        layers { name: "out" dense { units: 3 } activation: SIGMOID })"));
    writer.AddFloats("layers/conv/weight", {3, 2, 3, 2}, golden_["W1"].get<std::vector<float>>());
    writer.AddFloats("layers/conv/bias", {3}, golden_["b1"].get<std::vector<float>>());
    writer.AddFloats("layers/out/weight", {3, 30}, golden_["W2"].get<std::vector<float>>());
    writer.AddFloats("layers/out/bias", {3}, golden_["b2"].get<std::vector<float>>());
    writer.SetText("loss", "BCE");
    auto model = ParseModel(writer.Serialize(), BuildModel);
    ASSERT_TRUE(model.ok()) << model.status();
    model_ = *std::move(model);
    const std::vector<float> inputs = golden_["inputs"].get<std::vector<float>>();
    inputs_ = Eigen::Map<const Matrix>(inputs.data(), 12, 60);
    data_ = Dataset::FromFloats(inputs, {60}, std::vector<int32_t>(12, 0), 3);
    ASSERT_TRUE(model_->Calibrate(*data_, "golden", "digest", &pool_, cancellation_).ok());
  }

  json golden_;
  std::unique_ptr<Model> model_;
  Matrix inputs_;
  std::optional<Dataset> data_;
  ThreadPool pool_{1};
  Cancellation cancellation_;
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
  auto full_power = model_->Deploy(v1::PowerMode(), v1::Realisation());
  ASSERT_TRUE(full_power.ok());
  auto full = MeasureFullPower(**full_power, *data_, &pool_, cancellation_);
  ASSERT_TRUE(full.ok());
  for (const json& mode : golden_["modes"]) {
    SCOPED_TRACE(mode["bias"].get<std::string>() + " " + mode["epsilon"].dump());
    v1::PowerMode power;
    power.set_epsilon(mode["epsilon"][0]);
    (*power.mutable_layer_epsilon())["out"] = mode["epsilon"][1];
    v1::BiasPolicy::Kind bias = v1::BiasPolicy::UNSPECIFIED;
    ASSERT_TRUE(v1::BiasPolicy::Kind_Parse(mode["bias"], &bias));
    power.set_bias(bias);
    auto deployment = model_->Deploy(power, v1::Realisation());
    ASSERT_TRUE(deployment.ok()) << deployment.status();
    std::vector<Activity> activities;
    const Matrix scores = ScoresOf(**deployment, inputs_, 0, &activities);
    for (Eigen::Index p = 0; p < inputs_.rows(); ++p) {
      const size_t at = static_cast<size_t>(p);
      const double expected = mode["power"][at].get<double>();
      EXPECT_NEAR(activities[at].Total(&LayerActivity::synaptic_power).value(), expected,
                  1e-5 * expected);
      for (Eigen::Index i = 0; i < 3; ++i) {
        EXPECT_NEAR(scores(p, i), mode["scores"][at][static_cast<size_t>(i)].get<double>(), 1e-4);
      }
    }
    auto row = EvaluateMode(**deployment, *full, *data_, &pool_, cancellation_);
    ASSERT_TRUE(row.ok()) << row.status();
    EXPECT_NEAR(row->nasp(), mode["nasp"].get<double>(), 1e-5);
    EXPECT_NEAR(row->nasp_nominal(), mode["nasp_nominal"].get<double>(), 1e-5);
  }
}

}  // namespace
}  // namespace torpor
