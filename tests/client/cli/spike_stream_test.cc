#include "client/cli/spike_stream.h"

#include <functional>
#include <memory>
#include <sstream>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/client/cli/served_context.h"

namespace torpor::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

using ServerStream = grpc::ServerReaderWriter<v1::StreamInferResponse, v1::StreamInferRequest>;

// Does what a test says on every stream.
class FakeInference final : public v1::InferenceService::Service {
 public:
  std::function<grpc::Status(ServerStream&)> behave;

  grpc::Status StreamInfer(grpc::ServerContext*, ServerStream* stream) override {
    return behave(*stream);
  }
};

// Reads what opens the stream and answers it.
void Opened(ServerStream& stream) {
  v1::StreamInferRequest request;
  stream.Read(&request);
  v1::StreamInferResponse opened;
  opened.mutable_opened()->set_generation(1);
  stream.Write(opened);
}

using SpikeStreamTest = ServedContextTest<FakeInference>;

TEST_F(SpikeStreamTest, ReturnsTheSpikesOfEachChunkAndNotesASwitch) {
  std::vector<bool> resets;
  service_.behave = [&](ServerStream& stream) {
    Opened(stream);
    v1::StreamInferRequest request;
    while (stream.Read(&request)) {
      resets.push_back(request.item().reset());
      v1::StreamInferResponse switched, result;
      switched.mutable_mode_changed()->set_generation(2);
      stream.Write(switched);
      *result.mutable_result()->mutable_response()->mutable_spikes() = request.item().chunk();
      stream.Write(result);
    }
    return grpc::Status::OK;
  };
  SpikeStream stream(context_);
  ASSERT_TRUE(stream.Open("sessions/s").ok());
  v1::SpikeTrain chunk;
  chunk.set_steps(4);
  chunk.add_step(3);
  chunk.add_index(7);
  for (const bool reset : {true, false}) {
    const auto response = stream.Send(chunk, reset);
    ASSERT_TRUE(response.ok()) << response.status();
    EXPECT_THAT(response->spikes().index(), ElementsAre(7));
  }
  stream.Close();
  EXPECT_THAT(resets, ElementsAre(true, false));
  EXPECT_THAT(err_.str(), HasSubstr("generation 2"));
}

TEST_F(SpikeStreamTest, SaysWhyTheServerEndedIt) {
  service_.behave = [](ServerStream& stream) {
    Opened(stream);
    return grpc::Status(grpc::StatusCode::FAILED_PRECONDITION, "no spikes here");
  };
  SpikeStream stream(context_);
  ASSERT_TRUE(stream.Open("sessions/s").ok());
  const absl::Status status = stream.Send(v1::SpikeTrain(), false).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(status.message(), "no spikes here");
}

TEST_F(SpikeStreamTest, AnEndWithoutAnswerIsAnErrorEvenWhereTheServerFoundNone) {
  service_.behave = [](ServerStream&) { return grpc::Status::OK; };
  SpikeStream unopened(context_);
  EXPECT_EQ(unopened.Open("sessions/s").code(), absl::StatusCode::kUnavailable);

  service_.behave = [](ServerStream& stream) {
    Opened(stream);
    return grpc::Status::OK;
  };
  SpikeStream stream(context_);
  ASSERT_TRUE(stream.Open("sessions/s").ok());
  const absl::Status status = stream.Send(v1::SpikeTrain(), false).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(status.message()), HasSubstr("ended"));
}

}  // namespace
}  // namespace torpor::cli
