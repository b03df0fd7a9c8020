#include <atomic>
#include <set>
#include <thread>

#include "gtest/gtest.h"
#include "tests/server/services/server_fixture.h"

namespace torpor {
namespace {

using testing::FieldOf;
using testing::ReasonOf;
using testing::TensorOf;

using Stream = grpc::ClientReaderWriter<v1::StreamInferRequest, v1::StreamInferResponse>;

v1::StreamInferRequest OpenOf(const std::string& session, bool ordered = false) {
  v1::StreamInferRequest request;
  request.mutable_open()->set_session(session);
  request.mutable_open()->set_ordered(ordered);
  return request;
}

v1::StreamInferRequest ItemOf(int64_t seq, const v1::Tensor& input) {
  v1::StreamInferRequest request;
  request.mutable_item()->set_seq(seq);
  *request.mutable_item()->mutable_input() = input;
  return request;
}

class StreamInferTest : public testing::ServerTest {
 protected:
  StreamInferTest() { EXPECT_TRUE(Create("a").ok()); }
  std::unique_ptr<Stream> Open(bool ordered = false) {
    context_ = Context();
    auto stream = inference_->StreamInfer(context_.get());
    EXPECT_TRUE(stream->Write(OpenOf("sessions/a", ordered)));
    v1::StreamInferResponse reply;
    EXPECT_TRUE(stream->Read(&reply));
    EXPECT_TRUE(reply.has_opened());
    credits_ = reply.opened().credits();
    return stream;
  }
  std::unique_ptr<grpc::ClientContext> context_;
  int credits_ = 0;
};

TEST_F(StreamInferTest, AnswersEveryItemInOrder) {
  const auto stream = Open(/*ordered=*/true);
  EXPECT_GT(credits_, 0);
  std::thread writer([&] {
    for (int i = 0; i < 2000; ++i) ASSERT_TRUE(stream->Write(ItemOf(i, TensorOf(1 + i % 3))));
    stream->WritesDone();
  });
  v1::StreamInferResponse reply;
  for (int i = 0; i < 2000; ++i) {
    ASSERT_TRUE(stream->Read(&reply));
    ASSERT_TRUE(reply.has_result()) << reply.DebugString();
    ASSERT_EQ(reply.result().seq(), i);
    ASSERT_EQ(reply.result().response().classes_size(), 1 + i % 3);
  }
  writer.join();
  EXPECT_FALSE(stream->Read(&reply));
  EXPECT_TRUE(stream->Finish().ok());
}

TEST_F(StreamInferTest, AStreamWithoutOpenIsRefused) {
  const auto context = Context();
  const auto stream = inference_->StreamInfer(context.get());
  stream->Write(ItemOf(1, TensorOf(1)));
  v1::StreamInferResponse reply;
  EXPECT_FALSE(stream->Read(&reply));
  const grpc::Status status = stream->Finish();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(FieldOf(status), "open");
}

TEST_F(StreamInferTest, OpenOfNothingAndASecondOpenEndTheStream) {
  const auto context = Context();
  const auto stream = inference_->StreamInfer(context.get());
  stream->Write(OpenOf("sessions/nosuch"));
  v1::StreamInferResponse reply;
  EXPECT_FALSE(stream->Read(&reply));
  EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::NOT_FOUND);

  const auto twice = Open();
  twice->Write(OpenOf("sessions/a"));
  EXPECT_FALSE(twice->Read(&reply));
  EXPECT_EQ(FieldOf(twice->Finish()), "open");

  const auto empty = Open();
  empty->Write(v1::StreamInferRequest());
  EXPECT_FALSE(empty->Read(&reply));
  EXPECT_EQ(FieldOf(empty->Finish()), "message");
}

TEST_F(StreamInferTest, AnItemsErrorLeavesTheStreamAlive) {
  const auto stream = Open(/*ordered=*/true);
  v1::Tensor wrong_shape = TensorOf(1);
  wrong_shape.set_shape(1, 99);
  const v1::StreamInferRequest items[] = {ItemOf(1, TensorOf(1)), ItemOf(2, wrong_shape),
                                          ItemOf(3, TensorOf(1, std::nanf(""))),
                                          ItemOf(4, v1::Tensor()), ItemOf(5, TensorOf(2))};
  for (const auto& item : items) ASSERT_TRUE(stream->Write(item));
  stream->WritesDone();
  v1::StreamInferResponse reply;
  for (int64_t seq = 1; seq <= 5; ++seq) {
    ASSERT_TRUE(stream->Read(&reply));
    const bool good = seq == 1 || seq == 5;
    ASSERT_EQ(reply.has_result(), good) << reply.DebugString();
    if (good) {
      EXPECT_EQ(reply.result().seq(), seq);
    } else {
      EXPECT_EQ(reply.error().seq(), seq);
      EXPECT_EQ(reply.error().status().code(), 3);
      EXPECT_EQ(reply.error().status().message().rfind("input: ", 0), 0u)
          << reply.error().status().message();
    }
  }
  EXPECT_FALSE(stream->Read(&reply));
  EXPECT_TRUE(stream->Finish().ok());
}

TEST_F(StreamInferTest, APinnedGenerationThatIsGoneIsAnErrorOfEachItem) {
  ASSERT_TRUE(SetEpsilon("sessions/a", 0.5).ok());
  const auto context = Context();
  const auto stream = inference_->StreamInfer(context.get());
  v1::StreamInferRequest open = OpenOf("sessions/a");
  open.mutable_open()->set_require_generation(1);
  ASSERT_TRUE(stream->Write(open));
  ASSERT_TRUE(stream->Write(ItemOf(1, TensorOf(1))));
  stream->WritesDone();
  v1::StreamInferResponse reply;
  ASSERT_TRUE(stream->Read(&reply));
  ASSERT_TRUE(stream->Read(&reply));
  EXPECT_EQ(reply.error().status().code(), static_cast<int>(grpc::StatusCode::FAILED_PRECONDITION));
  EXPECT_TRUE(stream->Finish().ok());
}

TEST_F(StreamInferTest, ModeChangedComesBeforeTheFirstReplyOfAGeneration) {
  const auto stream = Open();
  std::atomic<bool> stop = false;
  std::atomic<int64_t> sent = 0;
  std::thread writer([&] {
    while (!stop && stream->Write(ItemOf(sent, TensorOf(1)))) ++sent;
    stream->WritesDone();
  });
  std::thread switcher([&] {
    for (int i = 0; i < 20; ++i) EXPECT_TRUE(SetEpsilon("sessions/a", i % 2 == 0 ? 0.5 : 1).ok());
    stop = true;
  });
  int64_t generation = 1;
  int64_t answered = 0;
  int64_t announced_first = -1;
  v1::StreamInferResponse reply;
  while (stream->Read(&reply)) {
    if (reply.has_mode_changed()) {
      EXPECT_GT(reply.mode_changed().generation(), generation);
      generation = reply.mode_changed().generation();
      announced_first = reply.mode_changed().first_seq();
      EXPECT_EQ(reply.mode_changed().power_mode().epsilon(), generation % 2 == 0 ? 0.5 : 1);
      continue;
    }
    ASSERT_TRUE(reply.has_result()) << reply.DebugString();
    ASSERT_EQ(reply.result().response().generation(), generation);
    if (announced_first >= 0) {
      ASSERT_EQ(reply.result().seq(), announced_first);
    }
    announced_first = -1;
    ++answered;
  }
  writer.join();
  switcher.join();
  EXPECT_TRUE(stream->Finish().ok());
  EXPECT_EQ(answered, sent) << "none dropped";
  EXPECT_GT(generation, 1);
}

TEST_F(StreamInferTest, AnItemBeyondTheCreditsIsRefusedWithRetryInfo) {
  const auto stream = Open();
  ASSERT_EQ(credits_, 4096);
  // The large network keeps the first item busy while the second one is read.
  ASSERT_TRUE(Create("slow", 4096).ok());
  const auto context = Context();
  const auto slow = inference_->StreamInfer(context.get());
  ASSERT_TRUE(slow->Write(OpenOf("sessions/slow")));
  ASSERT_TRUE(slow->Write(ItemOf(1, TensorOf(4000))));
  ASSERT_TRUE(slow->Write(ItemOf(2, TensorOf(4000))));
  slow->WritesDone();
  v1::StreamInferResponse reply;
  ASSERT_TRUE(slow->Read(&reply));
  std::map<int64_t, v1::StreamInferResponse> replies;
  for (int i = 0; i < 2; ++i) {
    ASSERT_TRUE(slow->Read(&reply));
    replies[reply.has_result() ? reply.result().seq() : reply.error().seq()] = reply;
  }
  EXPECT_TRUE(replies[1].has_result());
  ASSERT_TRUE(replies[2].has_error());
  EXPECT_EQ(replies[2].error().status().code(),
            static_cast<int>(grpc::StatusCode::RESOURCE_EXHAUSTED));
  EXPECT_TRUE(slow->Finish().ok());
  stream->WritesDone();
  EXPECT_TRUE(stream->Finish().ok());
}

TEST_F(StreamInferTest, AFullQueueSaysWhenToRetry) {
  queue_samples_ = 10;
  Start();
  v1::InferRequest request;
  request.set_session("sessions/a");
  *request.mutable_input() = TensorOf(11);
  v1::InferResponse response;
  const grpc::Status status = Infer(request, &response);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_EQ(ReasonOf(status), "QUEUE_FULL");
  EXPECT_GT(testing::DetailOf<google::rpc::RetryInfo>(status).retry_delay().nanos(), 0);
}

TEST_F(StreamInferTest, ABrokenStreamHarmsNobody) {
  for (int i = 0; i < 20; ++i) {
    const auto stream = Open();
    for (int n = 0; n < 50; ++n) stream->Write(ItemOf(n, TensorOf(10)));
    context_->TryCancel();
    EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::CANCELLED);
  }
  const auto stream = Open();
  ASSERT_TRUE(stream->Write(ItemOf(7, TensorOf(1))));
  v1::StreamInferResponse reply;
  ASSERT_TRUE(stream->Read(&reply));
  EXPECT_EQ(reply.result().seq(), 7);
  stream->WritesDone();
  EXPECT_TRUE(stream->Finish().ok());
}

TEST_F(StreamInferTest, StoppingTheServerEndsOpenStreams) {
  const auto stream = Open();
  const absl::Time start = absl::Now();
  server_->Stop();
  EXPECT_LT(absl::Now() - start, absl::Seconds(5));
  v1::StreamInferResponse reply;
  while (stream->Read(&reply)) {
  }
  EXPECT_FALSE(stream->Finish().ok());
}

}  // namespace
}  // namespace torpor
