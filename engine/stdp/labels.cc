#include "engine/stdp/labels.h"

#include <algorithm>

#include "engine/base/status.h"

namespace torpor {

NeuronLabels AssignLabels(std::span<const int64_t> responses, std::span<const int64_t> samples) {
  const size_t classes = samples.size();
  TORPOR_CHECK(classes >= 1 && responses.size() % classes == 0);
  NeuronLabels labels;
  labels.classes = static_cast<int>(classes);
  labels.proportions.reserve(responses.size());
  std::vector<double> means(classes);
  for (size_t at = 0; at < responses.size(); at += classes) {
    double sum = 0;
    for (size_t c = 0; c < classes; ++c) {
      means[c] = samples[c] > 0
                     ? static_cast<double>(responses[at + c]) / static_cast<double>(samples[c])
                     : 0;
      sum += means[c];
    }
    for (const double mean : means) {
      labels.proportions.push_back(sum > 0 ? static_cast<float>(mean / sum) : 0.0f);
    }
    const auto best = std::max_element(means.begin(), means.end());
    labels.assigned.push_back(sum > 0 ? static_cast<int32_t>(best - means.begin())
                                      : NeuronLabels::kUnassigned);
  }
  return labels;
}

void ActivityScores(const NeuronLabels& labels, std::span<const int32_t> counts,
                    std::span<float> scores) {
  TORPOR_CHECK(counts.size() == labels.assigned.size());
  TORPOR_CHECK(scores.size() == static_cast<size_t>(labels.classes));
  std::vector<int64_t> spikes(scores.size());
  std::vector<int64_t> neurons(scores.size());
  for (size_t j = 0; j < counts.size(); ++j) {
    if (labels.assigned[j] == NeuronLabels::kUnassigned) continue;
    const size_t c = static_cast<size_t>(labels.assigned[j]);
    spikes[c] += counts[j];
    ++neurons[c];
  }
  for (size_t c = 0; c < scores.size(); ++c) {
    scores[c] =
        neurons[c] > 0
            ? static_cast<float>(static_cast<double>(spikes[c]) / static_cast<double>(neurons[c]))
            : 0.0f;
  }
}

void ProportionScores(const NeuronLabels& labels, std::span<const int32_t> counts,
                      std::span<float> scores) {
  const size_t classes = static_cast<size_t>(labels.classes);
  TORPOR_CHECK(counts.size() == labels.assigned.size() && scores.size() == classes);
  std::vector<double> sums(classes);
  int64_t spikes = 0;
  for (size_t j = 0; j < counts.size(); ++j) {
    if (counts[j] == 0 || labels.assigned[j] == NeuronLabels::kUnassigned) continue;
    spikes += counts[j];
    for (size_t c = 0; c < classes; ++c) {
      sums[c] += static_cast<double>(counts[j]) * labels.proportions[j * classes + c];
    }
  }
  for (size_t c = 0; c < classes; ++c) {
    scores[c] = spikes > 0 ? static_cast<float>(sums[c] / static_cast<double>(spikes)) : 0.0f;
  }
}

}  // namespace torpor
