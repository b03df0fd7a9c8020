#include "engine/lif/dense_synapses.h"

#include <gtest/gtest.h>

#include <cmath>
#include <string>

#include "engine/lif/tile.h"
#include "random_lif.h"

namespace torpor {
namespace {

using Path = DenseSynapses::Path;
constexpr int kInputs = 37;
constexpr int kSteps = 11;

LifTile SomeErrors(int outputs) {
  LifTile tile;
  tile.Resize(kSteps, outputs);
  const std::vector<float> values = SomeFloats(static_cast<size_t>(kSteps * outputs), 1, 5);
  for (int n = 0; n < kSteps; ++n) {
    for (int i = 0; i < outputs; ++i) tile.row(n)[i] = values[static_cast<size_t>(n * outputs + i)];
  }
  return tile;
}

// Some inputs twice in a step, as pools pass them on.
LifSpikes SomePooledSpikes(double chance) {
  LifSpikes spikes = SomeLifSpikes(kSteps, kInputs, chance, 1);
  LifSpikes twice;
  for (int n = 0; n < kSteps; ++n) {
    for (const uint32_t j : spikes.At(n)) {
      for (uint32_t k = 0; k <= j % 2; ++k) twice.index.push_back(j);
    }
    twice.EndStep();
  }
  return twice;
}

template <typename F>
void ForEveryCase(F&& body) {
  for (const int outputs : {1, 3, 4, 10, 16, 17, 31, 64, 200, 300, 450}) {
    for (const double chance : {0.02, 0.5}) {
      for (const Path path : {Path::kEvents, Path::kDense}) {
        for (const Instructions with : InstructionSets()) {
          SCOPED_TRACE(std::to_string(outputs) + " outputs, chance " + std::to_string(chance) +
                       ", set " + std::to_string(static_cast<int>(with)));
          body(DenseSynapses(kInputs, outputs, path, with), SomePooledSpikes(chance));
        }
      }
    }
  }
}

TEST(DenseSynapsesTest, DriveIsTheSumOfRows) {
  ForEveryCase([](const DenseSynapses& synapses, const LifSpikes& spikes) {
    const int outputs = synapses.outputs();
    const std::vector<float> w = SomeFloats(static_cast<size_t>(synapses.weights()), 1, 2);
    LifTile tile = SomeErrors(outputs);
    const LifTile before = tile;
    synapses.AddDrive(w, spikes, tile.View());
    for (int n = 0; n < kSteps; ++n) {
      for (int i = 0; i < outputs; ++i) {
        double sum = before.row(n)[i];
        for (const uint32_t j : spikes.At(n)) {
          sum += w[j * static_cast<size_t>(outputs) + static_cast<size_t>(i)];
        }
        ASSERT_NEAR(tile.row(n)[i], sum, 1e-5) << n << " " << i;
      }
      for (int i = outputs; i < tile.stride(); ++i) ASSERT_EQ(tile.row(n)[i], 0) << "padding";
    }
  });
}

TEST(DenseSynapsesTest, GradientIsTheSumOfErrors) {
  ForEveryCase([](const DenseSynapses& synapses, const LifSpikes& spikes) {
    const auto outputs = static_cast<size_t>(synapses.outputs());
    const LifTile errors = SomeErrors(synapses.outputs());
    std::vector<float> gradient = SomeFloats(static_cast<size_t>(synapses.weights()), 1, 2);
    std::vector<double> expected(gradient.begin(), gradient.end());
    for (int n = 0; n < kSteps; ++n) {
      for (const uint32_t j : spikes.At(n)) {
        for (size_t i = 0; i < outputs; ++i) expected[j * outputs + i] += errors.row(n)[i];
      }
    }
    synapses.AddWeightGradient(spikes, errors.View(), gradient);
    for (size_t k = 0; k < gradient.size(); ++k) ASSERT_NEAR(gradient[k], expected[k], 1e-5) << k;
  });
}

TEST(DenseSynapsesTest, EventsHaveTheSameBitsForEverySet) {
  for (const int outputs : {10, 200, 450}) {
    for (const double chance : {0.02, 0.5}) {
      const LifSpikes spikes = SomePooledSpikes(chance);
      std::vector<float> first[2];
      for (const Instructions with : InstructionSets()) {
        const DenseSynapses synapses(kInputs, outputs, Path::kEvents, with);
        std::vector<float> w = SomeFloats(static_cast<size_t>(synapses.weights()), 1, 2);
        std::vector<float> drive(static_cast<size_t>(kSteps * outputs));
        synapses.AddDrive(w, spikes,
                          {drive.data(), kSteps, outputs, Eigen::OuterStride<>(outputs)});
        const LifTile errors = SomeErrors(outputs);
        synapses.AddWeightGradient(spikes, errors.View(), w);
        if (first[0].empty()) {
          first[0] = drive;
          first[1] = w;
        }
        EXPECT_EQ(drive, first[0]);
        EXPECT_EQ(w, first[1]);
      }
    }
  }
}

TEST(DenseSynapsesTest, DenseSpikesAreMultipliedAndSparseOnesAdded) {
  const DenseSynapses chosen(kInputs, 100);
  for (const double chance : {0.1, 0.9}) {
    const LifSpikes spikes = SomeLifSpikes(kSteps, kInputs, chance, 3);
    const DenseSynapses same(kInputs, 100, chance > 0.5 ? Path::kDense : Path::kEvents);
    const DenseSynapses other(kInputs, 100, chance > 0.5 ? Path::kEvents : Path::kDense);
    const std::vector<float> w = SomeFloats(static_cast<size_t>(chosen.weights()), 1, 2);
    const LifTile errors = SomeErrors(100);
    const auto run = [&](const DenseSynapses& synapses) {
      LifTile tile = errors;
      synapses.AddDrive(w, spikes, tile.View());
      std::vector<float> all = w;
      synapses.AddWeightGradient(spikes, errors.View(), all);
      for (int n = 0; n < kSteps; ++n) all.insert(all.end(), tile.row(n), tile.row(n) + 100);
      return all;
    };
    EXPECT_EQ(run(chosen), run(same));
    // Else this test could not tell.
    EXPECT_NE(run(same), run(other));
  }
}

TEST(DenseSynapsesTest, InputErrorsAreTheWeightsTimesErrors) {
  const DenseSynapses synapses(kInputs, 10);
  const std::vector<float> w = SomeFloats(370, 1, 2);
  const LifTile errors = SomeErrors(10);
  LifTile below;
  below.Resize(kSteps, kInputs);
  synapses.InputErrors(w, errors.View(), below.View());
  for (int n = 0; n < kSteps; ++n) {
    for (int j = 0; j < kInputs; ++j) {
      double sum = 0;
      for (int i = 0; i < 10; ++i) {
        sum += double{w[static_cast<size_t>(10 * j + i)]} * double{errors.row(n)[i]};
      }
      EXPECT_NEAR(below.row(n)[j], sum, 1e-5);
    }
  }
}

TEST(DenseSynapsesTest, CurrentsAreSpikesOfAnySize) {
  for (const int outputs : {1, 10, 200, 450}) {
    for (const Instructions with : InstructionSets()) {
      const DenseSynapses synapses(kInputs, outputs, Path::kByDensity, with);
      const auto size = static_cast<size_t>(outputs);
      const std::vector<float> w = SomeFloats(kInputs * size, 1, 2);
      const std::vector<float> currents = SomeFloats(kInputs, 1, 3);
      const std::vector<float> errors = SomeFloats(size, 1, 4);
      std::vector<float> drive = SomeFloats(size, 1, 5);
      std::vector<double> expected(drive.begin(), drive.end());
      std::vector<float> gradient = w;
      for (size_t j = 0; j < kInputs; ++j) {
        for (size_t i = 0; i < size; ++i)
          expected[i] += double{currents[j]} * double{w[j * size + i]};
      }
      synapses.AddCurrentDrive(w, currents, drive);
      synapses.AddCurrentGradient(currents, errors, gradient);
      for (size_t i = 0; i < size; ++i) EXPECT_NEAR(drive[i], expected[i], 1e-5);
      for (size_t k = 0; k < w.size(); ++k) {
        EXPECT_NEAR(gradient[k], w[k] + currents[k / size] * errors[k % size], 1e-6);
      }
    }
  }
}

TEST(DenseSynapsesTest, EverySpikeMeetsAllOutputs) {
  const DenseSynapses synapses(kInputs, 10);
  EXPECT_EQ(synapses.weights(), 370);
  EXPECT_EQ(synapses.FanOut(3), 10);
  const LifSpikes spikes = SomePooledSpikes(0.5);
  EXPECT_EQ(synapses.Operations(spikes), 10 * spikes.size());
  const float numbers[] = {0.5f, 0, -1, -0.0f, 2};
  EXPECT_EQ(synapses.Operations(numbers), 10 * 3) << "of numbers that are not 0";
}

}  // namespace
}  // namespace torpor
