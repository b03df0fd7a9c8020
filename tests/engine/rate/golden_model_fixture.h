// A model with the parameters of a golden file, and the figures of its modes against the file's.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/families.h"
#include "engine/power/evaluate.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "tests/support/golden.h"
#include "tests/support/rate_networks.h"

namespace torpor {

class GoldenModelTest : public ::testing::Test {
 protected:
  // How far figures may be from the file's.
  struct Tolerance {
    double power_relative = 0;  // of the power itself, beside
    double power = 0;
    double scores = 0;
  };

  explicit GoldenModelTest(const std::string& file) : golden_(testing::Golden(file)) {}

  // Makes the model that `writer` holds, with the loss BCE, calibrated on the file's inputs.
  void Load(ArchiveWriter& writer, int features) {
    writer.SetText("loss", "BCE");
    auto model = ParseModel(writer.Serialize(), BuildModel);
    ASSERT_TRUE(model.ok()) << model.status();
    model_ = *std::move(model);
    const std::vector<float> inputs = testing::Flat(golden_["inputs"]);
    const int64_t n = static_cast<int64_t>(inputs.size()) / features;
    inputs_ = Eigen::Map<const Matrix>(inputs.data(), n, features);
    data_ =
        Dataset::FromFloats(inputs, {features}, std::vector<int32_t>(static_cast<size_t>(n), 0), 3);
    ASSERT_TRUE(model_->Calibrate(*data_, "golden", "digest", &pool_, cancellation_).ok());
  }

  // The power mode of an entry of the file's modes.
  virtual v1::PowerMode ModeOf(const nlohmann::json& mode) const {
    v1::PowerMode power;
    v1::BiasPolicy::Kind bias = v1::BiasPolicy::UNSPECIFIED;
    EXPECT_TRUE(v1::BiasPolicy::Kind_Parse(mode["bias"], &bias));
    power.set_bias(bias);
    power.set_epsilon(mode["epsilon"][0]);
    (*power.mutable_layer_epsilon())["out"] = mode["epsilon"][1];
    return power;
  }

  void ExpectScoresAndPower(const Tolerance& tolerance) {
    for (const nlohmann::json& mode : golden_["modes"]) {
      SCOPED_TRACE(mode["bias"].get<std::string>() + " " + mode["epsilon"].dump());
      auto deployment = model_->Deploy(ModeOf(mode), v1::Realisation());
      ASSERT_TRUE(deployment.ok()) << deployment.status();
      std::vector<Activity> activities;
      const Matrix scores = testing::ScoresOf(**deployment, inputs_, 0, &activities);
      for (Eigen::Index p = 0; p < inputs_.rows(); ++p) {
        const size_t at = static_cast<size_t>(p);
        const double expected = mode["power"][at].get<double>();
        EXPECT_NEAR(activities[at].Total(&LayerActivity::synaptic_power).value(), expected,
                    tolerance.power + tolerance.power_relative * expected);
        for (Eigen::Index i = 0; i < 3; ++i) {
          EXPECT_NEAR(scores(p, i), mode["scores"][at][static_cast<size_t>(i)].get<double>(),
                      tolerance.scores);
        }
      }
    }
  }

  void ExpectNasp() {
    auto full_power = model_->Deploy(v1::PowerMode(), v1::Realisation());
    ASSERT_TRUE(full_power.ok());
    auto full = MeasureFullPower(**full_power, *data_, &pool_, cancellation_);
    ASSERT_TRUE(full.ok());
    for (const nlohmann::json& mode : golden_["modes"]) {
      SCOPED_TRACE(mode["bias"].get<std::string>() + " " + mode["epsilon"].dump());
      auto deployment = model_->Deploy(ModeOf(mode), v1::Realisation());
      ASSERT_TRUE(deployment.ok());
      auto row = EvaluateMode(**deployment, *full, *data_, &pool_, cancellation_);
      ASSERT_TRUE(row.ok()) << row.status();
      EXPECT_NEAR(row->nasp(), mode["nasp"].get<double>(), 1e-5);
      EXPECT_NEAR(row->nasp_nominal(), mode["nasp_nominal"].get<double>(), 1e-5);
    }
  }

  nlohmann::json golden_;
  std::unique_ptr<Model> model_;
  Matrix inputs_;
  std::optional<Dataset> data_;
  ThreadPool pool_{1};
  Cancellation cancellation_;
};

}  // namespace torpor
