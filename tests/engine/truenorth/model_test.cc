#include "engine/truenorth/model.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "engine/base/random.h"
#include "engine/families.h"
#include "engine/network/data_run.h"
#include "tests/support/bad_fields.h"
#include "tests/support/core_grids.h"
#include "tests/support/status_matchers.h"

namespace torpor {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::unique_ptr<Model> Built(const v1::Network& network, uint64_t seed = 5) {
  auto model = BuildModel(network, seed);
  EXPECT_TRUE(model.ok()) << model.status();
  return *std::move(model);
}

Dataset Noise(int64_t samples, int features, int classes) {
  std::vector<uint8_t> pixels(static_cast<size_t>(samples) * static_cast<size_t>(features));
  RandomStream random(3, RandomPurpose::kTest);
  for (uint8_t& pixel : pixels) pixel = static_cast<uint8_t>(random.NextBelow(256));
  std::vector<int32_t> labels(static_cast<size_t>(samples));
  for (size_t i = 0; i < labels.size(); ++i) labels[i] = static_cast<int32_t>(i) % classes;
  return Dataset::FromBytes(std::move(pixels), {features}, std::move(labels), classes);
}

absl::Status Calibrate(Model& model, const Dataset& data, int threads = 1) {
  ThreadPool pool(threads);
  return model.Calibrate(data, "datasets/noise", "digest", &pool, Cancellation());
}

std::vector<float> ScoresOf(const Deployment& deployment, const Dataset& data) {
  ThreadPool pool(1);
  std::vector<float> all(static_cast<size_t>(data.size()) * 3);
  EXPECT_TRUE(RunData(deployment, data, &pool, Cancellation(),
                      [&](int64_t sample, const SampleResult& result) {
                        std::copy(result.scores.begin(), result.scores.end(),
                                  all.begin() + 3 * sample);
                      })
                  .ok());
  return all;
}

TEST(TrueNorthModelTest, DescribesThePlan) {
  const v1::NetworkDescription small = Built(testing::SmallGrid())->Describe();
  EXPECT_EQ(small.family(), "truenorth");
  EXPECT_EQ(small.cores(), 5);
  EXPECT_EQ(small.parameters(), 129536 + 256 + 250);
  ASSERT_EQ(small.layers_size(), 2);
  EXPECT_EQ(small.layers(0).kind(), "cores");
  EXPECT_EQ(small.layers(0).cores(), 4);
  EXPECT_EQ(small.layers(0).core_axons(), 256);
  EXPECT_EQ(small.layers(0).core_neurons(), 64);
  EXPECT_EQ(small.layers(0).fan_out(), 1);
  EXPECT_THAT(small.layers(0).input_shape(), ElementsAre(28, 28));
  EXPECT_THAT(small.layers(1).output_shape(), ElementsAre(250));
  ASSERT_EQ(small.levers_size(), 3);
  EXPECT_EQ(small.levers(0).name(), "steps");
  EXPECT_EQ(small.levers(0).maximum(), 16);
  const v1::NetworkDescription large = Built(testing::LargeGrid())->Describe();
  EXPECT_EQ(large.cores(), 30);
  EXPECT_EQ(large.layers(0).core_neurons(), 256);
  EXPECT_EQ(large.layers(0).fan_out(), 4);
}

TEST(TrueNorthModelTest, StartsUniformWithoutLeaks) {
  const auto built = Built(testing::SmallGrid());
  const auto& model = static_cast<const TrueNorthModel&>(*built);
  const Matrix& c = model.parameters()[0][2].connection;
  EXPECT_GE(c.minCoeff(), 0);
  EXPECT_LT(c.maxCoeff(), 1);
  EXPECT_NEAR(c.mean(), 0.5, 0.02);
  EXPECT_NE(c, model.parameters()[0][1].connection);
  for (const float leak : model.parameters()[0][2].leak) EXPECT_EQ(leak, 0);
  const auto other = Built(testing::SmallGrid(), 6);
  EXPECT_NE(c, static_cast<const TrueNorthModel&>(*other).parameters()[0][2].connection);
}

TEST(TrueNorthModelTest, WrongDefinitionsAreNamedInsideTheNetwork) {
  v1::Network network = testing::TinyGrid();
  network.mutable_truenorth()->set_ticks(-4);
  EXPECT_THAT(testing::FieldsOf(BuildModel(network, 1).status()), ElementsAre("truenorth.ticks"));
}

TEST(TrueNorthModelTest, TrainDefaultsAreTheFamilys) {
  v1::TrainSpec spec;
  spec.mutable_truenorth()->set_bias_rate(5);
  Built(testing::TinyGrid())->FillTrainDefaults(spec);
  EXPECT_EQ(spec.loss(), v1::Loss::CE);
  EXPECT_EQ(spec.learning_rate(), 1e-2);
  EXPECT_EQ(spec.batch_size(), 100);
  EXPECT_EQ(spec.schedule(), v1::Schedule::COSINE);
  EXPECT_EQ(spec.truenorth().bias_rate(), 5);
  EXPECT_EQ(spec.truenorth().variance_floor(), 0.25);
  EXPECT_EQ(spec.truenorth().loss_scale(), 15);
}

TEST(TrueNorthModelTest, CalibrationIsTheFullPowerRun) {
  const auto model = Built(testing::TinyGrid());
  const Dataset data = Noise(600, 36, 3);
  TORPOR_ASSERT_OK(Calibrate(*model, data));
  EXPECT_EQ(model->calibration().samples(), 600);
  EXPECT_EQ(model->calibration().dataset(), "datasets/noise");
  ASSERT_EQ(model->calibration().layers_size(), 2);
  EXPECT_EQ(model->calibration().layers(0).name(), "eyes");
  EXPECT_NEAR(
      model->calibration().layers(0).weight_power() + model->calibration().layers(1).weight_power(),
      1, 1e-12);
  // NASP is exactly 1 at full power, measured and nominal.
  TORPOR_ASSERT_OK_AND_ASSIGN(const auto full, model->Deploy(v1::PowerMode(), v1::Realisation()));
  EXPECT_GT(model->calibration().full_power(), 0);
  EXPECT_DOUBLE_EQ(full->NominalSynapticPower(model->FullPowerRecord()),
                   model->calibration().full_power());
  EXPECT_EQ(model->FullPower(v1::Realisation()), model->calibration().full_power());
  v1::PowerMode third;
  third.set_steps(1);
  TORPOR_ASSERT_OK_AND_ASSIGN(const auto low, model->Deploy(third, v1::Realisation()));
  EXPECT_NEAR(low->NominalSynapticPower(model->FullPowerRecord()),
              model->calibration().full_power() / 3, 1e-9);
}

TEST(TrueNorthModelTest, CalibrationDoesNotDependOnThreads) {
  const auto one = Built(testing::TinyGrid());
  const auto four = Built(testing::TinyGrid());
  const Dataset data = Noise(3000, 36, 3);
  TORPOR_ASSERT_OK(Calibrate(*one, data, 1));
  TORPOR_ASSERT_OK(Calibrate(*four, data, 4));
  EXPECT_EQ(SerializeModel(*one), SerializeModel(*four));
}

TEST(TrueNorthModelTest, CalibrationRefusesOtherData) {
  const auto model = Built(testing::TinyGrid());
  EXPECT_THAT(testing::FieldsOf(Calibrate(*model, Noise(3, 35, 3))), ElementsAre("dataset"));
  EXPECT_EQ(model->calibration().dataset_digest(), "");
  EXPECT_EQ(model->FullPowerRecord().samples, 0);
  EXPECT_EQ(model->FullPower(v1::Realisation()), 0);
}

TEST(TrueNorthModelTest, SampledCopiesDrawMore) {
  const auto model = Built(testing::TinyGrid());
  TORPOR_ASSERT_OK(Calibrate(*model, Noise(300, 36, 3)));
  v1::Realisation sampled;
  sampled.set_connections(v1::Connections::SAMPLED);
  const double one = model->FullPower(sampled);
  sampled.set_copies(8);
  // Eight draws of crossbars that are half on, at the same spikes.
  EXPECT_NEAR(model->FullPower(sampled), 8 * one, one);
}

TEST(TrueNorthModelTest, ArchiveBringsEverythingBack) {
  const auto model = Built(testing::TinyGrid());
  static_cast<TrueNorthModel&>(*model).MutableParameters(v1::Loss::CE, 20)[0][1].leak[2] = -1.25f;
  const Dataset data = Noise(300, 36, 3);
  TORPOR_ASSERT_OK(Calibrate(*model, data));
  const std::string archive = SerializeModel(*model);
  TORPOR_ASSERT_OK_AND_ASSIGN(const auto back, ParseModel(archive, &BuildModel));
  EXPECT_EQ(SerializeModel(*back), archive);
  EXPECT_EQ(back->loss(), v1::Loss::CE);
  EXPECT_EQ(back->calibration().full_power(), model->calibration().full_power());
  TORPOR_ASSERT_OK_AND_ASSIGN(const auto before, model->Deploy(v1::PowerMode(), v1::Realisation()));
  TORPOR_ASSERT_OK_AND_ASSIGN(const auto after, back->Deploy(v1::PowerMode(), v1::Realisation()));
  EXPECT_EQ(ScoresOf(*before, data), ScoresOf(*after, data));
}

TEST(TrueNorthModelTest, ArchivesOutOfBoundsAreDataLoss) {
  const auto model = Built(testing::TinyGrid());
  auto& grid = static_cast<TrueNorthModel&>(*model);
  grid.MutableParameters(v1::Loss::CE, 15)[1][0].connection(2, 3) = 1.5f;
  EXPECT_THAT(ParseModel(SerializeModel(*model), &BuildModel),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("layers/out/0/connection")));
  grid.MutableParameters(v1::Loss::CE, 15)[1][0].connection(2, 3) = 0.5f;
  grid.MutableParameters(v1::Loss::CE, 15)[0][3].leak[0] = NAN;
  EXPECT_THAT(ParseModel(SerializeModel(*model), &BuildModel),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("layers/eyes/3/leak")));
}

TEST(TrueNorthModelTest, ChangedParametersForgetTheCalibration) {
  const auto model = Built(testing::TinyGrid());
  TORPOR_ASSERT_OK(Calibrate(*model, Noise(30, 36, 3)));
  TORPOR_ASSERT_OK_AND_ASSIGN(const auto before, model->Deploy(v1::PowerMode(), v1::Realisation()));
  auto& parameters = static_cast<TrueNorthModel&>(*model).MutableParameters(v1::Loss::CE, 15);
  parameters[1][0].leak.assign(6, 300);
  EXPECT_EQ(model->calibration().dataset_digest(), "");
  EXPECT_EQ(model->FullPowerRecord().samples, 0);
  // Nor does a new deployment keep old crossbars: all neurons fire at every tick.
  TORPOR_ASSERT_OK_AND_ASSIGN(const auto after, model->Deploy(v1::PowerMode(), v1::Realisation()));
  for (const float score : ScoresOf(*after, Noise(5, 36, 3))) {
    EXPECT_EQ(score, 6) << "two neurons of a class for three ticks";
    EXPECT_FLOAT_EQ(score / static_cast<float>(after->read_out().temperature), 15)
        << "the logit of the training";
  }
  EXPECT_NE(ScoresOf(*before, Noise(5, 36, 3)), ScoresOf(*after, Noise(5, 36, 3)));
}

TEST(TrueNorthModelTest, ModeInForceIsWhole) {
  const auto model = Built(testing::TinyGrid());
  v1::PowerMode mode;
  mode.set_margin(2);
  TORPOR_ASSERT_OK_AND_ASSIGN(const auto deployment, model->Deploy(mode, v1::Realisation()));
  EXPECT_EQ(deployment->mode().steps(), 3);
  EXPECT_EQ(deployment->mode().copies(), 1);
  EXPECT_EQ(deployment->mode().margin(), 2);
  EXPECT_EQ(deployment->read_out().loss, v1::Loss::CE);
}

TEST(TrueNorthModelTest, ThresholdedHardwareKnowsNoSeed) {
  const auto model = Built(testing::TinyGrid());
  const Dataset data = Noise(50, 36, 3);
  v1::Realisation realisation;
  realisation.set_seed(1);
  TORPOR_ASSERT_OK_AND_ASSIGN(const auto one, model->Deploy(v1::PowerMode(), realisation));
  realisation.set_seed(2);
  TORPOR_ASSERT_OK_AND_ASSIGN(const auto two, model->Deploy(v1::PowerMode(), realisation));
  EXPECT_EQ(ScoresOf(*one, data), ScoresOf(*two, data));
  realisation.set_connections(v1::Connections::SAMPLED);
  TORPOR_ASSERT_OK_AND_ASSIGN(const auto drawn, model->Deploy(v1::PowerMode(), realisation));
  realisation.set_seed(3);
  TORPOR_ASSERT_OK_AND_ASSIGN(const auto other, model->Deploy(v1::PowerMode(), realisation));
  EXPECT_NE(ScoresOf(*drawn, data), ScoresOf(*other, data));
}

std::vector<std::string> Refused(const v1::PowerMode& mode, const v1::Realisation& realisation) {
  return testing::FieldsOf(Built(testing::TinyGrid())->Deploy(mode, realisation).status());
}

TEST(TrueNorthModelTest, LeversOutOfBoundsAreRefused) {
  v1::PowerMode mode;
  mode.set_steps(0);
  EXPECT_THAT(Refused(mode, {}), ElementsAre("steps"));
  mode.set_steps(4);
  EXPECT_THAT(Refused(mode, {}), ElementsAre("steps"));
  mode.set_steps(3);
  mode.set_copies(2);  // of hardware that holds one
  EXPECT_THAT(Refused(mode, {}), ElementsAre("copies"));
  mode.set_copies(1);
  mode.set_margin(-0.5);
  EXPECT_THAT(Refused(mode, {}), ElementsAre("margin"));
}

TEST(TrueNorthModelTest, EpsilonIsRefusedWithTheLeversThatExist) {
  v1::PowerMode mode;
  mode.set_epsilon(0.5);
  const auto deployment = Built(testing::TinyGrid())->Deploy(mode, v1::Realisation());
  EXPECT_THAT(deployment, StatusIs(absl::StatusCode::kInvalidArgument,
                                   HasSubstr("it has steps, copies, margin")));
}

TEST(TrueNorthModelTest, HardwareOfOtherFamiliesIsRefused) {
  v1::Realisation realisation;
  realisation.set_column_noise(0.01);
  realisation.set_off_conductance(0.1);
  realisation.set_copies(2);
  EXPECT_THAT(Refused({}, realisation), ElementsAre("column_noise", "off_conductance", "copies"));
  realisation.Clear();
  realisation.set_copies(4097);
  realisation.set_connections(static_cast<v1::Connections::Kind>(7));
  EXPECT_THAT(Refused({}, realisation), ElementsAre("connections", "copies"));
  v1::Realisation many;
  many.set_connections(v1::Connections::SAMPLED);
  many.set_copies(4096);
  const absl::Status status = Built(testing::LargeGrid())->CheckHardware(many);
  EXPECT_THAT(testing::DescriptionOf(status, "copies"), HasSubstr("must be at most 546"));
}

}  // namespace
}  // namespace torpor
