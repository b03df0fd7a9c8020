#include "engine/stdp/population.h"

#include <algorithm>
#include <bit>
#include <limits>

#include "engine/base/status.h"

namespace torpor {

Population::Population(const StdpParameters& parameters, std::span<const float> theta,
                       const StateFormats& formats, uint64_t seed, Instructions with)
    : parameters_(parameters),
      seed_(seed),
      kernel_(PopulationKernelOf(with)),
      padded_(PaddedNeurons(parameters.neurons)),
      reset_(parameters.reset),
      theta_(theta.begin(), theta.end()),
      v_(static_cast<size_t>(padded_)),
      ready_at_(static_cast<size_t>(padded_)),
      level_(static_cast<size_t>(padded_), std::numeric_limits<float>::infinity()),
      inhibition_(static_cast<size_t>(padded_)),
      noise_(static_cast<size_t>(padded_)),
      sums_(static_cast<size_t>(padded_)),
      sums8_(static_cast<size_t>(padded_)),
      sums16_(static_cast<size_t>(padded_)),
      parts16_(static_cast<size_t>(padded_)),
      crossings_(static_cast<size_t>(padded_ / kNeuronBlock)) {
  TORPOR_CHECK(theta_.size() == static_cast<size_t>(parameters_.neurons));
  TORPOR_CHECK(parameters_.threshold > 0 && parameters_.inhibition > 0);
  // Neurons at rest without input stay there: StepInhibitory relies on it.
  TORPOR_CHECK(!parameters_.inhibitory || parameters_.inhibitory->threshold > 0);
  if (parameters_.inhibitory) inhibitory_reset_ = parameters_.inhibitory->reset;
  if (formats.membrane) {
    rounds_membrane_ = true;
    membrane_ = Rounder(*formats.membrane, formats.membrane_rounding);
    noise_.Fill(membrane_.add);
    // A constant, hence to the nearest whatever the rounding.
    const Rounder nearest(*formats.membrane, v1::Rounding::NEAREST);
    reset_ = nearest(reset_, 0);
    inhibitory_reset_ = nearest(inhibitory_reset_, 0);
  }
  if (formats.theta) {
    rounds_theta_ = true;
    theta_rounder_ = Rounder(*formats.theta, formats.theta_rounding);
  }
  for (size_t j = 0; j < theta_.size(); ++j) level_[j] = parameters_.threshold + theta_[j];
}

void Population::Reset(uint64_t sample) {
  sample_ = sample;
  now_ = 0;
  v_.Fill(0);
  ready_at_.Fill(0);
  if (rounds_membrane_) membrane_noise_ = Noise(seed_, Noise::kMembrane, sample);
  if (rounds_theta_) theta_noise_ = Noise(seed_, Noise::kTheta, sample);
  emitted_.clear();
  partners_.clear();
  inhibiting_.clear();
  counts_ = {};
}

void Population::DecayTheta() {
  for (size_t j = 0; j < theta_.size(); ++j) {
    theta_[j] *= parameters_.theta_decay;
    level_[j] = parameters_.threshold + theta_[j];
  }
}

void Population::SumRows(const WeightRows& rows, std::span<const uint32_t> arriving,
                         NeuronStep& step) {
  step.scale = rows.scale();
  switch (rows.kind()) {
    case WeightRows::Kind::kFloat:
      kernel_.sum_floats({rows.data(), rows.stride_bytes(), arriving.data(),
                          static_cast<int>(arriving.size()), padded_, sums_.data()});
      step.sums = sums_.data();
      return;
    case WeightRows::Kind::kCode8:
      SumCodes8(rows, arriving, step);
      return;
    case WeightRows::Kind::kCode16:
      SumCodes16(rows, arriving, step);
      return;
  }
}

void Population::SumCodes8(const WeightRows& rows, std::span<const uint32_t> arriving,
                           NeuronStep& step) {
  RowSum<uint16_t> sum{rows.data(),     rows.stride_bytes(),
                       arriving.data(), static_cast<int>(arriving.size()),
                       padded_,         sums8_.data()};
  if (arriving.size() <= kMostRows8) {
    kernel_.sum_codes8(sum);
    step.sums8 = sums8_.data();
    return;
  }
  sums16_.Fill(0);
  for (size_t first = 0; first < arriving.size(); first += kMostRows8) {
    sum.rows = arriving.data() + first;
    sum.count = static_cast<int>(std::min<size_t>(kMostRows8, arriving.size() - first));
    kernel_.sum_codes8(sum);
    for (size_t j = 0; j < static_cast<size_t>(padded_); ++j) sums16_[j] += sums8_[j];
  }
  step.sums16 = sums16_.data();
}

void Population::SumCodes16(const WeightRows& rows, std::span<const uint32_t> arriving,
                            NeuronStep& step) {
  RowSum<int32_t> sum{rows.data(),     rows.stride_bytes(),
                      arriving.data(), static_cast<int>(arriving.size()),
                      padded_,         sums16_.data()};
  if (arriving.size() <= kMostRows16) {
    kernel_.sum_codes16(sum);
    step.sums16 = sums16_.data();
    return;
  }
  // More than integers hold: what is summed in part goes on in float.
  sums_.Fill(0);
  sum.sums = parts16_.data();
  for (size_t first = 0; first < arriving.size(); first += kMostRows16) {
    sum.rows = arriving.data() + first;
    sum.count = static_cast<int>(std::min<size_t>(kMostRows16, arriving.size() - first));
    kernel_.sum_codes16(sum);
    for (size_t j = 0; j < static_cast<size_t>(padded_); ++j) {
      sums_[j] += static_cast<float>(parts16_[j]) * rows.scale();
    }
  }
  step.sums = sums_.data();
}

void Population::Inhibit(std::span<const uint32_t> spikes, NeuronStep& step) {
  if (spikes.empty()) return;
  const float each = parameters_.inhibition;
  const float n = static_cast<float>(spikes.size());
  inhibition_.Fill(each * n);
  // None from itself or from its own partner.
  for (const uint32_t j : spikes) inhibition_[j] = each * (n - 1);
  step.inhibition = inhibition_.data();
  counts_.lateral_additions += static_cast<int64_t>(spikes.size()) * (parameters_.neurons - 1);
}

void Population::AddNoise(NeuronStep& step) {
  if (parameters_.noise == 0) return;
  if (step.inhibition == nullptr) inhibition_.Fill(0);
  step.inhibition = inhibition_.data();
  column_noise_.resize(static_cast<size_t>(parameters_.neurons));
  RandomStream(seed_, RandomPurpose::kColumnNoise, 0, sample_, static_cast<uint32_t>(now_))
      .FillNormal(column_noise_);
  for (size_t j = 0; j < column_noise_.size(); ++j) {
    inhibition_[j] -= parameters_.noise * column_noise_[j];
  }
}

void Population::PrepareRounding(NeuronStep& step) {
  if (!rounds_membrane_) return;
  step.rounder = &membrane_;
  step.noise = noise_.data();
  if (!membrane_.stochastic) return;
  for (uint32_t j = 0; j < static_cast<uint32_t>(parameters_.neurons); ++j) {
    noise_[j] = membrane_noise_.At(now_, j, 0);
  }
}

std::span<const uint32_t> Population::Step(const WeightRows& rows,
                                           std::span<const uint32_t> arriving, bool learning) {
  NeuronStep step;
  step.v = v_.data();
  step.ready_at = ready_at_.data();
  step.level = level_.data();
  step.decay = parameters_.decay;
  step.now = now_;
  step.padded = padded_;
  step.crossings = crossings_.data();
  SumRows(rows, arriving, step);
  before_.swap(emitted_);
  emitted_.clear();
  Inhibit(parameters_.inhibitory ? inhibiting_ : before_, step);
  AddNoise(step);
  PrepareRounding(step);
  if (kernel_.update(step)) Cross(learning);
  if (parameters_.inhibitory) StepInhibitory();

  ++now_;
  ++counts_.steps;
  counts_.synaptic_additions += static_cast<int64_t>(arriving.size()) * parameters_.neurons;
  counts_.neuron_updates += int64_t{parameters_.neurons} * (parameters_.inhibitory ? 2 : 1);
  return emitted_;
}

void Population::Cross(bool learning) {
  crossing_.clear();
  for (size_t b = 0; b < crossings_.size(); ++b) {
    for (uint32_t bits = crossings_[b]; bits != 0; bits &= bits - 1) {
      crossing_.push_back(static_cast<uint32_t>(kNeuronBlock * b) +
                          static_cast<uint32_t>(std::countr_zero(bits)));
    }
  }
  for (const uint32_t j : crossing_) {
    v_[j] = reset_;
    ready_at_[j] = now_ + parameters_.refractory + 1;
    if (!learning) continue;
    float& theta = theta_[j];
    theta += parameters_.theta_plus;
    if (rounds_theta_) {
      theta = theta_rounder_(theta, theta_rounder_.stochastic ? theta_noise_.At(now_, j, 0) : 0.0f);
    }
    level_[j] = parameters_.threshold + theta;
  }
  if (parameters_.one_winner && crossing_.size() > 1) {
    RandomStream random(seed_, RandomPurpose::kWinner, 0, sample_, static_cast<uint32_t>(now_));
    emitted_.push_back(crossing_[random.NextBelow(crossing_.size())]);
  } else {
    emitted_.assign(crossing_.begin(), crossing_.end());
  }
  counts_.crossings += static_cast<int64_t>(crossing_.size());
  counts_.emitted_spikes += static_cast<int64_t>(emitted_.size());
}

// Neurons driven for the first time in this sample.
void Population::WakePartners() {
  const auto less = [](const Partner& a, const Partner& b) { return a.neuron < b.neuron; };
  const size_t known = partners_.size();
  for (const uint32_t j : before_) {
    const Partner partner{j, 0.0f, 0};
    const auto end = partners_.begin() + static_cast<int64_t>(known);
    if (!std::binary_search(partners_.begin(), end, partner, less)) partners_.push_back(partner);
  }
  std::inplace_merge(partners_.begin(), partners_.begin() + static_cast<int64_t>(known),
                     partners_.end(), less);
}

// Only neurons that were ever driven in this sample: the others are at rest, which no step changes.
void Population::StepInhibitory() {
  const InhibitoryNeurons& of = *parameters_.inhibitory;
  if (!before_.empty()) WakePartners();
  inhibiting_.clear();
  size_t driven = 0;
  for (Partner& partner : partners_) {
    partner.v *= of.decay;
    const bool drive = driven < before_.size() && before_[driven] == partner.neuron;
    if (drive) ++driven;
    if (drive && partner.ready_at <= now_) partner.v += of.drive;
    if (rounds_membrane_) {
      const uint32_t place = static_cast<uint32_t>(parameters_.neurons) + partner.neuron;
      partner.v =
          membrane_(partner.v, membrane_.stochastic ? membrane_noise_.At(now_, place, 0) : 0.0f);
    }
    if (partner.v < of.threshold) continue;
    partner.v = inhibitory_reset_;
    partner.ready_at = now_ + of.refractory + 1;
    inhibiting_.push_back(partner.neuron);
  }
  counts_.inhibitory_spikes += static_cast<int64_t>(inhibiting_.size());
}

}  // namespace torpor
