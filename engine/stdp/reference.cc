#include "engine/stdp/reference.h"

#include <algorithm>
#include <cmath>

#include "engine/base/random.h"
#include "engine/base/simd.h"
#include "engine/base/status.h"

namespace torpor {
namespace {

// out[j] = sum_i x[i] w[i][j].
TORPOR_SIMD void Product(int64_t inputs, int64_t neurons, const float* __restrict x,
                         const float* __restrict w, float* __restrict out) {
  for (int64_t j = 0; j < neurons; ++j) out[j] = 0;
  for (int64_t i = 0; i < inputs; ++i) {
    for (int64_t j = 0; j < neurons; ++j) out[j] += x[i] * w[i * neurons + j];
  }
}

TORPOR_SIMD void PairRow(int64_t neurons, float most, float pre, float gain,
                         const float* __restrict loss, const float* __restrict post,
                         const float* __restrict w, float* __restrict next) {
  for (int64_t j = 0; j < neurons; ++j) {
    const float changed = (w[j] - pre * loss[j]) + post[j] * gain;
    const float above = changed < 0 ? 0 : changed;
    next[j] = above > most ? most : above;
  }
}

TORPOR_SIMD void WindowRow(int64_t neurons, float most, float up, float down,
                           const float* __restrict active, const float* __restrict w,
                           float* __restrict next) {
  for (int64_t j = 0; j < neurons; ++j) {
    const float changed = (w[j] + up * (most - w[j])) - down * w[j];
    const float above = changed < 0 ? 0 : changed;
    const float below = above > most ? most : above;
    next[j] = active[j] != 0 ? below : w[j];
  }
}

// Decay, input outside refractoriness, count down.
TORPOR_SIMD void Leak(int64_t neurons, float decay, const float* __restrict drive,
                      int* __restrict refractory, float* __restrict v) {
  for (int64_t j = 0; j < neurons; ++j) {
    const float decayed = v[j] * decay;
    v[j] = refractory[j] == 0 ? decayed + drive[j] : decayed;
    refractory[j] -= refractory[j] > 0 ? 1 : 0;
  }
}

TORPOR_SIMD void TakeTrace(int64_t sources, int step, const int* __restrict last,
                           const float* __restrict decay, float* __restrict x) {
  for (int64_t i = 0; i < sources; ++i) x[i] = last[i] < 0 ? 0.0f : decay[step - last[i]];
}

}  // namespace

ReferenceNetwork::ReferenceNetwork(const StdpParameters& parameters, const StdpWeights& weights,
                                   const LearningSettings& settings, const StateFormats& formats,
                                   uint64_t seed)
    : parameters_(parameters),
      settings_(settings),
      formats_(formats),
      seed_(seed),
      inputs_(static_cast<size_t>(parameters.inputs)),
      neurons_(static_cast<size_t>(parameters.neurons)),
      state_(weights) {
  TORPOR_CHECK(state_.weights.size() == inputs_ * neurons_ && state_.theta.size() == neurons_);
  for (float& w : state_.weights) {
    w = std::clamp(w, 0.0f, settings_.w_max);
    if (settings_.weights) w = Quantise(w, settings_.weights->format, v1::Rounding::NEAREST);
  }
  for (int age = 0; age < parameters_.steps; ++age) {
    decay_.push_back(static_cast<float>(std::exp(-static_cast<double>(age) / settings_.trace_tau)));
  }
}

void ReferenceNetwork::Reset(uint64_t sample) {
  sample_ = sample;
  for (auto* of : {&arriving_, &input_now_, &x_pre_}) of->assign(inputs_, 0.0f);
  for (auto* of : {&v_, &drive_, &before_, &spikes_, &inhibitory_v_, &inhibitory_spikes_, &x_post_,
                   &in_window_, &next_, &room_[0], &room_[1]}) {
    of->assign(neurons_, 0.0f);
  }
  refractory_.assign(neurons_, 0);
  inhibitory_refractory_.assign(neurons_, 0);
  counts_.assign(neurons_, 0);
  last_input_.assign(inputs_, -1);
  last_spike_.assign(neurons_, -1);
  emitted_.assign(static_cast<size_t>(parameters_.steps), {});
}

void ReferenceNetwork::Drive(int step) {
  Product(parameters_.inputs, parameters_.neurons, arriving_.data(), state_.weights.data(),
          drive_.data());
  const std::vector<float>& by = parameters_.inhibitory ? inhibitory_spikes_ : spikes_;
  float all = 0;
  for (const float spike : by) all += spike;
  std::vector<float> noise(neurons_);
  if (parameters_.noise != 0) {
    RandomStream(seed_, RandomPurpose::kColumnNoise, 0, sample_, static_cast<uint32_t>(step))
        .FillNormal(noise);
  }
  for (size_t j = 0; j < neurons_; ++j) {
    drive_[j] -= parameters_.inhibition * (all - by[j]) - parameters_.noise * noise[j];
  }
}

float ReferenceNetwork::Rounded(float v, int step, uint32_t place) {
  if (!formats_.membrane) return v;
  const bool draws = formats_.membrane_rounding == v1::Rounding::STOCHASTIC;
  const float noise = draws ? Noise(seed_, Noise::kMembrane, sample_).At(step, place, 0) : 0.0f;
  return Quantise(v, *formats_.membrane, formats_.membrane_rounding, noise);
}

void ReferenceNetwork::StepNeurons(int step, bool learning) {
  const StdpParameters& p = parameters_;
  before_.swap(spikes_);
  Leak(p.neurons, p.decay, drive_.data(), refractory_.data(), v_.data());
  const float reset =
      formats_.membrane ? Quantise(p.reset, *formats_.membrane, v1::Rounding::NEAREST) : p.reset;
  for (size_t j = 0; j < neurons_; ++j) {
    v_[j] = Rounded(v_[j], step, static_cast<uint32_t>(j));
    float& theta = state_.theta[j];
    spikes_[j] = v_[j] >= p.threshold + theta ? 1.0f : 0.0f;
    if (spikes_[j] == 0) continue;
    v_[j] = reset;
    refractory_[j] = p.refractory;
    if (!learning) continue;
    theta += p.theta_plus;
    if (!formats_.theta) continue;
    const float noise = Noise(seed_, Noise::kTheta, sample_).At(step, static_cast<uint32_t>(j), 0);
    theta = Quantise(theta, *formats_.theta, formats_.theta_rounding, noise);
  }
  if (p.one_winner) PickWinner(step);
}

void ReferenceNetwork::PickWinner(int step) {
  const auto crossing = std::count(spikes_.begin(), spikes_.end(), 1.0f);
  if (crossing < 2) return;
  RandomStream random(seed_, RandomPurpose::kWinner, 0, sample_, static_cast<uint32_t>(step));
  uint64_t winner = random.NextBelow(static_cast<uint64_t>(crossing));
  for (float& spike : spikes_) {
    if (spike != 0 && winner-- != 0) spike = 0;
  }
}

void ReferenceNetwork::StepInhibitory(int step) {
  const InhibitoryNeurons& p = *parameters_.inhibitory;
  for (size_t j = 0; j < neurons_; ++j) room_[0][j] = p.drive * before_[j];
  Leak(parameters_.neurons, p.decay, room_[0].data(), inhibitory_refractory_.data(),
       inhibitory_v_.data());
  const float reset =
      formats_.membrane ? Quantise(p.reset, *formats_.membrane, v1::Rounding::NEAREST) : p.reset;
  for (size_t j = 0; j < neurons_; ++j) {
    float& v = inhibitory_v_[j];
    v = Rounded(v, step, static_cast<uint32_t>(neurons_ + j));
    inhibitory_spikes_[j] = v >= p.threshold ? 1.0f : 0.0f;
    if (inhibitory_spikes_[j] == 0) continue;
    v = reset;
    inhibitory_refractory_[j] = p.refractory;
  }
}

void ReferenceNetwork::TakeTraces(int step) {
  for (size_t i = 0; i < inputs_; ++i) {
    if (input_now_[i] != 0) last_input_[i] = step;
  }
  for (size_t j = 0; j < neurons_; ++j) {
    if (spikes_[j] != 0) last_spike_[j] = step;
  }
  TakeTrace(parameters_.inputs, step, last_input_.data(), decay_.data(), x_pre_.data());
  TakeTrace(parameters_.neurons, step, last_spike_.data(), decay_.data(), x_post_.data());
}

void ReferenceNetwork::WriteRow(size_t input, int step) {
  float* w = state_.weights.data() + input * neurons_;
  if (!settings_.weights) {
    std::copy(next_.begin(), next_.end(), w);
    return;
  }
  for (size_t j = 0; j < neurons_; ++j) {
    if (next_[j] == w[j]) continue;
    const WeightFormat& format = *settings_.weights;
    const float noise = Noise(format.seed, Noise::kWeights, sample_)
                            .At(step, static_cast<uint32_t>(input), static_cast<uint32_t>(j));
    w[j] = Quantise(next_[j], format.format, format.rounding, noise);
  }
}

void ReferenceNetwork::LearnPairs(int step, float nu0, int min_spikes, float nu1) {
  std::vector<float>& loss = room_[0];
  std::vector<float>& post = room_[1];
  for (size_t j = 0; j < neurons_; ++j) {
    const bool open = counts_[j] >= min_spikes;
    loss[j] = open ? nu0 * x_post_[j] : 0.0f;
    post[j] = open ? spikes_[j] : 0.0f;
  }
  for (size_t i = 0; i < inputs_; ++i) {
    PairRow(parameters_.neurons, settings_.w_max, input_now_[i], nu1 * x_pre_[i], loss.data(),
            post.data(), state_.weights.data() + i * neurons_, next_.data());
    WriteRow(i, step);
  }
}

void ReferenceNetwork::LearnWindow(int step, const WindowedSettings& rule, float nu1) {
  for (size_t j = 0; j < neurons_; ++j) in_window_[j] = std::max(in_window_[j], spikes_[j]);
  if ((step + 1) % rule.window != 0) return;
  const int most = *std::max_element(counts_.begin(), counts_.end());
  const int k = (most + rule.spike_threshold - 1) / rule.spike_threshold;
  const float rate = static_cast<float>(k) * nu1;
  for (size_t i = 0; i < inputs_; ++i) {
    const float x = x_pre_[i];
    WindowRow(parameters_.neurons, settings_.w_max, rate * x,
              x < rule.target ? rate * (rule.target - x) : 0.0f, in_window_.data(),
              state_.weights.data() + i * neurons_, next_.data());
    WriteRow(i, step);
  }
  std::fill(in_window_.begin(), in_window_.end(), 0.0f);
}

void ReferenceNetwork::Learn(int step, float nu1) {
  TakeTraces(step);
  if (const auto* pairs = std::get_if<PairwiseSettings>(&settings_.rule)) {
    LearnPairs(step, pairs->nu0, 0, nu1);
  } else if (const auto* gated = std::get_if<GatedSettings>(&settings_.rule)) {
    LearnPairs(step, gated->nu0, gated->min_spikes, nu1);
  } else {
    LearnWindow(step, std::get<WindowedSettings>(settings_.rule), nu1);
  }
}

void ReferenceNetwork::Normalise(int step) {
  std::vector<double> sums(neurons_);
  for (size_t i = 0; i < inputs_; ++i) {
    for (size_t j = 0; j < neurons_; ++j) sums[j] += state_.weights[i * neurons_ + j];
  }
  for (size_t i = 0; i < inputs_; ++i) {
    for (size_t j = 0; j < neurons_; ++j) {
      const float w = state_.weights[i * neurons_ + j];
      const bool scales = counts_[j] > 0 && sums[j] > 0;
      const float factor = scales ? static_cast<float>(settings_.norm / sums[j]) : 1.0f;
      next_[j] = std::min(w * factor, settings_.w_max);
    }
    WriteRow(i, step);
  }
}

void ReferenceNetwork::Present(const SpikeTrain& train, uint64_t sample, std::optional<float> nu1,
                               std::span<int32_t> counts) {
  TORPOR_CHECK(train.steps() == parameters_.steps);
  Reset(sample);
  if (nu1) {
    for (float& theta : state_.theta) theta *= parameters_.theta_decay;
  }
  for (int t = 0; t < parameters_.steps; ++t) {
    Drive(t);
    StepNeurons(t, nu1.has_value());
    if (parameters_.inhibitory) StepInhibitory(t);
    for (size_t j = 0; j < neurons_; ++j) {
      if (spikes_[j] == 0) continue;
      ++counts_[j];
      emitted_[static_cast<size_t>(t)].push_back(static_cast<uint32_t>(j));
    }
    std::fill(input_now_.begin(), input_now_.end(), 0.0f);
    for (const uint32_t i : train.At(t)) input_now_[i] = 1;
    if (nu1) Learn(t, *nu1);
    arriving_.swap(input_now_);
  }
  if (nu1 && settings_.norm > 0) Normalise(parameters_.steps);
  std::copy(counts_.begin(), counts_.end(), counts.begin());
}

}  // namespace torpor
