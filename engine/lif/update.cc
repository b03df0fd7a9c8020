#include "engine/lif/update.h"

#include <algorithm>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "engine/base/status.h"
#include "engine/learn/optimizer.h"
#include "engine/lif/wage.h"
#include "engine/network/archive_checks.h"

namespace torpor {
namespace {

constexpr float kMomentum = 0.9f;
// Numbers of one task: some tens of microseconds.
constexpr size_t kBlock = 32768;

// One array of a network, as all parts of a step have it.
struct Arrays {
  std::span<const float> gradient;
  std::span<float> learned, first, second;
};

std::vector<Arrays> ArraysOf(const LifParameters& gradients, LifParameters& learned,
                             LifParameters& first, LifParameters& second) {
  std::vector<Arrays> all;
  const auto add = [&](const std::vector<float>& gradient, std::vector<float>& weights,
                       std::vector<float>* one, std::vector<float>* two) {
    for (size_t begin = 0; begin < gradient.size(); begin += kBlock) {
      const size_t count = std::min(kBlock, gradient.size() - begin);
      const auto part = [&](std::vector<float>* of) {
        return of == nullptr ? std::span<float>() : std::span(*of).subspan(begin, count);
      };
      all.push_back(
          {std::span(gradient).subspan(begin, count), part(&weights), part(one), part(two)});
    }
  };
  for (size_t l = 0; l < learned.size(); ++l) {
    LifLayerWeights* one = first.empty() ? nullptr : &first[l];
    LifLayerWeights* two = second.empty() ? nullptr : &second[l];
    add(gradients[l].input, learned[l].input, one ? &one->input : nullptr,
        two ? &two->input : nullptr);
    add(gradients[l].recurrent, learned[l].recurrent, one ? &one->recurrent : nullptr,
        two ? &two->recurrent : nullptr);
  }
  return all;
}

constexpr char kFirst[] = "optimizer/first/";
constexpr char kSecond[] = "optimizer/second/";

}  // namespace

LifUpdate::LifUpdate(const LifDefinition* definition, const v1::TrainSpec& spec,
                     const LifParameters& learned)
    : definition_(definition),
      optimizer_(spec.optimizer() == v1::Optimizer::UNSPECIFIED ? v1::Optimizer::ADAM
                                                                : spec.optimizer()),
      momentum_(spec.has_momentum() ? static_cast<float>(spec.momentum()) : kMomentum),
      integers_(spec.lif().has_integers()),
      bits_(IntegersOf(spec.lif().integers())),
      seed_(spec.seed()) {
  if (integers_) return;
  first_ = ZerosLike(learned);
  if (optimizer_ != v1::Optimizer::SGD) second_ = first_;
}

void LifUpdate::Apply(double rate, const LifParameters& gradients, ThreadPool* pool,
                      LifParameters& learned) {
  ++step_;
  if (integers_) {
    ApplyIntegers(rate, gradients, learned);
    return;
  }
  const std::vector<Arrays> arrays = ArraysOf(gradients, learned, first_, second_);
  pool->ParallelFor(static_cast<int>(arrays.size()), [&](int i) {
    const Arrays& of = arrays[static_cast<size_t>(i)];
    switch (optimizer_) {
      case v1::Optimizer::SGD:
        SgdUpdate(static_cast<float>(rate), momentum_, of.gradient, of.learned, of.first);
        return;
      case v1::Optimizer::ADAMAX:
        AdamaxUpdate(AdamStep(rate, step_), of.gradient, of.learned, of.first, of.second);
        return;
      default:
        AdamUpdate(AdamStep(rate, step_), of.gradient, of.learned, of.first, of.second);
    }
  });
}

void LifUpdate::ApplyIntegers(double rate, const LifParameters& gradients, LifParameters& learned) {
  for (size_t l = 0; l < learned.size(); ++l) {
    const auto update = [&](uint32_t tensor, const std::vector<float>& gradient,
                            std::vector<float>& weights) {
      if (weights.empty()) return;
      WageUpdate(gradient, WageShift(MaxAbs(gradient)), static_cast<float>(rate),
                 bits_.gradient_bits, bits_.rounding,
                 {.seed = seed_, .tensor = tensor, .write = static_cast<uint64_t>(step_)}, weights);
    };
    const auto tensor = static_cast<uint32_t>(2 * l);
    update(tensor, gradients[l].input, learned[l].input);
    update(tensor + 1, gradients[l].recurrent, learned[l].recurrent);
  }
}

std::string LifUpdate::Kind() const {
  if (integers_) return absl::StrCat("integers of ", bits_.gradient_bits, " bits");
  return v1::Optimizer::Kind_Name(optimizer_);
}

void LifUpdate::Save(ArchiveWriter& archive) const {
  archive.SetText("step", absl::StrCat(step_));
  archive.SetText("optimizer", Kind());
  SaveLifWeights(*definition_, first_, kFirst, archive);
  SaveLifWeights(*definition_, second_, kSecond, archive);
}

absl::Status LifUpdate::Load(const ArchiveReader& archive) {
  int64_t step = 0;
  if (!absl::SimpleAtoi(archive.Text("step"), &step) || step < 0) {
    return CorruptArchive("text \"step\" is not a count");
  }
  if (archive.Text("optimizer") != Kind()) {
    return absl::FailedPreconditionError(absl::StrCat(
        "checkpoint: made with ", archive.Text("optimizer"), ", this run uses ", Kind()));
  }
  LifParameters first, second;
  if (!first_.empty()) {
    TORPOR_ASSIGN_OR_RETURN(first, LoadLifWeights(*definition_, kFirst, archive));
  }
  if (!second_.empty()) {
    TORPOR_ASSIGN_OR_RETURN(second, LoadLifWeights(*definition_, kSecond, archive));
  }
  first_ = std::move(first);
  second_ = std::move(second);
  step_ = step;
  return absl::OkStatus();
}

}  // namespace torpor
