#include "engine/power/mode_bench.h"

#include <utility>

#include "engine/base/status.h"

namespace torpor {

absl::StatusOr<ModeBench> ModeBench::Create(const Model& model, const v1::Realisation& realisation,
                                            const Dataset& data, ThreadPool* pool,
                                            const Cancellation& cancellation,
                                            std::function<void()> after_pass,
                                            const v1::DeviceProfile* profile) {
  ModeBench bench;
  bench.model_ = &model;
  bench.realisation_ = realisation;
  bench.data_ = &data;
  bench.profile_ = profile;
  bench.pool_ = pool;
  bench.cancellation_ = &cancellation;
  bench.after_pass_ = after_pass ? std::move(after_pass) : [] {};
  TORPOR_ASSIGN_OR_RETURN(const std::shared_ptr<const Deployment> at_full,
                          model.Deploy(v1::PowerMode(), realisation));
  TORPOR_ASSIGN_OR_RETURN(bench.full_, MeasureFullPower(*at_full, data, pool, cancellation));
  bench.after_pass_();
  return bench;
}

absl::StatusOr<v1::PowerSweepRow> ModeBench::Measure(const v1::PowerMode& mode,
                                                     const NoisePlan& noise) const {
  TORPOR_ASSIGN_OR_RETURN(const std::shared_ptr<const Deployment> deployment,
                          model_->Deploy(mode, realisation_));
  TORPOR_ASSIGN_OR_RETURN(v1::PowerSweepRow row, EvaluateMode(*deployment, full_, *data_, pool_,
                                                              *cancellation_, profile_));
  after_pass_();
  TORPOR_RETURN_IF_ERROR(AddNoise(mode, noise, row));
  return row;
}

absl::Status ModeBench::AddNoise(const v1::PowerMode& mode, const NoisePlan& noise,
                                 v1::PowerSweepRow& row) const {
  TORPOR_ASSIGN_OR_RETURN(
      std::vector<v1::NoiseAccuracy> levels,
      MeasureNoise(*model_, mode, realisation_, noise, *data_, pool_, *cancellation_, after_pass_));
  for (v1::NoiseAccuracy& level : levels) *row.add_noise_accuracy() = std::move(level);
  return absl::OkStatus();
}

absl::StatusOr<double> ModeBench::Nasp(const v1::PowerMode& mode) const {
  TORPOR_ASSIGN_OR_RETURN(const std::shared_ptr<const Deployment> deployment,
                          model_->Deploy(mode, realisation_));
  TORPOR_ASSIGN_OR_RETURN(const double nasp,
                          MeasureNasp(*deployment, full_, *data_, pool_, *cancellation_));
  after_pass_();
  return nasp;
}

}  // namespace torpor
