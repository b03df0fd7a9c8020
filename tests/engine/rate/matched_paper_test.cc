// What closed forms reach on MNIST behind hidden layers that are not positively homogeneous (label
// `paper`; 784-128-10, five epochs of BCE), and what a switch costs. Needs TORPOR_DATASET_PATH with
// mnist; skips without.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <optional>

#include "engine/data/catalogue.h"
#include "engine/learn/metrics.h"
#include "gtest/gtest.h"
#include "tests/support/rate_networks.h"

namespace torpor {
namespace {

using testing::ModelOf;
using testing::ScoresOf;
using testing::TrainEpochs;
using A = v1::Activation;
using P = v1::BiasPolicy;

class MatchedPaperTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const char* path = std::getenv("TORPOR_DATASET_PATH");
    if (path == nullptr) GTEST_SKIP() << "TORPOR_DATASET_PATH is not set";
    DatasetCatalogue catalogue(SplitDatasetPath(path), files_.get());
    auto train = catalogue.Load("mnist", v1::Split::TRAIN);
    auto test = catalogue.Load("mnist", v1::Split::TEST);
    ASSERT_TRUE(train.ok() && test.ok()) << train.status() << test.status();
    train_ = *std::move(train);
    test_ = *std::move(test);
  }

  std::unique_ptr<Model> Train(A::Kind hidden, int units, int epochs, uint64_t seed) {
    auto model = ModelOf(784, {{units, hidden}, {10, A::SIGMOID}}, seed);
    auto trainer = model->NewTrainer(v1::TrainSpec(), &pool_);
    TORPOR_CHECK(trainer.ok() && TrainEpochs(**trainer, *train_, 128, seed, 0, epochs).ok());
    TORPOR_CHECK(model->Calibrate(*train_, "mnist", "digest", &pool_, Cancellation()).ok());
    return model;
  }

  double Accuracy(const Model& model, double epsilon, P::Kind policy) {
    const auto deployment = testing::DeployOf(model, epsilon, policy);
    int64_t correct = 0;
    Matrix inputs(1000, 784);
    for (int64_t first = 0; first < test_->size(); first += 1000) {
      test_->CopyRange(first, 1000, View(inputs));
      const Matrix scores = ScoresOf(*deployment, inputs);
      for (Eigen::Index p = 0; p < 1000; ++p) {
        correct += ClassOf({scores.row(p).data(), 10}) == test_->label(first + p) ? 1 : 0;
      }
    }
    return static_cast<double>(correct) / static_cast<double>(test_->size());
  }

  std::unique_ptr<FileSystem> files_ = NewPosixFileSystem();
  ThreadPool pool_{2};
  std::optional<Dataset> train_, test_;
};

TEST_F(MatchedPaperTest, KeepsTheAccuracyOfSigmoidAndTanhNetworks) {
  for (A::Kind hidden : {A::SIGMOID, A::TANH}) {
    double tenth = 0, twentieth = 0;
    for (uint64_t seed = 1; seed <= 3; ++seed) {
      const auto model = Train(hidden, 128, 5, seed);
      std::printf("%s seed %d: full %.4f", A::Kind_Name(hidden).c_str(), static_cast<int>(seed),
                  Accuracy(*model, 1, P::NONE));
      for (P::Kind policy : {P::NONE, P::TABLE, P::EMPIRICAL, P::MATCHED}) {
        std::printf("  %s", P::Kind_Name(policy).c_str());
        for (double epsilon : {0.5, 0.2, 0.1, 0.05}) {
          const double accuracy = Accuracy(*model, epsilon, policy);
          std::printf(" %.4f", accuracy);
          if (policy == P::MATCHED && epsilon == 0.1) tenth += accuracy / 3;
          if (policy == P::MATCHED && epsilon == 0.05) twentieth += accuracy / 3;
        }
      }
      std::printf("\n");
      std::fflush(stdout);
    }
    std::printf("%s: matched, mean of 3 seeds: %.4f at 0.1, %.4f at 0.05\n",
                A::Kind_Name(hidden).c_str(), tenth, twentieth);
    EXPECT_GE(tenth, 0.91);
    EXPECT_GE(twentieth, 0.905);
  }
}

TEST_F(MatchedPaperTest, ASwitchTakesUnder20Milliseconds) {
  for (A::Kind hidden : {A::RELU, A::SIGMOID, A::TANH}) {
    const auto model = Train(hidden, 1000, 1, 1);
    for (P::Kind policy : {P::NONE, P::TABLE, P::HOMOGENEOUS, P::EMPIRICAL, P::MATCHED}) {
      v1::PowerMode mode;
      mode.set_epsilon(0.1);
      mode.set_bias(policy);
      mode.set_output_gain(true);
      mode.set_output_shift(true);
      mode.set_approximate(true);
      v1::Realisation chip;
      chip.set_column_noise(0.01);
      chip.set_off_conductance(0.01);
      std::vector<double> milliseconds;
      for (int i = 0; i < 51; ++i) {
        const std::clock_t start = std::clock();
        ASSERT_TRUE(model->Deploy(mode, chip).ok());
        milliseconds.push_back(1e3 * static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC);
      }
      std::nth_element(milliseconds.begin(), milliseconds.begin() + 25, milliseconds.end());
      std::printf("%s hidden, %s: %.2f ms\n", A::Kind_Name(hidden).c_str(),
                  P::Kind_Name(policy).c_str(), milliseconds[25]);
      EXPECT_LT(milliseconds[25], 20);
    }
  }
}

}  // namespace
}  // namespace torpor
