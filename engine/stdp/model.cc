#include "engine/stdp/model.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/base/random.h"
#include "engine/base/status.h"
#include "engine/learn/histogram.h"
#include "engine/network/archive_checks.h"
#include "engine/network/calibration_archive.h"
#include "engine/network/validation.h"
#include "engine/network/weight_density.h"
#include "engine/stdp/deployment.h"
#include "engine/stdp/levers.h"
#include "engine/stdp/scaled_network.h"
#include "engine/stdp/stored_weights.h"
#include "engine/stdp/trainer.h"
#include "engine/stdp/training_settings.h"

namespace torpor {
namespace {

constexpr char kWeight[] = "layers/excitatory/weight";
constexpr char kTheta[] = "layers/excitatory/theta";
constexpr char kResponses[] = "labels/responses";
constexpr char kResponseSamples[] = "labels/samples";
constexpr char kTemperature[] = "read_out/temperature";
constexpr char kDriveStddev[] = "observed/drive_stddev";
constexpr char kPotentials[] = "observed/potentials";
constexpr char kInputSpikes[] = "calibration/input_spikes";
// Of fresh weights.
constexpr float kHighestFresh = 0.3f;
constexpr char kFamily[] = "stdp.";

std::string DigestOf(const StdpWeights& weights) {
  ParametersDigest digest;
  digest.Add(weights.weights);
  digest.Add(weights.theta);
  return digest.FinishHex();
}

std::vector<double> Doubles(const std::vector<int64_t>& values) {
  return {values.begin(), values.end()};
}

// Counts that were stored as doubles.
absl::StatusOr<std::vector<int64_t>> Counts(const ArchiveReader& archive, const char* name,
                                            const std::vector<int64_t>& shape) {
  TORPOR_ASSIGN_OR_RETURN(const std::vector<double> stored, archive.Doubles(name, shape));
  std::vector<int64_t> counts;
  for (const double value : stored) {
    if (!(value >= 0 && value <= 0x1p53 && value == std::floor(value))) {
      return CorruptArchive(absl::StrCat(name, " must hold counts, holds ", value));
    }
    counts.push_back(static_cast<int64_t>(value));
  }
  return counts;
}

absl::StatusOr<StdpObserved> LoadObserved(const ArchiveReader& archive) {
  StdpObserved observed;
  TORPOR_ASSIGN_OR_RETURN(const std::vector<double> deviation, archive.Doubles(kDriveStddev, {1}));
  observed.drive_stddev = deviation[0];
  if (!(observed.drive_stddev >= 0 && std::isfinite(observed.drive_stddev))) {
    return CorruptArchive(
        absl::StrCat(kDriveStddev, " must be at least 0, is ", observed.drive_stddev));
  }
  TORPOR_ASSIGN_OR_RETURN(const std::vector<double> numbers,
                          archive.Doubles(kPotentials, {RangeObserver::kNumbers}));
  absl::StatusOr<RangeObserver> potentials = RangeObserver::FromNumbers(numbers);
  if (!potentials.ok()) {
    return CorruptArchive(absl::StrCat(kPotentials, ": ", potentials.status().message()));
  }
  observed.potentials = *std::move(potentials);
  return observed;
}

}  // namespace

StdpModel::StdpModel(v1::Network definition, std::shared_ptr<const StdpPlan> plan)
    : definition_(std::move(definition)), plan_(std::move(plan)), levers_(StdpLevers(*plan_)) {
  ForgetCalibration();
}

absl::StatusOr<std::unique_ptr<Model>> StdpModel::Build(const v1::Network& network, uint64_t seed) {
  Violations violations;
  CheckDisplayName(network, violations);
  TORPOR_RETURN_IF_ERROR(violations.ToStatus());
  absl::StatusOr<StdpPlan> plan = PlanStdp(network.stdp());
  if (!plan.ok()) return WithFieldPrefix(plan.status(), kFamily);
  std::unique_ptr<StdpModel> model(
      new StdpModel(network, std::make_shared<const StdpPlan>(*std::move(plan))));
  model->Initialise(seed);
  return std::unique_ptr<Model>(std::move(model));
}

v1::NetworkDescription StdpModel::Describe() const {
  const StdpParameters& p = plan_->parameters;
  v1::NetworkDescription description;
  description.set_family("stdp");
  v1::LayerDescription& excitatory = *description.add_layers();
  excitatory.set_name("excitatory");
  excitatory.set_kind("excitatory");
  *excitatory.mutable_input_shape() = definition_.stdp().input().shape();
  excitatory.add_output_shape(p.neurons);
  excitatory.set_activation("spike");
  excitatory.set_synapses(plan_->synapses());
  excitatory.set_biases(p.neurons);
  v1::LayerDescription& inhibition = *description.add_layers();
  inhibition.set_name("inhibition");
  inhibition.set_kind(p.inhibitory.has_value() ? "inhibitory" : "direct");
  inhibition.add_input_shape(p.neurons);
  inhibition.add_output_shape(p.neurons);
  inhibition.set_activation("spike");
  description.set_parameters(excitatory.synapses() + excitatory.biases());
  description.set_parameter_bytes(description.parameters() * static_cast<int64_t>(sizeof(float)));
  description.set_multiply_accumulates(plan_->synapses() * p.steps);
  for (const v1::Lever& lever : levers_.all()) *description.add_levers() = lever;
  for (std::string& warning : StdpWarnings(*plan_)) {
    description.add_warnings(absl::StrCat(kFamily, warning));
  }
  return description;
}

void StdpModel::Initialise(uint64_t seed) {
  StdpWeights fresh;
  fresh.weights.resize(static_cast<size_t>(plan_->synapses()));
  RandomStream random(seed, RandomPurpose::kInitialisation);
  for (float& weight : fresh.weights) weight = kHighestFresh * random.NextFloat();
  fresh.theta.assign(static_cast<size_t>(plan_->parameters.neurons), 0);
  StoreWeights(plan_->quantization, fresh.weights);
  SetWeights(std::move(fresh));
}

void StdpModel::SetWeights(StdpWeights weights) {
  weights_ = std::move(weights);
  ForgetCalibration();
}

void StdpModel::ForgetCalibration() {
  responses_.clear();
  response_samples_.clear();
  auto none = std::make_shared<NeuronLabels>();
  none->classes = plan_->classes;
  const size_t neurons = static_cast<size_t>(plan_->parameters.neurons);
  none->assigned.assign(neurons, NeuronLabels::kUnassigned);
  none->proportions.assign(neurons * static_cast<size_t>(plan_->classes), 0);
  labels_ = std::move(none);
  temperature_ = 1;
  calibration_.Clear();
  input_spikes_.resize(0);
  observed_ = {};
}

void StdpModel::FillTrainDefaults(v1::TrainSpec& spec) const { FillStdpDefaults(*plan_, spec); }

absl::StatusOr<std::unique_ptr<Trainer>> StdpModel::NewTrainer(const v1::TrainSpec& spec,
                                                               ThreadPool* pool) {
  return StdpTrainer::Create(this, spec, pool);
}

absl::Status StdpModel::Label(const Dataset& data, ThreadPool* pool,
                              const Cancellation& cancellation) {
  TORPOR_ASSIGN_OR_RETURN(StdpResponses responses,
                          RecordResponses(*plan_, weights_, data, pool, cancellation));
  TORPOR_ASSIGN_OR_RETURN(StdpObserved observed, ObserveStdp(*plan_, weights_, data, cancellation));
  ForgetCalibration();
  responses_ = std::move(responses.spikes);
  response_samples_ = std::move(responses.samples);
  observed_ = std::move(observed);
  AssignStoredLabels();
  temperature_ = ReadOutTemperature(plan_->read_out, *labels_, responses, data);
  input_spikes_.resize(features());
  for (Eigen::Index i = 0; i < input_spikes_.size(); ++i) {
    input_spikes_[i] = static_cast<double>(responses.input_spikes[static_cast<size_t>(i)]);
  }
  return absl::OkStatus();
}

void StdpModel::AssignStoredLabels() {
  labels_ = std::make_shared<const NeuronLabels>(AssignLabels(responses_, response_samples_));
}

absl::Status StdpModel::Calibrate(const Dataset& data, const std::string& data_name,
                                  const std::string& data_digest, ThreadPool* pool,
                                  const Cancellation& cancellation) {
  TORPOR_RETURN_IF_ERROR(Label(data, pool, cancellation));
  v1::Calibration source;
  source.set_dataset(data_name);
  source.set_dataset_digest(data_digest);
  source.set_samples(data.size());
  SummariseCalibration(source);
  return absl::OkStatus();
}

void StdpModel::SummariseCalibration(const v1::Calibration& source) {
  calibration_ = source;
  double power = 0;
  const size_t neurons = static_cast<size_t>(plan_->parameters.neurons);
  for (size_t i = 0; i < static_cast<size_t>(features()); ++i) {
    double row = 0;
    for (size_t j = 0; j < neurons; ++j) {
      row += static_cast<double>(weights_.weights[i * neurons + j]);
    }
    power += row * input_spikes_[static_cast<Eigen::Index>(i)];
  }
  calibration_.set_full_power(power / static_cast<double>(source.samples()));
  v1::LayerCalibration& layer = *calibration_.add_layers();
  layer.set_name("excitatory");
  layer.set_pooled_stddev(observed_.drive_stddev);
  // Black images draw nothing; shares of nothing are zero.
  if (power > 0) layer.set_weight_power(1);
}

Recorder StdpModel::FullPowerRecord() const {
  if (calibration_.dataset_digest().empty()) return {};
  return {.squared_inputs = {input_spikes_}, .samples = calibration_.samples()};
}

absl::StatusOr<std::vector<v1::MemoryEntry>> StdpModel::Memory(
    const v1::MemoryCounting& counting) const {
  Violations violations;
  const auto check = [&](const char* path, bool given, int value, int low, int high) {
    if (given && (value < low || value > high)) {
      violations.Add(path, absl::StrCat("must be in ", low, "..", high, ", got ", value));
    }
  };
  check("state_words", counting.has_state_words(), counting.state_words(), 0, 16);
  check("lateral_bits", counting.has_lateral_bits(), counting.lateral_bits(), 1, 32);
  for (const auto& [path, kind] :
       {std::pair("layer", counting.layer()), std::pair("direct", counting.direct())}) {
    if (!v1::Lateral::Kind_IsValid(kind)) {
      violations.Add(path, "must be SCALAR, ONE_TO_ONE or DENSE");
    }
  }
  TORPOR_RETURN_IF_ERROR(violations.ToStatus());
  return StdpMemory(*plan_, counting);
}

absl::StatusOr<v1::Quantization> StdpModel::WithObservedRange(
    const v1::Quantization& quantization) const {
  v1::Quantization resolved = quantization;
  if (!quantization.has_range_outliers()) return resolved;
  Violations violations;
  const double outliers = quantization.range_outliers();
  if (!(outliers >= 0 && outliers < 1)) {
    violations.Add("quantization.range_outliers",
                   absl::StrCat("must be in [0, 1), got ", outliers));
  }
  if (quantization.has_neuron_integer_bits()) {
    violations.Add("quantization.range_outliers",
                   "must not be set with neuron_integer_bits, which says the range");
  }
  if (!quantization.has_neuron_bits()) {
    violations.Add("quantization.range_outliers", "needs neuron_bits");
  }
  TORPOR_RETURN_IF_ERROR(violations.ToStatus());
  resolved.clear_range_outliers();
  // Before anything is observed, e.g. to know the memory, where the range plays no part.
  if (observed_.potentials.count() == 0) return resolved;
  resolved.set_neuron_integer_bits(
      std::clamp(observed_.potentials.IntegerBits(outliers), 1, kMostIntegerBits));
  return resolved;
}

absl::StatusOr<std::unique_ptr<Model>> StdpModel::Quantised(
    const v1::Quantization& quantization) const {
  TORPOR_ASSIGN_OR_RETURN(const v1::Quantization resolved, WithObservedRange(quantization));
  v1::Network definition = definition_;
  *definition.mutable_stdp()->mutable_quantization() = resolved;
  absl::StatusOr<StdpPlan> plan = PlanStdp(definition.stdp());
  if (!plan.ok()) return plan.status();
  std::unique_ptr<StdpModel> model(
      new StdpModel(std::move(definition), std::make_shared<const StdpPlan>(*std::move(plan))));
  StdpWeights stored = weights_;
  StoreWeights(model->plan_->quantization, stored.weights);
  StoreThetas(model->plan_->quantization, stored.theta);
  model->SetWeights(std::move(stored));
  return std::unique_ptr<Model>(std::move(model));
}

absl::StatusOr<std::vector<v1::WeightArray>> StdpModel::WeightArrays(
    std::optional<int> bits) const {
  const v1::Quantization& own = plan_->quantization;
  std::vector<float> stored = weights_.weights;
  if (bits.has_value()) {
    v1::Quantization asked;
    asked.set_weight_bits(*bits);
    asked.set_rounding(own.rounding());
    StoreWeights(asked, stored);
  }
  v1::WeightArray array;
  array.set_name("excitatory");
  array.mutable_dense()->set_inputs(plan_->parameters.inputs);
  array.mutable_dense()->set_outputs(plan_->parameters.neurons);
  array.set_bits(bits.value_or(own.has_weight_bits() ? own.weight_bits() : 32));
  array.set_density(Density(stored));
  return std::vector<v1::WeightArray>{array};
}

v1::WeightAnalysis StdpModel::AnalyzeWeights() const {
  v1::WeightAnalysis analysis;
  v1::LayerWeights& layer = *analysis.add_layers();
  layer.set_name("excitatory");
  *layer.mutable_weights() = HistogramOf(weights_.weights);
  std::vector<float> thresholds = weights_.theta;
  for (float& threshold : thresholds) threshold += plan_->parameters.threshold;
  *layer.mutable_biases() = HistogramOf(thresholds);
  return analysis;
}

absl::Status StdpModel::CheckHardware(const v1::Realisation& realisation) const {
  TORPOR_RETURN_IF_ERROR(Model::CheckHardware(realisation));
  Violations violations;
  if (realisation.off_conductance() != 0) {
    violations.Add("off_conductance",
                   absl::StrCat("must be 0: these networks are computed digitally; got ",
                                realisation.off_conductance()));
  }
  return violations.ToStatus();
}

absl::StatusOr<std::shared_ptr<const Deployment>> StdpModel::Deploy(
    const v1::PowerMode& mode, const v1::Realisation& realisation) const {
  TORPOR_RETURN_IF_ERROR(levers_.Check(mode));
  TORPOR_RETURN_IF_ERROR(CheckHardware(realisation));
  StdpDrive drive = ScaledNetwork(*plan_, weights_, mode);
  drive.labels = labels_;
  // Counts of fewer steps are smaller in proportion.
  const double share = plan_->read_out == v1::StdpReadOut::PROPORTION
                           ? 1
                           : static_cast<double>(drive.parameters.steps) / plan_->parameters.steps;
  drive.read_out_kind = plan_->read_out;
  drive.read_out = {.activation = v1::Activation::LINEAR,
                    .loss = loss(),
                    .classes = classes(),
                    .temperature = temperature_ * share};
  drive.seed = realisation.seed();
  // Of the full-power signal, so that it does not shrink with epsilon; 0 before calibration.
  drive.parameters.noise = static_cast<float>(realisation.column_noise() * observed_.drive_stddev);
  return std::make_shared<const StdpDeployment>(plan_, std::move(drive));
}

void StdpModel::Save(ArchiveWriter& archive) const {
  SaveStdpWeights(*plan_, weights_, archive);
  if (responses_.empty()) return;
  const int64_t neurons = plan_->parameters.neurons;
  archive.AddDoubles(kResponses, {neurons, classes()}, Doubles(responses_));
  archive.AddDoubles(kResponseSamples, {classes()}, Doubles(response_samples_));
  archive.AddDoubles(kTemperature, {1}, {&temperature_, 1});
  archive.AddDoubles(kDriveStddev, {1}, {&observed_.drive_stddev, 1});
  archive.AddDoubles(kPotentials, {RangeObserver::kNumbers}, observed_.potentials.ToNumbers());
  archive.AddDoubles(kInputSpikes, {features()},
                     {input_spikes_.data(), static_cast<size_t>(input_spikes_.size())});
  if (!calibration_.dataset_digest().empty()) {
    SaveCalibrationSource(calibration_, DigestOf(weights_), archive);
  }
}

absl::Status StdpModel::Load(const ArchiveReader& archive) {
  TORPOR_ASSIGN_OR_RETURN(StdpWeights weights, LoadStdpWeights(*plan_, archive));
  if (!archive.Has(kResponses)) {
    SetWeights(std::move(weights));
    return absl::OkStatus();
  }
  const int64_t neurons = plan_->parameters.neurons;
  TORPOR_ASSIGN_OR_RETURN(std::vector<int64_t> responses,
                          Counts(archive, kResponses, {neurons, classes()}));
  TORPOR_ASSIGN_OR_RETURN(std::vector<int64_t> samples,
                          Counts(archive, kResponseSamples, {classes()}));
  TORPOR_ASSIGN_OR_RETURN(const std::vector<double> temperature,
                          archive.Doubles(kTemperature, {1}));
  if (!(temperature[0] > 0 && std::isfinite(temperature[0]))) {
    return CorruptArchive(absl::StrCat(kTemperature, " must be positive, is ", temperature[0]));
  }
  TORPOR_ASSIGN_OR_RETURN(StdpObserved observed, LoadObserved(archive));
  TORPOR_ASSIGN_OR_RETURN(const std::vector<double> spikes,
                          archive.Doubles(kInputSpikes, {features()}));
  TORPOR_ASSIGN_OR_RETURN(const std::optional<v1::Calibration> source,
                          LoadCalibrationSource(archive, DigestOf(weights)));
  SetWeights(std::move(weights));
  responses_ = std::move(responses);
  response_samples_ = std::move(samples);
  observed_ = std::move(observed);
  AssignStoredLabels();
  temperature_ = temperature[0];
  input_spikes_ =
      Eigen::Map<const Eigen::VectorXd>(spikes.data(), static_cast<Eigen::Index>(spikes.size()));
  if (source.has_value()) SummariseCalibration(*source);
  return absl::OkStatus();
}

void SaveStdpWeights(const StdpPlan& plan, const StdpWeights& weights, ArchiveWriter& archive) {
  const StdpParameters& p = plan.parameters;
  archive.AddFloats(kWeight, {p.inputs, p.neurons}, weights.weights);
  archive.AddFloats(kTheta, {p.neurons}, weights.theta);
}

absl::StatusOr<StdpWeights> LoadStdpWeights(const StdpPlan& plan, const ArchiveReader& archive) {
  const StdpParameters& p = plan.parameters;
  StdpWeights weights;
  TORPOR_ASSIGN_OR_RETURN(weights.weights, archive.Floats(kWeight, {p.inputs, p.neurons}));
  TORPOR_ASSIGN_OR_RETURN(weights.theta, archive.Floats(kTheta, {p.neurons}));
  if (!AllWithin(weights.weights, 0, 1)) {
    return CorruptArchive(absl::StrCat(kWeight, " must hold numbers in [0, 1]"));
  }
  if (!AllWithin(weights.theta, 0, std::numeric_limits<float>::max())) {
    return CorruptArchive(absl::StrCat(kTheta, " must hold finite numbers of at least 0"));
  }
  // Weights from elsewhere are brought to the definition's bits once; those that have them stay.
  // Thetas are between the steps of their format while they decay, and go on from there.
  StoreWeights(plan.quantization, weights.weights);
  return weights;
}

}  // namespace torpor
