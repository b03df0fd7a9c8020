// Calibration statistics of convolutions, pooling and dense layers against plain loops in double.
#include "engine/rate/calibrate.h"

#include <algorithm>
#include <cmath>

#include "engine/base/random.h"
#include "engine/rate/modes.h"
#include "engine/rate/windows.h"
#include "engine/scaling/quantiles.h"
#include "gtest/gtest.h"

namespace torpor {
namespace {

using A = v1::Activation;
using Kind = RateLayerKind;

RateLayerShape Conv(ImageShape in, int channels, HeightWidth kernel, HeightWidth stride,
                    HeightWidth padding, A::Kind activation) {
  RateLayerShape shape;
  shape.kind = Kind::kConv2d;
  shape.input_image = in;
  shape.kernel = kernel;
  shape.stride = stride;
  shape.padding = padding;
  shape.output_image = {channels,
                        (in.height + 2 * padding.height - kernel.height) / stride.height + 1,
                        (in.width + 2 * padding.width - kernel.width) / stride.width + 1};
  shape.inputs = static_cast<int>(in.values());
  shape.outputs = static_cast<int>(shape.output_image.values());
  shape.units = channels;
  shape.fan_in = in.channels * kernel.height * kernel.width;
  shape.places = static_cast<int>(shape.output_image.plane());
  shape.activation = activation;
  return shape;
}

RateLayerShape Pool(Kind kind, ImageShape in, int kernel) {
  RateLayerShape shape;
  shape.kind = kind;
  shape.input_image = in;
  shape.kernel = shape.stride = {kernel, kernel};
  shape.output_image = {in.channels, in.height / kernel, in.width / kernel};
  shape.inputs = static_cast<int>(in.values());
  shape.outputs = static_cast<int>(shape.output_image.values());
  shape.has_bias = false;
  return shape;
}

RateLayerShape Dense(int inputs, int units, A::Kind activation) {
  RateLayerShape shape;
  shape.inputs = shape.fan_in = inputs;
  shape.outputs = shape.units = units;
  shape.activation = activation;
  return shape;
}

// Inputs that tap (c, i, j) sees at place (y, x); -1 for the padding.
int InputAt(const RateLayerShape& shape, int tap, int place) {
  if (shape.kind == Kind::kDense) return tap;
  const int taps = shape.kernel.height * shape.kernel.width;
  const int c = tap / taps;
  const int row = place / shape.output_image.width * shape.stride.height +
                  tap % taps / shape.kernel.width - shape.padding.height;
  const int column = place % shape.output_image.width * shape.stride.width +
                     tap % taps % shape.kernel.width - shape.padding.width;
  if (row < 0 || row >= shape.input_image.height) return -1;
  if (column < 0 || column >= shape.input_image.width) return -1;
  return (c * shape.input_image.height + row) * shape.input_image.width + column;
}

double Value(A::Kind activation, double s) {
  switch (activation) {
    case A::RELU:
      return std::max(s, 0.0);
    case A::TANH:
      return std::tanh(s);
    case A::SIGMOID:
      return 1 / (1 + std::exp(-s));
    default:
      return s;
  }
}

using Vectors = std::vector<std::vector<double>>;

// Conv (padding) - max pool - conv (stride) - average pool - dense.
class CalibrateTest : public ::testing::Test {
 protected:
  static constexpr int kSamples = 30;
  CalibrateTest() {
    shapes_.push_back(Conv({2, 8, 7}, 3, {3, 2}, {1, 1}, {1, 1}, A::TANH));
    shapes_.push_back(Pool(Kind::kMaxPool2d, shapes_[0].output_image, 2));
    shapes_.push_back(Conv(shapes_[1].output_image, 4, {2, 2}, {1, 2}, {1, 0}, A::SIGMOID));
    shapes_.push_back(Pool(Kind::kAvgPool2d, shapes_[2].output_image, 2));
    shapes_.push_back(Dense(shapes_[3].outputs, 3, A::SIGMOID));
    RandomStream random(5, RandomPurpose::kTest);
    for (const RateLayerShape& shape : shapes_) {
      RateLayerParameters& layer = parameters_.emplace_back();
      if (!shape.has_weights()) continue;
      layer.weight.resize(shape.units, shape.fan_in);
      for (Eigen::Index i = 0; i < layer.weight.size(); ++i) {
        layer.weight.data()[i] = 0.6f * static_cast<float>(random.NextNormal());
      }
      for (int i = 0; i < shape.units; ++i) {
        layer.bias.push_back(static_cast<float>(random.NextNormal()));
      }
    }
    for (int i = 0; i < kSamples * shapes_[0].inputs; ++i) values_.push_back(random.NextFloat());
    for (int p = 0; p < kSamples; ++p) labels_.push_back(p % 3);
  }

  // Values before each layer and after the last (x), and pre-activations (s); pre-activation `at`
  // of layer `moved` is moved by `by`.
  double Reference(int sample, Vectors& x, Vectors& s, size_t moved = 99, size_t at = 0,
                   double by = 0) const {
    const auto* first = values_.data() + sample * shapes_[0].inputs;
    x.assign(shapes_.size() + 1, {});
    s.assign(shapes_.size(), {});
    x[0].assign(first, first + shapes_[0].inputs);
    for (size_t l = 0; l < shapes_.size(); ++l) {
      const RateLayerShape& shape = shapes_[l];
      for (int o = 0; o < shape.outputs && shape.has_weights(); ++o) {
        const int unit = o / shape.places, place = o % shape.places;
        double sum = parameters_[l].bias[static_cast<size_t>(unit)];
        for (int tap = 0; tap < shape.fan_in; ++tap) {
          const int j = InputAt(shape, tap, place);
          if (j >= 0) sum += parameters_[l].weight(unit, tap) * x[l][static_cast<size_t>(j)];
        }
        if (l == moved && static_cast<size_t>(o) == at) sum += by;
        s[l].push_back(sum);
        x[l + 1].push_back(Value(shape.activation, sum));
      }
      for (int o = 0; o < shape.outputs && !shape.has_weights(); ++o) {
        const int plane = static_cast<int>(shape.output_image.plane());
        const int c = o / plane, y = o % plane / shape.output_image.width,
                  column = o % shape.output_image.width;
        double most = -1e9, sum = 0;
        for (int i = 0; i < 4; ++i) {
          const int j = (c * shape.input_image.height + 2 * y + i / 2) * shape.input_image.width +
                        2 * column + i % 2;
          most = std::max(most, x[l][static_cast<size_t>(j)]);
          sum += x[l][static_cast<size_t>(j)];
        }
        x[l + 1].push_back(shape.kind == Kind::kMaxPool2d ? most : sum / 4);
      }
    }
    double loss = 0;
    for (int i = 0; i < 3; ++i) {
      const double score = s.back()[static_cast<size_t>(i)];
      loss += std::log1p(std::exp(-std::fabs(score))) + std::max(score, 0.0) -
              (i == labels_[static_cast<size_t>(sample)] ? score : 0);
    }
    return loss;
  }

  std::vector<LayerStatistics> Gather(v1::Loss::Kind loss, int threads = 1) {
    ThreadPool pool(threads);
    const Dataset data = Dataset::FromFloats(values_, {2, 8, 7}, labels_, 3);
    auto statistics = CalibrateRate(shapes_, parameters_, loss, data, &pool, Cancellation());
    EXPECT_TRUE(statistics.ok()) << statistics.status();
    return *std::move(statistics);
  }

  std::vector<RateLayerShape> shapes_;
  std::vector<RateLayerParameters> parameters_;
  std::vector<float> values_;
  std::vector<int32_t> labels_;
};

TEST_F(CalibrateTest, EqualsPlainLoops) {
  const std::vector<LayerStatistics> statistics = Gather(v1::Loss::BCE);
  std::vector<Vectors> x(kSamples), s(kSamples);
  for (int p = 0; p < kSamples; ++p) {
    Reference(p, x[static_cast<size_t>(p)], s[static_cast<size_t>(p)]);
  }
  for (size_t l = 0; l < shapes_.size(); ++l) {
    const RateLayerShape& shape = shapes_[l];
    const LayerStatistics& own = statistics[l];
    if (!shape.has_weights()) {
      EXPECT_EQ(own.mean.size(), 0);
      continue;
    }
    const double windows = kSamples * shape.places;
    Eigen::VectorXd mean = Eigen::VectorXd::Zero(shape.units);
    Eigen::VectorXd square = mean, active = mean;
    Eigen::VectorXd squared_input = Eigen::VectorXd::Zero(shape.inputs);
    Eigen::VectorXd tap_mean = Eigen::VectorXd::Zero(shape.fan_in);
    for (int p = 0; p < kSamples; ++p) {
      const auto& sums = s[static_cast<size_t>(p)][l];
      const auto& inputs = x[static_cast<size_t>(p)][l];
      for (int o = 0; o < shape.outputs; ++o) {
        const double value = sums[static_cast<size_t>(o)];
        mean[o / shape.places] += value / windows;
        square[o / shape.places] += value * value / windows;
        active[o / shape.places] += (value > 0) / windows;
      }
      for (int j = 0; j < shape.inputs; ++j) {
        squared_input[j] +=
            inputs[static_cast<size_t>(j)] * inputs[static_cast<size_t>(j)] / kSamples;
      }
      for (int tap = 0; tap < shape.fan_in; ++tap) {
        for (int place = 0; place < shape.places; ++place) {
          const int j = InputAt(shape, tap, place);
          if (j >= 0) tap_mean[tap] += inputs[static_cast<size_t>(j)] / windows;
        }
      }
    }
    EXPECT_LT((own.mean - mean).cwiseAbs().maxCoeff(), 1e-5);
    EXPECT_LT((own.stddev.cwiseAbs2() - (square - mean.cwiseAbs2())).cwiseAbs().maxCoeff(), 1e-5);
    EXPECT_LT((own.active - active).cwiseAbs().maxCoeff(), 1.5 / windows);
    EXPECT_LT((own.mean_squared_input - squared_input).cwiseAbs().maxCoeff(), 1e-5);
    EXPECT_NEAR(own.quantiles.cast<double>().mean(), mean.mean(), 0.02);
    if (l == 0) {
      EXPECT_EQ(own.mean_input.size() + own.input_covariance.size(), 0);
      continue;
    }
    EXPECT_LT((own.mean_input - tap_mean).cwiseAbs().maxCoeff(), 1e-5);
    const int channels = static_cast<int>(own.input_covariance.size());
    ASSERT_EQ(channels, l == 2 ? 3 : 4);
    Eigen::VectorXd covariance = Eigen::VectorXd::Zero(channels);
    for (int p = 0; p < kSamples; ++p) {
      for (int o = 0; o < shape.outputs; ++o) {
        const int unit = o / shape.places;
        const double deviation = s[static_cast<size_t>(p)][l][static_cast<size_t>(o)] - mean[unit];
        for (int tap = 0; tap < shape.fan_in; ++tap) {
          const int j = InputAt(shape, tap, o % shape.places);
          const double u = j < 0 ? 0 : x[static_cast<size_t>(p)][l][static_cast<size_t>(j)];
          covariance[tap / (shape.fan_in / channels)] +=
              parameters_[l].weight(unit, tap) * (u - tap_mean[tap]) * deviation / windows;
        }
      }
    }
    EXPECT_LT((own.input_covariance - covariance).cwiseAbs().maxCoeff(), 1e-5);
    EXPECT_NEAR(own.input_covariance.sum(), own.stddev.squaredNorm(), 1e-5);
  }
}

// Deltas by difference quotients of the loss.
TEST_F(CalibrateTest, DeltaMeansEqualDifferenceQuotients) {
  const std::vector<LayerStatistics> statistics = Gather(v1::Loss::BCE);
  constexpr double kStep = 1e-5;
  Vectors x, s;
  for (size_t l : {size_t{0}, size_t{2}, size_t{4}}) {
    const RateLayerShape& shape = shapes_[l];
    Eigen::VectorXd weight = Eigen::VectorXd::Zero(shape.units), weighted = weight;
    for (int p = 0; p < kSamples; ++p) {
      Reference(p, x, s);
      for (int o = 0; o < shape.outputs; ++o) {
        const size_t at = static_cast<size_t>(o);
        Vectors a, b;
        const double delta =
            (Reference(p, a, b, l, at, kStep) - Reference(p, a, b, l, at, -kStep)) / (2 * kStep);
        weight[o / shape.places] += delta * delta;
        weighted[o / shape.places] += delta * delta * s[l][at];
      }
    }
    for (int i = 0; i < shape.units; ++i) {
      EXPECT_NEAR(statistics[l].delta_mean[i], weighted[i] / weight[i], 2e-3) << l << " " << i;
    }
  }
}

TEST_F(CalibrateTest, WithoutLossOrLabelsThereAreNoDeltas) {
  EXPECT_EQ(Gather(v1::Loss::UNSPECIFIED)[0].delta_mean.size(), 0);
  labels_[7] = 3;
  ThreadPool pool(1);
  const Dataset data = Dataset::FromFloats(values_, {2, 8, 7}, labels_, 4);
  auto statistics = CalibrateRate(shapes_, parameters_, v1::Loss::BCE, data, &pool, Cancellation());
  ASSERT_TRUE(statistics.ok());
  EXPECT_EQ((*statistics)[4].delta_mean.size(), 0);
  EXPECT_GT((*statistics)[4].quantiles.size(), 0);
}

TEST_F(CalibrateTest, BitsDoNotDependOnThreads) {
  const auto one = Gather(v1::Loss::BCE, 1), three = Gather(v1::Loss::BCE, 3);
  for (size_t l = 0; l < one.size(); ++l) {
    EXPECT_EQ(one[l].mean, three[l].mean);
    EXPECT_EQ(one[l].quantiles, three[l].quantiles);
    EXPECT_EQ(one[l].input_covariance, three[l].input_covariance);
    EXPECT_EQ(one[l].delta_mean, three[l].delta_mean);
  }
}

// `matched` behind convolutions: by channel, pooled over places, against the samples themselves.
TEST_F(CalibrateTest, MatchedKeepsTheMeansOfChannels) {
  const std::vector<LayerStatistics> statistics = Gather(v1::Loss::BCE);
  const std::vector<RateLayerParameters> full = parameters_;
  for (double epsilon : {0.7, 0.2}) {
    parameters_ = full;
    v1::PowerMode mode;
    mode.set_epsilon(epsilon);
    mode.set_bias(v1::BiasPolicy::MATCHED);
    mode.set_output_gain(true);
    const Tunings tunings({});
    auto resolved = ResolveRateMode({shapes_, parameters_, statistics, tunings}, mode, {});
    ASSERT_TRUE(resolved.ok()) << resolved.status();
    std::vector<Vectors> x(kSamples), s(kSamples), scaled_x(kSamples), scaled_s(kSamples);
    for (size_t p = 0; p < kSamples; ++p) Reference(static_cast<int>(p), x[p], s[p]);
    for (size_t l = 0; l < shapes_.size(); ++l) {
      parameters_[l].weight *= static_cast<float>(epsilon);
      parameters_[l].bias = resolved->drives[l].bias;
    }
    for (size_t p = 0; p < kSamples; ++p) Reference(static_cast<int>(p), scaled_x[p], scaled_s[p]);
    // Mean of x by unit behind layer l.
    const auto means = [&](const std::vector<Vectors>& of, size_t l) {
      Eigen::VectorXd mean = Eigen::VectorXd::Zero(shapes_[l].units);
      for (const Vectors& sample : of) {
        for (size_t o = 0; o < sample[l + 1].size(); ++o) {
          mean[static_cast<int>(o) / shapes_[l].places] +=
              sample[l + 1][o] / (kSamples * shapes_[l].places);
        }
      }
      return mean;
    };
    EXPECT_LT((means(scaled_x, 0) - means(x, 0)).cwiseAbs().maxCoeff(), 2e-3) << epsilon;
    EXPECT_LT((means(scaled_x, 2) - means(x, 2)).cwiseAbs().maxCoeff(), 1e-2) << epsilon;
    Eigen::Vector3d full_mean = Eigen::Vector3d::Zero(), scaled_mean = full_mean;
    for (size_t p = 0; p < kSamples; ++p) {
      full_mean += Eigen::Map<const Eigen::Vector3d>(s[p][4].data()) / kSamples;
      scaled_mean += Eigen::Map<const Eigen::Vector3d>(scaled_s[p][4].data()) / kSamples;
    }
    double products = 0, squares = 0;
    for (size_t p = 0; p < kSamples; ++p) {
      const Eigen::Vector3d deviation =
          Eigen::Map<const Eigen::Vector3d>(s[p][4].data()) - full_mean;
      products += deviation.dot(Eigen::Map<const Eigen::Vector3d>(scaled_s[p][4].data()));
      squares += deviation.squaredNorm();
    }
    const double gain = products / squares;
    EXPECT_NEAR(resolved->output.gain * gain, 1, 0.2) << epsilon;
    EXPECT_LT((scaled_mean - full_mean / resolved->output.gain).cwiseAbs().maxCoeff(),
              0.1 * full_mean.cwiseAbs().maxCoeff())
        << epsilon;
  }
}

TEST_F(CalibrateTest, MatchedEqualsHomogeneousForConvolutionsWithRelu) {
  for (RateLayerShape& shape : shapes_) {
    if (shape.has_weights()) shape.activation = A::RELU;
  }
  shapes_.back().activation = A::SIGMOID;
  const std::vector<LayerStatistics> statistics = Gather(v1::Loss::BCE);
  const Tunings tunings({});
  v1::PowerMode mode;
  mode.set_epsilon(0.3);
  mode.set_bias(v1::BiasPolicy::MATCHED);
  auto matched = ResolveRateMode({shapes_, parameters_, statistics, tunings}, mode, {});
  mode.set_bias(v1::BiasPolicy::HOMOGENEOUS);
  auto homogeneous = ResolveRateMode({shapes_, parameters_, statistics, tunings}, mode, {});
  ASSERT_TRUE(matched.ok() && homogeneous.ok());
  for (size_t l = 0; l < shapes_.size(); ++l) {
    EXPECT_EQ(matched->drives[l].bias, homogeneous->drives[l].bias);
    EXPECT_EQ(matched->drives[l].bias_power, homogeneous->drives[l].bias_power);
  }
  double magnitudes = 0;
  for (float b : parameters_[0].bias) magnitudes += std::fabs(b);
  EXPECT_NEAR(homogeneous->drives[0].bias_power, 0.3 * magnitudes * shapes_[0].places, 1e-5)
      << "a bias draws at each place";
}

TEST_F(CalibrateTest, WindowsAreCountedWholly) {
  for (size_t l : {size_t{0}, size_t{2}, size_t{4}}) {
    const RateLayerShape& shape = shapes_[l];
    std::vector<double> uses(static_cast<size_t>(shape.inputs));
    Eigen::VectorXd presence = Eigen::VectorXd::Zero(shape.fan_in);
    for (int tap = 0; tap < shape.fan_in; ++tap) {
      for (int place = 0; place < shape.places; ++place) {
        const int j = InputAt(shape, tap, place);
        if (j < 0) continue;
        uses[static_cast<size_t>(j)] += shape.units;
        presence[tap] += 1.0 / shape.places;
      }
    }
    EXPECT_EQ(InputUses(shape), uses);
    const Eigen::VectorXd counted = WindowPresence(shape);
    if (l == 4) {
      EXPECT_EQ(counted.size(), 0);
    } else {
      EXPECT_LT((counted - presence).cwiseAbs().maxCoeff(), 1e-12);
    }
  }
}

}  // namespace
}  // namespace torpor
