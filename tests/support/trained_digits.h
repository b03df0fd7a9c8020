// A small network trained and calibrated on the synthetic digits, for tests that measure.
#pragma once

#include <memory>
#include <vector>

#include "engine/base/status.h"
#include "engine/base/thread_pool.h"
#include "engine/data/catalogue.h"
#include "gtest/gtest.h"
#include "tests/support/rate_networks.h"

namespace torpor::testing {

class TrainedDigitsTest : public ::testing::Test {
 protected:
  TrainedDigitsTest() {
    v1::TrainSpec spec;
    spec.set_learning_rate(5e-3);
    auto trainer = model_->NewTrainer(spec, &pool_);
    TORPOR_CHECK(TrainEpochs(**trainer, train_, 100, 1, 0, 10).ok());
    TORPOR_CHECK(model_->Calibrate(train_, "digits", "digest", &pool_, cancellation_).ok());
  }

  const Dataset train_ = SyntheticDigits(v1::Split::TRAIN);
  const Dataset test_ = SyntheticDigits(v1::Split::TEST);
  ThreadPool pool_{2};
  Cancellation cancellation_;
  std::unique_ptr<Model> model_ =
      ModelOf(train_.features(), {{64, v1::Activation::RELU}, {10, v1::Activation::SIGMOID}});
};

}  // namespace torpor::testing
