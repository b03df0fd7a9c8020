#include "engine/truenorth/deployment.h"

#include <utility>

#include "engine/base/simd.h"
#include "engine/base/status.h"

namespace torpor {

TrueNorthDeployment::TrueNorthDeployment(const std::vector<BinaryGrid>& grids, TrueNorthDrive drive)
    : TrueNorthDeployment(MakeGridKernels(grids), std::move(drive)) {}

TrueNorthDeployment::TrueNorthDeployment(std::shared_ptr<const GridKernels> kernels,
                                         TrueNorthDrive drive)
    : kernels_(std::move(kernels)),
      drive_(std::move(drive)),
      run_mode_{
          .ticks = drive_.mode.steps(),
          .copies = drive_.mode.copies(),
          .margin = drive_.mode.has_margin() ? std::optional(drive_.mode.margin()) : std::nullopt},
      code_(kernels_->plan().code, drive_.mode.steps(), drive_.seed) {
  const GridPlan& plan = kernels_->plan();
  const int64_t copies = static_cast<int64_t>(kernels_->copies().size());
  TORPOR_CHECK(run_mode_.ticks >= 1 && run_mode_.copies >= 1 && run_mode_.copies <= copies);
  TORPOR_CHECK(drive_.read_out.classes == plan.classes);
  for (size_t l = 0; l < plan.layers.size(); ++l) {
    const CoreLayerPlan& layer = plan.layers[l];
    int64_t sites = 0;
    for (const CorePlan& core : layer.cores) sites += int64_t{core.axons()} * core.neurons;
    footprint_.layers.push_back(
        {.name = layer.name,
         .synapses = sites * copies,
         .biases = layer.neurons * copies,
         .weight_bits = 1,
         .density = static_cast<double>(kernels_->sites_on()[l]) /
                    (static_cast<double>(sites) * static_cast<double>(copies))});
  }
  footprint_.profile = "truenorth-cores";
}

absl::Status TrueNorthDeployment::Run(std::span<const SampleTask> tasks,
                                      std::span<SampleResult> results,
                                      const Cancellation& cancellation) const {
  TORPOR_CHECK(tasks.size() == results.size());
  for (size_t i = 0; i < tasks.size(); ++i) {
    const InputView& input = tasks[i].input;
    const size_t given = input.bytes.empty() ? input.values.size() : input.bytes.size();
    TORPOR_CHECK(static_cast<int>(given) == features());
    TORPOR_CHECK(static_cast<int>(results[i].scores.size()) == drive_.read_out.classes);
  }
  const LeasePool<GridWorkspace>::Lease workspace = kernels_->workspaces().Take();
  return GridRun(*kernels_, code_, run_mode_, *workspace, BestInstructions(), BestPopcountSet())
      .Run(tasks, results, cancellation);
}

double TrueNorthDeployment::NominalSynapticPower(const Recorder& recorder) const {
  const GridPlan& plan = kernels_->plan();
  TORPOR_CHECK(recorder.samples > 0 && recorder.squared_inputs.size() == plan.layers.size());
  double power = 0;
  for (size_t l = 0; l < plan.layers.size(); ++l) {
    const Eigen::VectorXd& spikes = recorder.squared_inputs[l];
    for (int copy = 0; copy < run_mode_.copies; ++copy) {
      const std::vector<int32_t>& line_power =
          kernels_->copies()[static_cast<size_t>(copy)].line_power[l];
      TORPOR_CHECK(spikes.size() == static_cast<int64_t>(line_power.size()));
      for (size_t i = 0; i < line_power.size(); ++i) {
        power += spikes[static_cast<int64_t>(i)] * line_power[i];
      }
    }
  }
  return power / static_cast<double>(recorder.samples) * run_mode_.ticks / plan.ticks;
}

}  // namespace torpor
