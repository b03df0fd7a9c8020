#include "client/cli/output.h"

#include <cmath>
#include <cstring>
#include <sstream>

#include "gmock/gmock.h"
#include "google/rpc/error_details.pb.h"
#include "gtest/gtest.h"
#include "torpor/v1/inference.pb.h"
#include "torpor/v1/job.pb.h"
#include "torpor/v1/session.pb.h"

namespace torpor::cli {
namespace {

v1::Job ExampleJob() {
  v1::Job job;
  job.set_name("jobs/j1");
  job.mutable_create_time()->set_seconds(1700000000);
  job.mutable_create_time()->set_nanos(250000000);
  job.mutable_spec()->set_session("sessions/s1");
  job.mutable_spec()->mutable_train()->set_dataset("datasets/d");
  job.mutable_spec()->mutable_train()->set_seed(18446744073709551615u);
  job.mutable_spec()->mutable_train()->set_learning_rate(0.001);
  job.set_state(v1::JobState::SUCCEEDED);
  job.set_reason("DISPATCHED");
  job.mutable_progress()->set_fraction(1);
  job.mutable_progress()->mutable_eta()->set_nanos(500000000);
  (*job.mutable_metrics())["test_accuracy"] = 0.9831;
  (*job.mutable_metrics())["loss"] = std::nan("");
  return job;
}

TEST(ToJsonTest, Golden) {
  EXPECT_EQ(Dump(ToJson(ExampleJob())), R"({
  "name": "jobs/j1",
  "uid": "",
  "create_time": "2023-11-14T22:13:20.250Z",
  "etag": "",
  "labels": {},
  "spec": {
    "session": "sessions/s1",
    "train": {
      "dataset": "datasets/d",
      "epochs": 0,
      "loss": "unspecified",
      "optimizer": "unspecified",
      "learning_rate": 0.001,
      "batch_size": 0,
      "seed": 18446744073709551615,
      "validation_samples": 0,
      "no_deploy": false,
      "from_session": false,
      "train_samples": 0,
      "schedule": "unspecified",
      "warmup_epochs": 0.0,
      "calibration_samples": 0,
      "publish_every": 0,
      "step_at": []
    },
    "threads": 0,
    "max_attempts": 0
  },
  "state": "succeeded",
  "reason": "DISPATCHED",
  "attempt": 0,
  "progress": {
    "fraction": 1.0,
    "eta_seconds": 0.5,
    "epoch": 0,
    "epochs": 0,
    "metrics": {}
  },
  "metrics": {
    "loss": null,
    "test_accuracy": 0.9831
  },
  "rows": [],
  "model": "",
  "arms": [],
  "limits_verdict": ""
})");
}

TEST(ToJsonTest, OptionalFieldsAreThereOnlyWhenSet) {
  v1::PowerMode mode;
  EXPECT_EQ(Dump(ToJson(mode), -1), R"({"layer_epsilon":{}})");
  mode.set_epsilon(0);
  mode.set_bias(v1::BiasPolicy::HOMOGENEOUS);
  (*mode.mutable_layer_epsilon())["out"] = 1;
  (*mode.mutable_layer_epsilon())["hidden"] = 0.25;
  EXPECT_EQ(Dump(ToJson(mode), -1),
            R"({"epsilon":0.0,"layer_epsilon":{"hidden":0.25,"out":1.0},"bias":"homogeneous"})");
}

TEST(ToJsonTest, TensorsAreNestedNumbers) {
  v1::InferResponse response;
  const float scores[] = {0.5F, -1, 2, 3, 4, 5};
  response.mutable_scores()->set_dtype(v1::DataType::FLOAT32);
  response.mutable_scores()->add_shape(2);
  response.mutable_scores()->add_shape(3);
  response.mutable_scores()->mutable_data()->assign(reinterpret_cast<const char*>(scores),
                                                    sizeof scores);
  EXPECT_EQ(Dump(ToJson(response)["scores"], -1), "[[0.5,-1.0,2.0],[3.0,4.0,5.0]]");
  // A tensor that promises more than it holds ends where its bytes end.
  response.mutable_scores()->set_shape(0, 1000000000);
  EXPECT_EQ(ToJson(response)["scores"].size(), 2u);
}

TEST(ToJsonTest, ErrorsKeepTheirReason) {
  v1::PowerSweepRow row;
  row.mutable_error()->set_code(9);
  row.mutable_error()->set_message("needs calibration");
  google::rpc::ErrorInfo info;
  info.set_reason("NOT_CALIBRATED");
  row.mutable_error()->add_details()->PackFrom(info);
  EXPECT_EQ(Dump(ToJson(row)["error"], -1),
            R"({"code":9,"message":"needs calibration","reason":"NOT_CALIBRATED"})");
}

TEST(ToJsonTest, BytesThatAreNoTextDoNotThrow) {
  EXPECT_EQ(Dump(Json("a\xff"), -1), "\"a\xEF\xBF\xBD\"");
}

class PrintTest : public testing::Test {
 protected:
  std::istringstream in_;
  std::ostringstream out_, err_;
  Context context_{in_, out_, err_};
  const std::vector<Column> columns_ = {
      {"name"}, {"metrics.test_accuracy", "accuracy", Cell::kPercent}, {"size", "", Cell::kBytes}};
  const std::vector<Json> rows_ = {
      {{"name", "models/a"}, {"metrics", {{"test_accuracy", 0.98312}}}, {"size", 3145728}},
      {{"name", "models/longer"}, {"metrics", Json::object()}, {"size", 12}}};
};

TEST_F(PrintTest, Table) {
  PrintRows(context_, columns_, rows_, rows_);
  EXPECT_EQ(out_.str(),
            "name    accuracy     size\n"
            "a        98.31 %  3.0 MiB\n"
            "longer               12 B\n");
}

TEST_F(PrintTest, CsvHasRawValues) {
  context_.options.format = Format::kCsv;
  PrintRows(context_, columns_, rows_, rows_);
  EXPECT_EQ(out_.str(),
            "name,metrics.test_accuracy,size\n"
            "models/a,0.98312,3145728\n"
            "models/longer,,12\n");
}

TEST_F(PrintTest, CsvQuotes) {
  context_.options.format = Format::kCsv;
  PrintObject(context_, {{"text"}, {"list"}}, {{"text", "a \"b\"\nc"}, {"list", {1, 2}}});
  EXPECT_EQ(out_.str(), "text,list\n\"a \"\"b\"\"\nc\",\"1,2\"\n");
}

TEST_F(PrintTest, JsonIsTheWhole) {
  context_.options.format = Format::kJson;
  PrintRows(context_, columns_, rows_, {{"models", rows_}});
  EXPECT_EQ(Json::parse(out_.str())["models"][0]["metrics"]["test_accuracy"], 0.98312);
}

TEST_F(PrintTest, ObjectsLeaveOutWhatIsAbsent) {
  PrintObject(context_, columns_, rows_[1]);
  EXPECT_EQ(out_.str(), "name  longer\nsize  12 B\n");
}

}  // namespace
}  // namespace torpor::cli
