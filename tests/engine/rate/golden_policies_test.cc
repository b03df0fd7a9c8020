// Policies that need data against tests/golden/policies.json (made by policies.py beside it, with
// numpy alone).
#include "engine/rate/model.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "tests/support/golden.h"
#include "tests/support/rate_networks.h"

namespace torpor {
namespace {

using nlohmann::json;
using testing::Flat;
using testing::LayerOf;
using testing::RateNetworkOf;
using testing::ScoresOf;
using A = v1::Activation;

class GoldenPoliciesTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const std::vector<float> inputs = Flat(golden_["inputs"]);
    inputs_ = Eigen::Map<const Matrix>(inputs.data(), 24, 6);
  }

  // The network of the first layers with weights and biases cut to `layers`, calibrated.
  std::unique_ptr<Model> ModelWith(const std::vector<LayerOf>& layers) {
    ArchiveWriter writer("model", RateNetworkOf(6, layers));
    int64_t inputs = 6;
    for (size_t l = 0; l < layers.size(); ++l) {
      const int64_t units = layers[l].units;
      std::vector<float> weight = Flat(golden_["W"][l]);
      std::vector<float> bias = Flat(golden_["b"][l]);
      weight.resize(static_cast<size_t>(units * inputs));
      bias.resize(static_cast<size_t>(units));
      const std::string name = "layers/layer" + std::to_string(l);
      writer.AddFloats(name + "/weight", {units, inputs}, weight);
      writer.AddFloats(name + "/bias", {units}, bias);
      inputs = units;
    }
    writer.SetText("loss", "BCE");
    auto model = ParseModel(writer.Serialize(), BuildModel);
    TORPOR_CHECK(model.ok());
    const Dataset data = Dataset::FromFloats({inputs_.data(), inputs_.data() + inputs_.size()}, {6},
                                             golden_["labels"].get<std::vector<int32_t>>(), 3);
    TORPOR_CHECK((*model)->Calibrate(data, "golden", "digest", &pool_, Cancellation()).ok());
    return *std::move(model);
  }

  std::unique_ptr<Model> DeepModel() {
    return ModelWith({{5, A::TANH}, {4, A::SIGMOID}, {3, A::SIGMOID}});
  }

  void ExpectScores(const Model& model, const v1::PowerMode& mode, const json& wanted,
                    double tolerance) {
    auto deployment = model.Deploy(mode, v1::Realisation());
    ASSERT_TRUE(deployment.ok()) << deployment.status();
    const Matrix scores = ScoresOf(**deployment, inputs_);
    for (Eigen::Index p = 0; p < scores.rows(); ++p) {
      for (Eigen::Index i = 0; i < scores.cols(); ++i) {
        EXPECT_NEAR(scores(p, i),
                    wanted[static_cast<size_t>(p)][static_cast<size_t>(i)].get<double>(), tolerance)
            << "sample " << p << " output " << i;
      }
    }
  }

  static v1::PowerMode ModeOf(const json& epsilons, v1::BiasPolicy::Kind bias) {
    v1::PowerMode mode;
    mode.set_bias(bias);
    for (size_t l = 0; l < epsilons.size(); ++l) {
      (*mode.mutable_layer_epsilon())["layer" + std::to_string(l)] = epsilons[l];
    }
    return mode;
  }

  json golden_ = testing::Golden("policies.json");
  Matrix inputs_;
  ThreadPool pool_{1};
};

TEST_F(GoldenPoliciesTest, DeltaWeightedMeansMatch) {
  const auto model = DeepModel();
  const auto& statistics = dynamic_cast<const RateModel&>(*model).statistics();
  for (size_t l = 0; l < 3; ++l) {
    for (size_t i = 0; i < golden_["m"][l].size(); ++i) {
      EXPECT_NEAR(statistics[l].delta_mean[static_cast<Eigen::Index>(i)],
                  golden_["m"][l][i].get<double>(), 2e-5);
    }
  }
}

TEST_F(GoldenPoliciesTest, ScoresOfEmpiricalAndMatchedMatch) {
  const auto model = DeepModel();
  for (const json& mode : golden_["modes"]) {
    SCOPED_TRACE(mode["epsilon"].dump());
    ExpectScores(*model, ModeOf(mode["epsilon"], v1::BiasPolicy::EMPIRICAL), mode["empirical"],
                 2e-5);
    ExpectScores(*model, ModeOf(mode["epsilon"], v1::BiasPolicy::MATCHED), mode["matched"], 2e-5);
    // What taking the signal for affine costs against the samples themselves.
    ExpectScores(*model, ModeOf(mode["epsilon"], v1::BiasPolicy::MATCHED), mode["direct"], 5e-3);
  }
}

TEST_F(GoldenPoliciesTest, OutputGainIsThatOfTheMatchedOutputs) {
  const auto model = DeepModel();
  for (const json& mode : golden_["modes"]) {
    SCOPED_TRACE(mode["epsilon"].dump());
    json gained = mode["matched"];
    for (json& row : gained) {
      for (json& score : row) score = score.get<double>() / mode["matched_gain"].get<double>();
    }
    v1::PowerMode power = ModeOf(mode["epsilon"], v1::BiasPolicy::MATCHED);
    power.set_output_gain(true);
    // Rounding of the scores grows with the gain.
    ExpectScores(*model, power, gained, 1e-5 / mode["matched_gain"].get<double>());
  }
}

TEST_F(GoldenPoliciesTest, ShiftIsTheDirectOptimum) {
  const auto model = ModelWith({{3, A::SIGMOID}});
  for (const json& wanted : golden_["shifts"]) {
    SCOPED_TRACE(wanted.dump());
    v1::BiasPolicy::Kind bias = v1::BiasPolicy::UNSPECIFIED;
    ASSERT_TRUE(v1::BiasPolicy::Kind_Parse(wanted["bias"], &bias));
    v1::PowerMode mode;
    mode.set_epsilon(wanted["epsilon"]);
    mode.set_bias(bias);
    mode.set_output_gain(wanted["output_gain"]);
    mode.set_output_shift(true);
    ExpectScores(*model, mode, wanted["scores"], 2e-5);
  }
}

}  // namespace
}  // namespace torpor
