#include "engine/network/deployment.h"

#include <gtest/gtest.h>

#include "tests/support/fake_model.h"

namespace torpor {
namespace {

// A fake has one synapse a feature.
int BlockSamples(int synapses) {
  return testing::FakeDeployment(v1::PowerMode(), synapses, nullptr).block_samples();
}

TEST(DeploymentTest, LargerNetworksTakeFewerSamplesAtOnce) {
  EXPECT_EQ(BlockSamples(4), 64);
  EXPECT_EQ(BlockSamples(1'000'000), 64);
  EXPECT_EQ(BlockSamples(4'999'999), 20);
  EXPECT_EQ(BlockSamples(1'000'000'000), 1);
}

TEST(DeploymentTest, ReadsValuesUnlessItSaysOtherwise) {
  EXPECT_FALSE(testing::FakeDeployment(v1::PowerMode(), 4, nullptr).reads_bytes());
}

}  // namespace
}  // namespace torpor
