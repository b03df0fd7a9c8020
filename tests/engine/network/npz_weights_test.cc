#include "engine/network/npz_weights.h"

#include <limits>
#include <string>
#include <vector>

#include "engine/data/npz.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/rate_networks.h"
#include "tests/support/status_matchers.h"

namespace torpor {
namespace {

using ::testing::HasSubstr;
using testing::ModelOf;
using ::testing::Not;
using testing::RateNetworkOf;

v1::Network SmallNetwork() {
  return RateNetworkOf(3, {{4, v1::Activation::RELU}, {2, v1::Activation::SIGMOID}});
}

// The arrays of SmallNetwork, to be spoilt.
struct Arrays {
  std::vector<std::string> names = {"layer0.weight", "layer0.bias", "layer1.weight", "layer1.bias"};
  std::vector<std::vector<int64_t>> shapes = {{4, 3}, {4}, {2, 4}, {2}};
  std::vector<std::vector<float>> values = {std::vector<float>(12, 0.5f),
                                            std::vector<float>(4, -1.0f),
                                            std::vector<float>(8, 2.0f),
                                            {0.25f, -0.25f}};

  std::string Npz() const {
    std::vector<NpzFloats> arrays;
    for (size_t i = 0; i < names.size(); ++i) arrays.push_back({names[i], shapes[i], values[i]});
    auto npz = WriteNpz(arrays);
    TORPOR_CHECK(npz.ok());
    return *npz;
  }
};

absl::StatusOr<std::string> Import(const std::string& npz,
                                   v1::Loss::Kind loss = v1::Loss::UNSPECIFIED) {
  TORPOR_ASSIGN_OR_RETURN(const NpzWeights weights,
                          NpzWeights::Create(SmallNetwork(), loss, &BuildModel));
  return weights.ToArchive(npz);
}

TEST(NpzWeights, AModelComesBackFromItsExport) {
  const auto model = ModelOf(3, {{4, v1::Activation::RELU}, {2, v1::Activation::SIGMOID}}, 9);
  const std::string archive = SerializeModel(*model);
  TORPOR_ASSERT_OK_AND_ASSIGN(const std::string npz, NpzOfArchive(archive));
  TORPOR_ASSERT_OK_AND_ASSIGN(const std::string back, Import(npz));
  // An untrained model has neither loss nor calibration, so all of it comes back.
  EXPECT_EQ(back, archive);
}

TEST(NpzWeights, KeepsValuesAndLoss) {
  TORPOR_ASSERT_OK_AND_ASSIGN(const std::string archive, Import(Arrays().Npz(), v1::Loss::BCE));
  TORPOR_ASSERT_OK_AND_ASSIGN(const ArchiveReader reader, ArchiveReader::Parse(archive));
  TORPOR_ASSERT_OK_AND_ASSIGN(const std::vector<float> bias,
                              reader.Floats("layers/layer1/bias", {2}));
  EXPECT_EQ(bias, std::vector<float>({0.25f, -0.25f}));
  TORPOR_ASSERT_OK_AND_ASSIGN(const auto model, ParseModel(archive, &BuildModel));
  EXPECT_EQ(model->loss(), v1::Loss::BCE);
  EXPECT_TRUE(model->calibration().dataset_digest().empty());
}

TEST(NpzWeights, NamesEveryMismatchAtOnce) {
  Arrays arrays;
  arrays.names[1] = "layer0.biases";  // one missing, one too many
  arrays.shapes[0] = {3, 4};          // transposed
  arrays.shapes[2] = {8};             // another rank
  const auto refused = Import(arrays.Npz());
  ASSERT_THAT(refused, StatusIs(absl::StatusCode::kInvalidArgument));
  google::rpc::BadRequest bad;
  const auto payload = refused.status().GetPayload("type.googleapis.com/google.rpc.BadRequest");
  ASSERT_TRUE(payload.has_value() && bad.ParseFromString(std::string(*payload)));
  std::string all;
  for (const auto& each : bad.field_violations()) {
    all += each.field() + ": " + each.description() + "\n";
  }
  EXPECT_EQ(bad.field_violations_size(), 4) << all;
  EXPECT_THAT(all,
              HasSubstr("layer0.weight: must have the shape [4, 3], has [3, 4]; transpose it"));
  EXPECT_THAT(all, HasSubstr("layer0.bias: is missing, must have the shape [4]"));
  EXPECT_THAT(all, HasSubstr("layer1.weight: must have the shape [2, 4], has [8]"));
  EXPECT_THAT(all, HasSubstr("layer0.biases: belongs to no layer of the definition"));
  EXPECT_THAT(all, Not(HasSubstr("layer1.bias")));
}

TEST(NpzWeights, NamesNumbersThatAreNotFinite) {
  Arrays arrays;
  arrays.values[0][7] = std::numeric_limits<float>::quiet_NaN();
  arrays.values[3][1] = -std::numeric_limits<float>::infinity();
  const auto refused = Import(arrays.Npz());
  ASSERT_THAT(refused, StatusIs(absl::StatusCode::kInvalidArgument,
                                HasSubstr("layer0.weight: must hold finite float32 numbers, has "
                                          "NaN at [2, 1]")));
  EXPECT_THAT(refused.status().ToString(), HasSubstr("layer1.bias"));
}

TEST(NpzWeights, ManyMismatchesAreNamedByKind) {
  std::vector<testing::LayerOf> layers(40, {2, v1::Activation::TANH});
  const v1::Network network = RateNetworkOf(2, layers);
  TORPOR_ASSERT_OK_AND_ASSIGN(const NpzWeights weights,
                              NpzWeights::Create(network, v1::Loss::UNSPECIFIED, &BuildModel));
  const std::vector<float> values = {1, 2};
  TORPOR_ASSERT_OK_AND_ASSIGN(
      const std::string npz,
      WriteNpz(std::vector<NpzFloats>{{"layer7.bias", {2}, values}, {"stray", {2}, values}}));
  const auto refused = weights.ToArchive(npz);
  ASSERT_THAT(refused, StatusIs(absl::StatusCode::kInvalidArgument));
  const std::string text = refused.status().ToString();
  EXPECT_THAT(text, HasSubstr("missing: layer0.weight, layer0.bias"));
  EXPECT_THAT(text, HasSubstr("layer39.bias"));
  EXPECT_THAT(text, HasSubstr("not in the definition: stray"));
  EXPECT_THAT(text, Not(HasSubstr("layer7.bias")));
}

TEST(NpzWeights, ConvolutionsHaveTheShapesOfOtherFrameworks) {
  v1::Network network;
  v1::RateNetwork& rate = *network.mutable_rate();
  for (const int dimension : {2, 6, 6}) rate.mutable_input()->add_shape(dimension);
  v1::RateLayer& conv = *rate.add_layers();
  conv.set_name("conv");
  conv.mutable_conv2d()->set_channels(3);
  conv.mutable_conv2d()->add_kernel(5);
  conv.mutable_conv2d()->add_kernel(4);
  conv.set_activation(v1::Activation::RELU);
  rate.add_layers()->mutable_flatten();
  v1::RateLayer& out = *rate.add_layers();
  out.set_name("out");
  out.mutable_dense()->set_units(2);
  out.set_activation(v1::Activation::SIGMOID);
  TORPOR_ASSERT_OK_AND_ASSIGN(const auto model, BuildModel(network, 4));
  const std::string archive = SerializeModel(*model);
  TORPOR_ASSERT_OK_AND_ASSIGN(const std::string npz, NpzOfArchive(archive));
  TORPOR_ASSERT_OK_AND_ASSIGN(const NpzReader reader, NpzReader::Open(npz));
  ASSERT_EQ(reader.arrays().size(), 4u);
  EXPECT_EQ(reader.arrays()[0].name, "conv.weight");
  EXPECT_EQ(reader.arrays()[0].header.shape, std::vector<int64_t>({3, 2, 5, 4}));
  EXPECT_EQ(reader.arrays()[1].header.shape, std::vector<int64_t>({3}));
  TORPOR_ASSERT_OK_AND_ASSIGN(const NpzWeights weights,
                              NpzWeights::Create(network, v1::Loss::BCE, &BuildModel));
  TORPOR_ASSERT_OK_AND_ASSIGN(const std::string back, weights.ToArchive(npz));
  TORPOR_ASSERT_OK_AND_ASSIGN(const auto imported, ParseModel(back, &BuildModel));
  TORPOR_ASSERT_OK_AND_ASSIGN(const std::string again, NpzOfArchive(SerializeModel(*imported)));
  EXPECT_EQ(again, npz);
}

TEST(NpzWeights, ChecksDefinitionAndLoss) {
  v1::Network wrong = SmallNetwork();
  wrong.mutable_rate()->mutable_layers(1)->mutable_dense()->set_units(0);
  EXPECT_THAT(NpzWeights::Create(wrong, v1::Loss::UNSPECIFIED, &BuildModel),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("network.rate.layers[1]")));
  const v1::Network relu = RateNetworkOf(3, {{2, v1::Activation::RELU}});
  EXPECT_THAT(NpzWeights::Create(relu, v1::Loss::BCE, &BuildModel),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("loss")));
  EXPECT_THAT(NpzWeights::Create(relu, v1::Loss::MSE, &BuildModel), IsOk());
  // A network without gradient can be brought too, whatever trained it.
  EXPECT_THAT(
      NpzWeights::Create(RateNetworkOf(3, {{2, v1::Activation::STEP}}), v1::Loss::MSE, &BuildModel),
      IsOk());
  EXPECT_THAT(NpzWeights::Create(SmallNetwork(), static_cast<v1::Loss::Kind>(77), &BuildModel),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST(NpzWeights, DamagedFilesAreDataLoss) {
  const std::string npz = Arrays().Npz();
  EXPECT_THAT(Import(npz.substr(0, npz.size() / 2)), StatusIs(absl::StatusCode::kDataLoss));
  std::string archive = SerializeModel(*ModelOf(3, {{2, v1::Activation::SIGMOID}}));
  archive.back() ^= 1;
  EXPECT_THAT(NpzOfArchive(archive), StatusIs(absl::StatusCode::kDataLoss, HasSubstr("tensor")));
}

}  // namespace
}  // namespace torpor
