// ImportModel and ExportModel of a real server.
#include <algorithm>
#include <string>
#include <vector>

#include "engine/data/npz.h"
#include "engine/network/model.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/server/services/server_fixture.h"
#include "torpor/v1/model.grpc.pb.h"

namespace torpor {
namespace {

using testing::FieldOf;
using ::testing::HasSubstr;
using testing::kInputs;
using testing::RateNetworkOf;
using testing::ReasonOf;

class ModelFilesTest : public testing::ServerTest {
 protected:
  ModelFilesTest() : models_(v1::ModelService::NewStub(channel_)) {}

  static v1::Network Network() {
    return RateNetworkOf(kInputs, {{5, v1::Activation::RELU}, {3, v1::Activation::SIGMOID}});
  }
  static std::string Archive(uint64_t seed = 3) {
    auto model = BuildModel(Network(), seed);
    return SerializeModel(**model);
  }
  static v1::ImportModelRequest::Open ArchiveAs(const std::string& id) {
    v1::ImportModelRequest::Open open;
    open.set_model_id(id);
    open.set_format(v1::ModelFormat::ARCHIVE);
    return open;
  }
  static v1::ImportModelRequest::Open NpzAs(const std::string& id) {
    v1::ImportModelRequest::Open open;
    open.set_model_id(id);
    open.set_format(v1::ModelFormat::NPZ);
    *open.mutable_network() = Network();
    return open;
  }

  // Sends `open`, then `content` in chunks.
  grpc::Status Import(const v1::ImportModelRequest::Open& open, const std::string& content,
                      v1::Model* model, size_t chunk = 100) {
    const auto context = Context();
    const auto writer = models_->ImportModel(context.get(), model);
    v1::ImportModelRequest request;
    *request.mutable_open() = open;
    bool going = writer->Write(request);
    for (size_t at = 0; going && at < content.size(); at += chunk) {
      request.set_chunk(content.substr(at, chunk));
      going = writer->Write(request);
    }
    writer->WritesDone();
    return writer->Finish();
  }

  grpc::Status Export(const std::string& name, v1::ModelFormat::Kind format, std::string* content) {
    v1::ExportModelRequest request;
    request.set_name(name);
    request.set_format(format);
    const auto context = Context();
    const auto reader = models_->ExportModel(context.get(), request);
    v1::ExportModelResponse response;
    content->clear();
    while (reader->Read(&response)) *content += response.chunk();
    return reader->Finish();
  }

  grpc::Status SessionOf(const std::string& id, const std::string& model) {
    v1::CreateSessionRequest request;
    request.set_session_id(id);
    request.set_model(model);
    v1::Session session;
    return sessions_->CreateSession(Context().get(), request, &session);
  }

  std::string AnswerOf(const std::string& session) {
    v1::InferRequest request;
    request.set_session(session);
    *request.mutable_input() = testing::TensorOf(1, 0.7f);
    v1::InferResponse response;
    EXPECT_TRUE(Infer(request, &response).ok());
    return response.scores().data();
  }

  std::unique_ptr<v1::ModelService::Stub> models_;
};

TEST_F(ModelFilesTest, BothFormatsKeepEveryBit) {
  v1::Model model;
  ASSERT_TRUE(Import(ArchiveAs("first"), Archive(), &model).ok());
  EXPECT_EQ(model.name(), "models/first");
  std::string archive, npz;
  ASSERT_TRUE(Export("models/first", v1::ModelFormat::ARCHIVE, &archive).ok());
  EXPECT_EQ(archive, Archive());
  ASSERT_TRUE(Export("models/first", v1::ModelFormat::NPZ, &npz).ok());
  v1::Model second;
  ASSERT_TRUE(Import(NpzAs("second"), npz, &second).ok());
  EXPECT_EQ(second.digest(), model.digest());
  ASSERT_TRUE(SessionOf("a", "models/first").ok());
  ASSERT_TRUE(SessionOf("b", "models/second").ok());
  const std::string scores = AnswerOf("sessions/a");
  EXPECT_EQ(scores.size(), 3 * sizeof(float));
  EXPECT_EQ(scores, AnswerOf("sessions/b"));
}

TEST_F(ModelFilesTest, ImportsSurviveARestart) {
  v1::Model model;
  ASSERT_TRUE(Import(ArchiveAs("kept"), Archive(), &model).ok());
  Start();
  models_ = v1::ModelService::NewStub(channel_);
  std::string archive;
  ASSERT_TRUE(Export("models/kept", v1::ModelFormat::ARCHIVE, &archive).ok());
  EXPECT_EQ(archive, Archive());
}

TEST_F(ModelFilesTest, LargeFilesComeInManyChunks) {
  v1::ImportModelRequest::Open open = ArchiveAs("large");
  const auto model = BuildModel(RateNetworkOf(1000, {{1200, v1::Activation::SIGMOID}}), 1);
  const std::string archive = SerializeModel(**model);
  ASSERT_GT(archive.size(), 4u << 20);
  v1::Model imported;
  ASSERT_TRUE(Import(open, archive, &imported, 1 << 20).ok());
  std::string exported;
  ASSERT_TRUE(Export("models/large", v1::ModelFormat::ARCHIVE, &exported).ok());
  EXPECT_TRUE(exported == archive);
}

TEST_F(ModelFilesTest, ARepeatHasTheSameAnswerAndNoSecondEffect) {
  v1::ImportModelRequest::Open open = ArchiveAs("");
  open.set_request_id("once");
  v1::Model first, second;
  ASSERT_TRUE(Import(open, Archive(), &first).ok());
  ASSERT_TRUE(Import(open, Archive(), &second).ok());
  EXPECT_EQ(first.SerializeAsString(), second.SerializeAsString());
  v1::ListModelsResponse list;
  ASSERT_TRUE(models_->ListModels(Context().get(), {}, &list).ok());
  EXPECT_EQ(list.models_size(), 1);
  // Another file is another request.
  EXPECT_EQ(ReasonOf(Import(open, Archive(4), &second)), "REQUEST_ID_REUSED");
}

TEST_F(ModelFilesTest, DamageIsDataLossThatNamesThePart) {
  std::string archive = Archive();
  archive.back() ^= 1;
  v1::Model model;
  const grpc::Status damaged = Import(ArchiveAs("x"), archive, &model);
  EXPECT_EQ(damaged.error_code(), grpc::StatusCode::DATA_LOSS);
  EXPECT_THAT(damaged.error_message(), HasSubstr("layers/layer1/bias"));
  EXPECT_EQ(ReasonOf(damaged), "ARCHIVE_CORRUPT");
  EXPECT_EQ(Import(ArchiveAs("x"), Archive().substr(0, 200), &model).error_code(),
            grpc::StatusCode::DATA_LOSS);
  EXPECT_EQ(Import(NpzAs("x"), "PK but no zip at all, it only begins so", &model).error_code(),
            grpc::StatusCode::DATA_LOSS);
  v1::ListModelsResponse list;
  ASSERT_TRUE(models_->ListModels(Context().get(), {}, &list).ok());
  EXPECT_EQ(list.models_size(), 0);
}

TEST_F(ModelFilesTest, BadInputNamesTheField) {
  v1::Model model;
  const auto field = [&](auto change, v1::ImportModelRequest::Open open,
                         const std::string& content = "") {
    change(open);
    const grpc::Status status = Import(open, content, &model);
    EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT) << status.error_message();
    return FieldOf(status);
  };
  using Open = v1::ImportModelRequest::Open;
  EXPECT_EQ(field([](Open& o) { o.set_model_id("Not An Id"); }, ArchiveAs("")), "open.model_id");
  EXPECT_EQ(field([](Open& o) { o.clear_format(); }, ArchiveAs("")), "open.format");
  EXPECT_EQ(field([](Open& o) { *o.mutable_network() = Network(); }, ArchiveAs("")),
            "open.network");
  EXPECT_EQ(field([](Open& o) { o.clear_network(); }, NpzAs("")), "open.network");
  EXPECT_EQ(field([](Open& o) { o.mutable_network()->mutable_rate()->clear_input(); }, NpzAs("")),
            "open.network.rate.input.shape");
  EXPECT_EQ(field(
                [](Open& o) {
                  o.mutable_network()->mutable_rate()->mutable_layers(1)->set_activation(
                      v1::Activation::RELU);
                  o.set_loss(v1::Loss::BCE);
                },
                NpzAs("")),
            "open.loss");
  // More bytes than any file of this definition has.
  EXPECT_EQ(field([](Open&) {}, NpzAs(""), std::string(3 << 20, 'x')), "chunk");
  const std::vector<float> bias(5);
  const auto npz = WriteNpz(std::vector<NpzFloats>{{"layer0.bias", {5}, bias}});
  EXPECT_EQ(field([](Open&) {}, NpzAs(""), *npz), "layer0.weight");
  std::string content;
  ASSERT_TRUE(Import(ArchiveAs("good"), Archive(), &model).ok());
  EXPECT_EQ(FieldOf(Export("models/good", v1::ModelFormat::UNSPECIFIED, &content)), "format");
  EXPECT_EQ(Export("models/none", v1::ModelFormat::NPZ, &content).error_code(),
            grpc::StatusCode::NOT_FOUND);
  EXPECT_EQ(FieldOf(Export("sessions/s", v1::ModelFormat::NPZ, &content)), "name");
}

TEST_F(ModelFilesTest, TheProtocolIsOpenThenChunks) {
  const auto say = [&](const std::vector<v1::ImportModelRequest>& messages) {
    v1::Model model;
    const auto context = Context();
    const auto writer = models_->ImportModel(context.get(), &model);
    for (const auto& message : messages) {
      if (!writer->Write(message)) break;
    }
    writer->WritesDone();
    const grpc::Status status = writer->Finish();
    EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
    return FieldOf(status);
  };
  v1::ImportModelRequest open, chunk, large;
  *open.mutable_open() = ArchiveAs("x");
  chunk.set_chunk("abc");
  large.set_chunk(std::string((4 << 20) + 1, 'x'));
  EXPECT_EQ(say({}), "open");
  EXPECT_EQ(say({chunk}), "open");
  EXPECT_EQ(say({open, open}), "open");
  EXPECT_EQ(say({open, v1::ImportModelRequest()}), "message");
  EXPECT_EQ(say({open, large}), "chunk");
}

TEST_F(ModelFilesTest, AClientThatLeavesIsForgotten) {
  for (int i = 0; i < 20; ++i) {
    v1::Model model;
    const auto context = Context();
    const auto writer = models_->ImportModel(context.get(), &model);
    v1::ImportModelRequest request;
    *request.mutable_open() = ArchiveAs("left");
    writer->Write(request);
    request.set_chunk(Archive().substr(0, 300));
    writer->Write(request);
    context->TryCancel();
    EXPECT_EQ(writer->Finish().error_code(), grpc::StatusCode::CANCELLED);
  }
  // A model that nobody confirmed does not exist, and the server goes on.
  std::string content;
  EXPECT_EQ(Export("models/left", v1::ModelFormat::ARCHIVE, &content).error_code(),
            grpc::StatusCode::NOT_FOUND);
  v1::Model model;
  EXPECT_TRUE(Import(ArchiveAs("left"), Archive(), &model).ok());
}

}  // namespace
}  // namespace torpor
