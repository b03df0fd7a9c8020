#include "client/cli/demo_stream.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "client/cli/sample_reader.h"

namespace torpor::cli {
namespace {

// Deep enough to keep the server busy, shallow enough that latency means the network and not our
// own queue.
constexpr int kItemsInFlight = 8;
constexpr absl::Duration kWholeStream = absl::Hours(2);

}  // namespace

double BinaryCrossEntropy(const float* scores, int classes, int label) {
  double sum = 0;
  for (int c = 0; c < classes; ++c) {
    // log(1 + e^s) - [c is the label] s
    const double s = scores[c];
    sum += std::max(s, 0.0) + std::log1p(std::exp(-std::abs(s))) - (c == label ? s : 0.0);
  }
  return sum;
}

double Quantile(std::vector<double> values, double p) {
  if (values.empty()) return 0;
  const double rank = std::ceil(p * static_cast<double>(values.size())) - 1;
  const size_t index =
      static_cast<size_t>(std::clamp(rank, 0.0, static_cast<double>(values.size() - 1)));
  std::nth_element(values.begin(), values.begin() + index, values.end());
  return values[index];
}

DemoStream::DemoStream(std::shared_ptr<grpc::Channel> channel,
                       const v1::ReadSamplesResponse& images, std::string session, int item_samples)
    : images_(images),
      image_count_(images.labels_size()),
      session_(std::move(session)),
      item_samples_(item_samples),
      stub_(v1::InferenceService::NewStub(std::move(channel))),
      reference_classes_(image_count_, -1) {}

DemoStream::~DemoStream() {
  if (!reader_.joinable()) return;
  call_.TryCancel();
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  if (writer_.joinable()) writer_.join();
  reader_.join();
  stream_->Finish();
}

absl::Status DemoStream::Start() {
  call_.set_deadline(absl::ToChronoTime(absl::Now() + kWholeStream));
  stream_ = stub_->StreamInfer(&call_);
  v1::StreamInferRequest open;
  open.mutable_open()->set_session(session_);
  v1::StreamInferResponse opened;
  // A write that fails shows in the read, and Finish tells why.
  stream_->Write(open);
  const bool answered = stream_->Read(&opened);
  if (!answered || !opened.has_opened()) {
    if (answered) call_.TryCancel();
    const grpc::Status status = stream_->Finish();
    return absl::UnavailableError(
        absl::StrCat("the stream was not opened: ", status.error_message()));
  }
  most_in_flight_ =
      std::min<int64_t>(opened.opened().credits(), int64_t{kItemsInFlight} * item_samples_);
  if (most_in_flight_ < item_samples_) {
    call_.TryCancel();
    stream_->Finish();
    return absl::FailedPreconditionError(absl::StrCat("the server grants ",
                                                      opened.opened().credits(),
                                                      " credits; an item needs ", item_samples_));
  }
  generation_ = opened.opened().generation();
  begin_ = absl::Now();
  writer_ = std::thread([this] { WriteLoop(); });
  reader_ = std::thread([this] { ReadLoop(); });
  return absl::OkStatus();
}

void DemoStream::BeginSwitch() {
  std::lock_guard lock(mutex_);
  switching_ = true;
}

void DemoStream::EndSwitch(int64_t generation) {
  std::lock_guard lock(mutex_);
  switching_ = false;
  generation_ = generation;
}

void DemoStream::WriteLoop() {
  int64_t first = 0;
  for (int64_t seq = 0;; ++seq) {
    const int samples = static_cast<int>(std::min<int64_t>(item_samples_, image_count_ - first));
    v1::StreamInferRequest request;
    v1::StreamInferRequest::Item& item = *request.mutable_item();
    item.set_seq(seq);
    item.set_sample_key(static_cast<uint64_t>(first));
    *item.mutable_input() = FlatRows(images_.inputs(), first, samples);
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [&] {
        return stopping_ || ended_ || in_flight_samples_ + samples <= most_in_flight_;
      });
      if (stopping_ || ended_) break;
      in_flight_samples_ += samples;
      in_flight_[seq] = {absl::Now(), first, samples, generation_};
      ++totals_.items_sent;
    }
    if (!stream_->Write(request)) return;  // The reader sees the end of the stream too.
    first += samples;
    if (first >= image_count_) first = 0;
  }
  stream_->WritesDone();
}

void DemoStream::ReadLoop() {
  v1::StreamInferResponse response;
  while (stream_->Read(&response)) {
    const absl::Time now = absl::Now();
    std::lock_guard lock(mutex_);
    if (response.has_result()) {
      OnResult(response.result(), now);
    } else if (response.has_error()) {
      ++totals_.items_refused;
      if (totals_.first_refusal.empty())
        totals_.first_refusal = response.error().status().message();
      const auto item = in_flight_.find(response.error().seq());
      if (item != in_flight_.end()) {
        in_flight_samples_ -= item->second.samples;
        in_flight_.erase(item);
      }
    } else if (response.has_mode_changed()) {
      ++totals_.mode_changes;
    }
    changed_.notify_all();
  }
  std::lock_guard lock(mutex_);
  ended_ = true;
  totals_.seconds = SecondsAt(absl::Now());
  changed_.notify_all();
}

void DemoStream::OnResult(const v1::StreamInferResponse::ItemResult& result, absl::Time now) {
  const auto found = in_flight_.find(result.seq());
  if (found == in_flight_.end()) return;  // A reply nobody asked for counts as none.
  const InFlight item = found->second;
  in_flight_.erase(found);
  in_flight_samples_ -= item.samples;
  const v1::InferResponse& response = result.response();
  const double latency_ms = absl::ToDoubleMilliseconds(now - item.written);
  ++totals_.items_answered;
  totals_.samples_answered += item.samples;
  totals_.replies.push_back({SecondsAt(now), latency_ms, item.samples});
  // While a switch is under way the next generation may answer before its acknowledgement arrives
  // here.
  const int64_t most = generation_ + (switching_ ? 1 : 0);
  if (response.generation() < item.least_generation || response.generation() > most) {
    ++totals_.wrong_generation;
  }
  if (stage_.active && response.generation() == stage_.figures.generation) {
    Judge(response, item, latency_ms);
  }
}

void DemoStream::Judge(const v1::InferResponse& response, const InFlight& item, double latency_ms) {
  stage_.replied_samples += item.samples;
  stage_.latencies_ms.push_back(latency_ms);
  const size_t slot = static_cast<size_t>(item.first / item_samples_);
  if (stage_.answered[slot]) return;
  const v1::Tensor& scores = response.scores();
  const int classes = scores.shape_size() == 2 ? static_cast<int>(scores.shape(1)) : 0;
  const size_t bytes =
      sizeof(float) * static_cast<size_t>(classes) * static_cast<size_t>(item.samples);
  if (classes == 0 || scores.data().size() != bytes || response.classes_size() != item.samples ||
      response.synaptic_power_size() != item.samples) {
    return;  // Not a whole answer: the image stays open and is asked for again.
  }
  stage_.answered[slot] = true;
  std::vector<float> row(classes);
  for (int i = 0; i < item.samples; ++i) {
    const int64_t image = item.first + i;
    const int label = images_.labels(static_cast<int>(image));
    const int32_t chosen = response.classes(i);
    if (!have_reference_) reference_classes_[image] = chosen;
    std::memcpy(row.data(), scores.data().data() + sizeof(float) * classes * i,
                sizeof(float) * classes);
    stage_.loss_sum += BinaryCrossEntropy(row.data(), classes, label);
    stage_.power_sum += response.synaptic_power(i);
    stage_.figures.correct += chosen == label;
    stage_.figures.agreeing += chosen == reference_classes_[image];
  }
  stage_.meter_sum += response.nasp() * item.samples;
  stage_.answered_samples += item.samples;
}

absl::StatusOr<ModeFigures> DemoStream::Measure(
    absl::Duration at_least, const std::function<void(int64_t, int64_t)>& progress,
    const std::function<bool()>& interrupted) {
  std::unique_lock lock(mutex_);
  stage_ = Stage();
  stage_.active = true;
  stage_.figures.generation = generation_;
  stage_.answered.resize((image_count_ + item_samples_ - 1) / item_samples_);
  const absl::Time begin = absl::Now();
  while (stage_.answered_samples < image_count_ || absl::Now() - begin < at_least) {
    if (ended_) return absl::UnavailableError("the stream ended before every image was answered");
    const int64_t answered = stage_.answered_samples;
    lock.unlock();
    if (interrupted()) return absl::CancelledError("interrupted");
    progress(answered, image_count_);
    absl::SleepFor(absl::Milliseconds(20));
    lock.lock();
  }
  const absl::Time end = absl::Now();
  stage_.active = false;
  ModeFigures figures = stage_.figures;
  figures.samples = stage_.answered_samples;
  figures.loss = stage_.loss_sum / static_cast<double>(figures.samples);
  figures.synaptic_power = stage_.power_sum / static_cast<double>(figures.samples);
  if (!have_reference_) {
    have_reference_ = true;
    reference_power_sum_ = stage_.power_sum;
  }
  // The order in which replies arrive changes the last bits of a sum; full power is 1 by
  // definition.
  figures.nasp = reference_power_sum_ > 0 ? stage_.power_sum / reference_power_sum_ : 0;
  figures.meter_nasp = stage_.meter_sum / static_cast<double>(figures.samples);
  figures.images_per_second =
      static_cast<double>(stage_.replied_samples) / absl::ToDoubleSeconds(end - begin);
  figures.latency_p50_ms = Quantile(stage_.latencies_ms, 0.5);
  figures.latency_p99_ms = Quantile(stage_.latencies_ms, 0.99);
  figures.begin_s = SecondsAt(begin);
  figures.end_s = SecondsAt(end);
  return figures;
}

absl::StatusOr<StreamTotals> DemoStream::Finish() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  writer_.join();
  reader_.join();
  const grpc::Status status = stream_->Finish();
  if (!status.ok()) {
    return absl::UnavailableError(absl::StrCat("the stream ended with: ", status.error_message()));
  }
  return totals_;
}

}  // namespace torpor::cli
