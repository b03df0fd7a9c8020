// `torpor server`: a server in the background, found again, and stopped.
#include <fstream>
#include <string>

#include "gmock/gmock.h"
#include "world.h"

namespace torpor::e2e {
namespace {

using ::testing::HasSubstr;

class ServerCommandTest : public World {};

TEST_F(ServerCommandTest, StartsServesLogsAndStops) {
  const Result started = Torpor(
      {"server", "start", "--listen", "127.0.0.1:0", "--data-dir", Path("other"), "-o", "json"});
  ASSERT_EQ(started.exit_code, 0) << started.err;
  const std::string address = started.json()["address"];
  const pid_t pid = started.json()["pid"];
  EXPECT_NE(address, this->address());
  EXPECT_EQ(started.json()["started"], true);

  const Result status = Torpor({"server", "status", "--server", address, "-o", "json"});
  EXPECT_EQ(status.exit_code, 0) << status.err;
  EXPECT_EQ(status.json()["process_id"], pid);
  EXPECT_EQ(status.json()["data_directory"], Path("other"));

  // Starting it again finds it.
  const Result again = Torpor({"server", "start", "--listen", address, "-o", "json"});
  EXPECT_EQ(again.exit_code, 0) << again.err;
  EXPECT_EQ(again.json()["started"], false);
  EXPECT_EQ(again.json()["pid"], pid);

  EXPECT_THAT(Torpor({"server", "logs", "--server", address}).out, HasSubstr("listening on"));

  const Result stopped = Torpor({"server", "stop", "--server", address});
  EXPECT_EQ(stopped.exit_code, 0) << stopped.err;
  // Gone, or ended and left to a first process that does not reap.
  std::ifstream stat("/proc/" + std::to_string(pid) + "/stat");
  std::string text;
  std::getline(stat, text);
  EXPECT_TRUE(text.empty() || text.find(") Z") != std::string::npos) << text;
  EXPECT_EQ(Torpor({"server", "status", "--server", address}).exit_code, 78);
  EXPECT_EQ(Torpor({"server", "stop", "--server", address}).exit_code, 78);
}

TEST_F(ServerCommandTest, SaysWhyItDidNotStart) {
  // The folder belongs to the running server.
  const Result result =
      Torpor({"server", "start", "--listen", "127.0.0.1:0", "--data-dir", Path("data")});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.err, HasSubstr("error: the server ended at once"));
  EXPECT_THAT(result.err, HasSubstr(Path("data")));
  EXPECT_EQ(Torpor({"server", "status"}).exit_code, 0);
}

}  // namespace
}  // namespace torpor::e2e
