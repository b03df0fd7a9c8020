#include "engine/energy/activity.h"

#include "gtest/gtest.h"

namespace torpor {
namespace {

TEST(Quantity, ASumIsCountedOnlyIfEveryPartIs) {
  EXPECT_FALSE(Quantity().counted());
  EXPECT_EQ((Quantity(2) + Quantity(3)).value(), 5);
  EXPECT_FALSE((Quantity(2) + Quantity()).counted());
  EXPECT_FALSE((Quantity() + Quantity(0)).counted());
  EXPECT_TRUE(Quantity(0).counted());  // nothing is not the same as unknown
}

TEST(Activity, TotalsAreBySingleQuantity) {
  Activity activity;
  activity.layers.resize(2);
  activity.layers[0].synaptic_power = 1.5;
  activity.layers[1].synaptic_power = 2;
  activity.layers[0].synaptic_events = 7;
  EXPECT_EQ(activity.Total(&LayerActivity::synaptic_power).value(), 3.5);
  EXPECT_FALSE(activity.Total(&LayerActivity::synaptic_events).counted());
  EXPECT_FALSE(activity.Total(&LayerActivity::spikes).counted());
}

TEST(Activity, ANetworkWithoutLayersDrawsNothing) {
  EXPECT_EQ(Activity().Total(&LayerActivity::spikes).value(), 0);
}

}  // namespace
}  // namespace torpor
