// Inference work whose end can be waited for.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "server/session/served.h"

namespace torpor::testing {

class TestWork final : public InferenceWork {
 public:
  TestWork(int n, int features, float value) {
    tensor_.set_dtype(v1::DataType::FLOAT32);
    tensor_.add_shape(n);
    tensor_.add_shape(features);
    const std::vector<float> values(static_cast<size_t>(n) * features, value);
    tensor_.set_data(values.data(), values.size() * sizeof(float));
    samples = n;
    input = &tensor_;
    response = &reply;
  }
  void Done(const absl::Status& s, const std::shared_ptr<const Served>& by) override {
    const std::lock_guard lock(mutex_);
    status = s;
    served = by;
    ++ends_;
    wake_.notify_all();
  }
  void Wait() {
    std::unique_lock lock(mutex_);
    wake_.wait(lock, [this] { return ends_ > 0; });
  }
  int ends() const {
    const std::lock_guard lock(mutex_);
    return ends_;
  }
  v1::Tensor& tensor() { return tensor_; }
  float score(int i) const {
    return reinterpret_cast<const float*>(reply.scores().data().data())[i];
  }

  v1::InferResponse reply;
  absl::Status status;
  std::shared_ptr<const Served> served;

 private:
  v1::Tensor tensor_;
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  int ends_ = 0;
};

}  // namespace torpor::testing
