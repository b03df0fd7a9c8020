#include "engine/energy/memory_compare.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdio>

#include "engine/energy/memory_break_even.h"
#include "tests/engine/energy/memory_arrays.h"

namespace torpor {
namespace {

using testing::ConvArray;
using testing::CostsOf;
using testing::DenseArray;
using testing::Figures;
using testing::Scheme;
using Quantity = v1::MemoryQuantity;

v1::CompareMemoryResponse Compare(const std::vector<v1::WeightArray>& arrays,
                                  std::initializer_list<v1::MemoryScheme::Kind> schemes,
                                  const std::string& profile = kMemoryProfile, int draws = 4000) {
  v1::CompareMemoryRequest request;
  for (const v1::MemoryScheme::Kind scheme : schemes) request.add_schemes(scheme);
  request.set_draws(draws);
  request.set_seed(5);
  const absl::StatusOr<v1::CompareMemoryResponse> response =
      CompareMemory(arrays, request, FindProfile(profile).value(), Cancellation());
  TORPOR_CHECK(response.ok());
  return *response;
}

const v1::MemoryComparison& Find(const v1::CompareMemoryResponse& response,
                                 v1::MemoryScheme::Kind scheme, v1::MemoryScheme::Kind against,
                                 v1::MemoryQuantity::Kind quantity) {
  for (const v1::MemoryComparison& comparison : response.comparisons()) {
    if (comparison.scheme() == scheme && comparison.against() == against &&
        comparison.quantity() == quantity) {
      return comparison;
    }
  }
  TORPOR_CHECK(false);
  return response.comparisons(0);
}

const v1::MemoryComparison& FunctionalAgainstIndex(const v1::CompareMemoryResponse& response) {
  return Find(response, Scheme::FUNCTIONAL, Scheme::POINTER_INDEX, Quantity::BACKWARD_UPDATE);
}

// The notes' predictions, in per cent; of the second row one figure is 54.3, of the third 73.5 and
// 45.9.
TEST(CompareMemory, FunctionalEncodingSavesLearningEnergyAtEveryWidth) {
  struct Prediction {
    const char* profile;
    double savings[4];
  };
  const Prediction predictions[] = {{"memory-synthesis", {63, 59, 54, 51}},
                                    {"memory-45nm-packed", {91, 83, 67, 54}},
                                    {"memory-45nm-half-fixed", {74, 64, 53, 46}}};
  const int widths[] = {2, 4, 8, 12};
  for (const Prediction& prediction : predictions) {
    std::printf("%s:", prediction.profile);
    for (int i = 0; i < 4; ++i) {
      const v1::CompareMemoryResponse response =
          Compare({ConvArray(28, 3, 32, widths[i])}, {Scheme::FUNCTIONAL, Scheme::POINTER_INDEX},
                  prediction.profile, 0);
      const double saving = 100 * FunctionalAgainstIndex(response).saving();
      std::printf(" %.1f %%", saving);
      EXPECT_NEAR(saving, prediction.savings[i], 0.6) << widths[i];
    }
    std::printf("\n");
  }
}

TEST(CompareMemory, TheSavingIsRobustAndItsSizeIsNot) {
  struct Row {
    int bits;
    double percentiles[5];
    double above_58;
  };
  // The notes' table of robustness; within what two samples of 4000 draws differ by.
  for (const Row& row :
       {Row{8, {.35, .45, .52, .58, .69}, .26}, Row{2, {.42, .57, .68, .75, .84}, .73}}) {
    const v1::CompareMemoryResponse response =
        Compare({ConvArray(28, 3, 32, row.bits)}, {Scheme::FUNCTIONAL, Scheme::POINTER_INDEX});
    const v1::MemoryComparison& comparison = FunctionalAgainstIndex(response);
    ASSERT_EQ(comparison.percentiles_size(), 5);
    std::printf("%d bits:", row.bits);
    for (int i = 0; i < 5; ++i) {
      std::printf(" %.3f", comparison.percentiles(i));
      EXPECT_NEAR(comparison.percentiles(i), row.percentiles[i], 0.02) << row.bits << " " << i;
    }
    std::printf("; saves in %.4f\n", comparison.robustness());
    EXPECT_EQ(comparison.robustness(), 1);
  }
}

// Ratios that the notes' table has, over draws: against the networks 700-400-250 and 784-128.
TEST(CompareMemory, RatiosOfDenseArraysAreAsRobustAsTheNotesSay) {
  const v1::DeviceProfile profile = FindProfile(kMemoryProfile).value();
  const auto both = [](v1::MemoryScheme::Kind scheme, int bits, double density,
                       const MemoryCosts& costs) {
    return Figures(scheme, DenseArray(700, 400, bits, density), costs).Of(Quantity::LEARNING) +
           Figures(scheme, DenseArray(400, 250, bits, density), costs).Of(Quantity::LEARNING);
  };
  std::vector<double> narrow_bitmap, same_width, lists, dense_lists;
  for (uint64_t n = 0; n < 4000; ++n) {
    const MemoryCosts costs = DrawMemoryCosts(profile, 11, n);
    const double bitmap = both(Scheme::POINTER_BITMAP, 2, .66, costs);
    narrow_bitmap.push_back(both(Scheme::CROSSBAR, 5, 1, costs) / bitmap);
    same_width.push_back(both(Scheme::CROSSBAR, 2, 1, costs) / bitmap);
    lists.push_back(both(Scheme::POINTER_INDEX, 2, .66, costs) / bitmap);
    dense_lists.push_back(
        Figures(Scheme::POINTER_INDEX, DenseArray(784, 128, 8, .95), costs).Of(Quantity::LEARNING) /
        Figures(Scheme::CROSSBAR, DenseArray(784, 128, 8), costs).Of(Quantity::LEARNING));
  }
  const auto check = [](const char* name, std::vector<double> ratios,
                        std::initializer_list<double> percentiles, double above_one) {
    std::sort(ratios.begin(), ratios.end());
    std::printf("%s:", name);
    const double* expected = percentiles.begin();
    for (const double p : {5, 25, 50, 75, 95}) {
      const double ours = Percentile(ratios, p);
      std::printf(" %.2f", ours);
      EXPECT_NEAR(ours, *expected, 0.06 * *expected) << name << " " << p;
      ++expected;
    }
    const double share =
        static_cast<double>(ratios.end() - std::upper_bound(ratios.begin(), ratios.end(), 1.0)) /
        4000;
    std::printf("; above 1 in %.4f\n", share);
    EXPECT_NEAR(share, above_one, 0.015) << name;
  };
  check("crossbar 5 b / bitmap 2 b", narrow_bitmap, {1.38, 1.77, 2.16, 2.65, 3.24}, .99);
  check("crossbar 2 b / bitmap 2 b", same_width, {1.08, 1.44, 1.57, 1.68, 1.82}, .965);
  check("index / bitmap, 2 b", lists, {1.54, 2.10, 2.72, 3.56, 5.46}, .998);
  check("index .95 / crossbar, 8 b", dense_lists, {1.45, 1.70, 1.90, 2.15, 2.87}, 1);
}

const v1::BreakEven& Even(const v1::CompareMemoryResponse& response, v1::MemoryScheme::Kind scheme,
                          v1::MemoryScheme::Kind against, v1::MemoryQuantity::Kind quantity) {
  for (const v1::BreakEven& even : response.break_evens()) {
    if (even.scheme() == scheme && even.against() == against && even.quantity() == quantity) {
      return even;
    }
  }
  TORPOR_CHECK(false);
  return response.break_evens(0);
}

TEST(CompareMemory, BreakEvensAreWhereTheNotesPutThem) {
  struct Row {
    int bits;
    double bitmap_storage, index_storage, bitmap, index, index_bitmap;
  };
  for (const Row& row : {Row{2, .436, .057, .78, .42, .17}, Row{4, .716, .110, .81, .46, .18},
                         Row{8, .858, .195, .84, .51, .18}}) {
    const v1::CompareMemoryResponse response =
        Compare({DenseArray(784, 128, row.bits)}, {}, kMemoryProfile, 200);
    const auto near = [&](v1::MemoryScheme::Kind scheme, v1::MemoryScheme::Kind against,
                          v1::MemoryQuantity::Kind quantity, double density, double tolerance) {
      const v1::BreakEven& even = Even(response, scheme, against, quantity);
      ASSERT_FALSE(even.density().empty());
      EXPECT_NEAR(even.density(0), density, tolerance)
          << row.bits << " " << even.ShortDebugString();
      EXPECT_EQ(even.cheaper_below(),
                scheme != Scheme::POINTER_BITMAP || against == Scheme::CROSSBAR);
      ASSERT_EQ(even.percentiles_size(), 3);
      EXPECT_LE(even.percentiles(0), even.percentiles(2));
    };
    near(Scheme::POINTER_BITMAP, Scheme::CROSSBAR, Quantity::STORAGE, row.bitmap_storage, 2.1e-3);
    near(Scheme::POINTER_INDEX, Scheme::CROSSBAR, Quantity::STORAGE, row.index_storage, 2.1e-3);
    near(Scheme::POINTER_BITMAP, Scheme::CROSSBAR, Quantity::LEARNING, row.bitmap, 0.012);
    near(Scheme::POINTER_INDEX, Scheme::CROSSBAR, Quantity::LEARNING, row.index, 0.012);
    // Curves jump where a pointer takes one bit more.
    near(Scheme::POINTER_BITMAP, Scheme::POINTER_INDEX, Quantity::LEARNING, row.index_bitmap,
         0.012);
  }
}

TEST(CompareMemory, ABreakEvenIsWhereBothCostTheSame) {
  const v1::WeightArray array = DenseArray(300, 77, 6);
  const v1::CompareMemoryResponse response = Compare({array, array}, {}, "memory-45nm-packed", 0);
  int found = 0;
  for (const v1::BreakEven& even : response.break_evens()) {
    EXPECT_TRUE(even.percentiles().empty());
    if (even.quantity() != Quantity::LEARNING) continue;
    for (const double density : even.density()) {
      const MemoryCosts costs = CostsOf("memory-45nm-packed");
      const auto difference = [&](double at) {
        return Figures(even.scheme(), DenseArray(300, 77, 6, at), costs).Of(even.quantity()) -
               Figures(even.against(), DenseArray(300, 77, 6, at), costs).Of(even.quantity());
      };
      EXPECT_LT(difference(density - 1e-9) * difference(density + 1e-9), 0);
      ++found;
    }
  }
  EXPECT_GE(found, 4);
}

TEST(CompareMemory, SavingsAreOneMinusTheRatioOfSums) {
  const v1::WeightArray first = DenseArray(784, 128, 8, 0.3);
  const v1::WeightArray second = DenseArray(128, 10, 4, 0.9);
  const v1::CompareMemoryResponse response =
      Compare({first, second}, {Scheme::POINTER_BITMAP, Scheme::CROSSBAR}, kMemoryProfile, 50);
  const MemoryCosts costs = CostsOf(kMemoryProfile);
  for (const v1::MemoryQuantity::Kind quantity : kMemoryQuantities) {
    const auto sum = [&](v1::MemoryScheme::Kind scheme) {
      return Figures(scheme, first, costs).Of(quantity) +
             Figures(scheme, second, costs).Of(quantity);
    };
    EXPECT_NEAR(Find(response, Scheme::POINTER_BITMAP, Scheme::CROSSBAR, quantity).saving(),
                1 - sum(Scheme::POINTER_BITMAP) / sum(Scheme::CROSSBAR), 1e-12);
  }
  EXPECT_EQ(response.comparisons_size(), 2 * 4);
  EXPECT_EQ(response.break_evens_size(), 4);
  // Storage knows no coefficient.
  const v1::MemoryComparison& storage =
      Find(response, Scheme::POINTER_BITMAP, Scheme::CROSSBAR, Quantity::STORAGE);
  EXPECT_EQ(storage.percentiles(0), storage.percentiles(4));
  EXPECT_EQ(storage.robustness(), 1);
}

TEST(CompareMemory, AgainstNothingEverySchemeCostsInfinitelyMore) {
  // A list of no weights stores nothing.
  const v1::CompareMemoryResponse response = Compare(
      {DenseArray(64, 10, 8, 0)}, {Scheme::CROSSBAR, Scheme::COORDINATE_LIST}, kMemoryProfile, 20);
  const v1::MemoryComparison& comparison =
      Find(response, Scheme::CROSSBAR, Scheme::COORDINATE_LIST, Quantity::STORAGE);
  EXPECT_EQ(comparison.saving(), -HUGE_VAL);
  EXPECT_EQ(comparison.robustness(), 0);
  EXPECT_THAT(comparison.percentiles(), ::testing::Each(-HUGE_VAL));
  const double mixed[] = {-HUGE_VAL, 1, 2};
  EXPECT_EQ(Percentile(mixed, 25), -HUGE_VAL);
  EXPECT_EQ(Percentile(mixed, 75), 1.5);
}

TEST(CompareMemory, IsAFunctionOfItsSeed) {
  v1::CompareMemoryRequest request;
  request.set_draws(300);
  const std::vector<v1::WeightArray> arrays = {DenseArray(64, 64, 4, 0.5)};
  const v1::DeviceProfile profile = FindProfile(kMemoryProfile).value();
  const auto compare = [&](uint64_t seed) {
    request.set_seed(seed);
    return CompareMemory(arrays, request, profile, Cancellation())->SerializeAsString();
  };
  EXPECT_EQ(compare(1), compare(1));
  EXPECT_NE(compare(1), compare(2));
}

TEST(CompareMemory, RefusesWhatCannotBeCompared) {
  v1::CompareMemoryRequest request;
  request.add_schemes(Scheme::CROSSBAR);
  request.add_schemes(Scheme::FUNCTIONAL);
  std::vector<v1::WeightArray> arrays = {ConvArray(8, 3, 2, 8), DenseArray(64, 64, 4)};
  arrays[1].set_name("head");
  const v1::DeviceProfile profile = FindProfile(kMemoryProfile).value();
  const auto message = [&] {
    return std::string(CompareMemory(arrays, request, profile, Cancellation()).status().message());
  };
  EXPECT_THAT(message(), ::testing::StartsWith("schemes[1]: must hold every array, not 'head'"));
  request.mutable_schemes()->RemoveLast();
  EXPECT_THAT(message(), ::testing::StartsWith("schemes: must be at least 2"));
  request.clear_schemes();
  EXPECT_EQ(message(), "");
  Cancellation cancelled;
  cancelled.Cancel();
  EXPECT_EQ(CompareMemory(arrays, request, profile, cancelled).status().code(),
            absl::StatusCode::kCancelled);
  request.set_draws(100001);
  Violations violations;
  CheckMemoryDraws(request, violations);
  EXPECT_THAT(std::string(violations.ToStatus().message()),
              ::testing::StartsWith("draws: must be in 0..100000, got 100001"));
}

TEST(EstimateMemory, ReportsArraysAndTheirSums) {
  std::vector<v1::WeightArray> arrays = {DenseArray(784, 128, 8, 0.5), ConvArray(8, 3, 2, 8)};
  const v1::DeviceProfile profile = FindProfile(kMemoryProfile).value();
  v1::EstimateMemoryResponse response = *EstimateMemory(arrays, {}, profile);
  ASSERT_EQ(response.estimates_size(), 10);
  EXPECT_THAT(response.estimates(4).refused(), ::testing::HasSubstr("dense"));
  EXPECT_EQ(response.estimates(4).forward_uj(), 0);
  EXPECT_TRUE(response.estimates(0).has_leakage_mw());
  // Not checked for convolutions.
  EXPECT_FALSE(response.estimates(5).has_leakage_mw());
  // All but functional.
  ASSERT_EQ(response.totals_size(), 4);
  EXPECT_FALSE(response.totals(0).has_leakage_mw());
  for (int s = 0; s < 4; ++s) {
    EXPECT_DOUBLE_EQ(response.totals(s).backward_update_uj(),
                     response.estimates(s).backward_update_uj() +
                         response.estimates(5 + s).backward_update_uj());
  }
  MemorySchemeList schemes;
  schemes.Add(Scheme::FUNCTIONAL);
  response = *EstimateMemory(arrays, schemes, profile);
  EXPECT_EQ(response.totals_size(), 0);
  arrays.pop_back();
  EXPECT_THAT(std::string(EstimateMemory(arrays, schemes, profile).status().message()),
              ::testing::StartsWith("schemes[0]: must hold one array at least"));
  response = *EstimateMemory(arrays, {}, FindProfile("memory-45nm-packed").value());
  EXPECT_FALSE(response.totals(0).has_leakage_mw());
}

TEST(EstimateMemory, ChecksSubjectsByPath) {
  const auto wrong = [](const v1::MemorySubject& subject) {
    Violations violations;
    CheckMemorySubject(subject, "subject.", violations);
    return std::string(violations.ToStatus().message());
  };
  v1::MemorySubject subject;
  EXPECT_THAT(wrong(subject), ::testing::StartsWith("subject.arrays: must hold at least one"));
  *subject.add_arrays() = DenseArray(1, 1, 0);
  EXPECT_THAT(wrong(subject), ::testing::StartsWith("subject.arrays[0].bits: must be in 1..32"));
  subject.mutable_arrays(0)->set_bits(1);
  EXPECT_EQ(wrong(subject), "");
  subject.set_bits(8);
  EXPECT_THAT(wrong(subject), ::testing::StartsWith("subject.bits: must be unset"));
  subject.set_name("models/a");
  EXPECT_THAT(wrong(subject), ::testing::StartsWith("subject.arrays: must be empty"));
  subject.clear_arrays();
  EXPECT_EQ(wrong(subject), "");
  subject.set_bits(33);
  EXPECT_THAT(wrong(subject), ::testing::StartsWith("subject.bits: must be in 1..32, got 33"));
  MemorySchemeList schemes;
  schemes.Add(Scheme::CROSSBAR);
  schemes.Add(Scheme::CROSSBAR);
  Violations violations;
  CheckMemorySchemes(schemes, violations);
  EXPECT_THAT(std::string(violations.ToStatus().message()),
              ::testing::StartsWith("schemes[1]: crossbar comes twice"));
}

}  // namespace
}  // namespace torpor
