#include "server/session/registry.h"

#include <atomic>
#include <thread>

#include "engine/base/status.h"
#include "engine/families.h"
#include "gtest/gtest.h"
#include "server/store/page.h"
#include "tests/server/session/work_of.h"
#include "tests/support/hooked_file_system.h"
#include "tests/support/rate_networks.h"
#include "tests/support/scratch_directory.h"

namespace torpor {
namespace {

bool StartsWith(absl::string_view text, absl::string_view prefix) {
  return text.substr(0, prefix.size()) == prefix;
}

using testing::RateNetworkOf;
using testing::TestWork;

constexpr int kInputs = 6;

v1::Network NetworkOf() {
  return RateNetworkOf(kInputs, {{5, v1::Activation::RELU}, {3, v1::Activation::SIGMOID}});
}

// A registry over a data directory that can be closed and opened again.
class RegistryTest : public ::testing::Test {
 protected:
  RegistryTest() { Open(); }

  void Open() {
    auto catalogue = Catalogue::Open(scratch_.File("catalogue.db"));
    ASSERT_TRUE(catalogue.ok()) << catalogue.status();
    catalogue_ = *std::move(catalogue);
    blobs_ = std::make_unique<BlobStore>(scratch_.File("blobs"), &files_);
    models_ = std::make_unique<ModelStore>(catalogue_.get(), blobs_.get(), &BuildModel);
    registry_ = std::make_unique<SessionRegistry>(SessionOptions(), catalogue_.get(), blobs_.get(),
                                                  models_.get(), &BuildModel);
    ASSERT_TRUE(registry_->Recover().ok());
  }
  void Reopen() {
    registry_.reset();
    models_.reset();
    blobs_.reset();
    catalogue_.reset();
    Open();
  }

  absl::StatusOr<v1::Session> Create(const std::string& id, double epsilon = 1, uint64_t seed = 5) {
    v1::CreateSessionRequest request;
    request.set_session_id(id);
    *request.mutable_network() = NetworkOf();
    request.set_seed(seed);
    request.mutable_power_mode()->set_epsilon(epsilon);
    return registry_->Create(request);
  }
  absl::StatusOr<v1::SetPowerModeResponse> SetEpsilon(const std::string& name, double epsilon) {
    v1::SetPowerModeRequest request;
    request.set_session(name);
    request.mutable_power_mode()->set_epsilon(epsilon);
    return registry_->SetPowerMode(request);
  }
  std::vector<float> Scores(const std::string& name) {
    TestWork work(1, kInputs, 0.5f);
    EXPECT_TRUE((*registry_->Find(name))->Submit(&work).ok());
    work.Wait();
    EXPECT_TRUE(work.status.ok()) << work.status;
    return {work.score(0), work.score(1), work.score(2)};
  }

  ScratchDirectory scratch_;
  std::atomic<bool> disk_full_ = false;
  std::unique_ptr<FileSystem> posix_ = NewPosixFileSystem();
  HookedFileSystem files_{
      posix_.get(), [this](const std::string&) {
        return disk_full_ ? WithReason(absl::ResourceExhaustedError("disk full"), "DISK_FULL")
                          : absl::OkStatus();
      }};
  std::unique_ptr<Catalogue> catalogue_;
  std::unique_ptr<BlobStore> blobs_;
  std::unique_ptr<ModelStore> models_;
  std::unique_ptr<SessionRegistry> registry_;
};

TEST_F(RegistryTest, RestartKeepsWhatWasAcknowledged) {
  ASSERT_TRUE(Create("a").ok());
  v1::CreateSessionRequest noisy;
  noisy.set_session_id("b");
  *noisy.mutable_network() = NetworkOf();
  (*noisy.mutable_labels())["paper"] = "merkel";
  noisy.mutable_realisation()->set_seed(9);
  ASSERT_TRUE(registry_->Create(noisy).ok());
  ASSERT_TRUE(SetEpsilon("sessions/a", 0.25).ok());
  ASSERT_TRUE(SetEpsilon("sessions/a", 0.5).ok());
  const std::vector<float> before = Scores("sessions/a");
  const v1::Session a = *registry_->Get("sessions/a");

  Reopen();
  v1::Session again = *registry_->Get("sessions/a");
  EXPECT_EQ(again.generation(), 3);
  EXPECT_EQ(again.power_mode().epsilon(), 0.5);
  EXPECT_EQ(again.uid(), a.uid());
  EXPECT_EQ(again.etag(), a.etag());
  EXPECT_EQ(Scores("sessions/a"), before);
  EXPECT_EQ(registry_->Get("sessions/b")->labels().at("paper"), "merkel");
  EXPECT_EQ(registry_->Get("sessions/b")->realisation().seed(), 9);
}

TEST_F(RegistryTest, EachReplyEqualsTheRecomputationForItsGeneration) {
  constexpr int kStreams = 8;
  constexpr int kSwitches = 1000;
  ASSERT_TRUE(Create("a").ok());
  const std::shared_ptr<Session> session = *registry_->Find("sessions/a");
  const SessionSnapshot snapshot = *registry_->Snapshot("sessions/a");
  const auto epsilon_of = [](int64_t generation) {
    return generation == 1 ? 1.0 : 1.0 / (1 + generation % 7);
  };
  // The same sample at every mode, computed without the session.
  auto model = ParseModel(snapshot.archive, &BuildModel);
  ASSERT_TRUE(model.ok());
  std::map<double, std::vector<float>> expected;
  for (int64_t g = 1; g <= 8; ++g) {
    v1::PowerMode mode;
    mode.set_epsilon(epsilon_of(g));
    auto deployment = (*model)->Deploy(mode, {});
    ASSERT_TRUE(deployment.ok());
    const std::vector<float> input(kInputs, 0.5f);
    std::vector<float> scores(3);
    const SampleTask task{{input}, {0}};
    SampleResult result;
    result.scores = scores;
    ASSERT_TRUE((*deployment)->Run({&task, 1}, {&result, 1}, Cancellation()).ok());
    expected[epsilon_of(g)] = scores;
  }
  std::atomic<bool> stop = false;
  std::atomic<int64_t> answered = 0;
  std::vector<std::thread> streams;
  for (int s = 0; s < kStreams; ++s) {
    streams.emplace_back([&] {
      while (!stop) {
        TestWork work(1, kInputs, 0.5f);
        ASSERT_TRUE(session->Submit(&work).ok());
        work.Wait();
        ASSERT_TRUE(work.status.ok());
        const std::vector<float>& want = expected.at(epsilon_of(work.reply.generation()));
        for (int c = 0; c < 3; ++c)
          ASSERT_NEAR(work.score(c), want[c], 1e-5f * (1 + std::abs(want[c])));
        ++answered;
      }
    });
  }
  for (int64_t g = 2; g <= kSwitches + 1; ++g) {
    const auto reply = SetEpsilon("sessions/a", epsilon_of(g));
    ASSERT_TRUE(reply.ok()) << reply.status();
    ASSERT_EQ(reply->session().generation(), g);
    TestWork after(1, kInputs, 0.5f);
    ASSERT_TRUE(session->Submit(&after).ok());
    after.Wait();
    ASSERT_GE(after.reply.generation(), g);
  }
  stop = true;
  for (std::thread& stream : streams) stream.join();
  EXPECT_GT(answered, kStreams);
}

TEST_F(RegistryTest, SetPowerModeChecksMergesAndPredicts) {
  ASSERT_TRUE(Create("a", 0.5).ok());
  const absl::Status high = SetEpsilon("sessions/a", 1.5).status();
  EXPECT_EQ(high.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_TRUE(StartsWith(high.message(), "power_mode.epsilon: ")) << high;
  EXPECT_TRUE(StartsWith(SetEpsilon("sessions/a", 0).status().message(), "power_mode.epsilon: "));

  v1::SetPowerModeRequest layer;
  layer.set_session("sessions/a");
  (*layer.mutable_power_mode()->mutable_layer_epsilon())["nosuch"] = 0.5;
  EXPECT_TRUE(StartsWith(registry_->SetPowerMode(layer).status().message(),
                         "power_mode.layer_epsilon[nosuch]"));
  v1::SetPowerModeRequest lever;
  lever.set_session("sessions/a");
  lever.mutable_power_mode()->set_steps(3);
  EXPECT_EQ(registry_->SetPowerMode(lever).status().code(), absl::StatusCode::kInvalidArgument);
  v1::SetPowerModeRequest table;
  table.set_session("sessions/a");
  table.mutable_power_mode()->set_bias(v1::BiasPolicy::TABLE);
  EXPECT_FALSE(registry_->SetPowerMode(table).ok()) << "not calibrated";
  EXPECT_EQ(registry_->Get("sessions/a")->generation(), 1) << "errors change nothing";

  v1::SetPowerModeRequest merge;
  merge.set_session("sessions/a");
  merge.mutable_power_mode()->set_bias(v1::BiasPolicy::HOMOGENEOUS);
  merge.mutable_update_mask()->add_paths("bias");
  merge.set_validate_only(true);
  EXPECT_EQ(registry_->SetPowerMode(merge)->session().generation(), 1);
  merge.set_validate_only(false);
  const auto merged = registry_->SetPowerMode(merge);
  ASSERT_TRUE(merged.ok());
  EXPECT_EQ(merged->session().power_mode().epsilon(), 0.5);
  EXPECT_EQ(merged->session().power_mode().bias(), v1::BiasPolicy::HOMOGENEOUS);
  EXPECT_FALSE(merged->has_predicted_nasp_nominal()) << "needs calibration";
}

TEST_F(RegistryTest, EtagsAndRequestIds) {
  const std::string etag = Create("a")->etag();
  v1::SetPowerModeRequest request;
  request.set_session("sessions/a");
  request.mutable_power_mode()->set_epsilon(0.5);
  request.set_etag(etag);
  request.set_request_id("r1");
  const auto first = registry_->SetPowerMode(request);
  ASSERT_TRUE(first.ok());
  // A repeat is not a second effect, although the etag has moved on.
  const auto second = registry_->SetPowerMode(request);
  ASSERT_TRUE(second.ok()) << second.status();
  EXPECT_EQ(second->session().generation(), first->session().generation());
  EXPECT_EQ(registry_->Get("sessions/a")->generation(), 2);
  Reopen();
  EXPECT_EQ(registry_->SetPowerMode(request)->session().generation(), 2);

  request.mutable_power_mode()->set_epsilon(0.4);
  const absl::Status reused = registry_->SetPowerMode(request).status();
  EXPECT_EQ(reused.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(ReasonOf(reused), "REQUEST_ID_REUSED");
  request.clear_request_id();
  EXPECT_EQ(registry_->SetPowerMode(request).status().code(), absl::StatusCode::kAborted);
  request.set_etag("nonsense");
  EXPECT_EQ(registry_->SetPowerMode(request).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST_F(RegistryTest, CreateRefusesBadRequestsByField) {
  const auto field = [&](const v1::CreateSessionRequest& request) {
    return std::string(registry_->Create(request).status().message());
  };
  v1::CreateSessionRequest request;
  request.set_session_id("a");
  EXPECT_TRUE(field(request).starts_with("source: "));
  *request.mutable_network() = NetworkOf();
  request.set_session_id("Not An Id");
  EXPECT_TRUE(field(request).starts_with("session_id: "));
  request.set_session_id("a");
  request.mutable_realisation()->set_column_noise(-1);
  EXPECT_TRUE(field(request).starts_with("realisation.column_noise: "));
  request.clear_realisation();
  request.mutable_network()->mutable_rate()->mutable_layers(0)->mutable_dense()->set_units(0);
  EXPECT_TRUE(field(request).starts_with("network.rate.layers[0].dense.units: "));
  request.set_model("models/nosuch");
  EXPECT_EQ(registry_->Create(request).status().code(), absl::StatusCode::kNotFound);
  ASSERT_TRUE(Create("a").ok());
  EXPECT_EQ(Create("a").status().code(), absl::StatusCode::kAlreadyExists);
}

TEST_F(RegistryTest, AFullDiskLosesNothing) {
  ASSERT_TRUE(Create("a").ok());
  disk_full_ = true;
  EXPECT_EQ(ReasonOf(Create("b", 1, 6).status()), "DISK_FULL");
  EXPECT_EQ(registry_->Get("sessions/b").status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(Scores("sessions/a").size(), 3u);
  disk_full_ = false;
  EXPECT_TRUE(Create("b", 1, 6).ok());
}

TEST_F(RegistryTest, ModelsTravelFromSessionToSession) {
  ASSERT_TRUE(Create("a").ok());
  v1::SnapshotSessionRequest snapshot;
  snapshot.set_session("sessions/a");
  snapshot.set_model_id("m");
  const auto model = registry_->SnapshotToModel(snapshot);
  ASSERT_TRUE(model.ok()) << model.status();
  EXPECT_EQ(model->source(), "sessions/a");
  EXPECT_EQ(model->digest().size(), 64u);

  v1::CreateSessionRequest request;
  request.set_session_id("b");
  request.set_model("models/m");
  ASSERT_TRUE(registry_->Create(request).ok());
  EXPECT_EQ(Scores("sessions/b"), Scores("sessions/a"));

  // Another seed, then the model: one more generation, durable.
  v1::CreateSessionRequest other;
  other.set_session_id("c");
  *other.mutable_network() = NetworkOf();
  other.set_seed(77);
  ASSERT_TRUE(registry_->Create(other).ok());
  EXPECT_NE(Scores("sessions/c"), Scores("sessions/a"));
  const std::string archive = *models_->ReadArchive("models/m");
  const auto installed = registry_->InstallModel("sessions/c", "models/m", archive);
  ASSERT_TRUE(installed.ok()) << installed.status();
  EXPECT_EQ(installed->generation(), 2);
  EXPECT_EQ(installed->model(), "models/m");
  EXPECT_EQ(Scores("sessions/c"), Scores("sessions/a"));
  EXPECT_EQ(registry_->InstallModel("sessions/c", "models/m", archive)->generation(), 2)
      << "already there";

  v1::DeleteModelRequest remove;
  remove.set_name("models/m");
  ASSERT_TRUE(models_->Delete(remove).ok());
  EXPECT_EQ(models_->Get("models/m").status().code(), absl::StatusCode::kNotFound);
  Reopen();
  EXPECT_EQ(Scores("sessions/c"), Scores("sessions/a")) << "the blob is still referred to";
}

TEST_F(RegistryTest, ListsInPages) {
  for (const char* id : {"c", "a", "b"}) ASSERT_TRUE(Create(id).ok());
  v1::ListSessionsRequest request;
  request.set_page_size(2);
  const auto first = registry_->List(request);
  ASSERT_EQ(first->sessions_size(), 2);
  EXPECT_EQ(first->sessions(0).name(), "sessions/a");
  request.set_page_token(first->next_page_token());
  const auto second = registry_->List(request);
  ASSERT_EQ(second->sessions_size(), 1);
  EXPECT_EQ(second->sessions(0).name(), "sessions/c");
  EXPECT_TRUE(second->next_page_token().empty());
  request.set_page_token("forged");
  EXPECT_EQ(registry_->List(request).status().code(), absl::StatusCode::kInvalidArgument);
  request.clear_page_token();
  request.set_page_size(-1);
  EXPECT_EQ(registry_->List(request).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST_F(RegistryTest, WatchersHearOfModesUpdatesAndTheEnd) {
  ASSERT_TRUE(Create("a").ok());
  std::vector<v1::SessionEvent> events;
  const auto token =
      registry_->Subscribe("sessions/a", [&](const v1::SessionEvent& e) { events.push_back(e); });
  ASSERT_TRUE(token.ok());
  ASSERT_TRUE(SetEpsilon("sessions/a", 0.5).ok());
  v1::UpdateSessionRequest update;
  update.mutable_session()->set_name("sessions/a");
  update.mutable_session()->set_display_name("ignored");
  (*update.mutable_session()->mutable_labels())["k"] = "v";
  update.mutable_update_mask()->add_paths("labels");
  ASSERT_TRUE(registry_->Update(update).ok());
  v1::DeleteSessionRequest remove;
  remove.set_name("sessions/a");
  ASSERT_TRUE(registry_->Delete(remove).ok());
  ASSERT_EQ(events.size(), 4u);
  EXPECT_EQ(events[0].snapshot().generation(), 1);
  EXPECT_EQ(events[1].mode_changed().generation(), 2);
  EXPECT_EQ(events[2].snapshot().labels().at("k"), "v");
  EXPECT_EQ(events[2].snapshot().display_name(), "");
  EXPECT_TRUE(events[3].has_deleted());
  registry_->Unsubscribe(*token);
  EXPECT_EQ(registry_->Delete(remove).status().code(), absl::StatusCode::kNotFound);
  Reopen();
  EXPECT_EQ(registry_->Get("sessions/a").status().code(), absl::StatusCode::kNotFound);
}

TEST_F(RegistryTest, ADamagedSessionDoesNotStopTheOthers) {
  ASSERT_TRUE(Create("a").ok());
  v1::CreateSessionRequest other;
  other.set_session_id("b");
  *other.mutable_network() = NetworkOf();
  other.set_seed(6);
  ASSERT_TRUE(registry_->Create(other).ok());
  v1::StoredSession stored;
  ASSERT_TRUE(stored.ParseFromString(catalogue_->Get("sessions", "b")->value));
  const std::string digest = stored.archive_digest();
  const std::string path = scratch_.File("blobs/sha256/" + digest.substr(0, 2) + "/" + digest);
  std::string content = *posix_->Read(path);
  content[content.size() / 2] ^= 1;
  ASSERT_TRUE(posix_->WriteAtomically(path, content).ok());
  Reopen();
  EXPECT_EQ(Scores("sessions/a").size(), 3u);
  const absl::Status status = registry_->Get("sessions/b").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(ReasonOf(status), "BLOB_CORRUPT");
}

TEST_F(RegistryTest, CheckInputNamesTheField) {
  ASSERT_TRUE(Create("a").ok());
  const InputShape& shape = (*registry_->Find("sessions/a"))->input_shape();
  TestWork good(2, kInputs, 1);
  EXPECT_EQ(*CheckInput(good.tensor(), shape), 2);
  const auto refused = [&](const v1::Tensor& t, const std::string& word) {
    const absl::Status status = CheckInput(t, shape).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_TRUE(StartsWith(status.message(), "input: ")) << status;
    EXPECT_NE(status.message().find(word), absl::string_view::npos) << status;
  };
  v1::Tensor bad = good.tensor();
  bad.set_dtype(v1::DataType::FLOAT64);
  refused(bad, "dtype");
  bad = good.tensor();
  bad.set_shape(1, kInputs + 1);
  refused(bad, "shape");
  bad = good.tensor();
  bad.mutable_data()->pop_back();
  refused(bad, "bytes");
  bad = good.tensor();
  bad.set_shape(0, 0);
  refused(bad, "samples");
  bad.set_shape(0, int64_t{1} << 62);
  refused(bad, "samples");
  refused(v1::Tensor(), "dtype");
}

}  // namespace
}  // namespace torpor
