// What the manager takes up, refuses and lists.
#include <string>
#include <vector>

#include "engine/base/status.h"
#include "gmock/gmock.h"
#include "tests/server/job/manager_fake_fixture.h"
#include "tests/support/hooked_file_system.h"

namespace torpor {
namespace {

using testing::HasSubstr;

TEST_F(ManagerFakeTest, ARepeatedRequestGetsTheFirstAnswer) {
  Start();
  v1::CreateJobRequest request = Request("", kEvaluate);
  request.set_request_id("once");
  const auto first = manager_->Create(request);
  ASSERT_TRUE(first.ok()) << first.status();
  const auto again = manager_->Create(request);
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(again->name(), first->name());
  EXPECT_EQ(manager_->List({})->jobs_size(), 1);
  request.mutable_spec()->set_threads(7);
  EXPECT_EQ(ReasonOf(manager_->Create(request).status()), "REQUEST_ID_REUSED");
}

TEST_F(ManagerFakeTest, AnIdThatExistsIsRefusedAndItsDirectoryLeftAlone) {
  Start();
  Submit("j", kTrain);
  const std::string spec = *posix_->Read(DirectoryOf("j").SpecPath());
  EXPECT_EQ(manager_->Create(Request("j", kEvaluate)).status().code(),
            absl::StatusCode::kAlreadyExists);
  EXPECT_EQ(*posix_->Read(DirectoryOf("j").SpecPath()), spec);
}

TEST_F(ManagerFakeTest, ListsNewestFirstByPagesAndBySession) {
  NewSession("other", "layers { dense { units: 10 } activation: SIGMOID }");
  Start();
  for (const char* id : {"one", "two", "three"}) Submit(id, kEvaluate);
  Submit("four", std::string("session: 'sessions/other' ") + kEvaluate);
  v1::ListJobsRequest request;
  request.set_page_size(2);
  std::vector<std::string> names;
  for (int pages = 0; pages < 3; ++pages) {
    const auto page = manager_->List(request);
    ASSERT_TRUE(page.ok()) << page.status();
    for (const v1::Job& job : page->jobs()) names.push_back(job.name());
    request.set_page_token(page->next_page_token());
    if (page->next_page_token().empty()) break;
  }
  EXPECT_THAT(names, testing::ElementsAre("jobs/four", "jobs/three", "jobs/two", "jobs/one"));
  v1::ListJobsRequest filtered;
  filtered.set_session("sessions/digits");
  EXPECT_EQ(manager_->List(filtered)->jobs_size(), 3);
  filtered.set_page_size(-1);
  EXPECT_FALSE(manager_->List(filtered).ok());
}

TEST_F(ManagerFakeTest, ASpecificationIsCheckedAgainstSessionAndData) {
  NewSession("small", "layers { dense { units: 10 } activation: SIGMOID }", 100);
  NewSession("few", "layers { dense { units: 9 } activation: SIGMOID }");
  NewSession("linear", "layers { dense { units: 10 } activation: LINEAR }");
  Start();
  struct Case {
    std::string spec;
    absl::StatusCode code;
    const char* part;
  };
  const auto kBad = absl::StatusCode::kInvalidArgument;
  for (const Case& c : std::vector<Case>{
           {"session: 'sessions/nobody' train { dataset: 'synthetic-digits' }",
            absl::StatusCode::kNotFound, "nobody"},
           {"session: 'digits' train { dataset: 'synthetic-digits' }", kBad, "spec.session"},
           {"train { dataset: 'no-such-set' }", absl::StatusCode::kNotFound, "synthetic-digits"},
           {"session: 'sessions/small' train { dataset: 'synthetic-digits' }", kBad,
            "144 values, the network takes 100"},
           {"session: 'sessions/few' evaluate { dataset: 'synthetic-digits' }", kBad,
            "10 classes, the network 9"},
           {"session: 'sessions/linear' train { dataset: 'synthetic-digits' }", kBad,
            "spec.train."},
           {"train { dataset: 'synthetic-digits' validation_samples: 2000 }", kBad,
            "spec.train.validation_samples"},
           {"train { dataset: 'synthetic-digits' train_samples: 10 validation_samples: 10 }", kBad,
            "at most 9 of 10"},
           {"power_sweep { dataset: 'synthetic-digits' epsilon: 1 realisation { column_noise: 11 } "
            "}",
            kBad, "spec.power_sweep.realisation.column_noise"},
           {"power_sweep { dataset: 'synthetic-digits' epsilon: 0.5 epsilon_layers: 'hiden' }",
            kBad, "spec.power_sweep.epsilon_layers[0]"},
           {"power_sweep { dataset: 'synthetic-digits' epsilon: 0.5 base { steps: 3 } }", kBad,
            "spec.power_sweep.base.steps"},
           {"power_sweep { dataset: 'synthetic-digits' modes { } modes { epsilon: 1.5 } }", kBad,
            "spec.power_sweep.modes[1].epsilon"},
           {"power_search { dataset: 'synthetic-digits' nasp: 0.5 base { layer_epsilon { key: 'x' "
            "value: 0.5 } } }",
            kBad, "spec.power_search.base.layer_epsilon[x]"},
           {"power_search { dataset: 'synthetic-digits' nasp: 0.5 base { epsilon: 0.5 } }", kBad,
            "spec.power_search.base.epsilon"},
           {"power_search { dataset: 'synthetic-digits' nasp: 0.5 base { bias: TABLE } }",
            absl::StatusCode::kFailedPrecondition, "calibration"},
           {"power_search { dataset: 'synthetic-digits' nasp: 0.5 per_layer: true }",
            absl::StatusCode::kFailedPrecondition, "calibrated"},
       }) {
    SCOPED_TRACE(c.spec);
    const absl::Status status = manager_->Create(Request("j", c.spec)).status();
    EXPECT_EQ(status.code(), c.code) << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr(c.part));
    EXPECT_FALSE(*posix_->Exists(DirectoryOf("j").path()));
  }
  EXPECT_TRUE(manager_->List({})->jobs().empty());
  // Noise is measured in units that calibration finds.
  EXPECT_FALSE(manager_
                   ->Create(Request("j",
                                    "power_sweep { dataset: 'synthetic-digits' epsilon: 1 "
                                    "realisation { column_noise: 0.01 } }"))
                   .ok());
}

TEST_F(ManagerFakeTest, AFullDiskAtSubmissionLeavesNothingBehind) {
  FaultyFileSystem full(posix_.get());
  files_ = &full;
  Start();
  for (int n = 1; n <= 2; ++n) {
    full.FailFrom(n, WithReason(absl::ResourceExhaustedError("no space left"), "DISK_FULL"));
    const absl::Status status = manager_->Create(Request("j", kTrain)).status();
    EXPECT_EQ(ReasonOf(status), "DISK_FULL") << status;
    EXPECT_FALSE(*posix_->Exists(DirectoryOf("j").path()));
  }
  full.FailFrom(0, absl::OkStatus());
  EXPECT_TRUE(manager_->Create(Request("j", kTrain)).ok());
}

}  // namespace
}  // namespace torpor
