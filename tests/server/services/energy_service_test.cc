#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/server/services/server_fixture.h"
#include "torpor/v1/energy.grpc.pb.h"

namespace torpor {
namespace {

using testing::FieldOf;
using ::testing::HasSubstr;

class EnergyServiceTest : public testing::ServerTest {
 protected:
  EnergyServiceTest() : energy_(v1::EnergyService::NewStub(channel_)) {
    v1::LayerActivityReport* cores = request_.mutable_activity()->add_layers();
    cores->set_name("cores");
    cores->set_core_ticks(16);
    request_.set_profile_name("truenorth-cores");
  }
  grpc::Status Price() { return energy_->PriceActivity(Context().get(), request_, &report_); }

  std::unique_ptr<v1::EnergyService::Stub> energy_;
  v1::PriceActivityRequest request_;
  v1::EnergyReport report_;
};

TEST_F(EnergyServiceTest, ListsProfilesAndWhatTheyMayHold) {
  v1::ListDeviceProfilesResponse list;
  ASSERT_TRUE(energy_->ListDeviceProfiles(Context().get(), {}, &list).ok());
  ASSERT_EQ(list.profiles_size(), 9);
  for (const v1::DeviceProfile& profile : list.profiles()) {
    for (const v1::Coefficient& c : profile.coefficients()) {
      bool documented = false;
      for (const v1::CoefficientKind& kind : list.coefficients()) {
        documented = documented || (kind.name() == c.name() && kind.unit() == c.unit());
      }
      EXPECT_TRUE(documented) << profile.name() << " " << c.name();
      EXPECT_FALSE(c.source().empty()) << profile.name() << " " << c.name();
    }
  }
}

TEST_F(EnergyServiceTest, PricesByNameAndByTheClientsOwnProfile) {
  ASSERT_TRUE(Price().ok());
  EXPECT_NEAR(report_.joules(), 16 * 56.25e-9, 1e-15);
  EXPECT_EQ(report_.profile(), "truenorth-cores");

  v1::DeviceProfile* mine = request_.mutable_device_profile();
  mine->set_name("mine");
  v1::Coefficient* c = mine->add_coefficients();
  c->set_name("core_tick");
  c->set_unit("J");
  c->set_value(2);
  c->set_source("a test");
  c->set_kind(v1::Coefficient::ASSUMED);
  ASSERT_TRUE(Price().ok());
  EXPECT_EQ(report_.joules(), 32);

  // Events happened, and this profile says nothing of them.
  request_.mutable_activity()->mutable_layers(0)->set_synaptic_events(3);
  ASSERT_TRUE(Price().ok());
  EXPECT_FALSE(report_.has_joules());
  ASSERT_EQ(report_.unknown_size(), 1);
  EXPECT_THAT(report_.unknown(0), HasSubstr("synaptic_event"));

  c->set_unit("nJ");
  grpc::Status refused = Price();
  EXPECT_EQ(refused.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(FieldOf(refused), "device_profile.coefficients[0].unit");
}

TEST_F(EnergyServiceTest, RefusesWithTheFieldOrTheNames) {
  request_.mutable_activity()->mutable_layers(0)->set_spikes(-1);
  EXPECT_EQ(FieldOf(Price()), "activity.layers[0].spikes");
  request_.mutable_activity()->mutable_layers(0)->clear_spikes();
  request_.set_profile_name("truenorth");
  const grpc::Status missing = Price();
  EXPECT_EQ(missing.error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_THAT(testing::DetailOf<google::rpc::Help>(missing).links(0).description(),
              HasSubstr("truenorth-cores, truenorth-events"));
  request_.clear_profile();
  EXPECT_EQ(FieldOf(Price()), "profile_name");
}

}  // namespace
}  // namespace torpor
