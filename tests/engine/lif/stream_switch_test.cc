// Streams of spikes whose power mode changes between chunks.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "engine/base/random.h"
#include "model_fixture.h"

namespace torpor {
namespace {

using ::testing::Contains;
using ::testing::Each;

constexpr int kSteps = 20;
constexpr int kInputs = 8;

v1::PowerMode ModeOf(double epsilon, v1::BiasPolicy::Kind bias) {
  v1::PowerMode mode;
  mode.set_epsilon(epsilon);
  mode.set_bias(bias);
  return mode;
}

std::shared_ptr<const Deployment> Deployed(const Model& model, const v1::PowerMode& mode) {
  auto deployment = model.Deploy(mode, {});
  EXPECT_TRUE(deployment.ok()) << deployment.status();
  return *std::move(deployment);
}

// Random spikes, the same for the same number of the chunk.
struct Events {
  explicit Events(uint64_t chunk) {
    RandomStream random(chunk, RandomPurpose::kTest);
    for (int n = 0; n < kSteps; ++n) {
      for (int j = 0; j < kInputs; ++j) {
        if (random.NextFloat() >= 0.3f) continue;
        step.push_back(n);
        index.push_back(j);
      }
    }
  }
  std::vector<int32_t> step, index;
};

struct Answer {
  friend bool operator==(const Answer&, const Answer&) = default;
  std::vector<int32_t> step, index;
  std::vector<float> scores;
};

// Chunk c of the stream on modes[c].
std::vector<Answer> Stream(const std::vector<std::shared_ptr<const Deployment>>& modes) {
  std::vector<Answer> answers;
  const auto state = modes[0]->NewStream();
  for (const auto& deployment : modes) {
    EXPECT_TRUE(deployment->Continues(*state));
    const Events events(answers.size());
    std::vector<float> scores(static_cast<size_t>(deployment->read_out().classes));
    ChunkResult result;
    result.scores = scores;
    EXPECT_TRUE(deployment
                    ->RunChunk({.steps = kSteps, .step = events.step, .index = events.index}, {},
                               *state, result, Cancellation())
                    .ok());
    answers.push_back({result.step, result.index, scores});
  }
  return answers;
}

std::vector<std::string> Networks(const std::string& read_out) {
  std::vector<std::string> all;
  for (const char* order : {"IMMEDIATE", "DELAYED"}) {
    all.push_back(absl::StrCat("input { shape: [8] } neuron { threshold: 0.3 } order: ", order,
                               " read_out: ", read_out,
                               " layers { name: 'a' dense { units: 24 recurrent: true } "
                               "initial_scale: 2 } layers { name: 'b' dense { units: 5 } "
                               "initial_scale: 4 }"));
  }
  return all;
}

// Q and P are sums behind the weights: unless they follow, they drive the lowered thresholds with
// the old weights' strength.
TEST(LifStreamSwitchTest, HomogeneousSwitchesByPowersOfTwoChangeNoSpike) {
  for (const std::string& network : Networks("SPIKES")) {
    SCOPED_TRACE(network);
    const auto model = Built(testing::LifNetworkOf(network));
    const auto full = Deployed(*model, {});
    const auto half = Deployed(*model, ModeOf(0.5, v1::BiasPolicy::HOMOGENEOUS));
    const auto quarter = Deployed(*model, ModeOf(0.25, v1::BiasPolicy::HOMOGENEOUS));
    v1::PowerMode own = ModeOf(0.5, v1::BiasPolicy::HOMOGENEOUS);
    (*own.mutable_layer_epsilon())["b"] = 0.125;
    const auto by_layer = Deployed(*model, own);
    const std::vector<Answer> unswitched = Stream({full, full, full, full, full, full});
    EXPECT_EQ(Stream({full, half, half, quarter, by_layer, full}), unswitched);
    size_t spikes = 0;
    for (const Answer& answer : unswitched) spikes += answer.step.size();
    EXPECT_GT(spikes, 100u);
  }
}

TEST(LifStreamSwitchTest, MembranesThatIntegrateFollowTheirWeights) {
  for (const std::string& network : Networks("INTEGRATING")) {
    SCOPED_TRACE(network);
    const auto model = Built(testing::LifNetworkOf(network));
    const auto full = Deployed(*model, {});
    v1::PowerMode mode = ModeOf(0.25, v1::BiasPolicy::HOMOGENEOUS);
    const auto down = Deployed(*model, mode);
    mode.set_output_gain(true);
    const auto gained = Deployed(*model, mode);
    const std::vector<Answer> unswitched = Stream({full, full, full, full});
    EXPECT_EQ(Stream({full, gained, full, gained}), unswitched);
    const std::vector<Answer> lower = Stream({full, down, down, full});
    for (size_t c = 0; c < lower.size(); ++c) {
      for (size_t i = 0; i < lower[c].scores.size(); ++i) {
        EXPECT_NE(unswitched[c].scores[i], 0);
        EXPECT_EQ(lower[c].scores[i], unswitched[c].scores[i] * (c == 1 || c == 2 ? 0.25f : 1.0f));
      }
    }
  }
}

// The slides' form (schaefer, section 1): traces of each input before its weight, in double. What
// has to be the same whatever the policy.
class PresynapticLayer {
 public:
  PresynapticLayer(std::vector<float> weights, int units)
      : weights_(std::move(weights)), q_(kInputs), p_(kInputs), r_(static_cast<size_t>(units)) {}

  // One chunk; the neurons have the default's factors.
  Answer Run(const Events& events, double epsilon, double threshold, double delta) {
    Answer answer;
    answer.scores.resize(r_.size());
    size_t next = 0;
    for (int n = 0; n < kSteps; ++n) {
      for (double& q : q_) q *= 0.7f;
      for (; next < events.step.size() && events.step[next] == n; ++next) {
        q_[static_cast<size_t>(events.index[next])] += 1;
      }
      for (size_t j = 0; j < p_.size(); ++j) p_[j] = 0.9f * p_[j] + q_[j];
      for (size_t i = 0; i < r_.size(); ++i) {
        double x = -threshold - delta * r_[i];
        for (size_t j = 0; j < p_.size(); ++j) {
          x += epsilon * static_cast<double>(weights_[j * r_.size() + i]) * p_[j];
        }
        nearest_ = std::min(nearest_, std::fabs(x));
        if (x > 0) {
          answer.step.push_back(n);
          answer.index.push_back(static_cast<int32_t>(i));
          ++answer.scores[i];
        }
        r_[i] = 0.9f * (r_[i] + (x > 0 ? 1 : 0));
      }
    }
    return answer;
  }
  // To a threshold: rounding must not decide.
  double nearest() const { return nearest_; }

 private:
  // [inputs x units].
  std::vector<float> weights_;
  std::vector<double> q_, p_, r_;
  double nearest_ = 1;
};

TEST(LifStreamSwitchTest, WeightsActOnTheSpikesOfBeforeAsThoughTracesWereTheSynapses) {
  const auto model =
      Built(testing::LifNetworkOf("input { shape: [8] } read_out: SPIKES neuron { threshold: 0.5 } "
                                  "layers { dense { units: 12 } initial_scale: 2 }"));
  const std::vector<float> weights =
      static_cast<LifModel&>(*model).MutableParameters(v1::Loss::CE)[0].input;
  for (const auto bias : {v1::BiasPolicy::NONE, v1::BiasPolicy::HOMOGENEOUS}) {
    SCOPED_TRACE(bias);
    PresynapticLayer reference(weights, 12);
    std::vector<std::shared_ptr<const Deployment>> modes;
    std::vector<Answer> expected;
    for (const double epsilon : {1.0, 0.3, 1.0, 0.7, 0.1, 0.9}) {
      const double follows = bias == v1::BiasPolicy::NONE ? 1 : epsilon;
      modes.push_back(Deployed(*model, ModeOf(epsilon, bias)));
      expected.push_back(reference.Run(Events(expected.size()), epsilon, 0.5 * follows, follows));
    }
    ASSERT_GT(reference.nearest(), 1e-6);
    EXPECT_EQ(Stream(modes), expected);
    EXPECT_GT(expected[2].step.size(), 10u);
  }
}

// Weights of other bits are about as strong.
TEST(LifStreamSwitchTest, PrecisionLeavesTracesAlone) {
  const auto model = Built(testing::LifNetworkOf(Networks("INTEGRATING")[0]));
  v1::PowerMode mode;
  mode.set_precision_bits(32);
  const auto full = Deployed(*model, {});
  const auto same = Deployed(*model, mode);
  EXPECT_EQ(Stream({full, same, full}), Stream({full, full, full}));
}

}  // namespace
}  // namespace torpor
