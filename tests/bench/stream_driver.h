// A client's end of one bidirectional stream that is kept busy, and what is measured on it.
#pragma once

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "grpcpp/client_context.h"
#include "grpcpp/support/client_callback.h"
#include "spdlog/spdlog.h"

namespace torpor::bench {

using Clock = std::chrono::steady_clock;

// Values of a sample.
inline constexpr int kInputs = 784;

inline double Seconds(Clock::duration d) { return std::chrono::duration<double>(d).count(); }

// The q-quantile, q in 0..1; 0 of no values.
inline double Quantile(std::vector<double> values, double q) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  return values[static_cast<size_t>(q * static_cast<double>(values.size() - 1))];
}

// Keeps `depth` messages in flight on one stream until told to stop, and times each. Replies come
// in order.
template <class Request, class Reply>
class Driver final : public grpc::ClientBidiReactor<Request, Reply> {
 public:
  // `is_answer` says whether a reply answers a message; others (mode changes) are counted apart.
  Driver(const Request* message, int depth, std::function<bool(const Reply&)> is_answer)
      : message_(message), depth_(depth), is_answer_(std::move(is_answer)) {}

  grpc::ClientContext* context() { return &context_; }

  // `opening` is written first, and its reply awaited, unless null.
  void Start(const Request* opening) {
    opening_ = opening != nullptr;
    writing_ = opening_;
    this->StartCall();
    this->StartRead(&reply_);
    if (opening_) {
      this->StartWrite(opening);
    } else {
      Send(depth_);
    }
  }
  void Stop() {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  void Wait() {
    std::unique_lock lock(mutex_);
    wake_.wait(lock, [this] { return done_; });
  }

  void OnReadDone(bool ok) override {
    if (!ok) return;
    bool half_close = false;
    int send = 0;
    {
      const std::lock_guard lock(mutex_);
      if (opening_) {
        opening_ = false;
        send = depth_;
      } else if (is_answer_(reply_)) {
        latencies.push_back(Seconds(Clock::now() - sent_.front()));
        sent_.pop_front();
        if (!stopping_) {
          send = 1;
        }
        half_close = Ended();
      } else {
        ++others;
      }
    }
    this->StartRead(&reply_);
    if (send > 0) Send(send);
    if (half_close) this->StartWritesDone();
  }
  void OnWriteDone(bool ok) override {
    bool write = false;
    bool half_close = false;
    {
      const std::lock_guard lock(mutex_);
      writing_ = false;
      if (ok && to_send_ > 0) {
        write = true;
        Begin();
      }
      half_close = Ended();
    }
    if (write) this->StartWrite(message_);
    if (half_close) this->StartWritesDone();
  }
  void OnDone(const grpc::Status& s) override {
    const std::lock_guard lock(mutex_);
    status = s;
    done_ = true;
    wake_.notify_all();
  }

  std::vector<double> latencies;  // seconds
  int64_t others = 0;
  grpc::Status status;

 private:
  // True once, when all is answered after Stop.
  bool Ended() {
    if (!stopping_ || opening_ || half_closed_ || writing_ || to_send_ > 0 || !sent_.empty())
      return false;
    half_closed_ = true;
    return true;
  }
  void Begin() {
    --to_send_;
    writing_ = true;
    sent_.push_back(Clock::now());
  }
  void Send(int count) {
    bool write = false;
    {
      const std::lock_guard lock(mutex_);
      to_send_ += count;
      if (!writing_) {
        write = true;
        Begin();
      }
    }
    if (write) this->StartWrite(message_);
  }

  const Request* const message_;
  const int depth_;
  const std::function<bool(const Reply&)> is_answer_;
  grpc::ClientContext context_;
  Reply reply_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Clock::time_point> sent_;
  int to_send_ = 0;
  bool writing_ = false;
  bool opening_ = false;
  bool stopping_ = false;
  bool half_closed_ = false;
  bool done_ = false;
};

struct Measured {
  double rate = 0;                // messages answered a second
  std::vector<double> latencies;  // seconds
  // By message, seconds that the server says it computed; empty for an echo.
  std::vector<double> computing;
};

// Lets a started driver run for `seconds`, then ends its stream.
template <class D>
Measured Run(D& driver, double seconds) {
  const Clock::time_point start = Clock::now();
  std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
  driver.Stop();
  driver.Wait();
  Measured measured;
  measured.rate = static_cast<double>(driver.latencies.size()) / Seconds(Clock::now() - start);
  measured.latencies = std::move(driver.latencies);
  if (!driver.status.ok()) spdlog::error("stream failed: {}", driver.status.error_message());
  return measured;
}

}  // namespace torpor::bench
