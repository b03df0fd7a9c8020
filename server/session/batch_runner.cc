#include "server/session/batch_runner.h"

#include <algorithm>
#include <bit>
#include <chrono>
#include <cmath>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "engine/base/status.h"
#include "engine/learn/metrics.h"
#include "server/session/chunk_run.h"
#include "server/session/tensor_values.h"

namespace torpor {
namespace {

using Clock = std::chrono::steady_clock;

static_assert(std::endian::native == std::endian::little, "tensors are little-endian on the wire");

int64_t Microseconds(Clock::duration d) {
  return std::chrono::duration_cast<std::chrono::microseconds>(d).count();
}

std::span<const uint8_t> BytesOf(const v1::Tensor& tensor) {
  return {reinterpret_cast<const uint8_t*>(tensor.data().data()), tensor.data().size()};
}

// Whether the deployment reads the message's own bytes: nothing is copied.
bool GoesAsBytes(const InferenceWork& work, const Deployment& deployment) {
  return work.input->dtype() == v1::DataType::UINT8 && deployment.reads_bytes();
}

// Samples that a work stands for where power is compared: of a chunk a part of one, by its steps.
double SamplesWorth(const InferenceWork& work, const Deployment& deployment) {
  if (work.chunk == nullptr) return work.samples;
  return static_cast<double>(work.chunk->steps()) / deployment.sample_steps();
}

}  // namespace

absl::Status BatchRunner::Accept(const InferenceWork& work, const Served& served) {
  if (work.cancellation != nullptr) TORPOR_RETURN_IF_ERROR(work.cancellation->Check());
  if (work.require_generation != 0 && work.require_generation != served.generation) {
    return WithReason(absl::FailedPreconditionError(
                          absl::StrCat("generation ", work.require_generation,
                                       " is not served; the session is at ", served.generation)),
                      "GENERATION_GONE", {{"generation", absl::StrCat(served.generation)}});
  }
  if (work.chunk != nullptr) return absl::OkStatus();  // looked at when it is run
  return GoesAsBytes(work, *served.deployment) ? absl::OkStatus()
                                               : ReadValues(work, served.deployment->features());
}

absl::Status BatchRunner::ReadValues(const InferenceWork& work, int features) {
  const size_t count = static_cast<size_t>(work.samples) * static_cast<size_t>(features);
  // Kept from batch to batch at its largest size: growing fills it with zeros.
  if (values_.size() < values_used_ + count) values_.resize(values_used_ + count);
  const std::span<float> out = std::span(values_).subspan(values_used_, count);
  if (work.input->dtype() == v1::DataType::UINT8) {
    ReadFractions(BytesOf(*work.input), out);
  } else {
    std::memcpy(out.data(), work.input->data().data(), out.size_bytes());
    if (const int64_t bad = FirstNotFinite(out); bad >= 0) {
      return FieldError("input",
                        absl::StrCat("must be finite; sample ", bad / features, " has ",
                                     std::isnan(out[static_cast<size_t>(bad)]) ? "NaN" : "infinity",
                                     " at element ", bad % features));
    }
  }
  values_used_ += count;
  return absl::OkStatus();
}

void BatchRunner::MakeTasks(const Deployment& deployment) {
  const size_t features = static_cast<size_t>(deployment.features());
  const float* values = values_.data();
  for (const Slot& slot : slots_) {
    if (!slot.status.ok()) continue;
    const bool as_bytes = GoesAsBytes(*slot.work, deployment);
    for (int i = 0; i < slot.work->samples; ++i) {
      SampleTask& task = tasks_[static_cast<size_t>(slot.first + i)];
      task.key.sample = slot.work->sample_key + static_cast<uint64_t>(i);
      if (as_bytes) {
        const size_t at = static_cast<size_t>(i) * features;
        task.input = {.values = {}, .bytes = BytesOf(*slot.work->input).subspan(at, features)};
      } else {
        task.input = {.values = {values, features}, .bytes = {}};
        values += features;
      }
    }
  }
}

void BatchRunner::CutBlocks(int samples, const Deployment& deployment) {
  const int size = deployment.block_samples();
  blocks_.clear();
  size_t slot = 0;
  for (int first = 0; first < samples; first += size) {
    Block block{first, std::min(size, samples - first), 0, 0};
    // Slots without samples of their own (refused ones) may lie between; they do no harm.
    while (!slots_[slot].status.ok() || slots_[slot].first + slots_[slot].work->samples <= first)
      ++slot;
    block.first_slot = static_cast<int>(slot);
    size_t last = slot;
    while (last + 1 < slots_.size() &&
           (!slots_[last + 1].status.ok() || slots_[last + 1].first < first + block.count)) {
      ++last;
    }
    block.last_slot = static_cast<int>(last);
    blocks_.push_back(block);
  }
}

void BatchRunner::RunBlock(const Deployment& deployment, const Block& block, absl::Status& status) {
  // Computed as long as anybody still waits for a sample of it.
  const Cancellation* only = nullptr;
  bool wanted = false;
  int waiting = 0;
  for (int s = block.first_slot; s <= block.last_slot; ++s) {
    const Slot& slot = slots_[s];
    if (!slot.status.ok()) continue;
    ++waiting;
    only = slot.work->cancellation;
    const absl::Status check = only == nullptr ? absl::OkStatus() : only->Check();
    if (check.ok()) {
      wanted = true;
    } else if (!wanted) {
      status = check;
    }
  }
  if (!wanted) return;
  const Cancellation never;
  const Cancellation& cancellation = waiting == 1 && only != nullptr ? *only : never;
  status = deployment.Run(std::span(tasks_).subspan(block.first, block.count),
                          std::span(results_).subspan(block.first, block.count), cancellation);
}

void BatchRunner::RunChunks(const Served& served) {
  for (Slot& slot : chunk_slots_) {
    SampleResult* const result =
        slot.status.ok() ? &results_[static_cast<size_t>(slot.first)] : nullptr;
    slot.status = TakeChunk(slot.status, *served.deployment, *slot.work, result);
  }
}

void BatchRunner::FillResponse(const Slot& slot, const Served& served, int batch_samples,
                               int64_t compute_us, PowerMeter* meter) {
  const InferenceWork& work = *slot.work;
  const int classes = served.deployment->read_out().classes;
  v1::InferResponse& response = *work.response;
  v1::Tensor& scores = *response.mutable_scores();
  scores.set_dtype(v1::DataType::FLOAT32);
  scores.mutable_shape()->Resize(2, 0);
  scores.set_shape(0, work.samples);
  scores.set_shape(1, classes);
  const float* values = scores_.data() + static_cast<size_t>(slot.first) * classes;
  scores.mutable_data()->assign(reinterpret_cast<const char*>(values),
                                sizeof(float) * static_cast<size_t>(work.samples) * classes);
  response.mutable_classes()->Resize(work.samples, 0);
  response.mutable_synaptic_power()->Clear();
  response.clear_steps();
  response.clear_nasp();
  if (work.chunk == nullptr) response.clear_spikes();
  Quantity total = 0;
  for (int i = 0; i < work.samples; ++i) {
    const SampleResult& result = results_[slot.first + i];
    response.set_classes(i, ClassOf(result.scores));
    const Quantity power = result.activity.Total(&LayerActivity::synaptic_power);
    total = total + power;
    if (power.counted()) response.add_synaptic_power(power.value());
    if (result.steps_used > 0) response.add_steps(result.steps_used);
  }
  Answered answered;
  if (work.chunk == nullptr) {
    answered.samples = work.samples;
  } else {
    answered.chunk_steps = work.chunk->steps();
  }
  if (total.counted()) {
    answered.power = total.value();
    answered.full_power = served.full_power * SamplesWorth(work, *served.deployment);
    if (answered.full_power > 0) response.set_nasp(answered.power / answered.full_power);
  } else {
    response.mutable_synaptic_power()->Clear();
  }
  meter->Add(answered);
  response.set_generation(served.generation);
  v1::Timing& timing = *response.mutable_timing();
  timing.set_queue_us(slot.queue_us);
  timing.set_compute_us(compute_us);
  timing.set_batch_size(batch_samples);
}

void BatchRunner::Run(const std::vector<InferenceWork*>& batch,
                      const std::shared_ptr<const Served>& served, PowerMeter* meter) {
  const Deployment& deployment = *served->deployment;
  const Clock::time_point start = Clock::now();
  values_used_ = 0;
  slots_.clear();
  chunk_slots_.clear();
  for (InferenceWork* work : batch) {
    (work->chunk == nullptr ? slots_ : chunk_slots_)
        .push_back({work, Microseconds(start - work->queued_at), Accept(*work, *served), 0});
  }
  int samples = 0;
  const auto place = [&](std::vector<Slot>& slots) {
    for (Slot& slot : slots) {
      slot.first = samples;
      if (slot.status.ok()) samples += slot.work->samples;
    }
  };
  place(slots_);
  const int tensor_samples = samples;
  place(chunk_slots_);

  const size_t classes = static_cast<size_t>(deployment.read_out().classes);
  scores_.resize(static_cast<size_t>(samples) * classes);
  tasks_.resize(samples);
  results_.resize(samples);
  MakeTasks(deployment);
  for (size_t i = 0; i < results_.size(); ++i) {
    results_[i].scores = std::span(scores_).subspan(i * classes, classes);
    results_[i].activity.layers.clear();
  }

  CutBlocks(tensor_samples, deployment);
  block_status_.assign(blocks_.size(), absl::OkStatus());
  const auto run = [&](int b) { RunBlock(deployment, blocks_[b], block_status_[b]); };
  if (pool_ != nullptr && blocks_.size() > 1) {
    pool_->ParallelFor(static_cast<int>(blocks_.size()), run);
  } else {
    for (size_t b = 0; b < blocks_.size(); ++b) run(static_cast<int>(b));
  }
  for (size_t b = 0; b < blocks_.size(); ++b) {
    if (block_status_[b].ok()) continue;
    for (int s = blocks_[b].first_slot; s <= blocks_[b].last_slot; ++s) {
      if (slots_[s].status.ok()) slots_[s].status = block_status_[b];
    }
  }

  RunChunks(*served);
  const int64_t compute_us = Microseconds(Clock::now() - start);
  const auto answer = [&](Slot& slot) {
    // Who gave up meanwhile is told so, whether its samples were computed or not.
    if (slot.status.ok() && slot.work->cancellation != nullptr)
      slot.status = slot.work->cancellation->Check();
    if (slot.status.ok()) FillResponse(slot, *served, samples, compute_us, meter);
    slot.work->Done(slot.status, slot.status.ok() ? served : nullptr);
  };
  for (Slot& slot : slots_) answer(slot);
  for (Slot& slot : chunk_slots_) answer(slot);
}

}  // namespace torpor
