#include "client/cli/sample_reader.h"

#include <limits>
#include <sstream>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/client/cli/cli_testing.h"
#include "tests/client/cli/served_context.h"
#include "torpor/v1/dataset.grpc.pb.h"

namespace torpor::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// 10 samples of two bytes, i and 100 + i; at most 4 a call.
class TenSamples final : public v1::DatasetService::Service {
 public:
  grpc::Status ReadSamples(grpc::ServerContext*, const v1::ReadSamplesRequest* request,
                           v1::ReadSamplesResponse* reply) override {
    firsts.push_back(request->first());
    reply->set_split_samples(10);
    const int64_t end =
        std::min<int64_t>({request->first() + request->count(), 10, request->first() + 4});
    reply->mutable_inputs()->set_dtype(v1::DataType::UINT8);
    reply->mutable_inputs()->add_shape(end - request->first());
    reply->mutable_inputs()->add_shape(2);
    for (int64_t i = request->first(); i < end; ++i) {
      reply->add_labels(static_cast<int32_t>(i));
      reply->mutable_inputs()->mutable_data()->push_back(static_cast<char>(i));
      reply->mutable_inputs()->mutable_data()->push_back(static_cast<char>(100 + i));
    }
    return grpc::Status::OK;
  }

  std::vector<int64_t> firsts;
};

using SampleReaderTest = ServedContextTest<TenSamples>;

TEST_F(SampleReaderTest, AsksUntilItHasAll) {
  const auto read = ReadSamples(context_, "ten", v1::Split::TEST, 1, 6);
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_THAT(service_.firsts, ElementsAre(1, 5));
  EXPECT_THAT(read->labels(), ElementsAre(1, 2, 3, 4, 5, 6));
  EXPECT_THAT(read->inputs().shape(), ElementsAre(6, 2));
  EXPECT_EQ(read->inputs().data(), std::string("\1\145\2\146\3\147\4\150\5\151\6\152", 12));
}

TEST_F(SampleReaderTest, StopsWhereTheSplitEnds) {
  const auto read = ReadSamples(context_, "ten", v1::Split::TEST, 5, 1000);
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_THAT(service_.firsts, ElementsAre(5, 9));
  EXPECT_EQ(read->labels_size(), 5);
  EXPECT_EQ(read->inputs().shape(0), 5);
  EXPECT_EQ(read->split_samples(), 10);
}

TEST_F(SampleReaderTest, TakesAsManyAsThereAreHoweverManyAreAskedFor) {
  const auto read =
      ReadSamples(context_, "ten", v1::Split::TEST, 7, std::numeric_limits<int64_t>::max());
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_THAT(read->labels(), ElementsAre(7, 8, 9));
}

TEST(FlatRowsTest, CutsRowsAndKeepsNoShape) {
  v1::Tensor tensor;
  tensor.set_dtype(v1::DataType::FLOAT32);
  for (const int64_t dimension : {3, 2, 1}) tensor.add_shape(dimension);
  for (const char c : {'a', 'b', 'c'}) tensor.mutable_data()->append(8, c);
  const v1::Tensor rows = FlatRows(tensor, 1, 2);
  EXPECT_EQ(rows.dtype(), v1::DataType::FLOAT32);
  EXPECT_THAT(rows.shape(), ElementsAre(2, 2));
  EXPECT_EQ(rows.data(), "bbbbbbbbcccccccc");
}

TEST(SpikesTest, InputsSpikeFromOneHalfOnAndTargetsFromOne) {
  v1::ReadSamplesResponse samples;
  samples.mutable_inputs()->set_dtype(v1::DataType::UINT8);
  for (const int64_t dimension : {2, 3, 2}) samples.mutable_inputs()->add_shape(dimension);
  *samples.mutable_targets() = samples.inputs();
  samples.mutable_inputs()->set_data(std::string(6, '\377') +
                                     std::string("\0\200\0\177\377\377", 6));
  samples.mutable_targets()->set_data(std::string("\0\0\0\0\0\0\1\0\0\1\0\0", 12));
  const auto inputs = InputSpikes(samples, 1);
  ASSERT_TRUE(inputs.ok()) << inputs.status();
  EXPECT_EQ(inputs->steps(), 3);
  EXPECT_THAT(inputs->step(), ElementsAre(0, 2, 2));
  EXPECT_THAT(inputs->index(), ElementsAre(1, 0, 1));
  const auto targets = TargetSpikes(samples, 1);
  ASSERT_TRUE(targets.ok()) << targets.status();
  EXPECT_THAT(targets->step(), ElementsAre(0, 1));
  EXPECT_THAT(targets->index(), ElementsAre(0, 1));
}

TEST(SpikesTest, FloatsSpikeFromOneHalfOn) {
  v1::ReadSamplesResponse samples;
  samples.mutable_inputs()->set_dtype(v1::DataType::FLOAT32);
  for (const int64_t dimension : {1, 2, 2}) samples.mutable_inputs()->add_shape(dimension);
  const float values[] = {0.49f, 1, 0.5f, 0};
  samples.mutable_inputs()->set_data(values, sizeof(values));
  const auto spikes = InputSpikes(samples, 0);
  ASSERT_TRUE(spikes.ok()) << spikes.status();
  EXPECT_THAT(spikes->step(), ElementsAre(0, 1));
  EXPECT_THAT(spikes->index(), ElementsAre(1, 0));
}

TEST(SpikesTest, RefusesWhatIsNoSpikeTrain) {
  v1::ReadSamplesResponse samples;
  samples.mutable_inputs()->set_dtype(v1::DataType::UINT8);
  samples.mutable_inputs()->add_shape(1);
  samples.mutable_inputs()->add_shape(144);
  samples.mutable_inputs()->set_data(std::string(144, '\0'));
  EXPECT_THAT(std::string(InputSpikes(samples, 0).status().message()),
              HasSubstr("no spike trains"));
  EXPECT_THAT(std::string(TargetSpikes(samples, 0).status().message()),
              HasSubstr("no spike trains"));
}

}  // namespace
}  // namespace torpor::cli
