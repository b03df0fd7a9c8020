#include "client/cli/infer.h"

#include <algorithm>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "client/cli/output.h"
#include "gmock/gmock.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "grpcpp/server.h"
#include "grpcpp/server_builder.h"
#include "gtest/gtest.h"
#include "tests/client/cli/cli_testing.h"
#include "torpor/v1/dataset.grpc.pb.h"
#include "torpor/v1/inference.grpc.pb.h"
#include "torpor/v1/session.grpc.pb.h"

namespace torpor::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class OneSession final : public v1::SessionService::Service {
  grpc::Status ListSessions(grpc::ServerContext*, const v1::ListSessionsRequest*,
                            v1::ListSessionsResponse* reply) override {
    reply->add_sessions()->set_name(std::string("sessions/s1"));
    return grpc::Status::OK;
  }
};

// Five samples of one row of two bytes; sample i has label i.
class FiveSamples final : public v1::DatasetService::Service {
  grpc::Status ReadSamples(grpc::ServerContext*, const v1::ReadSamplesRequest* request,
                           v1::ReadSamplesResponse* reply) override {
    if (request->first() > 4) {
      google::rpc::BadRequest bad;
      bad.add_field_violations()->set_field("first");
      google::rpc::Status details;
      details.set_code(static_cast<int>(grpc::StatusCode::INVALID_ARGUMENT));
      details.add_details()->PackFrom(bad);
      return grpc::Status(grpc::StatusCode::INVALID_ARGUMENT, "first must be in 0..4",
                          details.SerializeAsString());
    }
    const int64_t end = std::min<int64_t>(request->first() + request->count(), 5);
    reply->set_split_samples(5);
    reply->mutable_inputs()->set_dtype(v1::DataType::UINT8);
    for (const int64_t dimension : {end - request->first(), int64_t{1}, int64_t{2}}) {
      reply->mutable_inputs()->add_shape(dimension);
    }
    for (int64_t i = request->first(); i < end; ++i) {
      reply->add_labels(static_cast<int32_t>(i));
      reply->mutable_inputs()->mutable_data()->append(2, static_cast<char>(i));
    }
    return grpc::Status::OK;
  }
};

// Says class 1 of two to every sample.
class ClassOne final : public v1::InferenceService::Service {
 public:
  v1::InferRequest asked;
  bool scored = true;

 private:
  grpc::Status Infer(grpc::ServerContext*, const v1::InferRequest* request,
                     v1::InferResponse* reply) override {
    asked = *request;
    reply->set_generation(3);
    const int64_t n = request->input().shape(0);
    if (scored) {
      reply->mutable_scores()->set_dtype(v1::DataType::FLOAT32);
      reply->mutable_scores()->add_shape(n);
      reply->mutable_scores()->add_shape(2);
    }
    for (int64_t i = 0; i < n; ++i) {
      const float scores[] = {-1, 0.5f + static_cast<float>(i)};
      if (scored) {
        reply->mutable_scores()->mutable_data()->append(reinterpret_cast<const char*>(scores),
                                                        sizeof(scores));
      }
      reply->add_classes(1);
      reply->add_synaptic_power(2);
    }
    return grpc::Status::OK;
  }
};

class InferTest : public ::testing::Test {
 protected:
  InferTest() {
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port_);
    for (grpc::Service* service :
         {static_cast<grpc::Service*>(&sessions_), static_cast<grpc::Service*>(&samples_),
          static_cast<grpc::Service*>(&inference_)}) {
      builder.RegisterService(service);
    }
    server_ = builder.BuildAndStart();
  }
  ~InferTest() override { server_->Shutdown(); }

  RunResult Infer(std::vector<std::string> flags) {
    std::vector<std::string> arguments = {"session", "infer", "s1"};
    arguments.insert(arguments.end(), flags.begin(), flags.end());
    arguments.insert(arguments.end(), {"--server", absl::StrCat("127.0.0.1:", port_)});
    return RunTorpor(arguments);
  }

  OneSession sessions_;
  FiveSamples samples_;
  ClassOne inference_;
  int port_ = 0;
  std::unique_ptr<grpc::Server> server_;
};

TEST_F(InferTest, NumbersSamplesAsTheDatasetAndShowsTheirLabels) {
  const RunResult csv = Infer(
      {"--dataset", "five", "--index", "2", "--count", "2", "--sample-key", "9", "-o", "csv"});
  EXPECT_EQ(csv.out,
            "sample,class,label,score,synaptic_power,generation\n"
            "2,1,2,0.5,2.0,3\n"
            "3,1,3,1.5,2.0,3\n")
      << csv.err;
  EXPECT_EQ(inference_.asked.session(), "sessions/s1");
  EXPECT_EQ(inference_.asked.sample_key(), 9u);
  EXPECT_THAT(inference_.asked.input().shape(), ElementsAre(2, 2));
  EXPECT_EQ(inference_.asked.input().data(), "\2\2\3\3");
}

TEST_F(InferTest, LeavesOutScoresThatTheServerDoes) {
  inference_.scored = false;
  const RunResult json = Infer({"--dataset", "five", "-o", "json"});
  ASSERT_EQ(json.exit_code, 0) << json.err;
  const Json whole = Json::parse(json.out);
  EXPECT_FALSE(whole.contains("scores")) << json.out;
  EXPECT_EQ(whole["labels"], Json({0}));
}

TEST_F(InferTest, SaysWhichFlagAsksForSamplesThatAreNotThere) {
  const RunResult past = Infer({"--dataset", "five", "--index", "5"});
  EXPECT_THAT(past.err, HasSubstr("--index"));
  const RunResult beyond =
      Infer({"--dataset", "five", "--index", "3", "--count", "9223372036854775807"});
  EXPECT_EQ(beyond.exit_code, 2);
  EXPECT_THAT(beyond.err, HasSubstr("0..4"));
  EXPECT_THAT(beyond.err, HasSubstr("--count 2"));
}

}  // namespace
}  // namespace torpor::cli
