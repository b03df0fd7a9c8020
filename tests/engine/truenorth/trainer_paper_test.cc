// The accuracies of A. Jimeno Yepes and J. Tang, "Improving energy efficiency and classification
// accuracy of neuromorphic chips by learning binary synaptic crossbars", table 3, on real data
// (label `paper`): the small network (5 cores) with and without changed images, the large one (30
// cores) with. Learned on all 60,000 training samples or, where the recipe was chosen on the last
// 10,000, on the first 50,000; figures on the 10,000 test samples, thresholded hardware, even rate
// code. Needs TORPOR_DATASET_PATH with mnist; skips without.
#include <cstdio>
#include <cstdlib>
#include <map>
#include <optional>
#include <string>

#include "absl/time/clock.h"
#include "engine/base/random.h"
#include "engine/data/augment.h"
#include "engine/data/catalogue.h"
#include "engine/power/mode_bench.h"
#include "engine/truenorth/model.h"
#include "google/protobuf/text_format.h"
#include "gtest/gtest.h"

namespace torpor {
namespace {

constexpr char kSmall[] =
    "truenorth { input { shape: [28, 28] } layers { block: 16 stride: 12 } "
    "layers { block: 2 stride: 1 } ticks: 64 }";
constexpr char kLarge[] =
    "truenorth { input { shape: [28, 28] } layers { block: 16 stride: 4 } "
    "layers { block: 2 stride: 1 } layers { block: 2 stride: 1 } layers { block: 2 stride: 1 } "
    "ticks: 64 }";

class TrainerPaperTest : public testing::Test {
 protected:
  void SetUp() override {
    const char* path = std::getenv("TORPOR_DATASET_PATH");
    if (path == nullptr) GTEST_SKIP() << "TORPOR_DATASET_PATH is not set";
    const auto files = NewPosixFileSystem();
    const DatasetCatalogue catalogue(SplitDatasetPath(path), files.get());
    auto train = catalogue.Load("mnist", v1::Split::TRAIN);
    auto test = catalogue.Load("mnist", v1::Split::TEST);
    ASSERT_TRUE(train.ok() && test.ok()) << train.status() << test.status();
    train_ = *train;
    test_ = *test;
  }

  std::unique_ptr<Model> NewModel(const std::string& definition, uint64_t seed) {
    v1::Network network;
    EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(definition, &network));
    auto model = TrueNorthModel::Build(network, seed);
    EXPECT_TRUE(model.ok()) << model.status();
    return *std::move(model);
  }

  // Runs `text` (a TrainSpec) as a job would, on the first samples of the training set.
  void Train(Model& model, const std::string& text) {
    v1::TrainSpec spec;
    ASSERT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &spec)) << text;
    model.FillTrainDefaults(spec);
    auto trainer = model.NewTrainer(spec, &pool_);
    ASSERT_TRUE(trainer.ok()) << trainer.status();
    const auto augmenter =
        Augmenter::Create(spec.augmentation(), train_->sample_shape(), spec.seed());
    ASSERT_TRUE(augmenter.ok()) << augmenter.status();
    const int64_t n = spec.train_samples() > 0 ? spec.train_samples() : train_->size();
    const int batch = spec.batch_size();
    Matrix inputs(batch, train_->features());
    std::vector<int32_t> labels(static_cast<size_t>(batch));
    const absl::Time begin = absl::Now();
    for (int epoch = 0; epoch < spec.epochs(); ++epoch) {
      const bool change = Augmenter::Changes(spec.augmentation()) &&
                          epoch < spec.epochs() - spec.augmentation().plain_epochs();
      const auto order =
          Permutation(spec.seed(), RandomPurpose::kShuffle, epoch, static_cast<uint32_t>(n));
      for (int64_t first = 0; first + batch <= n; first += batch) {
        pool_.ParallelFor(batch, [&](int i) {
          const uint32_t sample = order[first + i];
          const std::span<float> row(inputs.row(i).data(), inputs.cols());
          std::vector<float> image(row.size());
          train_->CopySample(sample, change ? std::span<float>(image) : row);
          if (change) augmenter->Apply(epoch, sample, image, row);
          labels[i] = train_->label(sample);
        });
        StepReport report;
        const double progress = (epoch + static_cast<double>(first) / n) / spec.epochs();
        ASSERT_TRUE((*trainer)->Step({View(std::as_const(inputs)), labels, progress}, report).ok());
      }
    }
    std::printf("%.1f s of training\n", absl::ToDoubleSeconds(absl::Now() - begin));
  }

  // Test accuracy by ticks.
  std::map<int, double> Accuracies(const Model& model) {
    const Cancellation cancellation;
    const auto bench = ModeBench::Create(model, {}, *test_, &pool_, cancellation);
    EXPECT_TRUE(bench.ok()) << bench.status();
    std::map<int, double> accuracies;
    for (const int ticks : {1, 2, 4, 8, 16, 32, 64}) {
      v1::PowerMode mode;
      mode.set_steps(ticks);
      const auto row = bench->Measure(mode, NoisePlan());
      EXPECT_TRUE(row.ok()) << row.status();
      accuracies[ticks] = row->accuracy();
      std::printf("%d ticks %.4f\n", ticks, row->accuracy());
    }
    std::fflush(stdout);
    return accuracies;
  }

  ThreadPool pool_{AvailableCpus()};
  std::optional<Dataset> train_, test_;
};

TEST_F(TrainerPaperTest, SmallWithoutChangedImages) {
  const auto model = NewModel(kSmall, 1);
  Train(*model, "epochs: 15 learning_rate: 0.02 seed: 1 train_samples: 50000");
  auto accuracies = Accuracies(*model);
  // Printed: 95.98 and 97.71; seeds differ by 0.2.
  EXPECT_GE(accuracies[1], 0.956);
  EXPECT_GE(accuracies[16], 0.975);
  EXPECT_GE(accuracies[16] - accuracies[1], 0.012);
}

TEST_F(TrainerPaperTest, SmallWithChangedImages) {
  const auto model = NewModel(kSmall, 1);
  Train(*model,
        "epochs: 60 seed: 1 train_samples: 50000 truenorth { averaging: 0.9995 } "
        "augmentation { rotation: 7.5 shift: 2.5 rescale: 0.075 plain_epochs: 2 }");
  auto accuracies = Accuracies(*model);
  // Printed: 95.75, 98.07 and 98.17.
  EXPECT_GE(accuracies[1], 0.958);
  EXPECT_GE(accuracies[16], 0.980);
  EXPECT_GE(accuracies[64], 0.982);
}

TEST_F(TrainerPaperTest, LargeWithChangedImages) {
  const auto model = NewModel(kLarge, 1);
  Train(*model,
        "epochs: 50 warmup_epochs: 1 seed: 1 train_samples: 50000 "
        "truenorth { variance_floor: 1 } "
        "augmentation { rotation: 7.5 shift: 2.5 rescale: 0.075 }");
  Train(*model,
        "epochs: 2 learning_rate: 0.001 seed: 101 train_samples: 50000 "
        "truenorth { variance_floor: 1 }");
  auto accuracies = Accuracies(*model);
  // Printed: 96.82, 99.29 and 99.23; the last 0.2 points were not reproduced.
  EXPECT_GE(accuracies[1], 0.975);
  EXPECT_GE(accuracies[16], 0.988);
  EXPECT_GE(accuracies[64], 0.988);
}

}  // namespace
}  // namespace torpor
