// torpor network: checks and explains definitions.
#include <memory>

#include "absl/strings/str_cat.h"
#include "client/cli/command.h"
#include "client/cli/definition.h"
#include "client/cli/errors.h"
#include "client/cli/output.h"
#include "client/cli/rpc.h"
#include "client/cli/session_columns.h"
#include "torpor/v1/network.grpc.pb.h"

namespace torpor::cli {
namespace {

absl::Status Validate(Context& context, const std::string& file) {
  CLI_ASSIGN_OR_RETURN(auto loaded, LoadNetwork<v1::Network>(context, file));
  v1::ValidateNetworkRequest request;
  *request.mutable_network() = std::move(loaded.second);
  const auto response =
      Call<v1::NetworkService>(context, &v1::NetworkService::Stub::ValidateNetwork, request);
  if (!response.ok()) return loaded.first.Locate(response.status(), "network.");
  PrintObject(context, {{"file"}, {"valid"}}, {{"file", file}, {"valid", true}});
  return absl::OkStatus();
}

absl::Status Describe(Context& context, const std::string& file) {
  CLI_ASSIGN_OR_RETURN(auto loaded, LoadNetwork<v1::Network>(context, file));
  v1::DescribeNetworkRequest request;
  *request.mutable_network() = std::move(loaded.second);
  const auto description =
      Call<v1::NetworkService>(context, &v1::NetworkService::Stub::DescribeNetwork, request);
  if (!description.ok()) return loaded.first.Locate(description.status(), "network.");
  std::vector<Json> rows;
  for (const v1::LayerDescription& layer : description->layers()) rows.push_back(ToJson(layer));
  const Json whole = ToJson(*description);
  const bool has_cores = description->cores() > 0;
  std::vector<Column> columns = {{"name"}, {"kind"}, {"input_shape"}, {"output_shape"}};
  // What a grid of cores takes on the chip.
  if (has_cores) {
    columns.insert(columns.end(), {{"cores"},
                                   {"core_axons", "axons a core"},
                                   {"core_neurons", "neurons a core"},
                                   {"fan_out"}});
  }
  columns.insert(columns.end(), {{"activation"}, {"synapses"}, {"biases"}});
  PrintRows(context, columns, rows, whole);
  if (context.options.format == Format::kTable) {
    context.out << '\n';
    std::vector<Column> sums = {{"family"},
                                {"parameters"},
                                {"memory_bytes", "memory", Cell::kBytes},
                                {"multiply_accumulates", "multiply-accumulates a sample"}};
    if (has_cores) sums.insert(sums.begin() + 1, {"cores"});
    PrintObject(context, sums, whole);
    for (const std::string& warning : description->warnings()) {
      context.out << "\nwarning: " << warning << '\n';
    }
    context.out << "\nlevers of its power mode\n";
    const std::vector<Json> levers = LeverRows(description->levers());
    PrintRows(context, {{"name"}, {"values"}, {"full_power"}, {"per_layer"}, {"description"}},
              levers, levers);
  }
  return absl::OkStatus();
}

}  // namespace

void AddNetworkCommands(CLI::App& root, Context& context) {
  CLI::App* network = AddNoun(root, "network", "Checks and explains definitions of networks.",
                              "torpor network validate -f net.yaml\n"
                              "torpor network describe -f net.yaml");
  auto file = std::make_shared<std::string>();
  const auto add = [&](const std::string& name, const std::string& purpose,
                       absl::Status (*action)(Context&, const std::string&)) {
    AddCommand(*network, name, purpose, absl::StrCat("torpor network ", name, " -f net.yaml"),
               context, [=, &context] { return action(context, *file); })
        ->add_option("-f,--file", *file, "network or recipe, YAML or JSON; - reads standard input")
        ->required();
  };
  add("validate", "Checks a definition; an error names file, line and field.", Validate);
  add("describe", "Shapes, parameters, memory and levers, before any training.", Describe);
}

}  // namespace torpor::cli
