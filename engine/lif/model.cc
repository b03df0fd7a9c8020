#include "engine/lif/model.h"

#include <cmath>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/base/status.h"
#include "engine/learn/histogram.h"
#include "engine/learn/temperature.h"
#include "engine/lif/deployment.h"
#include "engine/lif/levers.h"
#include "engine/lif/scaled_network.h"
#include "engine/lif/step_temperatures.h"
#include "engine/lif/stored_weights.h"
#include "engine/lif/trainer.h"
#include "engine/lif/training_settings.h"
#include "engine/lif/wage.h"
#include "engine/network/archive_checks.h"
#include "engine/network/calibration_archive.h"
#include "engine/network/data_run.h"

namespace torpor {
namespace {

constexpr char kLayers[] = "layers/";
constexpr char kTemperatures[] = "read_out/step_temperatures";
// Of all steps alone: in archives from before those of every step.
constexpr char kTemperature[] = "read_out/temperature";
// Where a definition's training in integers is not known yet.
constexpr int kGradientBits = 8;

std::string RecordName(const LifLayerShape& shape) {
  return absl::StrCat("calibration/", shape.name, "/squared_inputs");
}

bool IsWage(const LifDefinition& definition) {
  return definition.quantization.scheme() == v1::LifQuantization::Scheme::WAGE;
}

}  // namespace

LifModel::LifModel(v1::Network definition, LifDefinition resolved)
    : definition_(std::move(definition)),
      resolved_(std::move(resolved)),
      levers_(LifLevers(resolved_)) {}

absl::StatusOr<std::unique_ptr<Model>> LifModel::Build(const v1::Network& network, uint64_t seed) {
  TORPOR_ASSIGN_OR_RETURN(LifDefinition resolved, ResolveLif(network));
  std::unique_ptr<LifModel> model(new LifModel(network, std::move(resolved)));
  model->Initialise(seed);
  return std::unique_ptr<Model>(std::move(model));
}

v1::NetworkDescription LifModel::Describe() const {
  v1::NetworkDescription description = DescribeLif(resolved_);
  for (const v1::Lever& lever : levers_.all()) *description.add_levers() = lever;
  return description;
}

void LifModel::Initialise(uint64_t seed) {
  parameters_ = FreshLifWeights(resolved_, seed);
  if (IsWage(resolved_)) {
    for (size_t l = 0; l < parameters_.size(); ++l) {
      const LifLayerShape& shape = resolved_.layers[l];
      if (!shape.has_weights()) continue;
      // The same numbers, brought from +-range to the wider bounds of stored weights.
      const float limit = static_cast<float>(shape.initial_range);
      const int bits =
          resolved_.quantization.has_weight_bits() ? resolved_.quantization.weight_bits() : 16;
      const float more = WageLayerOf(bits, limit).bound / limit;
      for (auto* weights : {&parameters_[l].input, &parameters_[l].recurrent}) {
        for (float& weight : *weights) weight *= more;
        WageWeights(*weights, kGradientBits, 1, *weights);
      }
    }
  }
  ForgetCalibration();
  loss_ = v1::Loss::UNSPECIFIED;
}

void LifModel::FillTrainDefaults(v1::TrainSpec& spec) const { FillLifDefaults(spec); }

absl::StatusOr<std::unique_ptr<Trainer>> LifModel::NewTrainer(const v1::TrainSpec& spec,
                                                              ThreadPool* pool) {
  return LifTrainer::Create(this, spec, pool);
}

LifParameters& LifModel::MutableParameters(v1::Loss::Kind loss) {
  ForgetCalibration();
  loss_ = loss;
  return parameters_;
}

void LifModel::ForgetCalibration() {
  record_ = {};
  temperatures_ = AssumedStepTemperatures(resolved_, 1);
  calibration_.Clear();
}

absl::Status LifModel::Calibrate(const Dataset& data, const std::string& data_name,
                                 const std::string& data_digest, ThreadPool* pool,
                                 const Cancellation& cancellation) {
  TORPOR_RETURN_IF_ERROR(CheckSamples(data, features()));
  ForgetCalibration();
  TORPOR_ASSIGN_OR_RETURN(const auto full, Deploy(v1::PowerMode(), v1::Realisation()));
  Matrix scores(data.size(), classes());
  std::vector<int32_t> labels;
  for (int64_t i = 0; i < data.size(); ++i) labels.push_back(data.label(i));
  Recorder record;
  TORPOR_RETURN_IF_ERROR(RunData(*full, data, pool, cancellation,
                                 [&](int64_t sample, const SampleResult& result) {
                                   for (size_t c = 0; c < result.scores.size(); ++c) {
                                     scores(sample, static_cast<Eigen::Index>(c)) =
                                         result.scores[c];
                                   }
                                 },
                                 {.recorder = &record}));
  record_ = std::move(record);
  double full_temperature = 1;
  if (!resolved_.integrates && loss_ != v1::Loss::VAN_ROSSUM) {
    full_temperature = FitTemperature(View(std::as_const(scores)), labels);
  }
  if (loss_ != v1::Loss::VAN_ROSSUM) {
    temperatures_ = MeasuredStepTemperatures(resolved_, StoredLifWeights(resolved_, parameters_),
                                             data, full_temperature, pool);
  }
  v1::Calibration source;
  source.set_dataset(data_name);
  source.set_dataset_digest(data_digest);
  source.set_samples(data.size());
  SummariseCalibration(source);
  return absl::OkStatus();
}

void LifModel::SummariseCalibration(const v1::Calibration& source) {
  calibration_ = source;
  const auto full = Deploy(v1::PowerMode(), v1::Realisation());
  TORPOR_CHECK(full.ok());
  calibration_.set_full_power((*full)->NominalSynapticPower(record_));
  for (const LifLayerShape& shape : resolved_.layers) {
    if (shape.has_weights()) calibration_.add_layers()->set_name(shape.name);
  }
}

absl::StatusOr<std::vector<v1::WeightArray>> LifModel::WeightArrays(std::optional<int> bits) const {
  if (bits.has_value() && *bits < 2) {
    return FieldError("bits", "must be at least 2: weights of this family have a sign and a zero");
  }
  return LifWeightArrays(resolved_, parameters_, bits);
}

v1::WeightAnalysis LifModel::AnalyzeWeights() const {
  v1::WeightAnalysis analysis;
  const LifParameters stored = StoredLifWeights(resolved_, parameters_);
  for (size_t l = 0; l < stored.size(); ++l) {
    if (!resolved_.layers[l].has_weights()) continue;
    v1::LayerWeights& layer = *analysis.add_layers();
    layer.set_name(resolved_.layers[l].name);
    std::vector<float> weights = stored[l].input;
    weights.insert(weights.end(), stored[l].recurrent.begin(), stored[l].recurrent.end());
    *layer.mutable_weights() = HistogramOf(weights);
  }
  return analysis;
}

absl::Status LifModel::CheckHardware(const v1::Realisation& realisation) const {
  TORPOR_RETURN_IF_ERROR(Model::CheckHardware(realisation));
  Violations violations;
  if (realisation.column_noise() != 0) {
    violations.Add("column_noise", absl::StrCat("must be 0: these networks are computed "
                                                "digitally, without analogue columns; got ",
                                                realisation.column_noise()));
  }
  if (realisation.off_conductance() != 0) {
    violations.Add("off_conductance",
                   absl::StrCat("must be 0: these networks are computed digitally; got ",
                                realisation.off_conductance()));
  }
  return violations.ToStatus();
}

absl::StatusOr<std::shared_ptr<const Deployment>> LifModel::Deploy(
    const v1::PowerMode& mode, const v1::Realisation& realisation) const {
  TORPOR_RETURN_IF_ERROR(levers_.Check(mode));
  TORPOR_RETURN_IF_ERROR(CheckHardware(realisation));
  LifDrive drive = ScaledLifNetwork(resolved_, parameters_, mode);
  const double temperature = temperatures_[static_cast<size_t>(drive.steps) - 1];
  for (int n = 0; n < drive.steps; ++n) {
    drive.stop_scales.push_back(
        static_cast<float>(temperature / temperatures_[static_cast<size_t>(n)]));
  }
  drive.read_out = {.activation = v1::Activation::LINEAR,
                    .loss = v1::Loss::CE,
                    .classes = classes(),
                    .temperature = temperature};
  drive.seed = realisation.seed();
  return std::make_shared<const LifDeployment>(std::move(drive));
}

void LifModel::Save(ArchiveWriter& archive) const {
  SaveLifWeights(resolved_, parameters_, kLayers, archive);
  SaveLoss(loss_, archive);
  if (calibration_.dataset_digest().empty()) return;
  SaveCalibrationSource(calibration_, DigestOf(parameters_), archive);
  archive.AddDoubles(kTemperatures, {resolved_.steps}, temperatures_);
  size_t m = 0;
  for (const LifLayerShape& shape : resolved_.layers) {
    if (!shape.has_weights()) continue;
    const Eigen::VectorXd& squares = record_.squared_inputs[m++];
    archive.AddDoubles(RecordName(shape), {squares.size()},
                       {squares.data(), static_cast<size_t>(squares.size())});
  }
}

absl::StatusOr<std::vector<double>> LifModel::LoadTemperatures(const ArchiveReader& archive) const {
  const bool each = archive.Has(kTemperatures);
  const char* name = each ? kTemperatures : kTemperature;
  TORPOR_ASSIGN_OR_RETURN(const std::vector<double> stored,
                          archive.Doubles(name, {each ? resolved_.steps : 1}));
  for (const double temperature : stored) {
    if (!(temperature > 0 && std::isfinite(temperature))) {
      return CorruptArchive(absl::StrCat(name, " must be positive, is ", temperature));
    }
  }
  return each ? stored : AssumedStepTemperatures(resolved_, stored[0]);
}

absl::Status LifModel::Load(const ArchiveReader& archive) {
  TORPOR_ASSIGN_OR_RETURN(
      const v1::Loss::Kind loss,
      LoadLoss(archive, {v1::Loss::CE, v1::Loss::SPIKE_COUNT, v1::Loss::VAN_ROSSUM}));
  TORPOR_ASSIGN_OR_RETURN(LifParameters parameters, LoadLifWeights(resolved_, kLayers, archive));
  TORPOR_ASSIGN_OR_RETURN(const std::optional<v1::Calibration> source,
                          LoadCalibrationSource(archive, DigestOf(parameters)));
  Recorder record;
  std::vector<double> temperatures = AssumedStepTemperatures(resolved_, 1);
  if (source.has_value()) {
    TORPOR_ASSIGN_OR_RETURN(temperatures, LoadTemperatures(archive));
    record.samples = source->samples();
    for (const LifLayerShape& shape : resolved_.layers) {
      if (!shape.has_weights()) continue;
      const int64_t places = int64_t{shape.inputs} + (shape.recurrent ? shape.units : 0);
      TORPOR_ASSIGN_OR_RETURN(const std::vector<double> squares,
                              archive.Doubles(RecordName(shape), {places}));
      record.squared_inputs.push_back(Eigen::Map<const Eigen::VectorXd>(
          squares.data(), static_cast<Eigen::Index>(squares.size())));
    }
  }
  parameters_ = std::move(parameters);
  ForgetCalibration();
  loss_ = loss;
  record_ = std::move(record);
  temperatures_ = std::move(temperatures);
  if (source.has_value()) SummariseCalibration(*source);
  return absl::OkStatus();
}

}  // namespace torpor
