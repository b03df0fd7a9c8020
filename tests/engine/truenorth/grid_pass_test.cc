// The gradients of learning against difference quotients of the soft network in double.
#include "engine/truenorth/grid_pass.h"

#include <cmath>
#include <utility>

#include "engine/base/random.h"
#include "engine/truenorth/firing.h"
#include "gtest/gtest.h"

namespace torpor {
namespace {

constexpr int kSamples = 3;
constexpr double kFloor = 0.4;
constexpr double kScale = 6;

double Phi(double z) { return 0.5 * std::erfc(-z * std::sqrt(0.5)); }

TEST(FiringTest, IsTheNormalDistributionAndItsSlopes) {
  for (int i = -900; i <= 900; ++i) {
    const double mean = i / 100.0, variance = std::abs(i % 7) / 2.0;
    const double v = variance + 0.25, z = (mean + 2 - 0.5) / std::sqrt(v);
    const double density = std::exp(-z * z / 2) / std::sqrt(2 * M_PI);
    float n = static_cast<float>(mean), slope = static_cast<float>(variance), by_variance = 0;
    const float leak = 2;
    FiringProbabilities({&leak, 1}, 0.25f, {&n, 1}, {&slope, 1}, {&by_variance, 1});
    ASSERT_NEAR(n, Phi(z), 4e-7) << z;
    ASSERT_NEAR(slope, density / std::sqrt(v), 2e-6) << z;
    ASSERT_NEAR(by_variance, -density * z / (2 * v), 4e-6) << z;
    float again = static_cast<float>(mean), slope_again = static_cast<float>(variance);
    FiringProbabilities({&leak, 1}, 0.25f, {&again, 1}, {&slope_again, 1}, {});
    ASSERT_EQ(again, n);
    ASSERT_EQ(slope_again, slope);
  }
  // Rounding can leave a variance just below 0.
  float n = 0, slope = -1e-6f;
  const float leak = 1;
  FiringProbabilities({&leak, 1}, 0.25f, {&n, 1}, {&slope, 1}, {});
  EXPECT_NEAR(n, Phi(1), 1e-6);
}

struct Case {
  bool probability;
  v1::Template::Kind strengths;
};

class GridPassTest : public testing::TestWithParam<Case> {
 protected:
  // Overlapping blocks, cores of one, two and four destinations, several cores that vote.
  GridPassTest() : pool_(1) {
    v1::TrueNorthNetwork network;
    network.mutable_input()->add_shape(6);
    network.mutable_input()->add_shape(6);
    network.set_template_(GetParam().strengths);
    network.set_classes(3);
    network.set_output_neurons(9);
    for (const auto& [block, stride] : {std::pair(3, 1), std::pair(2, 1), std::pair(2, 1)}) {
      v1::BlockLayer* layer = network.add_layers();
      layer->set_block(block);
      layer->set_stride(stride);
    }
    auto plan = PlanGrid(network);
    EXPECT_TRUE(plan.ok()) << plan.status();
    plan_ = *std::move(plan);
    strengths_.resize(plan_.layers.size());
    RandomStream random(5, RandomPurpose::kTest);
    for (const CoreLayerPlan& layer : plan_.layers) {
      std::vector<CoreParameters>& cores = parameters_.emplace_back();
      for (const CorePlan& core : layer.cores) {
        cores.push_back({Matrix(core.neurons, core.axons()), std::vector<float>(core.neurons)});
        Matrix& c = cores.back().connection;
        for (Eigen::Index i = 0; i < c.size(); ++i) c.data()[i] = random.NextFloat();
        for (float& b : cores.back().leak) b = 4 * random.NextFloat() - 2;
        Matrix s(core.neurons, core.axons());
        for (int j = 0; j < core.neurons; ++j) {
          for (int i = 0; i < core.axons(); ++i) {
            s(j, i) = static_cast<float>(Strength(plan_.strengths, i, j, plan_.classes));
          }
        }
        strengths_[&layer - plan_.layers.data()].push_back(std::move(s));
      }
    }
    inputs_.resize(kSamples, 36);
    for (Eigen::Index i = 0; i < inputs_.size(); ++i) inputs_.data()[i] = random.NextFloat();
    for (int p = 0; p < kSamples; ++p) labels_.push_back(static_cast<int>(random.NextBelow(3)));
    base_ = parameters_;
  }

  SoftNetwork Soft() const {
    return {.probability = GetParam().probability, .variance_floor = kFloor, .loss_scale = kScale};
  }

  // One core's soft neurons, once as they move with parameters_ and once as they were with base_.
  void Neurons(size_t l, size_t c, const std::vector<double>& x, const std::vector<double>& base_x,
               std::vector<double>& n, std::vector<double>& base_n) const {
    const CorePlan& core = plan_.layers[l].cores[c];
    for (int j = 0; j < core.neurons; ++j) {
      double mu = 0, base_mu = 0, variance = 0;
      for (int i = 0; i < core.axons(); ++i) {
        const double s = Strength(plan_.strengths, i, j, plan_.classes);
        const double at = parameters_[l][c].connection(j, i), from = base_[l][c].connection(j, i);
        const double xi = x[core.sources[i]], base_xi = base_x[core.sources[i]];
        if (GetParam().probability) {
          mu += xi * at * s;
          variance += xi * at * (1 - xi * at) * s * s;
        } else {
          // Straight through the threshold, and with the variance as a constant.
          const double w = from > 0.5 ? s : 0;
          mu += xi * (w + s * (at - from));
          base_mu += base_xi * w;
          variance += (base_xi - base_xi * base_xi) * w * s;
        }
      }
      const double rounded = std::round(base_[l][c].leak[j]);
      const double moved = rounded + parameters_[l][c].leak[j] - base_[l][c].leak[j];
      n[core.first_neuron + j] = Phi((mu + moved - 0.5) / std::sqrt(variance + kFloor));
      base_n[core.first_neuron + j] = Phi((base_mu + rounded - 0.5) / std::sqrt(variance + kFloor));
    }
  }

  double ReferenceLoss() const {
    double loss = 0;
    for (int p = 0; p < kSamples; ++p) {
      std::vector<double> x(36), base_x;
      for (int i = 0; i < 36; ++i) x[i] = inputs_(p, i);
      base_x = x;
      for (size_t l = 0; l < plan_.layers.size(); ++l) {
        std::vector<double> n(plan_.layers[l].neurons), base_n(n.size());
        for (size_t c = 0; c < plan_.layers[l].cores.size(); ++c) {
          Neurons(l, c, x, base_x, n, base_n);
        }
        x = std::move(n);
        base_x = std::move(base_n);
      }
      std::vector<double> scores(3);
      for (const CorePlan& core : plan_.layers.back().cores) {
        for (int j = 0; j < core.neurons; ++j) {
          scores[j % 3] += kScale * x[core.first_neuron + j] / plan_.neurons_per_class;
        }
      }
      double sum = 0;
      for (double score : scores) sum += std::exp(score);
      loss += std::log(sum) - scores[labels_[p]];
    }
    return loss / kSamples;
  }

  double Quotient(float& parameter) {
    constexpr float kStep = 1.0f / 4096;
    const float value = parameter;
    parameter = value + kStep;
    const double above = parameter, loss_above = ReferenceLoss();
    parameter = value - kStep;
    const double below = parameter, loss_below = ReferenceLoss();
    parameter = value;
    return (loss_above - loss_below) / (above - below);
  }

  ThreadPool pool_;
  GridPlan plan_;
  GridParameters parameters_, base_;
  // s by layer and core [neurons x axons].
  std::vector<std::vector<Matrix>> strengths_;
  Matrix inputs_;
  std::vector<int32_t> labels_;
};

TEST_P(GridPassTest, GradientsAreDifferenceQuotients) {
  GridPass pass(plan_, Soft(), &pool_);
  StepReport report;
  pass.Run(parameters_, {View(std::as_const(inputs_)), labels_}, report);
  EXPECT_EQ(report.samples, kSamples);
  EXPECT_NEAR(report.loss / kSamples, ReferenceLoss(), 1e-5);
  std::vector<double> largest(plan_.layers.size());
  size_t parameters = 0;
  // Every parameter would take long: about 16 sites of each layer, spread by odd steps over cores,
  // neurons and axons, and leaks of its first and last core. Sanitizers, for which quotients in one
  // thread are nothing but slow, look at fewer.
#ifdef TORPOR_SANITIZED
  constexpr int kSites = 8;
#else
  constexpr int kSites = 16;
#endif
  std::vector<int> turns(plan_.layers.size()), steps;
  for (const CoreLayerPlan& layer : plan_.layers) {
    int all = 0;
    for (const CorePlan& core : layer.cores) all += core.neurons * (core.axons() + 1);
    steps.push_back(all / kSites | 1);
  }
  for (const CoreBlock& block : pass.blocks()) {
    CoreParameters& core = parameters_[block.layer][block.core];
    pass.WithGradient(base_, block, [&](MatrixView connection, std::span<float> leak) {
      ASSERT_EQ(connection.rows(), block.count);
      for (int j = 0; j < block.count; ++j) {
        for (int i = 0; i < connection.cols(); ++i, ++parameters) {
          if (++turns[block.layer] % steps[block.layer] != 0) continue;
          const double quotient = Quotient(core.connection(block.first + j, i));
          ASSERT_NEAR(connection(j, i), quotient, 2e-6 + 2e-4 * std::fabs(quotient))
              << "layer " << block.layer << " core " << block.core << " neuron " << block.first + j
              << " axon " << i;
          largest[block.layer] = std::max(largest[block.layer], std::fabs(quotient));
        }
        const bool end = block.core == 0 ||
                         block.core + 1 == static_cast<int>(plan_.layers[block.layer].cores.size());
        if (!end || block.first + j != 7) continue;
        ASSERT_NEAR(leak[j], Quotient(core.leak[block.first + j]), 1e-5)
            << "layer " << block.layer << " core " << block.core << " leak " << block.first + j;
      }
    });
  }
  EXPECT_EQ(parameters, static_cast<size_t>(plan_.sites())) << "every site belongs to one block";
  for (double gradient : largest) {
    EXPECT_GT(gradient, 1e-4) << "a gradient of zero would prove nothing";
  }
}

TEST_P(GridPassTest, ValuesOutsideProbabilitiesAreTakenAsTheNearest) {
  GridPass pass(plan_, Soft(), &pool_);
  StepReport outside, clamped;
  for (int p = 0; p < kSamples; ++p) inputs_(p, 3) = p % 2 ? -0.5f : 1.75f;
  pass.Run(parameters_, {View(std::as_const(inputs_)), labels_}, outside);
  for (int p = 0; p < kSamples; ++p) inputs_(p, 3) = p % 2 ? 0.0f : 1.0f;
  pass.Run(parameters_, {View(std::as_const(inputs_)), labels_}, clamped);
  EXPECT_EQ(outside.loss, clamped.loss);
}

INSTANTIATE_TEST_SUITE_P(
    All, GridPassTest,
    testing::Values(Case{false, v1::Template::SIGNS}, Case{false, v1::Template::SIGNS_AND_DOUBLES},
                    Case{true, v1::Template::SIGNS}, Case{true, v1::Template::SIGNS_AND_DOUBLES}),
    [](const auto& info) {
      return std::string(info.param.probability ? "Probability" : "Binary") +
             (info.param.strengths == v1::Template::SIGNS ? "Signs" : "Doubles");
    });

}  // namespace
}  // namespace torpor
