#include "client/cli/reproduce/memory_rows.h"

#include "gtest/gtest.h"

namespace torpor::cli::reproduce {
namespace {

// A network of two layers in two schemes; the figures of scheme k are those of scheme 0 times k
// + 1.
v1::EstimateMemoryResponse TwoLayers() {
  constexpr v1::MemoryScheme::Kind kSchemes[] = {v1::MemoryScheme::CROSSBAR,
                                                 v1::MemoryScheme::POINTER_BITMAP};
  v1::EstimateMemoryResponse response;
  for (const char* layer : {"hidden", "out"}) {
    for (const v1::MemoryScheme::Kind scheme : kSchemes) {
      v1::MemoryEstimate& estimate = *response.add_estimates();
      estimate.set_array(std::string(layer));
      estimate.set_scheme(scheme);
      estimate.mutable_of()->set_density(estimate.array() == "hidden" ? 0.66 : 0.64);
    }
  }
  double times = 1;
  for (const v1::MemoryScheme::Kind scheme : kSchemes) {
    v1::MemoryEstimate& total = *response.add_totals();
    total.set_scheme(scheme);
    total.set_forward_uj(5 * times);
    total.set_backward_update_uj(12 * times);
    ++times;
  }
  return response;
}

Place Network() {
  Place place;
  place.base_id = "net=w2";
  place.dataset = "pattern";
  place.what = place.line = "2-bit weights";
  place.group = "trained networks";
  return place;
}

TEST(AddNetworkMemory, HasDensitiesByLayerAndEnergiesByScheme) {
  RowCollector rows;
  AddNetworkMemory(Network(), TwoLayers(), rows);
  const std::vector<Row> finished = rows.Finish({});
  // A density a layer, not one a layer and scheme.
  ASSERT_EQ(finished.size(), 2u + 2 * 3);
  const auto measured = [&](const std::string& id) {
    const Row* row = FindRow(finished, "pattern", "net=w2," + id);
    EXPECT_NE(row, nullptr) << id;
    return row == nullptr ? -1 : *row->measured;
  };
  EXPECT_EQ(measured("layer=hidden,metric=density"), 0.66);
  EXPECT_EQ(measured("layer=out,metric=density"), 0.64);
  EXPECT_DOUBLE_EQ(measured("scheme=crossbar,metric=forward"), 5e-6);
  EXPECT_DOUBLE_EQ(measured("scheme=crossbar,metric=backward_update"), 12e-6);
  EXPECT_DOUBLE_EQ(measured("scheme=crossbar,metric=learning"), 17e-6);
  EXPECT_DOUBLE_EQ(measured("scheme=pointer-bitmap,metric=learning"), 34e-6);
}

TEST(AddNetworkMemory, OfSeveralSeedsIsAMeanWithItsInterval) {
  RowCollector rows;
  for (const double density : {0.6, 0.7, 0.8}) {
    v1::EstimateMemoryResponse response = TwoLayers();
    response.mutable_estimates(0)->mutable_of()->set_density(density);
    AddNetworkMemory(Network(), response, rows);
  }
  const std::vector<Row> finished = rows.Finish({});
  const Row* row = FindRow(finished, "pattern", "net=w2,layer=hidden,metric=density");
  ASSERT_NE(row, nullptr);
  EXPECT_NEAR(*row->measured, 0.7, 1e-12);
  EXPECT_EQ(row->seeds, 3);
  EXPECT_LT(*row->low, 0.6);
}

TEST(AddNetworkMemory, StandsInOneTableAFigure) {
  RowCollector rows;
  AddNetworkMemory(Network(), TwoLayers(), rows);
  const std::vector<PivotTable> tables = Pivot(rows.Finish({}));
  ASSERT_EQ(tables.size(), 4u);
  EXPECT_EQ(tables[0].columns, (std::vector<std::string>{"hidden", "out"}));
  EXPECT_EQ(tables[3].columns, (std::vector<std::string>{"crossbar", "pointer-bitmap"}));
  EXPECT_EQ(tables[3].lines[0], (std::vector<std::string>{"2-bit weights", "17 uJ", "34 uJ"}));
}

// What a bare array's density means in the protocol.
TEST(AddNetworkMemory, TakesAnUnsetDensityAsDense) {
  v1::EstimateMemoryResponse response = TwoLayers();
  response.mutable_estimates(0)->mutable_of()->clear_density();
  RowCollector rows;
  AddNetworkMemory(Network(), response, rows);
  EXPECT_EQ(*FindRow(rows.Finish({}), "pattern", "net=w2,layer=hidden,metric=density")->measured,
            1);
}

}  // namespace
}  // namespace torpor::cli::reproduce
