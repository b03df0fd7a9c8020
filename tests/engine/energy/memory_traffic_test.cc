#include "engine/energy/memory_traffic.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "tests/engine/energy/memory_arrays.h"
#include "tests/support/golden.h"

namespace torpor {
namespace {

using testing::ConvArray;
using testing::DenseArray;
using testing::Figures;
using testing::Scheme;

v1::WeightArray ArrayOf(const nlohmann::json& row) {
  const std::vector<int> shape = row["shape"];
  v1::WeightArray array = DenseArray(shape[0], shape[1], row["bits"], row["density"]);
  if (shape.size() == 2) return array;
  v1::WeightArray::Conv2dShape& conv = *array.mutable_conv2d();
  conv.set_height(shape[0]);
  conv.set_width(shape[1]);
  conv.set_kernel_height(shape[2]);
  conv.set_kernel_width(shape[3]);
  conv.set_input_channels(shape[4]);
  conv.set_output_channels(shape[5]);
  return array;
}

TEST(MemoryTraffic, EqualsTheFormulasWrittenASecondTime) {
  const nlohmann::json arrays = testing::Golden("memory_organization.json")["arrays"];
  ASSERT_EQ(arrays.size(), 300u);
  for (const nlohmann::json& row : arrays) {
    const v1::MemoryScheme::Kind scheme = testing::SchemeOf(row["scheme"]);
    const MemoryFigures ours = Figures(scheme, ArrayOf(row), testing::CostsOf(row["profile"]));
    const std::vector<double> golden = row["storage_forward_backward_update"];
    EXPECT_NEAR(ours.storage_bits, golden[0], 1e-9 * golden[0]) << row;
    EXPECT_NEAR(ours.forward, golden[1] * 1e-12, 1e-21 * golden[1]) << row;
    EXPECT_NEAR(ours.backward, golden[2] * 1e-12, 1e-21 * golden[2]) << row;
    EXPECT_NEAR(ours.update, golden[3] * 1e-12, 1e-21 * golden[3]) << row;
  }
}

// Published leakage in mW, the 24 points of the synthesis data.
TEST(MemoryTraffic, StorageExplainsEveryPublishedLeakage) {
  struct Leakage {
    int inputs, outputs, bits;
    double density;
    v1::MemoryScheme::Kind scheme;
    double mw;
  };
  const Leakage published[] = {
      {784, 128, 2, 1, Scheme::CROSSBAR, 11.4113},
      {784, 128, 2, 1, Scheme::POINTER_BITMAP, 17.6476},
      {784, 128, 2, 1, Scheme::POINTER_INDEX, 216.066},
      {784, 128, 8, 1, Scheme::CROSSBAR, 45.5505},
      {784, 128, 8, 1, Scheme::POINTER_BITMAP, 51.7868},
      {784, 128, 8, 1, Scheme::POINTER_INDEX, 249.489},
      {784, 128, 12, 1, Scheme::CROSSBAR, 68.9398},
      {784, 128, 8, .5, Scheme::POINTER_BITMAP, 29.0622},
      {784, 128, 8, .5, Scheme::POINTER_INDEX, 118.181},
      {784, 128, 8, .25, Scheme::POINTER_BITMAP, 17.6999},
      {784, 128, 8, .25, Scheme::POINTER_INDEX, 57.5412},
      {784, 128, 8, .1, Scheme::POINTER_INDEX, 23.0514},
      {784, 128, 8, .05, Scheme::POINTER_BITMAP, 8.8929},
      {784, 128, 8, .05, Scheme::POINTER_INDEX, 12.5436},
      {784, 128, 2, .25, Scheme::POINTER_INDEX, 48.8525},
      {700, 400, 2, .66, Scheme::POINTER_BITMAP, 35.8658},
      {700, 400, 2, .66, Scheme::POINTER_INDEX, 393.704},
      {700, 400, 5, 1, Scheme::CROSSBAR, 77.5423},
      {400, 250, 2, .64, Scheme::POINTER_BITMAP, 13.6501},
      {400, 250, 2, .64, Scheme::POINTER_INDEX, 127.828},
      {400, 250, 5, 1, Scheme::CROSSBAR, 28.3686},
      {1024, 128, 8, 1, Scheme::CROSSBAR, 59.16},
      {1024, 128, 8, 1, Scheme::POINTER_BITMAP, 66.80},
      {1024, 128, 8, 1, Scheme::POINTER_INDEX, 323.42},
  };
  ASSERT_EQ(std::size(published), 24u);
  const double watts = *testing::CostsOf(kMemoryProfile).leakage_bit;
  std::vector<double> errors;
  for (const Leakage& point : published) {
    const MemoryTraffic traffic =
        TrafficOf(point.scheme, DenseArray(point.inputs, point.outputs, point.bits, point.density));
    errors.push_back(std::abs(traffic.storage_bits * watts * 1e3 / point.mw - 1));
  }
  std::sort(errors.begin(), errors.end());
  std::printf("24 leakages: median error %.2f %%, largest %.2f %%\n",
              50 * (errors[11] + errors[12]), 100 * errors[23]);
  EXPECT_LT((errors[11] + errors[12]) / 2, 0.01);
  EXPECT_LT(errors[23], 0.09);
}

TEST(MemoryTraffic, CountsAccessesOfActiveInputsAlone) {
  v1::WeightArray array = DenseArray(100, 50, 8, 0.5);
  const MemoryTraffic full = TrafficOf(Scheme::POINTER_INDEX, array);
  // Each stored weight; and where 100 lists begin and end.
  EXPECT_EQ(Accesses(full.forward), 2500 + 200);
  // Weights, their entries in the reverse table, and where its 50 lists begin and end.
  EXPECT_EQ(Accesses(full.backward), 2500 + 2500 + 100);
  EXPECT_EQ(Accesses(full.update), 2500);
  array.set_input_activity(0.25);
  const MemoryTraffic quarter = TrafficOf(Scheme::POINTER_INDEX, array);
  EXPECT_EQ(quarter.storage_bits, full.storage_bits);
  for (const v1::MemoryScheme::Kind scheme : MemorySchemes()) {
    if (!WhyNot(scheme, array).empty()) continue;
    array.set_input_activity(1);
    const MemoryCosts costs = testing::CostsOf(kMemoryProfile);
    const MemoryFigures whole = Figures(scheme, array, costs);
    array.set_input_activity(0.25);
    const MemoryFigures part = Figures(scheme, array, costs);
    EXPECT_NEAR(part.forward, whole.forward / 4, 1e-20);
    EXPECT_NEAR(part.backward, whole.backward / 4, 1e-20);
    EXPECT_NEAR(part.update, whole.update / 4, 1e-20);
  }
}

TEST(MemoryTraffic, PlacesOfAConvolutionAreThoseOfItsKernels) {
  v1::WeightArray array = ConvArray(28, 5, 6, 8);
  const MemoryTraffic padded = TrafficOf(Scheme::FUNCTIONAL, array);
  EXPECT_EQ(Accesses(padded.forward), 25.0 * 36 * 28 * 28);
  array.mutable_conv2d()->set_places(24 * 24);
  const MemoryTraffic valid = TrafficOf(Scheme::FUNCTIONAL, array);
  EXPECT_EQ(Accesses(valid.forward), 25.0 * 36 * 24 * 24);
  EXPECT_EQ(valid.storage_bits, padded.storage_bits);
}

TEST(MemoryTraffic, AnEmptyArrayKeepsWhatItsSchemeAlwaysHas) {
  const v1::WeightArray array = DenseArray(784, 128, 8, 0);
  EXPECT_EQ(TrafficOf(Scheme::CROSSBAR, array).storage_bits, 784 * 128 * 8);
  EXPECT_EQ(TrafficOf(Scheme::COORDINATE_LIST, array).storage_bits, 0);
  EXPECT_EQ(TrafficOf(Scheme::POINTER_BITMAP, array).storage_bits, 784 * 128);
  EXPECT_EQ(TrafficOf(Scheme::POINTER_INDEX, array).storage_bits, 0);
  EXPECT_TRUE(std::isfinite(
      Figures(Scheme::POINTER_INDEX, array, testing::CostsOf(kMemoryProfile)).backward));
}

std::string Wrong(const v1::WeightArray& array) {
  Violations violations;
  CheckWeightArray(array, "arrays[0].", violations);
  return std::string(violations.ToStatus().message());
}

TEST(MemoryTraffic, RefusesByPathAndBound) {
  EXPECT_EQ(Wrong(DenseArray(784, 128, 8, 0.5)), "");
  EXPECT_THAT(Wrong(DenseArray(784, 128, 8, 1.5)),
              ::testing::StartsWith("arrays[0].density: must be in [0, 1], got 1.5"));
  EXPECT_THAT(Wrong(DenseArray(784, 128, 8, NAN)), ::testing::HasSubstr("got nan"));
  EXPECT_THAT(Wrong(DenseArray(784, 128, 33)),
              ::testing::StartsWith("arrays[0].bits: must be in 1..32, got 33"));
  EXPECT_THAT(Wrong(DenseArray(0, 128, 8)),
              ::testing::StartsWith("arrays[0].dense.inputs: must be in 1..16777216, got 0"));
  EXPECT_THAT(Wrong(DenseArray(16777216, 16777216, 8)), ::testing::HasSubstr("2^40"));
  EXPECT_THAT(Wrong(v1::WeightArray()), ::testing::HasSubstr("arrays[0].dense"));
  EXPECT_THAT(Wrong(ConvArray(4, 5, 1, 8)),
              ::testing::StartsWith(
                  "arrays[0].conv2d.kernel_height: must be at most the image's height, 4, got 5"));
  EXPECT_THAT(Wrong(ConvArray(70000, 5, 1, 8)), ::testing::HasSubstr("conv2d.height"));
  v1::WeightArray active = DenseArray(784, 128, 8);
  active.set_input_activity(-0.1);
  EXPECT_THAT(Wrong(active), ::testing::HasSubstr("arrays[0].input_activity"));
  EXPECT_THAT(WhyNot(Scheme::FUNCTIONAL, DenseArray(7, 2, 8)), ::testing::HasSubstr("dense"));
  EXPECT_EQ(WhyNot(Scheme::FUNCTIONAL, ConvArray(4, 3, 1, 8)), "");
}

}  // namespace
}  // namespace torpor
