#include "tests/bench/stream_networks.h"

#include <cstddef>

#include "spdlog/spdlog.h"
#include "tests/bench/stream_driver.h"

namespace torpor::bench {

v1::Network DenseNetwork(const std::vector<int>& units) {
  v1::Network network;
  v1::RateNetwork& rate = *network.mutable_rate();
  rate.mutable_input()->add_shape(kInputs);
  for (size_t l = 0; l < units.size(); ++l) {
    v1::RateLayer& layer = *rate.add_layers();
    layer.mutable_dense()->set_units(units[l]);
    layer.set_activation(l + 1 == units.size() ? v1::Activation::SIGMOID : v1::Activation::RELU);
  }
  return network;
}

v1::Network SmallCoreGrid() {
  v1::Network network;
  v1::TrueNorthNetwork& grid = *network.mutable_truenorth();
  for (int side = 0; side < 2; ++side) grid.mutable_input()->add_shape(28);
  static_assert(kInputs == 28 * 28);
  v1::BlockLayer& blocks = *grid.add_layers();
  blocks.set_block(16);
  blocks.set_stride(12);
  v1::BlockLayer& out = *grid.add_layers();
  out.set_block(2);
  out.set_stride(1);
  grid.set_template_(v1::Template::SIGNS);
  grid.set_classes(10);
  grid.set_output_neurons(250);
  grid.set_ticks(16);
  grid.set_code(v1::RateCode::EVEN);
  return network;
}

v1::Session CreateSession(const std::shared_ptr<grpc::Channel>& channel, const std::string& id,
                          const v1::Network& network, const v1::PowerMode& mode) {
  v1::CreateSessionRequest request;
  request.set_session_id(id);
  *request.mutable_network() = network;
  *request.mutable_power_mode() = mode;
  grpc::ClientContext context;
  v1::Session session;
  const grpc::Status status =
      v1::SessionService::NewStub(channel)->CreateSession(&context, request, &session);
  if (!status.ok()) spdlog::error("create: {}", status.error_message());
  return session;
}

}  // namespace torpor::bench
