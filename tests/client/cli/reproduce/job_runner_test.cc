#include "client/cli/reproduce/job_runner.h"

#include "gtest/gtest.h"
#include "tests/client/cli/cli_testing.h"

namespace torpor::cli::reproduce {
namespace {

TEST(Digest, IsFnv1aOverUpstreamAndBytes) {
  // Names of jobs that are done hang on it: it may never change.
  EXPECT_EQ(Digest(0, ""), 0xa8c7f832281a39c5u);
  EXPECT_NE(Digest(0, "a"), Digest(0, "b"));
  EXPECT_NE(Digest(1, "a"), Digest(0, "a"));
}

TEST(Canonical, OrdersMaps) {
  v1::PowerMode one, other;
  for (const char* name : {"a", "b", "c", "d", "e"}) (*one.mutable_layer_epsilon())[name] = 0.5;
  for (const char* name : {"e", "d", "c", "b", "a"}) (*other.mutable_layer_epsilon())[name] = 0.5;
  EXPECT_EQ(Canonical(one), Canonical(other));
}

TEST(Fresh, NamesFollowFromWhatIsTrained) {
  std::istringstream in;
  std::ostringstream out, err;
  Context context(in, out, err);
  const JobRunner runner(context, "merkel-fig5", false);
  v1::Dataset dataset;
  dataset.set_name("datasets/Fashion_MNIST.of.a.long.name");
  v1::Network network;
  network.set_display_name("x");
  const Stage stage = runner.Fresh("mlp", network, dataset, 2);
  EXPECT_EQ(stage.stem, "repro-merkel-mlp-fashion-mnist-s2");
  EXPECT_EQ(stage.digest, runner.Fresh("mlp", network, dataset, 2).digest);
  EXPECT_NE(stage.digest, runner.Fresh("mlp", network, dataset, 3).digest);
  network.set_display_name("y");
  EXPECT_NE(stage.digest, runner.Fresh("mlp", network, dataset, 2).digest);
  // Sessions and jobs add at most 16 characters; the server takes 63.
  dataset.set_name("datasets/" + std::string(63, 'd'));
  EXPECT_LE(runner.Fresh("abcdefghijkl", network, dataset, 1000).stem.size(), 47u);
}

}  // namespace
}  // namespace torpor::cli::reproduce
