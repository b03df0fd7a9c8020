#include "engine/stdp/learner.h"

#include <algorithm>

#include "engine/base/status.h"
#include "engine/stdp/normalise.h"

namespace torpor {
namespace {

std::variant<PairwiseRule, WindowedRule, GatedRule> RuleOf(const LearningSettings& settings) {
  if (const auto* windowed = std::get_if<WindowedSettings>(&settings.rule)) {
    return WindowedRule(windowed->window, windowed->spike_threshold, windowed->target);
  }
  if (const auto* gated = std::get_if<GatedSettings>(&settings.rule)) {
    return GatedRule(gated->nu0, gated->min_spikes);
  }
  return PairwiseRule(std::get<PairwiseSettings>(settings.rule).nu0);
}

}  // namespace

Learner::Learner(const StdpParameters& parameters, const StdpWeights& weights,
                 const LearningSettings& settings, const StateFormats& formats, uint64_t seed,
                 Instructions with)
    : parameters_(parameters),
      norm_(settings.norm),
      rule_(RuleOf(settings)),
      weights_(weights.weights, parameters.inputs, parameters.neurons, settings.w_max,
               settings.weights),
      population_(parameters, weights.theta, formats, seed, with),
      spikes_(parameters.inputs, parameters.neurons, settings.trace_tau, parameters.steps) {}

int64_t Learner::Learn(std::span<const uint32_t> input, std::span<const uint32_t> emitted, int step,
                       float nu1) {
  if (auto* windowed = std::get_if<WindowedRule>(&rule_)) {
    return windowed->Learn(spikes_, step, nu1, weights_);
  }
  if (auto* gated = std::get_if<GatedRule>(&rule_)) {
    return gated->Learn(spikes_, input, emitted, step, nu1, weights_);
  }
  return std::get<PairwiseRule>(rule_).Learn(spikes_, input, spikes_.neurons.seen(), emitted, step,
                                             nu1, weights_);
}

StdpCounts Learner::Present(const SpikeTrain& train, uint64_t sample, float nu1,
                            std::span<int32_t> counts) {
  return Present(train, sample, nu1, counts,
                 [](int /*step*/, std::span<const uint32_t> /*emitted*/) {});
}

StdpCounts Learner::Present(const SpikeTrain& train, uint64_t sample, float nu1,
                            std::span<int32_t> counts, Watch watch) {
  TORPOR_CHECK(train.steps() == parameters_.steps);
  TORPOR_CHECK(counts.size() == static_cast<size_t>(parameters_.neurons));
  population_.DecayTheta();
  population_.Reset(sample);
  weights_.Begin(sample);
  spikes_.Reset();

  int64_t updates = 0;
  std::span<const uint32_t> arriving;
  for (int t = 0; t < parameters_.steps; ++t) {
    const std::span<const uint32_t> emitted = population_.Step(weights_.rows(), arriving, true);
    watch(t, emitted);
    arriving = train.At(t);
    spikes_.Record(arriving, emitted, t);
    updates += Learn(arriving, emitted, t, nu1);
  }
  const std::span<const uint32_t> spiked = spikes_.neurons.seen();
  if (norm_ > 0) NormaliseColumns(spiked, norm_, parameters_.steps, weights_, sums_);

  std::copy(spikes_.counts.begin(), spikes_.counts.end(), counts.begin());
  StdpCounts happened = population_.counts();
  happened.input_spikes = static_cast<int64_t>(train.inputs.size());
  happened.weight_updates = updates;
  happened.normalised_columns = norm_ > 0 ? static_cast<int64_t>(spiked.size()) : 0;
  return happened;
}

StdpWeights Learner::Weights() const {
  const std::span<const float> theta = population_.theta();
  return {weights_.rows().Values(), {theta.begin(), theta.end()}};
}

}  // namespace torpor
