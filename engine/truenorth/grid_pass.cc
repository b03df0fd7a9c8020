#include "engine/truenorth/grid_pass.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <mutex>
#include <utility>

#include "engine/base/status.h"
#include "engine/learn/loss.h"
#include "engine/learn/metrics.h"
#include "engine/truenorth/firing.h"
#include "engine/truenorth/soft_rows.h"

namespace torpor {
namespace {

// Neurons or axons of one block of a layer's work: wide products run best; layers of few cores are
// cut finer, so that several threads find work.
constexpr int kWideBlock = 128;
constexpr int kFineBlock = 64;
constexpr size_t kFewCores = 4;
// Samples of one task of the loss.
constexpr Eigen::Index kLossSamples = 16;

MatrixView Columns(Matrix& m, Eigen::Index rows, Eigen::Index first, Eigen::Index count) {
  return MatrixView(m.data() + first, rows, count, Eigen::OuterStride<>(m.cols()));
}

ConstMatrixView ConstColumns(const Matrix& m, Eigen::Index rows, Eigen::Index first,
                             Eigen::Index count) {
  return ConstMatrixView(m.data() + first, rows, count, Eigen::OuterStride<>(m.cols()));
}

ConstMatrixView AsConst(const MatrixView& m) {
  return ConstMatrixView(m.data(), m.rows(), m.cols(), Eigen::OuterStride<>(m.outerStride()));
}

std::span<float> RowSpan(MatrixView m, Eigen::Index row) {
  return {m.data() + row * m.outerStride(), static_cast<size_t>(m.cols())};
}

// A stretch of axons that listens to consecutive lines.
struct AxonRun {
  int axon = 0;
  int line = 0;
  int count = 0;
};

}  // namespace

struct GridPass::Core {
  const CorePlan* plan = nullptr;
  std::vector<AxonRun> runs;
  // Rows of strengths, one a table in use; and each neuron's.
  Matrix tables;
  std::vector<int> table_of;
  // Of the batch [samples x axons]: x, and x - x^2 (binary) or x^2 (probability).
  Matrix x, second;
};

struct GridPass::Layer {
  std::vector<Core> cores;
  // This layer's share of GridPass::blocks_, and the blocks of its axons for the way back.
  std::vector<CoreBlock> neuron_blocks, axon_blocks;
  // [samples x neurons]: n; dn/dmu until Run comes back, dL/dmu after; likewise by the variance,
  // with probabilities.
  Matrix output, delta, variance_delta;
};

// Memory for one block in work.
struct GridPass::Scratch {
  std::array<Matrix, 5> matrices;
  // The first [rows x columns] of matrix i.
  MatrixView Take(size_t i, Eigen::Index rows, Eigen::Index columns) {
    Matrix& m = matrices[i];
    if (m.size() < rows * columns) m.resize(1, rows * columns);
    return MatrixView(m.data(), rows, columns, Eigen::OuterStride<>(columns));
  }
};

struct GridPass::Crossbar {
  MatrixView w, ws, squared;
};

// What the next block uses again. Thread-safe.
class GridPass::ScratchPool {
 public:
  // Lends a scratch while `body` runs.
  template <typename Body>
  void With(const Body& body) {
    std::unique_ptr<Scratch> scratch;
    {
      std::lock_guard lock(mutex_);
      if (!waiting_.empty()) {
        scratch = std::move(waiting_.back());
        waiting_.pop_back();
      }
    }
    if (scratch == nullptr) scratch = std::make_unique<Scratch>();
    body(*scratch);
    std::lock_guard lock(mutex_);
    waiting_.push_back(std::move(scratch));
  }

 private:
  std::mutex mutex_;
  std::vector<std::unique_ptr<Scratch>> waiting_;
};

GridPass::GridPass(const GridPlan& plan, const SoftNetwork& network, ThreadPool* pool)
    : plan_(plan),
      network_(network),
      pool_(pool),
      layers_(plan.layers.size()),
      scratch_(std::make_unique<ScratchPool>()) {
  for (size_t l = 0; l < layers_.size(); ++l) {
    const CoreLayerPlan& layer = plan.layers[l];
    const int width = layer.cores.size() < kFewCores ? kFineBlock : kWideBlock;
    for (size_t c = 0; c < layer.cores.size(); ++c) {
      const auto cut = [&](int total, std::vector<CoreBlock>& blocks) {
        for (int first = 0; first < total; first += width) {
          blocks.push_back(
              {static_cast<int>(l), static_cast<int>(c), first, std::min(width, total - first)});
        }
      };
      cut(layer.cores[c].neurons, layers_[l].neuron_blocks);
      cut(layer.cores[c].axons(), layers_[l].axon_blocks);
      layers_[l].cores.push_back(Prepare(layer.cores[c]));
    }
    blocks_.insert(blocks_.end(), layers_[l].neuron_blocks.begin(), layers_[l].neuron_blocks.end());
  }
}

GridPass::~GridPass() = default;

GridPass::Core GridPass::Prepare(const CorePlan& plan) const {
  Core core;
  core.plan = &plan;
  for (int i = 0; i < plan.axons(); ++i) {
    const int line = plan.sources[static_cast<size_t>(i)];
    if (core.runs.empty() || core.runs.back().line + core.runs.back().count != line) {
      core.runs.push_back({i, line, 0});
    }
    ++core.runs.back().count;
  }
  std::map<std::vector<int8_t>, int> rows;
  for (int j = 0; j < plan.neurons; ++j) {
    const auto [row, fresh] = rows.emplace(StrengthTable(plan_.strengths, j, plan_.classes),
                                           static_cast<int>(rows.size()));
    core.table_of.push_back(row->second);
  }
  core.tables.resize(static_cast<Eigen::Index>(rows.size()), plan.axons());
  for (const auto& [table, row] : rows) {
    for (int i = 0; i < plan.axons(); ++i) {
      core.tables(row, i) = table[static_cast<size_t>(i % kAxonTypes)];
    }
  }
  return core;
}

std::span<const float> GridPass::StrengthsOf(const Core& core, int neuron) {
  return {core.tables.row(core.table_of[static_cast<size_t>(neuron)]).data(),
          static_cast<size_t>(core.tables.cols())};
}

void GridPass::Reserve(Eigen::Index samples) {
  if (layers_.front().output.rows() >= samples) return;
  for (size_t l = 0; l < layers_.size(); ++l) {
    Layer& layer = layers_[l];
    const Eigen::Index neurons = plan_.layers[l].neurons;
    layer.output.resize(samples, neurons);
    layer.delta.resize(samples, neurons);
    if (network_.probability) layer.variance_delta.resize(samples, neurons);
    for (Core& core : layer.cores) {
      core.x.resize(samples, core.plan->axons());
      core.second.resize(samples, core.plan->axons());
    }
  }
}

void GridPass::Run(const GridParameters& parameters, const Batch& batch, StepReport& report) {
  samples_ = batch.inputs.rows();
  Reserve(samples_);
  for (size_t l = 0; l < layers_.size(); ++l) {
    Layer& layer = layers_[l];
    const ConstMatrixView below = l == 0 ? batch.inputs : Rows(layers_[l - 1].output, 0, samples_);
    pool_->ParallelFor(static_cast<int>(layer.cores.size()),
                       [&](int c) { Gather(layer.cores[static_cast<size_t>(c)], below); });
    pool_->ParallelFor(static_cast<int>(layer.neuron_blocks.size()), [&](int b) {
      Fire(parameters, layer.neuron_blocks[static_cast<size_t>(b)]);
    });
  }
  Loss(batch, report);
  for (size_t l = layers_.size() - 1; l > 0; --l) {
    const std::vector<CoreBlock>& blocks = layers_[l].axon_blocks;
    pool_->ParallelFor(static_cast<int>(blocks.size()),
                       [&](int b) { Back(parameters, blocks[static_cast<size_t>(b)]); });
  }
}

void GridPass::Gather(Core& core, ConstMatrixView below) const {
  for (Eigen::Index p = 0; p < samples_; ++p) {
    const float* from = below.data() + p * below.outerStride();
    for (const AxonRun& run : core.runs) {
      ClampedInputs(from + run.line, run.count, network_.probability, &core.x(p, run.axon),
                    &core.second(p, run.axon));
    }
  }
}

GridPass::Crossbar GridPass::Weights(const GridParameters& parameters, const CoreBlock& neurons,
                                     int first_axon, int axons, Scratch& scratch) const {
  const Core& core =
      layers_[static_cast<size_t>(neurons.layer)].cores[static_cast<size_t>(neurons.core)];
  const Matrix& c =
      parameters[static_cast<size_t>(neurons.layer)][static_cast<size_t>(neurons.core)].connection;
  Crossbar crossbar = {scratch.Take(0, neurons.count, axons), scratch.Take(1, neurons.count, axons),
                       scratch.Take(2, network_.probability ? neurons.count : 0, axons)};
  for (int j = 0; j < neurons.count; ++j) {
    const float* from = &c(neurons.first + j, first_axon);
    const float* s = StrengthsOf(core, neurons.first + j).data() + first_axon;
    float* w = &crossbar.w(j, 0);
    float* ws = &crossbar.ws(j, 0);
    if (network_.probability) {
      ProbableSites(from, s, axons, w, ws, &crossbar.squared(j, 0));
    } else {
      BinarySites(from, s, axons, w, ws);
    }
  }
  return crossbar;
}

void GridPass::Fire(const GridParameters& parameters, const CoreBlock& block) {
  Layer& layer = layers_[static_cast<size_t>(block.layer)];
  const Core& core = layer.cores[static_cast<size_t>(block.core)];
  const std::vector<float>& leak =
      parameters[static_cast<size_t>(block.layer)][static_cast<size_t>(block.core)].leak;
  const Eigen::Index at = core.plan->first_neuron + block.first;
  const MatrixView mean = Columns(layer.output, samples_, at, block.count);
  const MatrixView variance = Columns(layer.delta, samples_, at, block.count);
  const ConstMatrixView x = Rows(core.x, 0, samples_);
  const ConstMatrixView second = Rows(core.second, 0, samples_);
  scratch_->With([&](Scratch& scratch) {
    const Crossbar crossbar = Weights(parameters, block, 0, core.plan->axons(), scratch);
    GemmAbt(x, AsConst(crossbar.w), 0, mean);
    if (network_.probability) {
      GemmAbt(x, AsConst(crossbar.ws), 0, variance);
      GemmAbt(second, AsConst(crossbar.squared), 1, variance);
    } else {
      GemmAbt(second, AsConst(crossbar.ws), 0, variance);
    }
  });
  std::array<float, kCoreNeurons> rounded;
  for (int j = 0; j < block.count; ++j) {
    rounded[static_cast<size_t>(j)] = std::round(leak[static_cast<size_t>(block.first + j)]);
  }
  for (Eigen::Index p = 0; p < samples_; ++p) {
    FiringProbabilities({rounded.data(), static_cast<size_t>(block.count)}, network_.variance_floor,
                        RowSpan(mean, p), RowSpan(variance, p),
                        network_.probability
                            ? RowSpan(Columns(layer.variance_delta, samples_, at, block.count), p)
                            : std::span<float>());
  }
}

void GridPass::Loss(const Batch& batch, StepReport& report) {
  Layer& layer = layers_.back();
  const size_t classes = static_cast<size_t>(plan_.classes);
  const float scale = network_.loss_scale / static_cast<float>(plan_.neurons_per_class);
  const int tasks = static_cast<int>((samples_ + kLossSamples - 1) / kLossSamples);
  std::vector<StepReport> reports(static_cast<size_t>(tasks));
  pool_->ParallelFor(tasks, [&](int b) {
    StepReport& own = reports[static_cast<size_t>(b)];
    std::vector<float> scores(classes), gradient(classes);
    const Eigen::Index first = Eigen::Index{b} * kLossSamples;
    const Eigen::Index end = std::min(first + kLossSamples, samples_);
    for (Eigen::Index p = first; p < end; ++p) {
      const int32_t label = batch.labels[static_cast<size_t>(p)];
      std::fill(scores.begin(), scores.end(), 0.0f);
      for (const Core& core : layer.cores) {
        const float* n = &layer.output(p, core.plan->first_neuron);
        for (int j = 0; j < core.plan->neurons; ++j)
          scores[static_cast<size_t>(j) % classes] += n[j];
      }
      for (float& score : scores) score *= scale;
      own.loss += LossAndGradient(v1::Loss::CE, v1::Activation::LINEAR, scores, label,
                                  1.0f / static_cast<float>(samples_), gradient);
      own.correct += ClassOf(scores) == label ? 1 : 0;
      for (const Core& core : layer.cores) {
        const Eigen::Index at = core.plan->first_neuron;
        for (int j = 0; j < core.plan->neurons; ++j) {
          const float down = scale * gradient[static_cast<size_t>(j) % classes];
          layer.delta(p, at + j) *= down;
          if (network_.probability) layer.variance_delta(p, at + j) *= down;
        }
      }
    }
  });
  for (const StepReport& own : reports) {
    report.loss += own.loss;
    report.correct += own.correct;
  }
  report.samples += samples_;
}

void GridPass::Back(const GridParameters& parameters, const CoreBlock& block) {
  Layer& layer = layers_[static_cast<size_t>(block.layer)];
  Layer& below = layers_[static_cast<size_t>(block.layer) - 1];
  const Core& core = layer.cores[static_cast<size_t>(block.core)];
  const Eigen::Index at = core.plan->first_neuron;
  const CoreBlock all = {block.layer, block.core, 0, core.plan->neurons};
  scratch_->With([&](Scratch& scratch) {
    const Crossbar crossbar = Weights(parameters, all, block.first, block.count, scratch);
    const ConstMatrixView delta = ConstColumns(layer.delta, samples_, at, all.count);
    MatrixView down = scratch.Take(3, samples_, block.count);
    GemmAb(delta, AsConst(crossbar.w), 0, down);
    if (network_.probability) {
      const ConstMatrixView by_variance =
          ConstColumns(layer.variance_delta, samples_, at, all.count);
      GemmAb(by_variance, AsConst(crossbar.ws), 1, down);
      MatrixView by_square = scratch.Take(4, samples_, block.count);
      GemmAb(by_variance, AsConst(crossbar.squared), 0, by_square);
      for (Eigen::Index p = 0; p < samples_; ++p) {
        AddTwiceProduct(&core.x(p, block.first), &by_square(p, 0), block.count, &down(p, 0));
      }
    }
    for (const AxonRun& run : core.runs) {
      const int first = std::max(run.axon, block.first);
      const int end = std::min(run.axon + run.count, block.first + block.count);
      if (first >= end) continue;
      const Eigen::Index line = run.line + (first - run.axon);
      for (Eigen::Index p = 0; p < samples_; ++p) {
        const float* gradient = &down(p, first - block.first);
        MultiplyRow(gradient, end - first, &below.delta(p, line));
        if (network_.probability) {
          MultiplyRow(gradient, end - first, &below.variance_delta(p, line));
        }
      }
    }
  });
}

void GridPass::WithGradient(const GridParameters& parameters, const CoreBlock& block,
                            const std::function<void(MatrixView, std::span<float>)>& use) const {
  const Layer& layer = layers_[static_cast<size_t>(block.layer)];
  const Core& core = layer.cores[static_cast<size_t>(block.core)];
  const Matrix& c =
      parameters[static_cast<size_t>(block.layer)][static_cast<size_t>(block.core)].connection;
  const Eigen::Index at = core.plan->first_neuron + block.first;
  const Eigen::Index axons = core.plan->axons();
  const ConstMatrixView delta = ConstColumns(layer.delta, samples_, at, block.count);
  const ConstMatrixView x = Rows(core.x, 0, samples_);
  scratch_->With([&](Scratch& scratch) {
    MatrixView connection = scratch.Take(0, block.count, axons);
    MatrixView leak = scratch.Take(1, 1, block.count);
    GemmAtb(delta, x, 0, connection);
    if (network_.probability) {
      const ConstMatrixView by_variance =
          ConstColumns(layer.variance_delta, samples_, at, block.count);
      MatrixView first = scratch.Take(2, block.count, axons);
      MatrixView second = scratch.Take(3, block.count, axons);
      GemmAtb(by_variance, x, 0, first);
      GemmAtb(by_variance, Rows(core.second, 0, samples_), 0, second);
      for (int j = 0; j < block.count; ++j) {
        ProbabilityGradient(&c(block.first + j, 0), StrengthsOf(core, block.first + j).data(),
                            &first(j, 0), &second(j, 0), axons, &connection(j, 0));
      }
    } else {
      for (int j = 0; j < block.count; ++j) {
        MultiplyRow(StrengthsOf(core, block.first + j).data(), axons, &connection(j, 0));
      }
    }
    leak.setZero();
    for (Eigen::Index p = 0; p < samples_; ++p) {
      AddRow(delta.data() + p * delta.outerStride(), block.count, leak.data());
    }
    use(connection, {leak.data(), static_cast<size_t>(block.count)});
  });
}

}  // namespace torpor
