// Convolutions of spikes, by events and by matrices, against their definition.
#include "engine/lif/conv_synapses.h"

#include <cmath>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "engine/base/random.h"
#include "engine/lif/conv_reference.h"
#include "engine/lif/layouts.h"
#include "gtest/gtest.h"

namespace torpor {
namespace {

constexpr int kSteps = 5;

std::vector<double> RandomDoubles(int64_t n, uint64_t seed) {
  std::vector<double> values(static_cast<size_t>(n));
  RandomStream random(seed, RandomPurpose::kTest);
  // Halves of bytes: sums of them are exact in float, whatever their order.
  for (double& value : values) value = static_cast<double>(random.NextBelow(255)) / 2 - 63.5;
  return values;
}

std::vector<float> Floats(const std::vector<double>& values) {
  return std::vector<float>(values.begin(), values.end());
}

LifImage InputOf(const LifConvShape& s) {
  return {s.input_channels, s.input_height, s.input_width};
}
LifImage OutputOf(const LifConvShape& s) {
  return {s.channels, s.output_height(), s.output_width()};
}

// Weights in both orders, spikes as events and as images, errors in both orders.
struct Problem {
  explicit Problem(const LifConvShape& s, double density, uint64_t seed)
      : shape(s), weights(RandomDoubles(s.weights(), seed)) {
    family_weights.resize(weights.size());
    ConvWeightsFromBorder(s, Floats(weights), family_weights);
    RandomStream random(seed, RandomPurpose::kTest, 1);
    errors = Matrix::Zero(kSteps, s.outputs());
    for (int n = 0; n < kSteps; ++n) {
      images.emplace_back(static_cast<size_t>(s.inputs()), 0.0);
      // More spikes than one a unit, as pooling makes them.
      for (int k = 0; k < density * s.inputs(); ++k) {
        const auto border = static_cast<uint32_t>(random.NextBelow(s.inputs()));
        images.back()[border] += 1;
        spikes.index.push_back(UnitOf(InputOf(s), border));
      }
      spikes.EndStep();
      step_errors.push_back(RandomDoubles(s.outputs(), seed + 100 + static_cast<uint64_t>(n)));
      const std::vector<float> step = Floats(step_errors.back());
      UnitsFromBorder<float>(OutputOf(s), step,
                             {errors.row(n).data(), static_cast<size_t>(s.outputs())});
    }
  }
  LifConvShape shape;
  std::vector<double> weights;
  std::vector<float> family_weights;
  LifSpikes spikes;
  std::vector<std::vector<double>> images, step_errors;
  Matrix errors;
};

ConstMatrixView Const(const Matrix& m) { return View(m); }

void ExpectUnits(const LifImage& image, const float* family, const std::vector<double>& border) {
  for (uint32_t i = 0; i < border.size(); ++i) {
    ASSERT_EQ(family[UnitOf(image, i)], border[i]) << "unit " << i << " of the border";
  }
}

class ConvSynapsesTest : public ::testing::TestWithParam<std::tuple<LifConvShape, double>> {
 protected:
  ConvSynapsesTest() : p_(std::get<0>(GetParam()), std::get<1>(GetParam()), 7) {}
  Problem p_;
};

constexpr ConvSynapses::Path kPaths[] = {ConvSynapses::Path::kByDensity,
                                         ConvSynapses::Path::kEvents, ConvSynapses::Path::kDense};

TEST_P(ConvSynapsesTest, DriveIsTheCrossCorrelation) {
  for (const auto path : kPaths) {
    const ConvSynapses synapses(p_.shape, path);
    Matrix drive = Matrix::Constant(kSteps, synapses.outputs(), 3);
    synapses.AddDrive(p_.family_weights, p_.spikes, View(drive));
    for (int n = 0; n < kSteps; ++n) {
      std::vector<double> expected(static_cast<size_t>(p_.shape.outputs()), 3.0);
      ReferenceConvDrive(p_.shape, p_.weights, p_.images[static_cast<size_t>(n)], expected);
      ExpectUnits(OutputOf(p_.shape), drive.row(n).data(), expected);
    }
  }
}

TEST_P(ConvSynapsesTest, WeightGradientGathersErrorsAtSpikes) {
  std::vector<double> expected(static_cast<size_t>(p_.shape.weights()), 5.0);
  for (size_t n = 0; n < kSteps; ++n) {
    ReferenceConvWeightGradient(p_.shape, p_.images[n], p_.step_errors[n], expected);
  }
  for (const auto path : kPaths) {
    const ConvSynapses synapses(p_.shape, path);
    std::vector<float> gradient(expected.size(), 5.0f), border(expected.size());
    synapses.AddWeightGradient(p_.spikes, Const(p_.errors), gradient);
    ConvWeightsToBorder(p_.shape, gradient, border);
    for (size_t i = 0; i < expected.size(); ++i) ASSERT_EQ(border[i], expected[i]) << i;
  }
}

TEST_P(ConvSynapsesTest, InputErrorsAreTheTransposedProduct) {
  const ConvSynapses synapses(p_.shape);
  // What stood there before does not matter; rows may lie apart.
  Matrix wide = Matrix::Constant(kSteps, synapses.outputs() + 3, 1e30f);
  wide.leftCols(synapses.outputs()) = p_.errors;
  const ConstMatrixView apart(wide.data(), kSteps, synapses.outputs(),
                              Eigen::OuterStride<>(wide.cols()));
  for (const ConstMatrixView& errors : {Const(p_.errors), apart}) {
    Matrix input_errors = Matrix::Constant(kSteps, synapses.inputs(), 1e30f);
    synapses.InputErrors(p_.family_weights, errors, View(input_errors));
    for (size_t n = 0; n < kSteps; ++n) {
      std::vector<double> expected(static_cast<size_t>(p_.shape.inputs()));
      ReferenceConvInputErrors(p_.shape, p_.weights, p_.step_errors[n], expected);
      ExpectUnits(InputOf(p_.shape), input_errors.row(static_cast<int>(n)).data(), expected);
    }
  }
}

TEST_P(ConvSynapsesTest, CurrentsAreSpikesOfAnySize) {
  const ConvSynapses synapses(p_.shape);
  const std::vector<double> image = RandomDoubles(p_.shape.inputs(), 9);
  std::vector<float> currents(image.size());
  UnitsFromBorder<float>(InputOf(p_.shape), Floats(image), currents);
  std::vector<float> drive(static_cast<size_t>(p_.shape.outputs()), 3.0f);
  std::vector<double> expected(drive.size(), 3.0);
  synapses.AddCurrentDrive(p_.family_weights, currents, drive);
  ReferenceConvDrive(p_.shape, p_.weights, image, expected);
  ExpectUnits(OutputOf(p_.shape), drive.data(), expected);

  std::vector<float> gradient(p_.weights.size(), 5.0f), border(gradient.size());
  std::vector<double> expected_gradient(gradient.size(), 5.0);
  synapses.AddCurrentGradient(
      currents, {p_.errors.row(0).data(), static_cast<size_t>(p_.shape.outputs())}, gradient);
  ReferenceConvWeightGradient(p_.shape, image, p_.step_errors[0], expected_gradient);
  ConvWeightsToBorder(p_.shape, gradient, border);
  for (size_t i = 0; i < border.size(); ++i) ASSERT_EQ(border[i], expected_gradient[i]) << i;
}

TEST_P(ConvSynapsesTest, FanOutCountsTheWeightsOfASpike) {
  const ConvSynapses synapses(p_.shape);
  const std::vector<double> ones(p_.weights.size(), 1.0);
  for (uint32_t unit = 0; unit < static_cast<uint32_t>(synapses.inputs()); ++unit) {
    std::vector<double> image(static_cast<size_t>(p_.shape.inputs()));
    std::vector<double> drive(static_cast<size_t>(p_.shape.outputs()));
    image[BorderOf(InputOf(p_.shape), unit)] = 1;
    ReferenceConvDrive(p_.shape, ones, image, drive);
    double met = 0;
    for (const double d : drive) met += d;
    ASSERT_EQ(synapses.FanOut(unit), met) << unit;
  }
}

// The reference's gradients are those of its own drive.
TEST_P(ConvSynapsesTest, ReferenceGradientsEqualDifferenceQuotients) {
  const LifConvShape& s = p_.shape;
  std::vector<double> image = RandomDoubles(s.inputs(), 11), weights = p_.weights;
  // A smooth function that is not linear, so that its gradient depends on where it is taken.
  auto value = [&] {
    std::vector<double> drive(static_cast<size_t>(s.outputs()));
    ReferenceConvDrive(s, weights, image, drive);
    double sum = 0;
    for (const double d : drive) sum += std::sin(1e-4 * d);
    return sum;
  };
  std::vector<double> errors(static_cast<size_t>(s.outputs()));
  ReferenceConvDrive(s, weights, image, errors);
  for (double& e : errors) e = 1e-4 * std::cos(1e-4 * e);
  std::vector<double> gradient(weights.size()), input_errors(image.size());
  ReferenceConvWeightGradient(s, image, errors, gradient);
  ReferenceConvInputErrors(s, weights, errors, input_errors);
  auto check = [&](std::vector<double>& x, const std::vector<double>& dx) {
    for (size_t i = 0; i < x.size(); i += 1 + x.size() / 17) {
      const double at = x[i], h = 1e-2;
      x[i] = at + h;
      const double up = value();
      x[i] = at - h;
      const double down = value();
      x[i] = at;
      ASSERT_NEAR(dx[i], (up - down) / (2 * h), 1e-6 * std::abs(dx[i]) + 1e-9) << i;
    }
  };
  check(weights, gradient);
  check(image, input_errors);
}

std::vector<LifConvShape> Shapes() {
  std::vector<LifConvShape> shapes = {
      // One place, a kernel as large as the image.
      {3, 5, 4, 7, 5, 4, 1, 1, 0, 0},
      // As large as the padded image.
      {2, 3, 3, 8, 5, 5, 1, 1, 1, 1},
      // A stride beyond the kernel: some pixels are never seen.
      {2, 9, 11, 16, 2, 3, 3, 5, 0, 0},
      {1, 12, 12, 16, 5, 5, 1, 1, 0, 0},
      {16, 6, 6, 32, 3, 3, 1, 1, 1, 1},
      {4, 7, 7, 64, 3, 3, 2, 2, 1, 1},
      {5, 1, 1, 3, 1, 1, 1, 1, 0, 0},
  };
  RandomStream random(3, RandomPurpose::kTest);
  while (shapes.size() < 40) {
    auto draw = [&](int low, int high) {
      return low + static_cast<int>(random.NextBelow(static_cast<uint64_t>(high - low + 1)));
    };
    LifConvShape s;
    s.input_channels = draw(1, 5);
    s.input_height = draw(1, 10);
    s.input_width = draw(1, 10);
    s.channels = draw(1, 20);
    s.kernel_height = draw(1, 6);
    s.kernel_width = draw(1, 6);
    s.stride_height = draw(1, 4);
    s.stride_width = draw(1, 4);
    s.padding_height = draw(0, s.kernel_height - 1);
    s.padding_width = draw(0, s.kernel_width - 1);
    if (s.kernel_height <= s.input_height + 2 * s.padding_height &&
        s.kernel_width <= s.input_width + 2 * s.padding_width) {
      shapes.push_back(s);
    }
  }
  return shapes;
}

// Densities on both sides of the crossing.
INSTANTIATE_TEST_SUITE_P(Shapes, ConvSynapsesTest,
                         ::testing::Combine(::testing::ValuesIn(Shapes()),
                                            ::testing::Values(0.05, 0.6)));

// More floats of windows than are written out at once: places are cut, and the last cut is short.
TEST(ConvSynapses, CutsLargeImages) {
  const LifConvShape shape{16, 140, 97, 3, 5, 5, 1, 1, 2, 2};
  ASSERT_GT(int64_t{shape.places()} * shape.window(), int64_t{1} << 22);
  const Problem p(shape, 0.05, 13);
  const ConvSynapses by_events(shape, ConvSynapses::Path::kEvents);
  const ConvSynapses by_windows(shape, ConvSynapses::Path::kDense);
  const auto both = [&](auto run) {
    const auto expected = run(by_events);
    EXPECT_TRUE(run(by_windows) == expected);
    return expected;
  };
  // All sums are exact, so that both ways agree whatever their order.
  both([&](const ConvSynapses& synapses) {
    Matrix drive = Matrix::Constant(kSteps, shape.outputs(), 3);
    synapses.AddDrive(p.family_weights, p.spikes, View(drive));
    return drive;
  });
  both([&](const ConvSynapses& synapses) {
    std::vector<float> gradient(p.weights.size(), 5.0f);
    synapses.AddWeightGradient(p.spikes, Const(p.errors), gradient);
    return gradient;
  });
  Matrix input_errors = Matrix::Constant(kSteps, shape.inputs(), 1e30f);
  by_events.InputErrors(p.family_weights, Const(p.errors), View(input_errors));
  std::vector<double> expected(static_cast<size_t>(shape.inputs()));
  ReferenceConvInputErrors(shape, p.weights, p.step_errors[kSteps - 1], expected);
  ExpectUnits(InputOf(shape), input_errors.row(kSteps - 1).data(), expected);
}

TEST(ConvSynapses, ChoosesByDensity) {
  const LifConvShape shape{1, 10, 10, 3, 3, 3, 1, 1, 0, 0};
  std::vector<float> weights(27);
  RandomStream random(1, RandomPurpose::kTest);
  for (float& w : weights) w = random.NextFloat();
  auto drive = [&](ConvSynapses::Path path, int count) {
    LifSpikes spikes;
    // Backwards, so that events add in another order than windows do.
    for (int i = count - 1; i >= 0; --i) spikes.index.push_back(static_cast<uint32_t>(i));
    spikes.EndStep();
    Matrix sums = Matrix::Zero(1, shape.outputs());
    ConvSynapses(shape, path).AddDrive(weights, spikes, View(sums));
    return sums;
  };
  using Path = ConvSynapses::Path;
  // The ways' roundings tell them apart.
  EXPECT_EQ(drive(Path::kByDensity, 20), drive(Path::kEvents, 20));
  EXPECT_EQ(drive(Path::kByDensity, 60), drive(Path::kDense, 60));
  EXPECT_NE(drive(Path::kEvents, 60), drive(Path::kDense, 60));
}

TEST(ConvSynapses, NoStepsAndNoSpikes) {
  const LifConvShape shape{1, 4, 4, 2, 3, 3, 1, 1, 0, 0};
  for (const auto path : kPaths) {
    const ConvSynapses synapses(shape, path);
    const std::vector<float> weights(18, 1.0f);
    for (const int steps : {0, 2}) {
      LifSpikes spikes;
      for (int n = 0; n < steps; ++n) spikes.EndStep();
      Matrix drive = Matrix::Zero(steps, 8), errors = Matrix::Ones(steps, 8);
      Matrix input_errors = Matrix::Zero(steps, 16);
      std::vector<float> gradient(18);
      synapses.AddDrive(weights, spikes, View(drive));
      synapses.AddWeightGradient(spikes, Const(errors), gradient);
      synapses.InputErrors(weights, Const(errors), View(input_errors));
      EXPECT_TRUE(drive.isZero());
      EXPECT_EQ(gradient, std::vector<float>(18));
      // The middle pixel of a 4x4 image is in four windows, twice over channels.
      for (int n = 0; n < steps; ++n) EXPECT_EQ(input_errors(n, 5), 8);
    }
  }
}

TEST(LifLayouts, DenseWeightsOnAnImage) {
  // Two channels of 1x3; the border's inputs are c0x0 c0x1 c0x2 c1x0 c1x1 c1x2.
  const LifImage below{2, 1, 3};
  const std::vector<float> border = {0, 1, 2, 10, 11, 12, 100, 101, 102, 110, 111, 112};
  std::vector<float> family(12), back(12);
  DenseWeightsFromBorder(2, below, border, family);
  EXPECT_EQ(family, (std::vector<float>{0, 100, 10, 110, 1, 101, 11, 111, 2, 102, 12, 112}));
  DenseWeightsToBorder(2, below, family, back);
  EXPECT_EQ(back, border);
  // On a list it is the plain transpose.
  DenseWeightsFromBorder(2, {.channels = 6}, border, family);
  EXPECT_EQ(family, (std::vector<float>{0, 100, 1, 101, 2, 102, 10, 110, 11, 111, 12, 112}));
}

TEST(LifLayouts, UnitsGoThereAndBack) {
  const LifImage image{3, 4, 5};
  EXPECT_EQ(UnitOf(image, (2 * 4 + 1) * 5 + 3), (1u * 5 + 3) * 3 + 2);
  std::vector<float> border(60), family(60), back(60);
  for (size_t i = 0; i < 60; ++i) border[i] = static_cast<float>(i);
  UnitsFromBorder<float>(image, border, family);
  UnitsToBorder<float>(image, family, back);
  EXPECT_EQ(back, border);
  EXPECT_NE(family, border);
}

TEST(LifLayouts, ConvWeightsGoThereAndBack) {
  const LifConvShape shape{2, 5, 5, 37, 3, 2, 1, 1, 0, 0};
  std::vector<float> border(static_cast<size_t>(shape.weights())), family(border.size()),
      back(border.size());
  for (size_t i = 0; i < border.size(); ++i) border[i] = static_cast<float>(i);
  ConvWeightsFromBorder(shape, border, family);
  // Channel 5, input channel 1, tap (2, 0).
  EXPECT_EQ(family[((1 * 3 + 2) * 2 + 0) * 37 + 5], border[((5 * 2 + 1) * 3 + 2) * 2 + 0]);
  ConvWeightsToBorder(shape, family, back);
  EXPECT_EQ(back, border);
}

}  // namespace
}  // namespace torpor
