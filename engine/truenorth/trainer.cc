#include "engine/truenorth/trainer.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "engine/base/status.h"
#include "engine/learn/optimizer.h"
#include "engine/learn/train_checks.h"
#include "engine/network/archive_checks.h"
#include "engine/network/diverged.h"
#include "engine/truenorth/model.h"
#include "engine/truenorth/soft_rows.h"

namespace torpor {
namespace {

using Method = v1::TrueNorthTraining::Method;

// What a spec leaves open, as training.proto says.
constexpr double kLearningRate = 1e-2;
constexpr double kBiasRate = 10;
constexpr double kVarianceFloor = 0.25;
constexpr double kLossScale = 15;

double LossScale(const v1::TrueNorthTraining& spec) {
  return spec.has_loss_scale() ? spec.loss_scale() : kLossScale;
}

SoftNetwork NetworkOf(const v1::TrueNorthTraining& spec) {
  return {.probability = spec.method() == Method::PROBABILITY,
          .variance_floor = static_cast<float>(spec.has_variance_floor() ? spec.variance_floor()
                                                                         : kVarianceFloor),
          .loss_scale = static_cast<float>(LossScale(spec))};
}

// The family's schedule where the spec says none.
v1::TrainSpec Scheduled(v1::TrainSpec spec) {
  FillSchedule(v1::Schedule::COSINE, spec);
  return spec;
}

void CheckPositive(const char* path, bool given, double value, Violations& violations) {
  // Written so that NaN fails; what float cannot hold is as bad as infinity.
  if (given && !(value > 0 && std::isfinite(static_cast<float>(value)))) {
    violations.Add(path, absl::StrCat("must be above 0 and finite, got ", value));
  }
}

GridParameters Zeros(const GridPlan& plan) {
  GridParameters grid;
  for (const CoreLayerPlan& layer : plan.layers) {
    std::vector<CoreParameters>& cores = grid.emplace_back();
    for (const CorePlan& core : layer.cores) {
      cores.push_back({Matrix::Zero(core.neurons, core.axons()),
                       std::vector<float>(static_cast<size_t>(core.neurons))});
    }
  }
  return grid;
}

std::string CoreName(const char* what, const CoreLayerPlan& layer, size_t core) {
  return absl::StrCat(what, "/", layer.name, "/", core, "/");
}

// Another grid than the model's own, with `what` for "layers".
void SaveAs(const char* what, const GridPlan& plan, const GridParameters& grid,
            ArchiveWriter& archive) {
  for (size_t l = 0; l < grid.size(); ++l) {
    for (size_t c = 0; c < grid[l].size(); ++c) {
      const CoreParameters& core = grid[l][c];
      const std::string name = CoreName(what, plan.layers[l], c);
      archive.AddFloats(name + "connection", {core.connection.rows(), core.connection.cols()},
                        {core.connection.data(), static_cast<size_t>(core.connection.size())});
      archive.AddFloats(name + "leak", {static_cast<int64_t>(core.leak.size())}, core.leak);
    }
  }
}

absl::StatusOr<GridParameters> LoadAs(const char* what, const GridPlan& plan,
                                      const ArchiveReader& archive) {
  GridParameters grid = Zeros(plan);
  for (size_t l = 0; l < grid.size(); ++l) {
    for (size_t c = 0; c < grid[l].size(); ++c) {
      CoreParameters& core = grid[l][c];
      const std::string name = CoreName(what, plan.layers[l], c);
      TORPOR_ASSIGN_OR_RETURN(
          const std::vector<float> connection,
          archive.Floats(name + "connection", {core.connection.rows(), core.connection.cols()}));
      std::copy(connection.begin(), connection.end(), core.connection.data());
      TORPOR_ASSIGN_OR_RETURN(
          core.leak, archive.Floats(name + "leak", {static_cast<int64_t>(core.leak.size())}));
    }
  }
  return grid;
}

std::span<float> RowOf(Matrix& m, int row) {
  return {m.row(row).data(), static_cast<size_t>(m.cols())};
}

}  // namespace

absl::Status TrueNorthTrainer::Check(const v1::TrainSpec& spec) {
  Violations violations;
  CheckLoss(spec.loss(), {v1::Loss::CE}, "loss", violations);
  CheckOptimizer(spec.optimizer(), {v1::Optimizer::ADAM}, "optimizer", violations);
  // With SGD, which is refused above, momentum is a default that the user did not write.
  if (spec.has_momentum() && spec.optimizer() != v1::Optimizer::SGD) {
    violations.Add("momentum", "is for the optimizer SGD alone");
  }
  CheckSchedule(spec, "", violations);
  CheckFamilySettings(spec, v1::Network::kTruenorth, violations);
  CheckPositive("learning_rate", spec.has_learning_rate(), spec.learning_rate(), violations);
  if (spec.batch_size() < 0 || spec.batch_size() > 65536) {
    violations.Add("batch_size", absl::StrCat("must be in 1..65536, got ", spec.batch_size()));
  }
  const v1::TrueNorthTraining& own = spec.truenorth();
  if (!Method::Kind_IsValid(own.method())) {
    violations.Add("truenorth.method", "must be one of BINARY, PROBABILITY");
  }
  CheckPositive("truenorth.bias_rate", own.has_bias_rate(), own.bias_rate(), violations);
  CheckPositive("truenorth.variance_floor", own.has_variance_floor(), own.variance_floor(),
                violations);
  CheckPositive("truenorth.loss_scale", own.has_loss_scale(), own.loss_scale(), violations);
  if (own.has_averaging() && !(own.averaging() >= 0 && own.averaging() < 1)) {
    violations.Add("truenorth.averaging", absl::StrCat("must be in [0, 1), got ", own.averaging()));
  }
  return violations.ToStatus();
}

absl::StatusOr<std::unique_ptr<Trainer>> TrueNorthTrainer::Create(TrueNorthModel* model,
                                                                  const v1::TrainSpec& spec,
                                                                  ThreadPool* pool) {
  TORPOR_RETURN_IF_ERROR(Check(spec));
  return std::unique_ptr<Trainer>(new TrueNorthTrainer(model, spec, pool));
}

TrueNorthTrainer::TrueNorthTrainer(TrueNorthModel* model, const v1::TrainSpec& spec,
                                   ThreadPool* pool)
    : model_(model),
      pool_(pool),
      pass_(model->plan(), NetworkOf(spec.truenorth()), pool),
      rate_(Scheduled(spec), spec.has_learning_rate() ? spec.learning_rate() : kLearningRate),
      method_(spec.truenorth().method() == Method::PROBABILITY ? Method::PROBABILITY
                                                               : Method::BINARY),
      loss_scale_(LossScale(spec.truenorth())),
      bias_rate_(spec.truenorth().has_bias_rate() ? spec.truenorth().bias_rate() : kBiasRate),
      averaging_(spec.truenorth().averaging()),
      first_(Zeros(model->plan())),
      second_(first_) {
  if (averaging_ > 0) last_ = model->parameters();
}

absl::Status TrueNorthTrainer::CheckBatch(const Batch& batch) const {
  if (batch.inputs.cols() != model_->features()) {
    return FieldError("dataset",
                      absl::StrCat("samples must have ", model_->features(),
                                   " values for this network, have ", batch.inputs.cols()));
  }
  TORPOR_CHECK(batch.inputs.rows() >= 1 &&
               static_cast<Eigen::Index>(batch.labels.size()) == batch.inputs.rows());
  for (const int32_t label : batch.labels) {
    if (label < 0 || label >= model_->classes()) {
      return FieldError("dataset", absl::StrCat("labels must be in 0..", model_->classes() - 1,
                                                " for this network, got ", label));
    }
  }
  return absl::OkStatus();
}

absl::Status TrueNorthTrainer::Step(const Batch& batch, StepReport& report) {
  TORPOR_RETURN_IF_ERROR(CheckBatch(batch));
  GridParameters& deployed = model_->MutableParameters(v1::Loss::CE, loss_scale_);
  GridParameters& live = averaging_ > 0 ? last_ : deployed;
  StepReport step;
  pass_.Run(live, batch, step);
  if (!std::isfinite(step.loss)) {
    return Diverged(absl::StrCat("training diverged: the loss is not finite at step ", step_ + 1));
  }
  ++step_;
  const double rate = rate_.At(batch.progress);
  const std::vector<CoreBlock>& blocks = pass_.blocks();
  pool_->ParallelFor(static_cast<int>(blocks.size()),
                     [&](int i) { Update(blocks[static_cast<size_t>(i)], rate, live, deployed); });
  report.loss += step.loss;
  report.correct += step.correct;
  report.samples += step.samples;
  return absl::OkStatus();
}

void TrueNorthTrainer::Update(const CoreBlock& block, double rate, GridParameters& live,
                              GridParameters& deployed) {
  const auto core_of = [&block](GridParameters& grid) -> CoreParameters& {
    return grid[static_cast<size_t>(block.layer)][static_cast<size_t>(block.core)];
  };
  CoreParameters& core = core_of(live);
  CoreParameters& average = core_of(deployed);
  CoreParameters& first = core_of(first_);
  CoreParameters& second = core_of(second_);
  const Eigen::Index axons = core.connection.cols();
  const size_t at = static_cast<size_t>(block.first), count = static_cast<size_t>(block.count);
  pass_.WithGradient(live, block, [&](MatrixView connection, std::span<float> leak) {
    const AdamStep connections(rate, step_);
    // Of the averages over all steps so far: the share of the last one (Kingma and Ba's correction
    // for a beginning at nothing).
    const float share = static_cast<float>(
        averaging_ > 0 ? (1 - averaging_) / (1 - std::pow(averaging_, static_cast<double>(step_)))
                       : 0);
    for (int j = 0; j < block.count; ++j) {
      const int row = block.first + j;
      AdamUpdate(connections, {&connection(j, 0), static_cast<size_t>(axons)},
                 RowOf(core.connection, row), RowOf(first.connection, row),
                 RowOf(second.connection, row));
      ClampToUnit(axons, &core.connection(row, 0));
      if (averaging_ > 0) {
        MoveAverage(&core.connection(row, 0), share, axons, &average.connection(row, 0));
      }
    }
    AdamUpdate(AdamStep(rate * bias_rate_, step_), leak, {&core.leak[at], count},
               {&first.leak[at], count}, {&second.leak[at], count});
    if (averaging_ > 0) MoveAverage(&core.leak[at], share, block.count, &average.leak[at]);
  });
}

void TrueNorthTrainer::Save(ArchiveWriter& archive) const {
  const GridPlan& plan = model_->plan();
  archive.SetText("method", Method::Kind_Name(method_));
  archive.SetText("step", absl::StrCat(step_));
  SaveGrid(plan, model_->parameters(), archive);
  SaveAs("last", plan, last_, archive);
  SaveAs("optimizer/first", plan, first_, archive);
  SaveAs("optimizer/second", plan, second_, archive);
  archive.SetText("averaging", absl::StrCat(averaging_));
}

absl::Status TrueNorthTrainer::Load(const ArchiveReader& archive) {
  const GridPlan& plan = model_->plan();
  int64_t step = 0;
  if (!absl::SimpleAtoi(archive.Text("step"), &step) || step < 0) {
    return CorruptArchive("text \"step\" is not a count");
  }
  if (archive.Text("method") != Method::Kind_Name(method_) ||
      archive.Text("averaging") != absl::StrCat(averaging_)) {
    return absl::FailedPreconditionError(
        absl::StrCat("checkpoint: made with method ", archive.Text("method"), " and averaging ",
                     archive.Text("averaging"), ", this run uses ", Method::Kind_Name(method_),
                     " and ", averaging_));
  }
  TORPOR_ASSIGN_OR_RETURN(GridParameters deployed, LoadGrid(plan, archive));
  TORPOR_ASSIGN_OR_RETURN(GridParameters first, LoadAs("optimizer/first", plan, archive));
  TORPOR_ASSIGN_OR_RETURN(GridParameters second, LoadAs("optimizer/second", plan, archive));
  if (averaging_ > 0) {
    TORPOR_ASSIGN_OR_RETURN(last_, LoadAs("last", plan, archive));
  }
  model_->MutableParameters(v1::Loss::CE, loss_scale_) = std::move(deployed);
  first_ = std::move(first);
  second_ = std::move(second);
  step_ = step;
  return absl::OkStatus();
}

}  // namespace torpor
