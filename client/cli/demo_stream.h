// Streams test images to a session without pause, judges every reply, and measures one power mode
// after the other while the stream runs.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "grpcpp/channel.h"
#include "torpor/v1/dataset.pb.h"
#include "torpor/v1/inference.grpc.pb.h"

namespace torpor::cli {

// One power mode, each image counted once.
struct ModeFigures {
  int64_t generation = 0;
  int64_t samples = 0;
  int64_t correct = 0;
  // Same class as at full power: same image, same sample key, same realisation.
  int64_t agreeing = 0;
  // Binary cross-entropy summed over outputs, mean over samples.
  double loss = 0;
  // Mean synaptic power, units of Vdd^2 Gmax.
  double synaptic_power = 0;
  // Synaptic power relative to full power over the same images.
  double nasp = 0;
  // The server's online meter: relative to the full-power mean of calibration.
  double meter_nasp = 0;
  // Over all replies from the switch on, images that came again included.
  double images_per_second = 0;
  // From writing an item to reading its reply, milliseconds.
  double latency_p50_ms = 0;
  double latency_p99_ms = 0;
  // Seconds since the stream began.
  double begin_s = 0;
  double end_s = 0;
};

// One answered item, for the time line.
struct StreamReply {
  double at_s = 0;
  double latency_ms = 0;
  int samples = 0;
};

struct StreamTotals {
  int64_t items_sent = 0;
  int64_t items_answered = 0;
  int64_t items_refused = 0;
  std::string first_refusal;
  int64_t samples_answered = 0;
  // Replies whose generation was older than the last switch acknowledged when their item was
  // written, or newer than any switch asked for when they were read.
  int64_t wrong_generation = 0;
  // ModeChanged messages on the stream.
  int64_t mode_changes = 0;
  double seconds = 0;
  std::vector<StreamReply> replies;

  int64_t dropped() const { return items_sent - items_answered; }
};

// Binary cross-entropy of sigmoid outputs from pre-activations [classes], summed over outputs;
// stable for any size.
double BinaryCrossEntropy(const float* scores, int classes, int label);
// The p-quantile (0..1, nearest rank) of the values; 0 for none.
double Quantile(std::vector<double> values, double p);

// Thread-safe. Two threads of its own write and read; the owner switches modes and gathers figures.
class DemoStream {
 public:
  // `images`, one at least, outlive the stream. Items carry `item_samples` images; image i always
  // has sample key i, so that its noise is the same in every mode.
  DemoStream(std::shared_ptr<grpc::Channel> channel, const v1::ReadSamplesResponse& images,
             std::string session, int item_samples);
  // Cancels what is in flight.
  ~DemoStream();
  DemoStream(const DemoStream&) = delete;
  DemoStream& operator=(const DemoStream&) = delete;

  // Opens the stream and starts sending.
  absl::Status Start();
  // Call before asking for a switch, and after it with the generation that the server acknowledged.
  void BeginSwitch();
  void EndSwitch(int64_t generation);
  // Waits until the present generation has answered every image once and `at_least` has passed. The
  // first call is the reference of agreement and NASP: make it at full power. `progress` is called
  // now and then with (answered, all images). CANCELLED when `interrupted` says so; the stream's
  // error when it ended.
  absl::StatusOr<ModeFigures> Measure(absl::Duration at_least,
                                      const std::function<void(int64_t, int64_t)>& progress,
                                      const std::function<bool()>& interrupted);
  // Sends no more, waits for every reply, and closes.
  absl::StatusOr<StreamTotals> Finish();

 private:
  struct InFlight {
    absl::Time written;
    int64_t first = 0;
    int samples = 0;
    int64_t least_generation = 0;
  };
  // What is being measured.
  struct Stage {
    bool active = false;
    ModeFigures figures;
    double loss_sum = 0, power_sum = 0, meter_sum = 0;
    int64_t replied_samples = 0;
    std::vector<bool> answered;  // by item of the round
    int64_t answered_samples = 0;
    std::vector<double> latencies_ms;
  };

  void WriteLoop();
  void ReadLoop();
  // With mutex_ held.
  void OnResult(const v1::StreamInferResponse::ItemResult& result, absl::Time now);
  void Judge(const v1::InferResponse& response, const InFlight& item, double latency_ms);
  double SecondsAt(absl::Time time) const { return absl::ToDoubleSeconds(time - begin_); }

  const v1::ReadSamplesResponse& images_;
  const int64_t image_count_;
  const std::string session_;
  const int item_samples_;
  std::unique_ptr<v1::InferenceService::Stub> stub_;
  grpc::ClientContext call_;
  std::unique_ptr<grpc::ClientReaderWriter<v1::StreamInferRequest, v1::StreamInferResponse>>
      stream_;
  absl::Time begin_;
  std::thread writer_, reader_;

  std::mutex mutex_;
  std::condition_variable changed_;
  int64_t most_in_flight_ = 0;  // samples
  int64_t in_flight_samples_ = 0;
  std::map<int64_t, InFlight> in_flight_;
  int64_t generation_ = 0;
  bool switching_ = false;
  bool stopping_ = false;
  bool ended_ = false;
  Stage stage_;
  bool have_reference_ = false;
  std::vector<int32_t> reference_classes_;
  double reference_power_sum_ = 0;
  StreamTotals totals_;
};

}  // namespace torpor::cli
