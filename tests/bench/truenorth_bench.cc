// Times deployed grids of cores against the same networks in floats, in one thread, and prints one
// JSON object a line.
//
//   truenorth_bench [SECONDS]
//
// Grids are the paper's small and large one, random and half full, with 22 % of the pixels on.
// Rates are tick-samples a second of processor time, the best of three rounds of SECONDS (default
// 0.2) each; "ratio" is to the better of OpenBLAS and Eigen at batch 512 (`to_batch`) and at single
// samples (`to_single`). Float rows have neither activity nor classes, kernel rows both; neither
// has input. The rows "deployment" are whole calls, from floats to scores.
#include <time.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string>
#include <vector>

#include "engine/base/random.h"
#include "engine/base/simd.h"
#include "engine/base/status.h"
#include "engine/truenorth/bit_sliced.h"
#include "engine/truenorth/deployment.h"
#include "engine/truenorth/popcount.h"
#include "engine/truenorth/tally.h"
#include "nlohmann/json.hpp"
#include "tests/support/random_grids.h"
#include "truenorth_floats.h"

namespace torpor {
namespace {

constexpr int kBatch = 512;

double ProcessorSeconds() {
  timespec t;
  TORPOR_CHECK(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t) == 0);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

// Runs of `work` a second, times `each`.
double RateOf(double seconds, double each, const std::function<void()>& work) {
  work();
  double best = 0;
  for (int round = 0; round < 3; ++round) {
    const double start = ProcessorSeconds();
    double took = 0;
    double runs = 0;
    do {
      for (int i = 0; i < 4; ++i) work();
      runs += 4;
      took = ProcessorSeconds() - start;
    } while (took < seconds);
    best = std::max(best, each * runs / took);
  }
  return best;
}

void Print(const std::string& grid, const std::string& what, double rate, double to_batch,
           double to_single) {
  nlohmann::ordered_json row = {{"grid", grid}, {"what", what}, {"per_second", rate}};
  if (to_batch > 0) row["to_batch"] = rate / to_batch;
  if (to_single > 0) row["to_single"] = rate / to_single;
  std::printf("%s\n", row.dump().c_str());
  std::fflush(stdout);
}

const char* NameOf(Instructions with) {
  return with == Instructions::kAvx512 ? "avx512" : with == Instructions::kAvx2 ? "avx2" : "base";
}

const char* NameOf(PopcountSet set) {
  constexpr const char* kNames[] = {"base", "avx2", "avx512", "avx512 vpopcntdq"};
  return kNames[static_cast<int>(set)];
}

struct Baseline {
  double batch = 0;
  double single = 0;
};

Baseline RunFloats(const std::string& name, const BinaryGrid& grid, const Matrix& spikes,
                   double seconds) {
  Baseline best;
  for (const int batch : {kBatch, 1}) {
    FloatGrid floats(grid, batch);
    Matrix::Map(floats.pixels(), spikes.cols(), batch) = spikes.topRows(batch).transpose();
    for (const auto& [library, product] :
         {std::pair{"openblas", &BlasProduct}, std::pair{"eigen", &EigenProduct}}) {
      const double rate = RateOf(seconds, batch, [&, product = product] { floats.Run(product); });
      double& of = batch == 1 ? best.single : best.batch;
      of = std::max(of, rate);
      Print(name, std::string(library) + (batch == 1 ? " single" : " batch 512"), rate, 0, 0);
    }
  }
  return best;
}

void RunBitSliced(const std::string& name, const BinaryGrid& grid, const Matrix& spikes,
                  const Baseline& floats, double seconds) {
  const TallyPlan tallies = PlanTallies(grid);
  const BitSlicedGrid kernel(grid, tallies);
  SlicedWorkspace workspace;
  workspace.Prepare(*grid.plan);
  for (const Instructions with :
       {Instructions::kBase, Instructions::kAvx2, Instructions::kAvx512}) {
    if (with > BestInstructions()) continue;
    for (const int lanes : {512, 256, 128, 64}) {
      workspace.Start(lanes, tallies.tallies.size());
      for (Line& line : workspace.levels[0]) line = Line{};
      for (int lane = 0; lane < lanes; ++lane) {
        for (Eigen::Index i = 0; i < spikes.cols(); ++i) {
          workspace.PixelWords(lane)[i / 64 * kLanes] |= uint64_t{spikes(lane, i) > 0} << i % 64;
        }
      }
      BitSlicedGrid::TransposePixels(workspace, with);
      const Cancellation never;
      const double rate =
          RateOf(seconds, lanes, [&] { TORPOR_CHECK(kernel.Run(workspace, with, never).ok()); });
      Print(name, std::string("bit-sliced ") + NameOf(with) + " lanes " + std::to_string(lanes),
            rate, floats.batch, 0);
    }
  }
}

void RunPopcount(const std::string& name, const BinaryGrid& grid, const Matrix& spikes,
                 const Baseline& floats, double seconds) {
  const PopcountGrid kernel(grid, PlanTallies(grid));
  // Samples by turns, as they come, their words ready.
  std::vector<PopcountWorkspace> workspaces(16);
  for (size_t s = 0; s < workspaces.size(); ++s) {
    workspaces[s].Prepare(*grid.plan);
    for (Eigen::Index i = 0; i < spikes.cols(); ++i) {
      const bool on = spikes(static_cast<Eigen::Index>(s), i) > 0;
      workspaces[s].levels[0][static_cast<size_t>(i / 64)] |= uint64_t{on} << i % 64;
    }
  }
  for (const PopcountSet set : PopcountSets()) {
    const double rate = RateOf(seconds, static_cast<double>(workspaces.size()), [&] {
      for (PopcountWorkspace& workspace : workspaces) kernel.Run(workspace, set);
    });
    Print(name, std::string("popcount ") + NameOf(set), rate, floats.batch, floats.single);
  }
}

void RunDeployment(const std::string& name, const BinaryGrid& grid, const Matrix& spikes,
                   double seconds) {
  const std::shared_ptr<const GridKernels> kernels = MakeGridKernels({grid});
  for (const auto& [samples, ticks] : {std::pair{256, 1}, {256, 16}, {1, 1}, {1, 16}}) {
    TrueNorthDrive drive;
    drive.mode.set_steps(ticks);
    drive.mode.set_copies(1);
    drive.read_out.classes = grid.plan->classes;
    const TrueNorthDeployment deployment(kernels, drive);
    const size_t n = static_cast<size_t>(samples);
    const size_t classes = static_cast<size_t>(grid.plan->classes);
    std::vector<float> scores(n * classes);
    std::vector<SampleTask> tasks(n);
    std::vector<SampleResult> results(n);
    for (size_t i = 0; i < n; ++i) {
      tasks[i].input.values = {spikes.row(static_cast<Eigen::Index>(i)).data(),
                               static_cast<size_t>(spikes.cols())};
      results[i].scores = {scores.data() + i * classes, classes};
    }
    const Cancellation never;
    const double rate =
        RateOf(seconds, samples, [&] { TORPOR_CHECK(deployment.Run(tasks, results, never).ok()); });
    Print(name,
          "deployment, samples of " + std::to_string(ticks) + " ticks in calls of " +
              std::to_string(samples),
          rate, 0, 0);
  }
}

void RunAll(const std::string& name, const BinaryGrid& grid, double seconds) {
  RandomStream random(3, RandomPurpose::kTest);
  Matrix spikes(kBatch, grid.plan->features);
  for (float& spike : spikes.reshaped()) spike = random.NextDouble() < 0.22 ? 1.0f : 0.0f;
  const Baseline floats = RunFloats(name, grid, spikes, seconds);
  RunBitSliced(name, grid, spikes, floats, seconds);
  RunPopcount(name, grid, spikes, floats, seconds);
  RunDeployment(name, grid, spikes, seconds);
}

}  // namespace
}  // namespace torpor

int main(int argc, char** argv) {
  const double seconds = argc > 1 ? std::atof(argv[1]) : 0.2;
  using torpor::LargeShape;
  using torpor::RandomGrid;
  using torpor::SmallShape;
  torpor::GridShape doubles = SmallShape();
  doubles.strengths = torpor::v1::Template::SIGNS_AND_DOUBLES;
  torpor::RunAll("small", RandomGrid(SmallShape(), 1), seconds);
  torpor::RunAll("small, doubles", RandomGrid(doubles, 2), seconds);
  torpor::RunAll("large", RandomGrid(LargeShape(), 3), seconds);
}
