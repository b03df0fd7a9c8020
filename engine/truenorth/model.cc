#include "engine/truenorth/model.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/base/random.h"
#include "engine/base/status.h"
#include "engine/learn/histogram.h"
#include "engine/learn/schedule.h"
#include "engine/network/archive_checks.h"
#include "engine/network/calibration_archive.h"
#include "engine/network/data_run.h"
#include "engine/network/validation.h"
#include "engine/truenorth/deployment.h"
#include "engine/truenorth/levers.h"
#include "engine/truenorth/trainer.h"

namespace torpor {
namespace {

constexpr double kDefaultLossScale = 15;
constexpr char kLossScale[] = "read_out/loss_scale";
constexpr char kSynapticPower[] = "calibration/synaptic_power";
// Sites of all copies of a piece of hardware.
constexpr int64_t kMaxHardwareSites = 2 * kMaxSynapses;

std::string CorePrefix(const CoreLayerPlan& layer, size_t core) {
  return absl::StrCat("layers/", layer.name, "/", core, "/");
}

std::string SpikesName(const CoreLayerPlan& layer) {
  return absl::StrCat("calibration/", layer.name, "/squared_inputs");
}

std::string DigestOf(const GridParameters& parameters) {
  ParametersDigest digest;
  for (const std::vector<CoreParameters>& layer : parameters) {
    for (const CoreParameters& core : layer) {
      digest.Add({core.connection.data(), static_cast<size_t>(core.connection.size())});
      digest.Add(core.leak);
    }
  }
  return digest.FinishHex();
}

bool IsSampled(const v1::Realisation& realisation) {
  return realisation.connections() == v1::Connections::SAMPLED;
}

int CopiesOf(const v1::Realisation& realisation) { return std::max(1, realisation.copies()); }

int64_t SitesOf(const CoreLayerPlan& layer) {
  int64_t sites = 0;
  for (const CorePlan& core : layer.cores) sites += int64_t{core.axons()} * core.neurons;
  return sites;
}

}  // namespace

TrueNorthModel::TrueNorthModel(v1::Network definition, std::shared_ptr<const GridPlan> plan)
    : definition_(std::move(definition)),
      plan_(std::move(plan)),
      levers_(TrueNorthLevers(*plan_)),
      loss_scale_(kDefaultLossScale) {}

absl::StatusOr<std::unique_ptr<Model>> TrueNorthModel::Build(const v1::Network& network,
                                                             uint64_t seed) {
  Violations violations;
  CheckDisplayName(network, violations);
  TORPOR_RETURN_IF_ERROR(violations.ToStatus());
  absl::StatusOr<GridPlan> plan = PlanGrid(network.truenorth());
  if (!plan.ok()) return WithFieldPrefix(plan.status(), "truenorth.");
  std::unique_ptr<TrueNorthModel> model(
      new TrueNorthModel(network, std::make_shared<const GridPlan>(*std::move(plan))));
  model->Initialise(seed);
  return std::unique_ptr<Model>(std::move(model));
}

v1::NetworkDescription TrueNorthModel::Describe() const {
  v1::NetworkDescription description;
  description.set_family("truenorth");
  int64_t parameters = 0;
  for (const CoreLayerPlan& plan : plan_->layers) {
    v1::LayerDescription& layer = *description.add_layers();
    layer.set_name(plan.name);
    layer.set_kind("cores");
    if (description.layers_size() == 1) {
      *layer.mutable_input_shape() = definition_.truenorth().input().shape();
    } else {
      layer.add_input_shape(plan.inputs);
    }
    layer.add_output_shape(plan.neurons);
    layer.set_activation("step");
    layer.set_synapses(SitesOf(plan));
    layer.set_biases(plan.neurons);
    layer.set_cores(static_cast<int64_t>(plan.cores.size()));
    layer.set_core_axons(plan.cores.front().axons());
    for (const CorePlan& core : plan.cores) {
      layer.set_core_neurons(std::max<int64_t>(layer.core_neurons(), core.neurons));
    }
    layer.set_fan_out(plan.fan_out);
    parameters += layer.synapses() + layer.biases();
  }
  description.set_parameters(parameters);
  description.set_parameter_bytes(parameters * static_cast<int64_t>(sizeof(float)));
  description.set_multiply_accumulates(plan_->sites() * plan_->ticks);
  description.set_cores(plan_->cores());
  for (const v1::Lever& lever : levers_.all()) *description.add_levers() = lever;
  return description;
}

void TrueNorthModel::Initialise(uint64_t seed) {
  parameters_.clear();
  for (size_t l = 0; l < plan_->layers.size(); ++l) {
    std::vector<CoreParameters>& layer = parameters_.emplace_back();
    for (const CorePlan& plan : plan_->layers[l].cores) {
      CoreParameters& core = layer.emplace_back();
      RandomStream random(seed, RandomPurpose::kInitialisation, static_cast<uint32_t>(l),
                          layer.size() - 1);
      core.connection.resize(plan.neurons, plan.axons());
      for (Eigen::Index i = 0; i < core.connection.size(); ++i) {
        core.connection.data()[i] = random.NextFloat();
      }
      core.leak.assign(static_cast<size_t>(plan.neurons), 0);
    }
  }
  loss_ = v1::Loss::UNSPECIFIED;
  loss_scale_ = kDefaultLossScale;
  ForgetHardware();
}

void TrueNorthModel::FillTrainDefaults(v1::TrainSpec& spec) const {
  if (spec.loss() == v1::Loss::UNSPECIFIED) spec.set_loss(v1::Loss::CE);
  if (!spec.has_learning_rate()) spec.set_learning_rate(1e-2);
  if (spec.batch_size() == 0) spec.set_batch_size(100);
  FillSchedule(v1::Schedule::COSINE, spec);
  v1::TrueNorthTraining& own = *spec.mutable_truenorth();
  if (own.method() == v1::TrueNorthTraining::Method::UNSPECIFIED) {
    own.set_method(v1::TrueNorthTraining::Method::BINARY);
  }
  if (!own.has_bias_rate()) own.set_bias_rate(10);
  if (!own.has_variance_floor()) own.set_variance_floor(0.25);
  if (!own.has_loss_scale()) own.set_loss_scale(kDefaultLossScale);
  if (!own.has_averaging()) own.set_averaging(0);
}

absl::StatusOr<std::unique_ptr<Trainer>> TrueNorthModel::NewTrainer(const v1::TrainSpec& spec,
                                                                    ThreadPool* pool) {
  return TrueNorthTrainer::Create(this, spec, pool);
}

absl::Status TrueNorthModel::Calibrate(const Dataset& data, const std::string& data_name,
                                       const std::string& data_digest, ThreadPool* pool,
                                       const Cancellation& cancellation) {
  TORPOR_ASSIGN_OR_RETURN(const std::shared_ptr<const Deployment> full,
                          Deploy(v1::PowerMode(), v1::Realisation()));
  Recorder recorder;
  Activity activity;
  TORPOR_RETURN_IF_ERROR(RunData(*full, data, pool, cancellation,
                                 [](int64_t, const SampleResult&) {},
                                 {.recorder = &recorder, .activity = &activity}));
  squared_inputs_ = std::move(recorder.squared_inputs);
  synaptic_power_.clear();
  for (const LayerActivity& layer : activity.layers) {
    synaptic_power_.push_back(layer.synaptic_power.value());
  }
  v1::Calibration source;
  source.set_dataset(data_name);
  source.set_dataset_digest(data_digest);
  source.set_samples(data.size());
  SummariseCalibration(source);
  return absl::OkStatus();
}

void TrueNorthModel::SummariseCalibration(const v1::Calibration& source) {
  calibration_ = source;
  double sum = 0;
  for (const double power : synaptic_power_) sum += power;
  calibration_.set_full_power(sum / static_cast<double>(source.samples()));
  for (size_t l = 0; l < synaptic_power_.size(); ++l) {
    v1::LayerCalibration& layer = *calibration_.add_layers();
    layer.set_name(plan_->layers[l].name);
    // Black images draw nothing; shares of nothing are zero.
    if (sum > 0) layer.set_weight_power(synaptic_power_[l] / sum);
  }
}

Recorder TrueNorthModel::FullPowerRecord() const {
  return {.squared_inputs = squared_inputs_, .samples = calibration_.samples()};
}

double TrueNorthModel::FullPower(const v1::Realisation& realisation) const {
  if (squared_inputs_.empty() || !IsSampled(realisation)) return calibration_.full_power();
  const auto full = Deploy(v1::PowerMode(), realisation);
  TORPOR_CHECK(full.ok());
  return (*full)->NominalSynapticPower(FullPowerRecord());
}

GridParameters& TrueNorthModel::MutableParameters(v1::Loss::Kind loss, double loss_scale) {
  loss_ = loss;
  loss_scale_ = loss_scale;
  ForgetHardware();
  return parameters_;
}

void TrueNorthModel::ForgetHardware() {
  hardware_.clear();
  kernels_.reset();
  calibration_.Clear();
  squared_inputs_.clear();
  synaptic_power_.clear();
}

std::shared_ptr<const GridKernels> TrueNorthModel::KernelsOf(
    const v1::Realisation& realisation) const {
  // Thresholded crossbars are the same whatever the seed.
  const std::string hardware = IsSampled(realisation) ? absl::StrCat("sampled/", realisation.seed(),
                                                                     "/", CopiesOf(realisation))
                                                      : "thresholded";
  if (kernels_ == nullptr || hardware_ != hardware) {
    std::vector<BinaryGrid> grids;
    for (int copy = 0; copy < CopiesOf(realisation); ++copy) {
      grids.push_back(IsSampled(realisation) ? Sample(plan_, parameters_, realisation.seed(), copy)
                                             : Threshold(plan_, parameters_));
    }
    kernels_ = MakeGridKernels(std::move(grids));
    hardware_ = hardware;
  }
  return kernels_;
}

absl::Status TrueNorthModel::CheckHardware(const v1::Realisation& realisation) const {
  TORPOR_RETURN_IF_ERROR(CheckRealisation(realisation));
  Violations violations;
  if (realisation.column_noise() != 0) {
    violations.Add("column_noise", absl::StrCat("must be 0: cores count spikes in integers, and "
                                                "their columns have no analogue noise; got ",
                                                realisation.column_noise()));
  }
  if (realisation.off_conductance() != 0) {
    violations.Add("off_conductance",
                   absl::StrCat("must be 0: a crossbar site that is off conducts nothing; got ",
                                realisation.off_conductance()));
  }
  const int copies = CopiesOf(realisation);
  if (copies > 1 && !IsSampled(realisation)) {
    violations.Add("copies", absl::StrCat("must be 1 unless connections are SAMPLED, since "
                                          "thresholded copies are all alike; got ",
                                          copies));
  } else if (copies * plan_->sites() > kMaxHardwareSites) {
    violations.Add("copies", absl::StrCat("must be at most ", kMaxHardwareSites / plan_->sites(),
                                          " for this network (", kMaxHardwareSites,
                                          " crossbar sites together), got ", copies));
  }
  return violations.ToStatus();
}

absl::StatusOr<std::shared_ptr<const Deployment>> TrueNorthModel::Deploy(
    const v1::PowerMode& mode, const v1::Realisation& realisation) const {
  TORPOR_RETURN_IF_ERROR(levers_.Check(mode));
  TORPOR_RETURN_IF_ERROR(CheckHardware(realisation));
  const int copies = CopiesOf(realisation);
  if (mode.copies() > copies) {
    return FieldError("copies",
                      absl::StrCat("must be at most the ", copies,
                                   " of the hardware (realisation.copies), got ", mode.copies()));
  }
  TrueNorthDrive drive;
  drive.mode.set_steps(mode.has_steps() ? mode.steps() : plan_->ticks);
  drive.mode.set_copies(mode.has_copies() ? mode.copies() : copies);
  if (mode.has_margin()) drive.mode.set_margin(mode.margin());
  // Divided by it, counts are the logits of the training: loss_scale times the share of a class's
  // neurons that fire.
  drive.read_out = {.activation = v1::Activation::LINEAR,
                    .loss = v1::Loss::CE,
                    .classes = classes(),
                    .temperature = static_cast<double>(plan_->neurons_per_class) *
                                   drive.mode.steps() * drive.mode.copies() / loss_scale_};
  drive.seed = realisation.seed();
  return std::make_shared<const TrueNorthDeployment>(KernelsOf(realisation), std::move(drive));
}

absl::StatusOr<std::vector<v1::MemoryEntry>> TrueNorthModel::Memory(
    const v1::MemoryCounting&) const {
  std::vector<v1::MemoryEntry> entries(2);
  entries[0].set_what("crossbar sites");
  entries[0].set_count(plan_->sites());
  entries[0].set_bits_each(1);
  entries[1].set_what("leaks");
  for (const CoreLayerPlan& layer : plan_->layers) {
    entries[1].set_count(entries[1].count() + layer.neurons);
  }
  entries[1].set_bits_each(9);
  return entries;
}

absl::StatusOr<std::vector<v1::WeightArray>> TrueNorthModel::WeightArrays(
    std::optional<int> bits) const {
  const BinaryGrid grid = Thresholded();
  std::vector<v1::WeightArray> arrays;
  for (size_t l = 0; l < grid.layers.size(); ++l) {
    const CoreLayerPlan& layer = plan_->layers[l];
    for (size_t c = 0; c < grid.layers[l].size(); ++c) {
      const CorePlan& core = layer.cores[c];
      const std::vector<int8_t>& weight = grid.layers[l][c].weight;
      // A site is a bit, so that rounding changes none.
      v1::WeightArray& array = arrays.emplace_back();
      array.set_name(absl::StrCat(layer.name, "/", core.row, "-", core.column));
      array.mutable_dense()->set_inputs(core.axons());
      array.mutable_dense()->set_outputs(core.neurons);
      array.set_bits(bits.value_or(1));
      const auto off = std::count(weight.begin(), weight.end(), int8_t{0});
      array.set_density(1 - static_cast<double>(off) / static_cast<double>(weight.size()));
    }
  }
  return arrays;
}

v1::WeightAnalysis TrueNorthModel::AnalyzeWeights() const {
  const BinaryGrid grid = Thresholded();
  v1::WeightAnalysis analysis;
  for (size_t l = 0; l < grid.layers.size(); ++l) {
    std::vector<float> weights;
    std::vector<float> leaks;
    for (const BinaryCore& core : grid.layers[l]) {
      weights.insert(weights.end(), core.weight.begin(), core.weight.end());
      for (const int32_t leak : core.leak) leaks.push_back(static_cast<float>(leak));
    }
    v1::LayerWeights& layer = *analysis.add_layers();
    layer.set_name(plan_->layers[l].name);
    *layer.mutable_weights() = HistogramOf(weights);
    *layer.mutable_biases() = HistogramOf(leaks);
  }
  return analysis;
}

void TrueNorthModel::Save(ArchiveWriter& archive) const {
  SaveGrid(*plan_, parameters_, archive);
  SaveLoss(loss_, archive);
  archive.AddDoubles(kLossScale, {1}, {&loss_scale_, 1});
  if (squared_inputs_.empty()) return;
  SaveCalibrationSource(calibration_, DigestOf(parameters_), archive);
  for (size_t l = 0; l < squared_inputs_.size(); ++l) {
    archive.AddDoubles(SpikesName(plan_->layers[l]), {squared_inputs_[l].size()},
                       {squared_inputs_[l].data(), static_cast<size_t>(squared_inputs_[l].size())});
  }
  archive.AddDoubles(kSynapticPower, {static_cast<int64_t>(synaptic_power_.size())},
                     synaptic_power_);
}

absl::Status TrueNorthModel::Load(const ArchiveReader& archive) {
  TORPOR_ASSIGN_OR_RETURN(const v1::Loss::Kind loss, LoadLoss(archive, {v1::Loss::CE}));
  TORPOR_ASSIGN_OR_RETURN(GridParameters parameters, LoadGrid(*plan_, archive));
  // Parameters from elsewhere come without.
  double loss_scale = kDefaultLossScale;
  if (archive.Has(kLossScale)) {
    TORPOR_ASSIGN_OR_RETURN(const std::vector<double> stored, archive.Doubles(kLossScale, {1}));
    loss_scale = stored[0];
    if (!(loss_scale > 0 && std::isfinite(loss_scale))) {
      return CorruptArchive(absl::StrCat(kLossScale, " must be positive, is ", loss_scale));
    }
  }
  TORPOR_ASSIGN_OR_RETURN(const std::optional<v1::Calibration> source,
                          LoadCalibrationSource(archive, DigestOf(parameters)));
  std::vector<Eigen::VectorXd> squared_inputs;
  std::vector<double> synaptic_power;
  if (source.has_value()) {
    for (const CoreLayerPlan& layer : plan_->layers) {
      TORPOR_ASSIGN_OR_RETURN(const std::vector<double> spikes,
                              archive.Doubles(SpikesName(layer), {layer.inputs}));
      squared_inputs.push_back(Eigen::Map<const Eigen::VectorXd>(spikes.data(), layer.inputs));
    }
    TORPOR_ASSIGN_OR_RETURN(
        synaptic_power,
        archive.Doubles(kSynapticPower, {static_cast<int64_t>(plan_->layers.size())}));
  }
  parameters_ = std::move(parameters);
  loss_ = loss;
  loss_scale_ = loss_scale;
  ForgetHardware();
  squared_inputs_ = std::move(squared_inputs);
  synaptic_power_ = std::move(synaptic_power);
  if (source.has_value()) SummariseCalibration(*source);
  return absl::OkStatus();
}

void SaveGrid(const GridPlan& plan, const GridParameters& parameters, ArchiveWriter& archive) {
  for (size_t l = 0; l < parameters.size(); ++l) {
    for (size_t k = 0; k < parameters[l].size(); ++k) {
      const std::string prefix = CorePrefix(plan.layers[l], k);
      const Matrix& connection = parameters[l][k].connection;
      archive.AddFloats(prefix + "connection", {connection.rows(), connection.cols()},
                        {connection.data(), static_cast<size_t>(connection.size())});
      archive.AddFloats(prefix + "leak", {connection.rows()}, parameters[l][k].leak);
    }
  }
}

absl::StatusOr<GridParameters> LoadGrid(const GridPlan& plan, const ArchiveReader& archive) {
  GridParameters parameters;
  for (const CoreLayerPlan& layer : plan.layers) {
    std::vector<CoreParameters>& read = parameters.emplace_back();
    for (const CorePlan& core : layer.cores) {
      const std::string prefix = CorePrefix(layer, read.size());
      TORPOR_ASSIGN_OR_RETURN(const std::vector<float> connection,
                              archive.Floats(prefix + "connection", {core.neurons, core.axons()}));
      TORPOR_ASSIGN_OR_RETURN(std::vector<float> leak,
                              archive.Floats(prefix + "leak", {core.neurons}));
      if (!AllWithin(connection, 0, 1)) {
        return CorruptArchive(absl::StrCat(prefix, "connection must hold numbers in [0, 1]"));
      }
      if (!AllWithin(leak, -kMaxLeak, kMaxLeak)) {
        return CorruptArchive(
            absl::StrCat(prefix, "leak must hold numbers in [-", kMaxLeak, ", ", kMaxLeak, "]"));
      }
      read.push_back({Eigen::Map<const Matrix>(connection.data(), core.neurons, core.axons()),
                      std::move(leak)});
    }
  }
  return parameters;
}

}  // namespace torpor
