// One model on one realisation and one dataset, ready to measure any of its power modes.
#pragma once

#include <functional>

#include "absl/status/statusor.h"
#include "engine/base/cancellation.h"
#include "engine/base/thread_pool.h"
#include "engine/data/dataset.h"
#include "engine/network/model.h"
#include "engine/power/evaluate.h"
#include "engine/power/noise.h"

namespace torpor {

// Holds what full power does on the data. Not thread-safe; everything it was made from outlives it.
class ModeBench {
 public:
  // Measures full power. `after_pass` (may be empty) is called after each pass over the data, here
  // and in every measurement. `profile` prices the activity; null: the family's own does.
  static absl::StatusOr<ModeBench> Create(const Model& model, const v1::Realisation& realisation,
                                          const Dataset& data, ThreadPool* pool,
                                          const Cancellation& cancellation,
                                          std::function<void()> after_pass = nullptr,
                                          const v1::DeviceProfile* profile = nullptr);

  // Everything that a row holds. The errors of Model::Deploy and of a cancellation.
  absl::StatusOr<v1::PowerSweepRow> Measure(const v1::PowerMode& mode,
                                            const NoisePlan& noise) const;
  // Adds the noise accuracy to a row of `mode`.
  absl::Status AddNoise(const v1::PowerMode& mode, const NoisePlan& noise,
                        v1::PowerSweepRow& row) const;
  absl::StatusOr<double> Nasp(const v1::PowerMode& mode) const;

 private:
  ModeBench() = default;

  const Model* model_ = nullptr;
  v1::Realisation realisation_;
  const Dataset* data_ = nullptr;
  const v1::DeviceProfile* profile_ = nullptr;
  ThreadPool* pool_ = nullptr;
  const Cancellation* cancellation_ = nullptr;
  std::function<void()> after_pass_;
  FullPowerReference full_;
};

}  // namespace torpor
