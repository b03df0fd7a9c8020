#include "engine/truenorth/spike_record.h"

#include <bit>

#include "engine/base/status.h"

namespace torpor {

void SpikeRecord::AddSample(Recorder* recorder) {
  if (recorder == nullptr) return;
  for (Sums& sums : sums_) {
    if (sums.recorder != recorder) continue;
    ++sums.samples;
    return;
  }
  Sums& sums = sums_.emplace_back(Sums{.recorder = recorder, .samples = 1, .spikes = {}});
  for (const CoreLayerPlan& layer : plan_.layers) {
    sums.spikes.emplace_back(static_cast<size_t>(layer.inputs));
  }
}

SpikeRecord::Sums& SpikeRecord::SumsOf(Recorder* recorder) {
  for (Sums& sums : sums_) {
    if (sums.recorder == recorder) return sums;
  }
  TORPOR_CHECK(false);
  return sums_.front();
}

void SpikeRecord::AddTick(const PopcountWorkspace& workspace, Recorder* recorder) {
  if (recorder == nullptr) return;
  Sums& sums = SumsOf(recorder);
  for (size_t l = 0; l < sums.spikes.size(); ++l) {
    const std::vector<uint64_t>& words = workspace.levels[l];
    for (size_t i = 0; i < sums.spikes[l].size(); ++i) {
      sums.spikes[l][i] += static_cast<int64_t>(words[i / 64] >> i % 64 & 1);
    }
  }
}

void SpikeRecord::AddLanes(const SlicedWorkspace& workspace,
                           const std::vector<Recorder*>& recorders) {
  for (Sums& sums : sums_) {
    uint64_t lanes[kLineWords] = {};
    for (size_t lane = 0; lane < recorders.size(); ++lane) {
      if (recorders[lane] != sums.recorder) continue;
      const size_t words = static_cast<size_t>(workspace.words);
      lanes[lane % words] |= uint64_t{1} << lane / words;
    }
    for (size_t l = 0; l < sums.spikes.size(); ++l) {
      for (size_t i = 0; i < sums.spikes[l].size(); ++i) {
        int64_t spikes = 0;
        for (int w = 0; w < kLineWords; ++w) {
          spikes += std::popcount(workspace.levels[l][i].words[w] & lanes[w]);
        }
        sums.spikes[l][i] += spikes;
      }
    }
  }
}

void SpikeRecord::Finish() {
  for (const Sums& sums : sums_) {
    Recorder& recorder = *sums.recorder;
    recorder.samples += sums.samples;
    if (recorder.squared_inputs.empty()) {
      for (const CoreLayerPlan& layer : plan_.layers) {
        recorder.squared_inputs.push_back(Eigen::VectorXd::Zero(layer.inputs));
      }
    }
    for (size_t l = 0; l < sums.spikes.size(); ++l) {
      for (size_t i = 0; i < sums.spikes[l].size(); ++i) {
        recorder.squared_inputs[l][static_cast<int64_t>(i)] +=
            static_cast<double>(sums.spikes[l][i]) / copies_;
      }
    }
  }
}

}  // namespace torpor
