// Chunks of spikes on a stream: what is refused, and what a change of the model takes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "engine/families.h"
#include "server/services/inference_service.h"
#include "tests/server/services/server_fixture.h"
#include "tests/support/lif_networks.h"

namespace torpor {
namespace {

using Stream = grpc::ClientReaderWriter<v1::StreamInferRequest, v1::StreamInferResponse>;

v1::StreamInferRequest ChunkOf(int64_t seq, bool reset = false) {
  v1::StreamInferRequest request;
  request.mutable_item()->set_seq(seq);
  request.mutable_item()->mutable_chunk()->set_steps(3);
  request.mutable_item()->mutable_chunk()->add_step(0);
  request.mutable_item()->mutable_chunk()->add_index(1);
  request.mutable_item()->set_reset(reset);
  return request;
}

v1::StreamInferRequest SampleOf(int64_t seq) {
  v1::StreamInferRequest request;
  request.mutable_item()->set_seq(seq);
  *request.mutable_item()->mutable_input() = testing::TensorOf(1);
  return request;
}

std::string LifText(int units) {
  return "input { shape: [6] } layers { dense { units: " + std::to_string(units) +
         " } } layers { dense { units: 2 } }";
}

// The service over a registry, whose sessions get models of other shapes.
class StreamChunksTest : public ::testing::Test {
 protected:
  static constexpr int kCredits = 8;

  StreamChunksTest() {
    auto catalogue = Catalogue::Open(scratch_.File("catalogue.db"));
    EXPECT_TRUE(catalogue.ok()) << catalogue.status();
    catalogue_ = *std::move(catalogue);
    models_ = std::make_unique<ModelStore>(catalogue_.get(), &blobs_, &BuildModel);
    registry_ = std::make_unique<SessionRegistry>(SessionOptions(), catalogue_.get(), &blobs_,
                                                  models_.get(), &BuildModel);
    EXPECT_TRUE(registry_->Recover().ok());
    service_ = std::make_unique<InferenceServiceImpl>(registry_.get(), kCredits);
    grpc::ServerBuilder builder;
    int port = 0;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
    builder.RegisterService(service_.get());
    server_ = builder.BuildAndStart();
    stub_ = v1::InferenceService::NewStub(grpc::CreateChannel("127.0.0.1:" + std::to_string(port),
                                                              grpc::InsecureChannelCredentials()));
    v1::CreateSessionRequest request;
    request.set_session_id("a");
    *request.mutable_network() = testing::LifNetworkOf(LifText(4));
    EXPECT_TRUE(registry_->Create(request).ok());
  }
  ~StreamChunksTest() override {
    // A server that shuts down waits for its streams.
    context_.TryCancel();
    server_->Shutdown();
  }

  void Open(const std::string& session = "sessions/a") {
    context_.set_deadline(absl::ToChronoTime(absl::Now() + absl::Seconds(20)));
    stream_ = stub_->StreamInfer(&context_);
    v1::StreamInferRequest open;
    open.mutable_open()->set_session(session);
    open.mutable_open()->set_ordered(true);
    ASSERT_TRUE(stream_->Write(open));
    ASSERT_TRUE(stream_->Read(&reply_));
  }
  // The next reply, beyond notices.
  const v1::StreamInferResponse& Next() {
    do {
      EXPECT_TRUE(stream_->Read(&reply_));
    } while (reply_.has_mode_changed());
    return reply_;
  }
  const v1::StreamInferResponse& Ask(const v1::StreamInferRequest& request) {
    EXPECT_TRUE(stream_->Write(request));
    return Next();
  }
  static std::string MissingOf(const v1::StreamInferResponse& reply) {
    EXPECT_TRUE(reply.has_error());
    if (reply.error().status().code() != static_cast<int>(absl::StatusCode::kFailedPrecondition)) {
      return "";
    }
    for (const auto& any : reply.error().status().details()) {
      google::rpc::ErrorInfo info;
      if (any.UnpackTo(&info) && info.reason() == "CHUNK_MISSING") return info.metadata().at("seq");
    }
    return "";
  }
  // Puts a network of `units` hidden neurons into the session.
  void Install(int units) {
    v1::CreateSessionRequest request;
    const std::string id = "of" + std::to_string(units);
    request.set_session_id(id);
    *request.mutable_network() = testing::LifNetworkOf(LifText(units));
    ASSERT_TRUE(registry_->Create(request).ok());
    v1::SnapshotSessionRequest snapshot;
    snapshot.set_session("sessions/" + id);
    snapshot.set_model_id(id);
    ASSERT_TRUE(registry_->SnapshotToModel(snapshot).ok());
    const auto archive = models_->ReadArchive("models/" + id);
    ASSERT_TRUE(archive.ok());
    ASSERT_TRUE(registry_->InstallModel("sessions/a", "models/" + id, *archive).ok());
  }

  ScratchDirectory scratch_;
  std::unique_ptr<FileSystem> files_ = NewPosixFileSystem();
  BlobStore blobs_{scratch_.File("blobs"), files_.get()};
  std::unique_ptr<Catalogue> catalogue_;
  std::unique_ptr<ModelStore> models_;
  std::unique_ptr<SessionRegistry> registry_;
  std::unique_ptr<InferenceServiceImpl> service_;
  std::unique_ptr<grpc::Server> server_;
  std::unique_ptr<v1::InferenceService::Stub> stub_;
  grpc::ClientContext context_;
  std::unique_ptr<Stream> stream_;
  v1::StreamInferResponse reply_;
};

TEST_F(StreamChunksTest, AChunkThatDidNotReachTheQueueIsMissing) {
  Open();
  EXPECT_TRUE(Ask(ChunkOf(1)).has_result());
  v1::StreamInferRequest both = ChunkOf(2);
  *both.mutable_item()->mutable_input() = testing::TensorOf(1);
  EXPECT_EQ(MissingOf(Ask(both)), "") << "its own reason";
  EXPECT_EQ(MissingOf(Ask(ChunkOf(3))), "2");
  EXPECT_EQ(MissingOf(Ask(ChunkOf(2))), "2") << "again, too late";
  EXPECT_TRUE(Ask(SampleOf(4)).has_result()) << "samples do not mind";
  EXPECT_TRUE(Ask(ChunkOf(5, /*reset=*/true)).has_result());
  EXPECT_TRUE(Ask(ChunkOf(6)).has_result());
}

TEST_F(StreamChunksTest, ChunksThatWereSentAlreadyAreRefusedToo) {
  Open();
  v1::StreamInferRequest wrong = ChunkOf(2);
  wrong.mutable_item()->mutable_chunk()->set_index(0, 99);
  for (const auto& item :
       {ChunkOf(1), wrong, ChunkOf(3), ChunkOf(4), ChunkOf(5, /*reset=*/true), ChunkOf(6)}) {
    ASSERT_TRUE(stream_->Write(item));
  }
  EXPECT_TRUE(Next().has_result());
  EXPECT_EQ(MissingOf(Next()), "");
  EXPECT_EQ(MissingOf(Next()), "2");
  EXPECT_EQ(MissingOf(Next()), "2");
  EXPECT_TRUE(Next().has_result());
  EXPECT_EQ(Next().result().seq(), 6);
}

// The sample's reply opens the generation; the chunk behind it is what began at rest.
TEST_F(StreamChunksTest, ALostStateIsToldWithTheChunkThatBeginsAnew) {
  Open();
  EXPECT_FALSE(Ask(ChunkOf(1)).result().state_lost());
  Install(5);
  EXPECT_FALSE(Ask(SampleOf(2)).result().state_lost());
  EXPECT_TRUE(Ask(ChunkOf(3)).result().state_lost());
  EXPECT_FALSE(Ask(ChunkOf(4)).result().state_lost());
  EXPECT_EQ(reply_.result().response().generation(), 2);
  Install(6);
  EXPECT_FALSE(Ask(ChunkOf(5, /*reset=*/true)).result().state_lost()) << "it was meant to";
}

}  // namespace
}  // namespace torpor
