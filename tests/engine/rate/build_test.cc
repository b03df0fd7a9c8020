// Building rate networks from definitions, good and bad.
#include "engine/base/status.h"
#include "engine/families.h"
#include "gmock/gmock.h"
#include "google/rpc/error_details.pb.h"
#include "gtest/gtest.h"
#include "tests/support/rate_networks.h"

namespace torpor {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::RateNetworkOf;

std::string ErrorOf(const v1::Network& network) {
  const absl::Status status = BuildModel(network, 1).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << status;
  return std::string(status.message());
}

v1::Network Good() {
  return RateNetworkOf(12, {{8, v1::Activation::RELU}, {3, v1::Activation::SIGMOID}});
}

TEST(BuildTest, DescribesShapesAndLevers) {
  v1::Network network = Good();
  network.mutable_rate()->mutable_input()->clear_shape();
  network.mutable_rate()->mutable_input()->add_shape(3);
  network.mutable_rate()->mutable_input()->add_shape(4);
  network.mutable_rate()->mutable_layers(1)->mutable_dense()->set_without_bias(true);
  auto model = BuildModel(network, 1);
  ASSERT_TRUE(model.ok()) << model.status();
  EXPECT_EQ((*model)->features(), 12);
  EXPECT_EQ((*model)->classes(), 3);
  const v1::NetworkDescription description = (*model)->Describe();
  EXPECT_EQ(description.family(), "rate");
  EXPECT_EQ(description.parameters(), 12 * 8 + 8 + 8 * 3);
  EXPECT_EQ(description.parameter_bytes(), 4 * description.parameters());
  EXPECT_EQ(description.multiply_accumulates(), 12 * 8 + 8 * 3);
  EXPECT_EQ(description.layers(0).name(), "layer0");
  EXPECT_EQ(description.layers(0).input_shape_size(), 2);
  EXPECT_EQ(description.layers(1).biases(), 0);
  std::vector<std::string> levers;
  for (const v1::Lever& lever : description.levers()) levers.push_back(lever.name());
  EXPECT_THAT(levers, ElementsAre("epsilon", "bias", "epsilon_by", "output_gain", "output_shift",
                                  "approximate"));
  EXPECT_TRUE(description.levers(0).per_layer());
  EXPECT_THAT(description.levers(1).needs_calibration(),
              ElementsAre("table", "empirical", "matched"));
  EXPECT_EQ(description.levers(4).kind(), v1::Lever::SWITCH);
  EXPECT_THAT(description.levers(4).needs_calibration(), ElementsAre("true"));
}

TEST(BuildTest, UnsetFamilyIsRefused) { EXPECT_THAT(ErrorOf(v1::Network()), HasSubstr("family")); }

TEST(BuildTest, LayerWithoutKindIsRefused) {
  v1::Network network = Good();
  network.mutable_rate()->mutable_layers(1)->clear_dense();
  EXPECT_THAT(ErrorOf(network), HasSubstr("rate.layers[1].dense"));
}

TEST(BuildTest, SizesAreRefusedBeforeAllocation) {
  for (int units : {0, -1, 65537, 2147483647}) {
    v1::Network network = Good();
    network.mutable_rate()->mutable_layers(0)->mutable_dense()->set_units(units);
    EXPECT_THAT(ErrorOf(network), HasSubstr("rate.layers[0].dense.units: must be in 1..65536"));
  }
  // 2^24 inputs and 17 units pass 2^28 weights.
  v1::Network wide = Good();
  wide.mutable_rate()->mutable_input()->clear_shape();
  wide.mutable_rate()->mutable_input()->add_shape(4096);
  wide.mutable_rate()->mutable_input()->add_shape(4096);
  wide.mutable_rate()->mutable_layers(0)->mutable_dense()->set_units(17);
  EXPECT_THAT(ErrorOf(wide), HasSubstr("268435456"));
}

TEST(BuildTest, TotalSizeIsBounded) {
  std::vector<testing::LayerOf> layers(4, {16384, v1::Activation::RELU});
  EXPECT_THAT(ErrorOf(RateNetworkOf(16384, layers)), HasSubstr("all layers together"));
}

TEST(BuildTest, InputShapesThatOverflowAreRefused) {
  for (std::vector<int64_t> shape : std::vector<std::vector<int64_t>>{
           {}, {0}, {-3}, {65537}, {int64_t{1} << 62, 4}, {65536, 65536, 65536, 65536, 2}}) {
    v1::Network network = Good();
    network.mutable_rate()->mutable_input()->mutable_shape()->Assign(shape.begin(), shape.end());
    EXPECT_THAT(ErrorOf(network), HasSubstr("rate.input.shape"));
  }
}

TEST(BuildTest, NamesAndActivationsAreChecked) {
  v1::Network network = Good();
  network.mutable_rate()->mutable_layers(0)->set_name("Bad name");
  EXPECT_THAT(ErrorOf(network), HasSubstr("rate.layers[0].name"));
  network = Good();
  network.mutable_rate()->mutable_layers(0)->set_name("layer1");
  EXPECT_THAT(ErrorOf(network), HasSubstr("unique"));
  network = Good();
  network.mutable_rate()->mutable_layers(1)->set_activation(v1::Activation::UNSPECIFIED);
  EXPECT_THAT(ErrorOf(network), HasSubstr("rate.layers[1].activation"));
  network = Good();
  network.set_display_name(std::string(64, 'x'));
  EXPECT_THAT(ErrorOf(network), HasSubstr("display_name"));
}

TEST(BuildTest, LayerCountIsBounded) {
  EXPECT_THAT(ErrorOf(RateNetworkOf(4, {})), HasSubstr("rate.layers"));
  std::vector<testing::LayerOf> layers(65, {2, v1::Activation::RELU});
  EXPECT_THAT(ErrorOf(RateNetworkOf(4, layers)), HasSubstr("1..64"));
}

TEST(BuildTest, EveryWrongFieldIsNamed) {
  v1::Network network = Good();
  network.mutable_rate()->mutable_input()->set_shape(0, 0);
  network.mutable_rate()->mutable_layers(0)->mutable_dense()->set_units(0);
  network.mutable_rate()->mutable_layers(1)->clear_activation();
  const google::rpc::Status wire = ToProto(BuildModel(network, 1).status());
  google::rpc::BadRequest bad;
  for (const auto& detail : wire.details()) {
    if (detail.Is<google::rpc::BadRequest>()) {
      ASSERT_TRUE(detail.UnpackTo(&bad));
    }
  }
  ASSERT_EQ(bad.field_violations_size(), 3);
  EXPECT_EQ(bad.field_violations(0).field(), "rate.input.shape[0]");
  EXPECT_EQ(bad.field_violations(1).field(), "rate.layers[0].dense.units");
  EXPECT_EQ(bad.field_violations(2).field(), "rate.layers[1].activation");
}

}  // namespace
}  // namespace torpor
