#include "client/cli/demo_stream.h"

#include <atomic>
#include <cmath>
#include <memory>
#include <string>

#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "grpcpp/server.h"
#include "grpcpp/server_builder.h"
#include "gtest/gtest.h"

namespace torpor::cli {
namespace {

using ::testing::HasSubstr;

// Answers every image with its label, except where told otherwise.
class FakeInference : public v1::InferenceService::Service {
 public:
  std::atomic<int64_t> generation{5};
  std::atomic<double> power{2.0};
  // Every image with sample key below it gets class 0.
  std::atomic<uint64_t> confused{0};
  std::atomic<bool> refuse_one{false};
  std::atomic<bool> swallow_one{false};
  std::atomic<bool> hang_up{false};
  int credits = 64;

  grpc::Status StreamInfer(
      grpc::ServerContext*,
      grpc::ServerReaderWriter<v1::StreamInferResponse, v1::StreamInferRequest>* stream) override {
    v1::StreamInferRequest request;
    if (!stream->Read(&request) || !request.has_open()) return grpc::Status::CANCELLED;
    if (request.open().session() != "sessions/s") {
      return grpc::Status(grpc::StatusCode::NOT_FOUND, "no such session");
    }
    v1::StreamInferResponse opened;
    opened.mutable_opened()->set_credits(credits);
    opened.mutable_opened()->set_generation(generation);
    stream->Write(opened);
    while (stream->Read(&request)) {
      if (hang_up) return grpc::Status(grpc::StatusCode::UNAVAILABLE, "going away");
      if (swallow_one.exchange(false)) continue;
      v1::StreamInferResponse response;
      if (refuse_one.exchange(false)) {
        response.mutable_error()->set_seq(request.item().seq());
        response.mutable_error()->mutable_status()->set_message("queue full");
      } else {
        Answer(request.item(), *response.mutable_result());
      }
      stream->Write(response);
    }
    return grpc::Status::OK;
  }

 private:
  // The pixel of an image is its label: see Images.
  void Answer(const v1::StreamInferRequest::Item& item,
              v1::StreamInferResponse::ItemResult& result) {
    result.set_seq(item.seq());
    v1::InferResponse& response = *result.mutable_response();
    response.set_generation(generation);
    response.set_nasp(power / 2);
    const int n = static_cast<int>(item.input().shape(0));
    response.mutable_scores()->add_shape(n);
    response.mutable_scores()->add_shape(3);
    std::string data;
    for (int i = 0; i < n; ++i) {
      const int label = item.input().data()[i];
      const int chosen = item.sample_key() + i < confused ? 0 : label;
      response.add_classes(chosen);
      response.add_synaptic_power(power);
      const float scores[3] = {0, 0, 0};
      data.append(reinterpret_cast<const char*>(scores), sizeof(scores));
    }
    response.mutable_scores()->set_data(data);
  }
};

// 50 images of one pixel, labels 1, 2, 1, 2, ...
v1::ReadSamplesResponse Images() {
  v1::ReadSamplesResponse images;
  images.mutable_inputs()->set_dtype(v1::DataType::UINT8);
  for (const int64_t dimension : {50, 1, 1}) images.mutable_inputs()->add_shape(dimension);
  for (int i = 0; i < 50; ++i) {
    images.add_labels(1 + i % 2);
    images.mutable_inputs()->mutable_data()->push_back(static_cast<char>(1 + i % 2));
  }
  return images;
}

class DemoStreamTest : public ::testing::Test {
 protected:
  void SetUp() override {
    grpc::ServerBuilder builder;
    builder.RegisterService(&service_);
    server_ = builder.BuildAndStart();
  }
  void TearDown() override { server_->Shutdown(); }

  std::unique_ptr<DemoStream> Stream(const std::string& session = "sessions/s") {
    return std::make_unique<DemoStream>(server_->InProcessChannel({}), images_, session, 8);
  }
  static absl::StatusOr<ModeFigures> Measure(DemoStream& stream) {
    return stream.Measure(
        absl::ZeroDuration(), [](int64_t, int64_t) {}, [] { return false; });
  }

  FakeInference service_;
  const v1::ReadSamplesResponse images_ = Images();
  std::unique_ptr<grpc::Server> server_;
};

TEST_F(DemoStreamTest, CountsEveryImageOnceAndComparesWithFullPower) {
  const auto stream = Stream();
  ASSERT_TRUE(stream->Start().ok());
  const auto full = Measure(*stream);
  ASSERT_TRUE(full.ok()) << full.status();
  EXPECT_EQ(full->generation, 5);
  EXPECT_EQ(full->samples, 50);
  EXPECT_EQ(full->correct, 50);
  EXPECT_EQ(full->agreeing, 50);
  EXPECT_DOUBLE_EQ(full->nasp, 1);
  EXPECT_NEAR(full->loss, 3 * std::log(2.0), 1e-9);  // scores 0: every output says one half
  EXPECT_DOUBLE_EQ(full->synaptic_power, 2);

  service_.power = 0.5;
  service_.confused = 10;
  stream->BeginSwitch();
  service_.generation = 6;
  stream->EndSwitch(6);
  const auto low = Measure(*stream);
  ASSERT_TRUE(low.ok()) << low.status();
  EXPECT_EQ(low->generation, 6);
  EXPECT_EQ(low->samples, 50);
  EXPECT_EQ(low->correct, 40);
  EXPECT_EQ(low->agreeing, 40);
  EXPECT_DOUBLE_EQ(low->nasp, 0.25);
  EXPECT_DOUBLE_EQ(low->meter_nasp, 0.25);

  const auto totals = stream->Finish();
  ASSERT_TRUE(totals.ok()) << totals.status();
  EXPECT_EQ(totals->dropped(), 0);
  EXPECT_EQ(totals->items_refused, 0);
  EXPECT_EQ(totals->wrong_generation, 0);
  EXPECT_GE(totals->samples_answered, 100);
  EXPECT_EQ(static_cast<int64_t>(totals->replies.size()), totals->items_answered);
}

TEST_F(DemoStreamTest, CountsRepliesFromAModeNobodyAskedFor) {
  const auto stream = Stream();
  ASSERT_TRUE(stream->Start().ok());
  ASSERT_TRUE(Measure(*stream).ok());
  // The server says that it switched but serves on in the old mode.
  stream->BeginSwitch();
  stream->EndSwitch(6);
  absl::SleepFor(absl::Milliseconds(50));
  const auto totals = stream->Finish();
  ASSERT_TRUE(totals.ok()) << totals.status();
  EXPECT_GT(totals->wrong_generation, 0);
}

TEST_F(DemoStreamTest, CountsWhatWasRefusedAndAsksAgain) {
  service_.refuse_one = true;
  const auto stream = Stream();
  ASSERT_TRUE(stream->Start().ok());
  const auto figures = Measure(*stream);
  ASSERT_TRUE(figures.ok()) << figures.status();
  EXPECT_EQ(figures->samples, 50);
  const auto totals = stream->Finish();
  ASSERT_TRUE(totals.ok()) << totals.status();
  EXPECT_EQ(totals->items_refused, 1);
  EXPECT_EQ(totals->dropped(), 1);
  EXPECT_EQ(totals->first_refusal, "queue full");
}

TEST_F(DemoStreamTest, CountsWhatWasNeverAnswered) {
  service_.swallow_one = true;
  const auto stream = Stream();
  ASSERT_TRUE(stream->Start().ok());
  ASSERT_TRUE(Measure(*stream).ok());
  const auto totals = stream->Finish();
  ASSERT_TRUE(totals.ok()) << totals.status();
  EXPECT_EQ(totals->dropped(), 1);
  EXPECT_EQ(totals->items_refused, 0);
}

TEST_F(DemoStreamTest, SaysWhyAStreamIsNotOpened) {
  const absl::Status status = Stream("sessions/none")->Start();
  EXPECT_FALSE(status.ok());
  EXPECT_THAT(std::string(status.message()), HasSubstr("no such session"));
  service_.credits = 7;  // fewer than one item needs
  EXPECT_THAT(std::string(Stream()->Start().message()), HasSubstr("credits"));
}

TEST_F(DemoStreamTest, EndsWithTheStreamAndWithItsUser) {
  const auto stream = Stream();
  ASSERT_TRUE(stream->Start().ok());
  EXPECT_EQ(stream
                ->Measure(
                    absl::Hours(1), [](int64_t, int64_t) {}, [] { return true; })
                .status()
                .code(),
            absl::StatusCode::kCancelled);
  service_.hang_up = true;
  const auto broken = stream->Measure(
      absl::Hours(1), [](int64_t, int64_t) {}, [] { return false; });
  EXPECT_EQ(broken.status().code(), absl::StatusCode::kUnavailable);
}

TEST_F(DemoStreamTest, CanBeLeftWhileItRuns) {
  const auto stream = Stream();
  ASSERT_TRUE(stream->Start().ok());
}

}  // namespace
}  // namespace torpor::cli
