// What a rate network's activity counts beside synaptic power, against plain loops.
#include "engine/data/dataset.h"
#include "engine/energy/price.h"
#include "engine/energy/profiles.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/convnets.h"
#include "tests/support/rate_networks.h"

namespace torpor {
namespace {

using testing::ForEachUse;
using testing::ModelOf;
using testing::ScoresOf;
using A = v1::Activation;

Matrix SparseInputs(Eigen::Index rows, Eigen::Index columns) {
  RandomStream random(3, RandomPurpose::kTest);
  Matrix m(rows, columns);
  for (Eigen::Index i = 0; i < m.size(); ++i) {
    const float value = random.NextFloat();
    m.data()[i] = random.NextDouble() < 0.3 ? value : 0.0f;
  }
  return m;
}

std::vector<Activity> ActivitiesOf(const Model& model, const v1::PowerMode& mode, double off,
                                   const Matrix& inputs, Footprint* footprint = nullptr) {
  v1::Realisation chip;
  chip.set_off_conductance(off);
  const auto deployment = model.Deploy(mode, chip);
  TORPOR_CHECK(deployment.ok());
  std::vector<Activity> activities;
  ScoresOf(**deployment, inputs, 0, &activities);
  if (footprint != nullptr) *footprint = (*deployment)->footprint();
  return activities;
}

TEST(CountsTest, ADenseLayerCountsItsRowsColumnsAndValues) {
  const std::unique_ptr<Model> model = ModelOf(60, {{40, A::RELU}, {10, A::SIGMOID}});
  for (const Eigen::Index samples : {1, 20}) {
    const Matrix inputs = SparseInputs(samples, 60);
    Footprint footprint;
    const std::vector<Activity> activities =
        ActivitiesOf(*model, v1::PowerMode(), 0, inputs, &footprint);
    for (Eigen::Index p = 0; p < samples; ++p) {
      const LayerActivity& hidden = activities[static_cast<size_t>(p)].layers[0];
      const double non_zero = static_cast<double>((inputs.row(p).array() != 0).count());
      EXPECT_EQ(hidden.reads.value(), non_zero);
      EXPECT_EQ(hidden.synaptic_events.value(), 40 * non_zero);
      EXPECT_EQ(hidden.conversions.value(), 40);
      EXPECT_EQ(hidden.bits_moved.value(), 8 * (60 + 60 + 40));
      const double squares = inputs.row(p).cast<double>().squaredNorm();
      EXPECT_NEAR(hidden.off_power.value(), 40 * squares + 40, 1e-4);
      EXPECT_EQ(hidden.writes.value(), 0);
      EXPECT_FALSE(hidden.core_ticks.counted());
      EXPECT_FALSE(hidden.spikes.counted());
      const LayerActivity& out = activities[static_cast<size_t>(p)].layers[1];
      EXPECT_EQ(out.conversions.value(), 10);
      EXPECT_EQ(out.bits_moved.value(), 8 * (40 + 10));
    }
    EXPECT_EQ(footprint.profile, kRateProfile);
    EXPECT_EQ(footprint.layers[0].rows, 60);
    EXPECT_EQ(footprint.layers[0].columns, 40);
    EXPECT_EQ(footprint.layers[0].places, 1);
  }
}

TEST(CountsTest, AConvolutionCountsEachPlace) {
  const v1::Network network = testing::SmallConvnet();
  const auto model = BuildModel(network, 1);
  const auto shapes = ResolveRateNetwork(network);
  ASSERT_TRUE(model.ok() && shapes.ok());
  const RateLayerShape& conv = shapes->front();
  const Matrix inputs = SparseInputs(3, conv.inputs);
  Footprint footprint;
  const std::vector<Activity> activities =
      ActivitiesOf(**model, v1::PowerMode(), 0, inputs, &footprint);
  for (Eigen::Index p = 0; p < inputs.rows(); ++p) {
    double events = 0, squares = 0;
    ForEachUse(conv, [&](int, int, int, int input) {
      if (input < 0) return;
      const double u = inputs(p, input);
      events += u != 0 ? 1 : 0;
      squares += u * u;
    });
    const LayerActivity& counts = activities[static_cast<size_t>(p)].layers[0];
    EXPECT_NEAR(counts.reads.value(), events / conv.units, 1e-9);
    EXPECT_NEAR(counts.off_power.value(), squares + conv.units * conv.places, 1e-4);
    EXPECT_EQ(counts.conversions.value(), conv.outputs);
    const LayerActivity& pool = activities[static_cast<size_t>(p)].layers[1];
    EXPECT_EQ(pool.conversions.value(), 0);
    EXPECT_EQ(pool.reads.value(), 0);
    EXPECT_EQ(pool.bits_moved.value(), 8 * ((*shapes)[1].inputs + (*shapes)[1].outputs));
  }
  EXPECT_EQ(footprint.layers[0].places, conv.places);
  EXPECT_EQ(footprint.layers[1].rows, 0);
  const Pricer pricer(*FindProfile(footprint.profile), footprint);
  EXPECT_TRUE(pricer.Joules(activities[0]).has_value());
}

// A realisation that has off devices counts exactly what a profile with the same ratio prices.
TEST(CountsTest, OffPowerIsWhatOffDevicesDraw) {
  const double off = 0.05;
  for (const v1::Network& network :
       {testing::RateNetworkOf(30, {{20, A::RELU}, {5, A::SIGMOID}}), testing::SmallConvnet()}) {
    const auto model = BuildModel(network, 1);
    ASSERT_TRUE(model.ok());
    for (const v1::EpsilonBy::Kind by :
         {v1::EpsilonBy::REPROGRAM, v1::EpsilonBy::READ_VOLTAGE, v1::EpsilonBy::READ_TIME}) {
      v1::PowerMode mode;
      mode.set_epsilon(0.5);
      mode.set_epsilon_by(by);
      const int features = network.rate().layers(0).has_dense() ? 30 : 2 * 9 * 8;
      const Matrix inputs = SparseInputs(2, features);
      Footprint ideal, real;
      const std::vector<Activity> without = ActivitiesOf(**model, mode, 0, inputs, &ideal);
      const std::vector<Activity> with = ActivitiesOf(**model, mode, off, inputs, &real);
      for (size_t l = 0; l < ideal.layers.size(); ++l) {
        const LayerActivity& plain = without[1].layers[l];
        const double wanted = (1 - off) * plain.synaptic_power.value() +
                              2 * off * ideal.layers[l].largest_weight * plain.off_power.value();
        EXPECT_NEAR(with[1].layers[l].synaptic_power.value(), wanted, 1e-5 * (1 + wanted)) << l;
        EXPECT_EQ(with[1].layers[l].off_power.value(), 0);
        EXPECT_FALSE(ideal.layers[l].off_counted);
      }
      EXPECT_TRUE(real.layers[0].off_counted);
    }
  }
}

TEST(CountsTest, TheFullScaleOfAHiddenLayerComesFromCalibration) {
  const std::unique_ptr<Model> model = ModelOf(60, {{40, A::RELU}, {10, A::SIGMOID}, {4, A::TANH}});
  const Matrix inputs = 3 * SparseInputs(2000, 60);
  Footprint footprint;
  ActivitiesOf(*model, v1::PowerMode(), 0, inputs.topRows(1), &footprint);
  EXPECT_EQ(footprint.layers[1].full_scale_input, 1);
  const Dataset data = Dataset::FromFloats(
      {inputs.data(), inputs.data() + inputs.size()}, {inputs.cols()},
      std::vector<int32_t>(static_cast<size_t>(inputs.rows()), 0), model->classes());
  ThreadPool pool(1);
  const Cancellation cancellation;
  ASSERT_TRUE(model->Calibrate(data, "test", "digest", &pool, cancellation).ok());
  ActivitiesOf(*model, v1::PowerMode(), 0, inputs.topRows(1), &footprint);
  EXPECT_EQ(footprint.layers[0].full_scale_input, 1);
  EXPECT_GT(footprint.layers[1].full_scale_input, 1.5);
  EXPECT_LT(footprint.layers[1].full_scale_input, 30);
  EXPECT_EQ(footprint.layers[2].full_scale_input, 1);  // behind a sigmoid
}

}  // namespace
}  // namespace torpor
