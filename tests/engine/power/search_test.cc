#include "engine/power/search.h"

#include <cmath>
#include <limits>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "engine/base/status.h"
#include "engine/power/mode_bench.h"
#include "gmock/gmock.h"
#include "google/rpc/error_details.pb.h"
#include "gtest/gtest.h"
#include "tests/support/trained_digits.h"

namespace torpor {
namespace {

using B = v1::BiasPolicy;
using ::testing::HasSubstr;

class SearchTest : public testing::TrainedDigitsTest {
 protected:
  static v1::PowerSearchSpec Spec(double nasp, B::Kind policy) {
    v1::PowerSearchSpec spec;
    spec.set_nasp(nasp);
    spec.mutable_base()->set_bias(policy);
    return spec;
  }
  absl::StatusOr<SearchResult> Run(const v1::PowerSearchSpec& spec, ThreadPool* pool,
                                   const PowerProgress& progress = {}) {
    return SearchPower(*model_, spec, {}, train_, pool, cancellation_, progress);
  }
  SearchResult Find(const v1::PowerSearchSpec& spec) {
    auto result = Run(spec, &pool_);
    EXPECT_TRUE(result.ok()) << result.status();
    return *std::move(result);
  }
  double NaspOf(const v1::PowerMode& mode) {
    return *ModeBench::Create(*model_, {}, train_, &pool_, cancellation_)->Nasp(mode);
  }
};

TEST_F(SearchTest, TheInverseOfTheCurveIsTheEpsilonItCameFrom) {
  for (const B::Kind policy : {B::NONE, B::TABLE, B::HOMOGENEOUS}) {
    for (const double epsilon : {0.9, 0.37, 0.06}) {
      v1::PowerMode mode;
      mode.set_epsilon(epsilon);
      mode.set_bias(policy);
      v1::PowerSearchSpec spec = Spec(NaspOf(mode), policy);
      spec.mutable_noise()->set_without(true);
      const SearchResult result = Find(spec);
      EXPECT_NEAR(result.found.epsilon(), epsilon, 1e-6) << B::Kind_Name(policy);
      EXPECT_EQ(result.found.bias(), policy);
      EXPECT_NEAR(result.rows.back().nasp(), spec.nasp(), 1e-6);
      EXPECT_EQ(result.rows.back().power_mode().epsilon(), result.found.epsilon());
    }
  }
}

TEST_F(SearchTest, TheFoundModeIsTheLastRowAndAloneHasNoiseAccuracy) {
  const SearchResult result = Find(Spec(0.2, B::NONE));
  ASSERT_GE(result.rows.size(), 2u);
  for (size_t i = 0; i + 1 < result.rows.size(); ++i) {
    EXPECT_EQ(result.rows[i].noise_accuracy_size(), 0);
    EXPECT_NE(result.rows[i].epsilon(), result.found.epsilon());
  }
  EXPECT_EQ(result.rows.back().noise_accuracy_size(), 2);
  EXPECT_EQ(result.rows.back().epsilon(), result.found.epsilon());
}

TEST_F(SearchTest, FullPowerIsFoundAtOne) {
  const SearchResult result = Find(Spec(1, B::NONE));
  EXPECT_EQ(result.found.epsilon(), 1);
  EXPECT_EQ(result.rows.back().nasp(), 1);
}

TEST_F(SearchTest, BelowTheFloorTheAnswerIsTheFloor) {
  v1::PowerMode smallest;
  smallest.set_epsilon(kSmallestEpsilon);
  smallest.set_bias(B::TABLE);
  const double floor = NaspOf(smallest);
  for (const bool per_layer : {false, true}) {
    v1::PowerSearchSpec spec = Spec(floor * 0.9, B::TABLE);
    spec.set_per_layer(per_layer);
    const absl::Status status = Run(spec, &pool_).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kOutOfRange);
    EXPECT_EQ(ReasonOf(status), "UNREACHABLE");
    EXPECT_THAT(std::string(status.message()), HasSubstr("unreachable, floor 0."));
    google::rpc::ErrorInfo info;
    ASSERT_TRUE(ToProto(status).details(0).UnpackTo(&info));
    double told = 0;
    ASSERT_TRUE(absl::SimpleAtod(info.metadata().at("floor"), &told));
    EXPECT_NEAR(told, floor, 1e-5 * floor);
  }
  EXPECT_TRUE(Run(Spec(floor * 1.01, B::TABLE), &pool_).ok());
}

TEST_F(SearchTest, PinnedLayersStayWhereTheyAre) {
  v1::PowerSearchSpec spec = Spec(0.5, B::HOMOGENEOUS);
  (*spec.mutable_base()->mutable_layer_epsilon())["layer1"] = 0.6;
  const SearchResult result = Find(spec);
  EXPECT_EQ(result.found.layer_epsilon().at("layer1"), 0.6);
  EXPECT_NEAR(NaspOf(result.found), 0.5, 1e-6);
}

// Under noise it pays to scale the first layer alone or nearly so (section 9 of the notes).
TEST_F(SearchTest, ByLayerIsAtLeastAsGoodUnderNoiseAsOneEpsilon) {
  v1::PowerSearchSpec spec = Spec(0.1, B::HOMOGENEOUS);
  spec.mutable_noise()->add_levels(0.1);
  const SearchResult one = Find(spec);
  spec.set_per_layer(true);
  const SearchResult by_layer = Find(spec);
  EXPECT_NEAR(NaspOf(by_layer.found), 0.1, 1e-6);
  const v1::PowerSweepRow& best = by_layer.rows.back();
  EXPECT_GT(best.noise_accuracy(0).accuracy(), one.rows.back().noise_accuracy(0).accuracy() + 0.05);
  // Every set that was compared is at the target, and none was better.
  bool single = false;
  bool first_alone = false;
  for (const v1::PowerSweepRow& row : by_layer.rows) {
    EXPECT_NEAR(row.nasp(), 0.1, 2e-4);
    EXPECT_LE(row.noise_accuracy(0).accuracy(), best.noise_accuracy(0).accuracy() + 0.01);
    const auto& layers = row.power_mode().layer_epsilon();
    single |= layers.empty();
    first_alone |= layers.contains("layer1") && layers.at("layer1") == 1;
  }
  EXPECT_TRUE(single);
  EXPECT_TRUE(first_alone);
}

TEST_F(SearchTest, ThreeLayersAreSearchedByCoordinates) {
  model_ = testing::ModelOf(
      train_.features(),
      {{24, v1::Activation::RELU}, {16, v1::Activation::RELU}, {10, v1::Activation::SIGMOID}});
  v1::TrainSpec train;
  train.set_learning_rate(5e-3);
  auto trainer = model_->NewTrainer(train, &pool_);
  ASSERT_TRUE(testing::TrainEpochs(**trainer, train_, 100, 1, 0, 10).ok());
  ASSERT_TRUE(model_->Calibrate(train_, "digits", "digest", &pool_, cancellation_).ok());
  v1::PowerSearchSpec spec = Spec(0.15, B::HOMOGENEOUS);
  spec.set_per_layer(true);
  spec.mutable_noise()->add_levels(0.1);
  spec.mutable_noise()->set_seeds(2);
  const SearchResult result = Find(spec);
  EXPECT_NEAR(NaspOf(result.found), 0.15, 1e-6);
  ASSERT_GT(result.rows.size(), 4u);
  for (const auto& [layer, epsilon] : result.found.layer_epsilon()) {
    EXPECT_GE(epsilon, kSmallestEpsilon) << layer;
    EXPECT_LE(epsilon, 1) << layer;
  }
}

TEST_F(SearchTest, TheSameBitsForAnyNumberOfThreadsAndEveryTime) {
  v1::PowerSearchSpec spec = Spec(0.2, B::NONE);
  spec.set_per_layer(true);
  spec.mutable_noise()->add_levels(0.05);
  spec.mutable_noise()->set_seeds(2);
  auto bits = [&](int threads) {
    ThreadPool pool(threads);
    const auto result = Run(spec, &pool);
    EXPECT_TRUE(result.ok()) << result.status();
    std::string all;
    for (const v1::PowerSweepRow& row : result->rows) all += row.ShortDebugString() + "\n";
    return all;
  };
  const std::string once = bits(1);
  EXPECT_EQ(once, bits(3));
  EXPECT_EQ(once, bits(1));
}

TEST_F(SearchTest, ProgressGrowsAndACancellationEndsIt) {
  double last = 0;
  int rows = 0;
  PowerProgress progress;
  progress.on_fraction = [&](double fraction) {
    EXPECT_GE(fraction, last);
    EXPECT_LT(fraction, 1);
    last = fraction;
    if (rows == 3) cancellation_.Cancel();
  };
  progress.on_row = [&](int done, int total, const v1::PowerSweepRow&) {
    EXPECT_EQ(done, ++rows);
    EXPECT_EQ(total, 0);
  };
  v1::PowerSearchSpec spec = Spec(0.2, B::NONE);
  spec.set_per_layer(true);
  EXPECT_EQ(Run(spec, &pool_, progress).status().code(), absl::StatusCode::kCancelled);
  EXPECT_GT(last, 0);
  EXPECT_EQ(rows, 3);
}

TEST_F(SearchTest, BadSpecificationsAreRefusedByPath) {
  auto message = [&](const v1::PowerSearchSpec& spec) {
    const absl::Status status = CheckSearch(*model_, spec);
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    return std::string(status.message());
  };
  for (double nasp : {0.0, -0.2, 1.01, std::numeric_limits<double>::quiet_NaN()}) {
    EXPECT_THAT(message(Spec(nasp, B::NONE)), HasSubstr("nasp: must be in (0, 1]"));
  }
  EXPECT_THAT(message(Spec(0.5, B::TUNED)), HasSubstr("base.bias: TUNED"));
  v1::PowerSearchSpec spec = Spec(0.5, B::NONE);
  spec.mutable_base()->set_epsilon(0.5);
  EXPECT_THAT(message(spec), HasSubstr("base.epsilon"));
  spec = Spec(0.5, B::NONE);
  spec.set_per_layer(true);
  spec.mutable_noise()->set_without(true);
  EXPECT_THAT(message(spec), HasSubstr("noise.without"));
  spec = Spec(0.5, B::NONE);
  for (const char* layer : {"layer0", "layer1"}) {
    (*spec.mutable_base()->mutable_layer_epsilon())[layer] = 0.5;
  }
  EXPECT_THAT(message(spec), HasSubstr("base.layer_epsilon"));
  model_->Initialise(1);  // forgets the calibration
  spec = Spec(0.5, B::NONE);
  spec.set_per_layer(true);
  EXPECT_EQ(ReasonOf(CheckSearch(*model_, spec)), "CALIBRATION_REQUIRED");
}

}  // namespace
}  // namespace torpor
