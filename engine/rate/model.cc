#include "engine/rate/model.h"

#include <cmath>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/base/random.h"
#include "engine/base/status.h"
#include "engine/learn/histogram.h"
#include "engine/learn/schedule.h"
#include "engine/network/calibration_archive.h"
#include "engine/network/data_run.h"
#include "engine/network/weight_density.h"
#include "engine/rate/bias_tuner.h"
#include "engine/rate/calibrate.h"
#include "engine/rate/levers.h"
#include "engine/rate/trainer.h"
#include "engine/scaling/statistics_archive.h"
#include "engine/scaling/synaptic_power.h"

namespace torpor {
namespace {

std::string WeightName(const RateLayerShape& shape) {
  return absl::StrCat("layers/", shape.name, "/weight");
}
// As other frameworks have it: [units, inputs] or [channels, input channels, height, width].
std::vector<int64_t> WeightShape(const RateLayerShape& shape) {
  if (shape.kind != RateLayerKind::kConv2d) return {shape.units, shape.fan_in};
  return {shape.units, shape.input_image.channels, shape.kernel.height, shape.kernel.width};
}
std::string BiasName(const RateLayerShape& shape) {
  return absl::StrCat("layers/", shape.name, "/bias");
}
std::string StatisticsPrefix(const RateLayerShape& shape) {
  return absl::StrCat("calibration/", shape.name);
}

// Of the layers that have weights, in order, whose statistics the archive holds.
std::vector<StatisticsShape> StatisticsShapes(const std::vector<RateLayerShape>& shapes) {
  std::vector<StatisticsShape> all;
  int64_t before = 0;
  for (const RateLayerShape& shape : shapes) {
    StatisticsShape& own = all.emplace_back();
    if (!shape.has_weights()) continue;
    own.units = shape.units;
    own.inputs = shape.inputs;
    own.fan_in = before > 0 ? shape.fan_in : 0;
    own.units_before = before;
    before = shape.units;
  }
  return all;
}

std::string DigestOf(const std::vector<RateLayerParameters>& parameters) {
  ParametersDigest digest;
  for (const RateLayerParameters& layer : parameters) {
    digest.Add({layer.weight.data(), static_cast<size_t>(layer.weight.size())});
    digest.Add(layer.bias);
  }
  return digest.FinishHex();
}

std::vector<TunedLayer> TunedLayersOf(const std::vector<RateLayerShape>& shapes) {
  std::vector<TunedLayer> layers;
  for (const RateLayerShape& shape : shapes) {
    layers.push_back({shape.name, shape.has_weights(), shape.biases()});
  }
  return layers;
}

}  // namespace

RateModel::RateModel(v1::Network definition, std::vector<RateLayerShape> shapes)
    : definition_(std::move(definition)),
      shapes_(std::move(shapes)),
      levers_(RateLevers(shapes_)),
      tunings_(TunedLayersOf(shapes_)) {}

absl::StatusOr<std::unique_ptr<Model>> RateModel::Build(const v1::Network& network, uint64_t seed) {
  TORPOR_ASSIGN_OR_RETURN(std::vector<RateLayerShape> shapes, ResolveRateNetwork(network));
  std::unique_ptr<RateModel> model(new RateModel(network, std::move(shapes)));
  model->Initialise(seed);
  return std::unique_ptr<Model>(std::move(model));
}

v1::NetworkDescription RateModel::Describe() const {
  return DescribeRateNetwork(definition_, shapes_);
}

void RateModel::Initialise(uint64_t seed) {
  parameters_.resize(shapes_.size());
  for (size_t l = 0; l < shapes_.size(); ++l) {
    const RateLayerShape& shape = shapes_[l];
    RateLayerParameters& layer = parameters_[l];
    layer.weight.resize(shape.units, shape.fan_in);
    layer.bias.resize(shape.has_bias ? static_cast<size_t>(shape.units) : 0);
    const float bound = 1.0f / std::sqrt(static_cast<float>(shape.fan_in));
    for (int i = 0; i < shape.units; ++i) {
      RandomStream random(seed, RandomPurpose::kInitialisation, static_cast<uint32_t>(l),
                          static_cast<uint64_t>(i));
      for (int j = 0; j < shape.fan_in; ++j) {
        layer.weight(i, j) = bound * (2 * random.NextFloat() - 1);
      }
      if (shape.has_bias) {
        layer.bias[static_cast<size_t>(i)] = bound * (2 * random.NextFloat() - 1);
      }
    }
  }
  frozen_.reset();
  ForgetCalibration();
  tunings_.Clear();
  loss_ = v1::Loss::UNSPECIFIED;
}

absl::StatusOr<std::vector<v1::WeightArray>> RateModel::WeightArrays(
    std::optional<int> bits) const {
  std::vector<v1::WeightArray> arrays;
  for (size_t l = 0; l < shapes_.size(); ++l) {
    const RateLayerShape& shape = shapes_[l];
    if (!shape.has_weights()) continue;
    v1::WeightArray& array = arrays.emplace_back();
    array.set_name(shape.name);
    if (shape.kind == RateLayerKind::kConv2d) {
      v1::WeightArray::Conv2dShape& conv = *array.mutable_conv2d();
      conv.set_height(shape.input_image.height);
      conv.set_width(shape.input_image.width);
      conv.set_kernel_height(shape.kernel.height);
      conv.set_kernel_width(shape.kernel.width);
      conv.set_input_channels(shape.input_image.channels);
      conv.set_output_channels(shape.units);
      conv.set_places(shape.places);
    } else {
      array.mutable_dense()->set_inputs(shape.fan_in);
      array.mutable_dense()->set_outputs(shape.units);
    }
    array.set_bits(bits.value_or(32));
    const Matrix& weight = parameters_[l].weight;
    const std::span<const float> values(weight.data(), static_cast<size_t>(weight.size()));
    array.set_density(bits.has_value() ? SymmetricDensity(values, *bits) : Density(values));
  }
  return arrays;
}

v1::WeightAnalysis RateModel::AnalyzeWeights() const {
  v1::WeightAnalysis analysis;
  for (size_t l = 0; l < shapes_.size(); ++l) {
    if (!shapes_[l].has_weights()) continue;
    v1::LayerWeights& layer = *analysis.add_layers();
    layer.set_name(shapes_[l].name);
    const Matrix& weight = parameters_[l].weight;
    *layer.mutable_weights() = HistogramOf({weight.data(), static_cast<size_t>(weight.size())});
    if (!parameters_[l].bias.empty()) *layer.mutable_biases() = HistogramOf(parameters_[l].bias);
  }
  return analysis;
}

void RateModel::FillTrainDefaults(v1::TrainSpec& spec) const {
  if (spec.loss() == v1::Loss::UNSPECIFIED) spec.set_loss(v1::Loss::BCE);
  if (!spec.has_learning_rate()) spec.set_learning_rate(1e-3);
  if (spec.batch_size() == 0) spec.set_batch_size(128);
  FillSchedule(v1::Schedule::CONSTANT, spec);
}

absl::StatusOr<std::unique_ptr<Trainer>> RateModel::NewTrainer(const v1::TrainSpec& spec,
                                                               ThreadPool* pool) {
  return RateTrainer::Create(this, spec, pool);
}

absl::Status RateModel::Calibrate(const Dataset& data, const std::string& data_name,
                                  const std::string& data_digest, ThreadPool* pool,
                                  const Cancellation& cancellation) {
  TORPOR_RETURN_IF_ERROR(CheckSamples(data, features()));
  TORPOR_ASSIGN_OR_RETURN(statistics_,
                          CalibrateRate(shapes_, parameters_, loss_, data, pool, cancellation));
  SummariseCalibration(data_name, data_digest, data.size());
  return absl::OkStatus();
}

void RateModel::ForgetCalibration() {
  statistics_.clear();
  calibration_.Clear();
}

void RateModel::SummariseCalibration(const std::string& data_name, const std::string& data_digest,
                                     int64_t samples) {
  calibration_.Clear();
  calibration_.set_dataset(data_name);
  calibration_.set_dataset_digest(data_digest);
  calibration_.set_samples(samples);
  const std::shared_ptr<const FrozenWeights> frozen = Frozen();
  std::vector<double> weight_power;
  std::vector<double> bias_power;
  double full_power = 0;
  for (size_t l = 0; l < shapes_.size(); ++l) {
    const FrozenLayer& layer = frozen->layers[l];
    if (!layer.shape.has_weights()) {
      weight_power.push_back(0);
      bias_power.push_back(0);
      continue;
    }
    weight_power.push_back(statistics_[l].mean_squared_input.dot(
        Eigen::Map<const Eigen::VectorXd>(layer.column_power.data(), layer.shape.inputs)));
    bias_power.push_back(BiasPower(layer.bias) * layer.shape.places);
    full_power += weight_power[l] + bias_power[l];
  }
  calibration_.set_full_power(full_power);
  for (size_t l = 0; l < shapes_.size(); ++l) {
    if (!shapes_[l].has_weights()) continue;
    v1::LayerCalibration& layer = *calibration_.add_layers();
    layer.set_name(shapes_[l].name);
    layer.set_pooled_stddev(statistics_[l].PooledStddev());
    // Black images into a layer without bias draw nothing; shares of nothing are zero.
    if (full_power > 0) {
      layer.set_weight_power(weight_power[l] / full_power);
      layer.set_bias_power(bias_power[l] / full_power);
    }
  }
}

Recorder RateModel::FullPowerRecord() const {
  Recorder record;
  if (!calibrated()) return record;
  record.samples = calibration_.samples();
  for (const LayerStatistics& layer : statistics_) {
    record.squared_inputs.push_back(layer.mean_squared_input * static_cast<double>(record.samples));
  }
  return record;
}

double RateModel::FullPower(const v1::Realisation& realisation) const {
  if (!calibrated() || realisation.off_conductance() == 0) return calibration_.full_power();
  v1::Realisation quiet = realisation;
  quiet.clear_column_noise();
  const auto full = Deploy(v1::PowerMode(), quiet);
  TORPOR_CHECK(full.ok());
  return (*full)->NominalSynapticPower(FullPowerRecord());
}

absl::StatusOr<RateMode> RateModel::Resolve(const v1::PowerMode& mode,
                                            const v1::Realisation& realisation) const {
  return ResolveRateMode({shapes_, parameters_, statistics_, tunings_}, mode, realisation);
}

absl::StatusOr<std::shared_ptr<const Deployment>> RateModel::Deploy(
    const v1::PowerMode& mode, const v1::Realisation& realisation) const {
  TORPOR_RETURN_IF_ERROR(levers_.Check(mode));
  TORPOR_RETURN_IF_ERROR(CheckHardware(realisation));
  TORPOR_ASSIGN_OR_RETURN(RateMode resolved, Resolve(mode, realisation));
  const ReadOut read_out{
      .activation = shapes_.back().activation, .loss = loss_, .classes = classes()};
  return std::make_shared<const RateDeployment>(Frozen(), std::move(resolved.drives),
                                                realisation.seed(), std::move(resolved.in_force),
                                                read_out, /*metered=*/true, resolved.output);
}

absl::Status RateModel::CheckTune(const v1::TuneSpec& spec, const v1::PowerMode& start) const {
  TORPOR_RETURN_IF_ERROR(CheckTuneSpec(*this, spec));
  TORPOR_RETURN_IF_ERROR(levers_.Check(start));
  if (start.bias() == v1::BiasPolicy::TUNED) {
    return FieldError("start", "must be a policy with a closed form, got TUNED");
  }
  return Resolve(start, v1::Realisation()).status();
}

absl::Status RateModel::Tune(const v1::TuneSpec& spec, const v1::PowerMode& start,
                             const Dataset& data, const std::string& data_digest, ThreadPool* pool,
                             const Cancellation& cancellation, const TuneProgress& progress) {
  TORPOR_RETURN_IF_ERROR(CheckTune(spec, start));
  TORPOR_ASSIGN_OR_RETURN(RateMode resolved, Resolve(start, v1::Realisation()));
  std::vector<std::vector<float>> biases;
  for (RateLayerDrive& drive : resolved.drives) biases.push_back(std::move(drive.bias));
  const v1::TuneSpec complete = CompleteTuneSpec(*this, spec);
  const bool newton = complete.method() == v1::TuneSpec::Method::NEWTON;
  TunedBiases tuned;
  tuned.epsilon = EpsilonsOf(start, shapes_);
  TORPOR_ASSIGN_OR_RETURN(tuned.bias, TuneBiases(*this, complete, tuned.epsilon, std::move(biases),
                                                 data, pool, cancellation, progress));
  tuned.start = start.has_bias() ? start.bias() : v1::BiasPolicy::NONE;
  tuned.loss = complete.loss();
  tuned.method = newton ? "newton" : "adam";
  tuned.epochs = newton ? 0 : complete.epochs();
  tuned.dataset_digest = data_digest;
  tuned.samples = data.size();
  tunings_.Put(std::move(tuned));
  return absl::OkStatus();
}

std::vector<RateLayerParameters>& RateModel::MutableParameters(v1::Loss::Kind loss) {
  frozen_.reset();
  if (calibrated()) ForgetCalibration();
  tunings_.Clear();
  loss_ = loss;
  return parameters_;
}

std::shared_ptr<const FrozenWeights> RateModel::Frozen() const {
  if (frozen_ == nullptr) frozen_ = Freeze(shapes_, parameters_);
  return frozen_;
}

void RateModel::Save(ArchiveWriter& archive) const {
  SaveParameters(shapes_, parameters_, archive);
  SaveLoss(loss_, archive);
  tunings_.Save(archive);
  if (!calibrated()) return;
  SaveCalibrationSource(calibration_, DigestOf(parameters_), archive);
  for (size_t l = 0; l < shapes_.size(); ++l) {
    if (shapes_[l].has_weights()) {
      SaveStatistics(statistics_[l], StatisticsPrefix(shapes_[l]), archive);
    }
  }
}

absl::Status RateModel::Load(const ArchiveReader& archive) {
  TORPOR_ASSIGN_OR_RETURN(const v1::Loss::Kind loss,
                          LoadLoss(archive, {v1::Loss::BCE, v1::Loss::MSE, v1::Loss::CE}));
  std::vector<RateLayerParameters> parameters;
  TORPOR_RETURN_IF_ERROR(LoadParameters(shapes_, archive, parameters));
  std::vector<LayerStatistics> statistics;
  TORPOR_ASSIGN_OR_RETURN(const std::optional<v1::Calibration> source,
                          LoadCalibrationSource(archive, DigestOf(parameters)));
  if (source.has_value()) {
    const std::vector<StatisticsShape> wanted = StatisticsShapes(shapes_);
    for (size_t l = 0; l < shapes_.size(); ++l) {
      statistics.emplace_back();
      if (!shapes_[l].has_weights()) continue;
      TORPOR_ASSIGN_OR_RETURN(statistics.back(),
                              LoadStatistics(archive, StatisticsPrefix(shapes_[l]), wanted[l]));
    }
  }
  TORPOR_RETURN_IF_ERROR(tunings_.Load(archive));
  parameters_ = std::move(parameters);
  statistics_ = std::move(statistics);
  loss_ = loss;
  frozen_.reset();
  calibration_.Clear();
  if (source.has_value()) {
    SummariseCalibration(source->dataset(), source->dataset_digest(), source->samples());
  }
  return absl::OkStatus();
}

void SaveParameters(const std::vector<RateLayerShape>& shapes,
                    const std::vector<RateLayerParameters>& parameters, ArchiveWriter& archive) {
  for (size_t l = 0; l < shapes.size(); ++l) {
    const RateLayerShape& shape = shapes[l];
    if (!shape.has_weights()) continue;
    const Matrix& weight = parameters[l].weight;
    archive.AddFloats(WeightName(shape), WeightShape(shape),
                      {weight.data(), static_cast<size_t>(weight.size())});
    if (shape.has_bias) archive.AddFloats(BiasName(shape), {shape.units}, parameters[l].bias);
  }
}

absl::Status LoadParameters(const std::vector<RateLayerShape>& shapes, const ArchiveReader& archive,
                            std::vector<RateLayerParameters>& parameters) {
  std::vector<RateLayerParameters> read;
  for (const RateLayerShape& shape : shapes) {
    RateLayerParameters& layer = read.emplace_back();
    if (!shape.has_weights()) continue;
    TORPOR_ASSIGN_OR_RETURN(std::vector<float> weight,
                            archive.Floats(WeightName(shape), WeightShape(shape)));
    layer.weight = Eigen::Map<const Matrix>(weight.data(), shape.units, shape.fan_in);
    if (shape.has_bias) {
      TORPOR_ASSIGN_OR_RETURN(layer.bias, archive.Floats(BiasName(shape), {shape.units}));
    }
  }
  parameters = std::move(read);
  return absl::OkStatus();
}

}  // namespace torpor
