#include "engine/rate/model.h"

#include <cmath>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "engine/base/random.h"
#include "engine/base/status.h"
#include "engine/rate/bias_tuner.h"
#include "engine/rate/calibrate.h"
#include "engine/rate/trainer.h"
#include "engine/scaling/synaptic_power.h"

namespace torpor {
namespace {

std::string WeightName(const RateLayerShape& shape) {
  return absl::StrCat("layers/", shape.name, "/weight");
}
std::string BiasName(const RateLayerShape& shape) {
  return absl::StrCat("layers/", shape.name, "/bias");
}
std::string StatisticName(const RateLayerShape& shape, const char* statistic) {
  return absl::StrCat("calibration/", shape.name, "/", statistic);
}

std::span<const double> SpanOf(const Eigen::VectorXd& v) {
  return {v.data(), static_cast<size_t>(v.size())};
}

absl::StatusOr<Eigen::VectorXd> ReadVector(const ArchiveReader& archive, const std::string& name,
                                           int64_t size) {
  TORPOR_ASSIGN_OR_RETURN(std::vector<double> values, archive.Doubles(name, {size}));
  return Eigen::VectorXd(Eigen::Map<const Eigen::VectorXd>(values.data(), size));
}

absl::Status CalibrationRequired(const std::string& what) {
  return WithHelp(WithReason(absl::FailedPreconditionError(absl::StrCat(
                                 what, " needs calibration statistics, and this model has none")),
                             "CALIBRATION_REQUIRED"),
                  "Gather them with `torpor job submit calibrate SESSION --dataset NAME`.");
}

// Scale of each layer's weights.
std::vector<double> EpsilonsOf(const v1::PowerMode& mode,
                               const std::vector<RateLayerShape>& shapes) {
  std::vector<double> epsilons;
  for (const RateLayerShape& shape : shapes) {
    auto own = mode.layer_epsilon().find(shape.name);
    epsilons.push_back(own != mode.layer_epsilon().end() ? own->second
                       : mode.has_epsilon()              ? mode.epsilon()
                                                         : 1.0);
  }
  return epsilons;
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
    layer.weight.resize(shape.units, shape.inputs);
    layer.bias.resize(shape.has_bias ? static_cast<size_t>(shape.units) : 0);
    const float bound = 1.0f / std::sqrt(static_cast<float>(shape.inputs));
    for (int i = 0; i < shape.units; ++i) {
      RandomStream random(seed, RandomPurpose::kInitialisation, static_cast<uint32_t>(l),
                          static_cast<uint64_t>(i));
      for (int j = 0; j < shape.inputs; ++j) {
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

absl::StatusOr<std::unique_ptr<Trainer>> RateModel::NewTrainer(const v1::TrainSpec& spec,
                                                               ThreadPool* pool) {
  return RateTrainer::Create(this, spec, pool);
}

absl::Status RateModel::Calibrate(const Dataset& data, const std::string& data_name,
                                  const std::string& data_digest, ThreadPool* pool,
                                  const Cancellation& cancellation) {
  if (data.features() != features()) {
    return FieldError("dataset", absl::StrCat("samples must have ", features(),
                                              " values for this network, have ", data.features()));
  }
  if (data.size() == 0) return FieldError("samples", "must be at least 1");
  TORPOR_ASSIGN_OR_RETURN(statistics_, CalibrateRate(*Frozen(), data, pool, cancellation));
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
    weight_power.push_back(statistics_[l].mean_squared_input.dot(
        Eigen::Map<const Eigen::VectorXd>(layer.column_power.data(), layer.shape.inputs)));
    bias_power.push_back(BiasPower(layer.bias));
    full_power += weight_power[l] + bias_power[l];
  }
  calibration_.set_full_power(full_power);
  for (size_t l = 0; l < shapes_.size(); ++l) {
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

absl::StatusOr<std::vector<RateLayerDrive>> RateModel::Drives(
    const v1::PowerMode& mode, const v1::Realisation& realisation) const {
  const v1::BiasPolicy::Kind policy = mode.has_bias() ? mode.bias() : v1::BiasPolicy::NONE;
  if (policy == v1::BiasPolicy::TABLE && !calibrated()) {
    return CalibrationRequired("bias: the policy table");
  }
  if (realisation.column_noise() > 0 && !calibrated()) {
    return CalibrationRequired("column_noise: noise");
  }
  if (policy == v1::BiasPolicy::HOMOGENEOUS) {
    std::vector<v1::Activation::Kind> activations;
    for (const RateLayerShape& shape : shapes_) activations.push_back(shape.activation);
    TORPOR_RETURN_IF_ERROR(CheckHomogeneous(levers_.layer_names(), activations));
  }
  const std::vector<double> epsilons = EpsilonsOf(mode, shapes_);
  const TunedBiases* tuned = nullptr;
  if (policy == v1::BiasPolicy::TUNED) {
    TORPOR_ASSIGN_OR_RETURN(tuned, tunings_.Find(epsilons));
  }
  const std::vector<LayerScale> scales = ScalesOf(epsilons);
  std::vector<RateLayerDrive> drives;
  for (size_t l = 0; l < shapes_.size(); ++l) {
    RateLayerDrive drive;
    drive.epsilon = scales[l].epsilon;
    drive.bias = tuned != nullptr
                     ? tuned->bias[l]
                     : ScaledBias(policy, shapes_[l].activation, scales[l], parameters_[l].bias,
                                  calibrated() ? &statistics_[l] : nullptr);
    if (realisation.column_noise() > 0) {
      drive.noise = static_cast<float>(realisation.column_noise() *
                                       calibration_.layers(static_cast<int>(l)).pooled_stddev());
    }
    drives.push_back(std::move(drive));
  }
  return drives;
}

absl::StatusOr<std::shared_ptr<const Deployment>> RateModel::Deploy(
    const v1::PowerMode& mode, const v1::Realisation& realisation) const {
  TORPOR_RETURN_IF_ERROR(levers_.Check(mode));
  TORPOR_RETURN_IF_ERROR(CheckRealisation(realisation));
  TORPOR_ASSIGN_OR_RETURN(std::vector<RateLayerDrive> drives, Drives(mode, realisation));
  v1::PowerMode in_force = mode;
  in_force.set_epsilon(mode.has_epsilon() ? mode.epsilon() : 1.0);
  in_force.set_bias(mode.has_bias() ? mode.bias() : v1::BiasPolicy::NONE);
  const ReadOut read_out{
      .activation = shapes_.back().activation, .loss = loss_, .classes = classes()};
  return std::make_shared<const RateDeployment>(Frozen(), std::move(drives), realisation.seed(),
                                                std::move(in_force), read_out);
}

absl::Status RateModel::CheckTune(const v1::TuneSpec& spec, const v1::PowerMode& start) const {
  TORPOR_RETURN_IF_ERROR(CheckTuneSpec(*this, spec));
  TORPOR_RETURN_IF_ERROR(levers_.Check(start));
  if (start.bias() == v1::BiasPolicy::TUNED) {
    return FieldError("start", "must be a policy with a closed form, got TUNED");
  }
  return Drives(start, v1::Realisation()).status();
}

absl::Status RateModel::Tune(const v1::TuneSpec& spec, const v1::PowerMode& start,
                             const Dataset& data, const std::string& data_digest, ThreadPool* pool,
                             const Cancellation& cancellation, const TuneProgress& progress) {
  TORPOR_RETURN_IF_ERROR(CheckTune(spec, start));
  TORPOR_ASSIGN_OR_RETURN(std::vector<RateLayerDrive> drives, Drives(start, v1::Realisation()));
  std::vector<std::vector<float>> biases;
  for (RateLayerDrive& drive : drives) biases.push_back(std::move(drive.bias));
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
  archive.SetText("loss", v1::Loss::Kind_Name(loss_));
  tunings_.Save(archive);
  if (!calibrated()) return;
  archive.SetText("calibration/dataset", calibration_.dataset());
  archive.SetText("calibration/dataset_digest", calibration_.dataset_digest());
  archive.SetText("calibration/samples", absl::StrCat(calibration_.samples()));
  for (size_t l = 0; l < shapes_.size(); ++l) {
    const RateLayerShape& shape = shapes_[l];
    const LayerStatistics& s = statistics_[l];
    archive.AddDoubles(StatisticName(shape, "mean"), {shape.units}, SpanOf(s.mean));
    archive.AddDoubles(StatisticName(shape, "stddev"), {shape.units}, SpanOf(s.stddev));
    archive.AddDoubles(StatisticName(shape, "active"), {shape.units}, SpanOf(s.active));
    archive.AddDoubles(StatisticName(shape, "mean_squared_input"), {shape.inputs},
                       SpanOf(s.mean_squared_input));
  }
}

absl::Status RateModel::Load(const ArchiveReader& archive) {
  v1::Loss::Kind loss = v1::Loss::UNSPECIFIED;
  if (!v1::Loss::Kind_Parse(archive.Text("loss"), &loss)) {
    return WithReason(absl::DataLossError(absl::StrCat("archive: text \"loss\": no such loss: \"",
                                                       archive.Text("loss"), "\"")),
                      "ARCHIVE_CORRUPT");
  }
  std::vector<RateLayerParameters> parameters;
  TORPOR_RETURN_IF_ERROR(LoadParameters(shapes_, archive, parameters));
  std::vector<LayerStatistics> statistics;
  int64_t samples = 0;
  const std::string samples_text = archive.Text("calibration/samples");
  if (!samples_text.empty()) {
    if (!absl::SimpleAtoi(samples_text, &samples) || samples < 1) {
      return WithReason(absl::DataLossError("archive: text \"calibration/samples\" is not a count"),
                        "ARCHIVE_CORRUPT");
    }
    for (const RateLayerShape& shape : shapes_) {
      LayerStatistics s;
      TORPOR_ASSIGN_OR_RETURN(s.mean,
                              ReadVector(archive, StatisticName(shape, "mean"), shape.units));
      TORPOR_ASSIGN_OR_RETURN(s.stddev,
                              ReadVector(archive, StatisticName(shape, "stddev"), shape.units));
      TORPOR_ASSIGN_OR_RETURN(s.active,
                              ReadVector(archive, StatisticName(shape, "active"), shape.units));
      TORPOR_ASSIGN_OR_RETURN(
          s.mean_squared_input,
          ReadVector(archive, StatisticName(shape, "mean_squared_input"), shape.inputs));
      statistics.push_back(std::move(s));
    }
  }
  TORPOR_RETURN_IF_ERROR(tunings_.Load(archive));
  parameters_ = std::move(parameters);
  statistics_ = std::move(statistics);
  loss_ = loss;
  frozen_.reset();
  calibration_.Clear();
  if (calibrated()) {
    SummariseCalibration(archive.Text("calibration/dataset"),
                         archive.Text("calibration/dataset_digest"), samples);
  }
  return absl::OkStatus();
}

void SaveParameters(const std::vector<RateLayerShape>& shapes,
                    const std::vector<RateLayerParameters>& parameters, ArchiveWriter& archive) {
  for (size_t l = 0; l < shapes.size(); ++l) {
    const RateLayerShape& shape = shapes[l];
    const Matrix& weight = parameters[l].weight;
    archive.AddFloats(WeightName(shape), {shape.units, shape.inputs},
                      {weight.data(), static_cast<size_t>(weight.size())});
    if (shape.has_bias) archive.AddFloats(BiasName(shape), {shape.units}, parameters[l].bias);
  }
}

absl::Status LoadParameters(const std::vector<RateLayerShape>& shapes, const ArchiveReader& archive,
                            std::vector<RateLayerParameters>& parameters) {
  std::vector<RateLayerParameters> read;
  for (const RateLayerShape& shape : shapes) {
    RateLayerParameters layer;
    TORPOR_ASSIGN_OR_RETURN(std::vector<float> weight,
                            archive.Floats(WeightName(shape), {shape.units, shape.inputs}));
    layer.weight = Eigen::Map<const Matrix>(weight.data(), shape.units, shape.inputs);
    if (shape.has_bias) {
      TORPOR_ASSIGN_OR_RETURN(layer.bias, archive.Floats(BiasName(shape), {shape.units}));
    }
    read.push_back(std::move(layer));
  }
  parameters = std::move(read);
  return absl::OkStatus();
}

}  // namespace torpor
