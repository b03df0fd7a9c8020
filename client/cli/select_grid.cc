#include "client/cli/select_grid.h"

#include <cmath>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "client/cli/errors.h"
#include "client/cli/job_run.h"
#include "client/cli/rpc.h"
#include "google/rpc/error_details.pb.h"

namespace torpor::cli {
namespace {

constexpr int kMaximumBits = 32;

std::vector<std::string> Words(const std::string& list) {
  std::vector<std::string> words;
  for (absl::string_view word : absl::StrSplit(list, ',', absl::SkipEmpty())) {
    words.emplace_back(absl::StripAsciiWhitespace(word));
  }
  return words;
}

// A positive number and its unit, one of `units`; none stands for 1.
absl::StatusOr<double> WithUnit(const std::string& text, const std::string& flag,
                                const std::vector<std::pair<absl::string_view, double>>& units,
                                const std::string& example) {
  absl::string_view number = absl::StripAsciiWhitespace(text);
  double factor = 1;
  for (const auto& [unit, times] : units) {
    if (!absl::ConsumeSuffix(&number, unit)) continue;
    factor = times;
    break;
  }
  double value = 0;
  if (!absl::SimpleAtod(absl::StripAsciiWhitespace(number), &value)) {
    return UsageError(absl::StrCat("not a quantity: `", text, "`"), flag,
                      absl::StrCat(flag, " ", example));
  }
  if (!(value > 0 && std::isfinite(value))) {
    return UsageError(absl::StrCat("must be above 0 and finite, got ", text), flag,
                      absl::StrCat(flag, " ", example));
  }
  return value * factor;
}

absl::StatusOr<std::vector<int>> Integers(const std::string& list, const std::string& flag, int low,
                                          int high) {
  std::vector<int> numbers;
  for (const std::string& word : Words(list)) {
    int number = 0;
    if (!absl::SimpleAtoi(word, &number) || number < low || number > high) {
      return UsageError(
          absl::StrCat("must be whole numbers in ", low, "..", high, ", got `", word, "`"), flag,
          absl::StrCat(flag, " ", std::max(low, 4), ",", std::max(low, 8)));
    }
    numbers.push_back(number);
  }
  return numbers;
}

absl::StatusOr<std::vector<v1::Scheme::Kind>> Schemes(const std::string& list) {
  std::vector<v1::Scheme::Kind> schemes;
  for (const std::string& word : Words(list)) {
    const std::string scheme = absl::AsciiStrToLower(word);
    if (scheme != "ptq" && scheme != "itq") {
      return UsageError(absl::StrCat("must be ptq (post-training) or itq (in-training "
                                     "quantisation), got `",
                                     word, "`"),
                        "--scheme", "--scheme ptq,itq");
    }
    schemes.push_back(scheme == "ptq" ? v1::Scheme::POST_TRAINING : v1::Scheme::IN_TRAINING);
  }
  if (schemes.empty()) schemes.push_back(v1::Scheme::POST_TRAINING);
  return schemes;
}

absl::StatusOr<std::vector<v1::Rounding::Kind>> Roundings(const std::string& list) {
  std::vector<v1::Rounding::Kind> roundings;
  for (const std::string& word : Words(list)) {
    CLI_ASSIGN_OR_RETURN(
        const v1::Rounding::Kind rounding,
        ParseKind(word, v1::Rounding::Kind_Parse, "--rounding", "truncate, nearest, stochastic"));
    roundings.push_back(rounding);
  }
  if (roundings.empty()) roundings.push_back(v1::Rounding::NEAREST);
  return roundings;
}

// Whether neurons are quantised too.
absl::StatusOr<std::vector<bool>> Scopes(const std::string& list) {
  std::vector<bool> scopes;
  for (const std::string& word : Words(list)) {
    const std::string scope = absl::AsciiStrToLower(word);
    if (scope != "w" && scope != "wn") {
      return UsageError(
          absl::StrCat("must be w (weights) or wn (weights and neurons), got `", word, "`"),
          "--scope", "--scope w,wn");
    }
    scopes.push_back(scope == "wn");
  }
  if (scopes.empty()) scopes.push_back(false);
  return scopes;
}

absl::Status AddStorages(const SelectGrid& grid, v1::SelectSpec& spec) {
  CLI_ASSIGN_OR_RETURN(const auto schemes, Schemes(grid.schemes));
  CLI_ASSIGN_OR_RETURN(const auto roundings, Roundings(grid.roundings));
  CLI_ASSIGN_OR_RETURN(const auto scopes, Scopes(grid.scopes));
  CLI_ASSIGN_OR_RETURN(const std::vector<int> bits, Integers(grid.bits, "--bits", 1, kMaximumBits));
  if (bits.empty()) {
    if (grid.schemes.empty() && grid.roundings.empty() && grid.scopes.empty()) {
      return absl::OkStatus();
    }
    return UsageError("how many bits?", "--bits", "--bits 4,6,8");
  }
  spec.clear_storages();
  for (const v1::Scheme::Kind scheme : schemes) {
    for (const v1::Rounding::Kind rounding : roundings) {
      for (const bool neurons : scopes) {
        for (const int each : bits) {
          v1::SelectSpec::Storage& storage = *spec.add_storages();
          storage.set_scheme(scheme);
          storage.mutable_quantization()->set_weight_bits(each);
          if (neurons) storage.mutable_quantization()->set_neuron_bits(each);
          storage.mutable_quantization()->set_rounding(rounding);
        }
      }
    }
  }
  return absl::OkStatus();
}

absl::Status AddCandidates(const SelectGrid& grid, const v1::Network& network,
                           v1::SelectSpec& spec) {
  CLI_ASSIGN_OR_RETURN(std::vector<int> sizes, Integers(grid.neurons, "--neurons", 1, 65536));
  std::vector<std::string> rules = Words(grid.rules);
  if (sizes.empty() && rules.empty() && !spec.candidates().empty()) return absl::OkStatus();
  if (!sizes.empty() && !network.has_stdp()) {
    return UsageError("sizes are of networks of neurons that compete; this session has another",
                      "--neurons", "-f with candidates[].network");
  }
  if (sizes.empty()) sizes.push_back(0);
  if (rules.empty()) rules.push_back("");
  spec.clear_candidates();
  for (const int size : sizes) {
    for (const std::string& rule : rules) {
      v1::SelectSpec::Candidate& candidate = *spec.add_candidates();
      std::string name = size > 0 ? absl::StrCat("n", size) : "";
      if (!rule.empty()) {
        CLI_ASSIGN_OR_RETURN(const v1::StdpTraining::Rule::Kind kind,
                             ParseKind(rule, v1::StdpTraining::Rule::Kind_Parse, "--rule",
                                       "windowed, pairwise, gated"));
        candidate.mutable_train()->mutable_stdp()->set_rule(kind);
        absl::StrAppend(&name, name.empty() ? "" : "-", absl::AsciiStrToLower(rule));
      }
      candidate.set_name(name.empty() ? "session" : name);
      candidate.mutable_train()->set_epochs(1);
      if (size == 0) continue;
      *candidate.mutable_network() = network;
      candidate.mutable_network()->mutable_stdp()->set_neurons(size);
    }
  }
  return absl::OkStatus();
}

absl::Status AddSeeds(const std::string& list, v1::SelectSpec& spec) {
  if (list.empty()) return absl::OkStatus();
  spec.clear_seeds();
  for (const std::string& word : Words(list)) {
    uint64_t seed = 0;
    if (!absl::SimpleAtoi(word, &seed)) {
      return UsageError(absl::StrCat("must be whole numbers, 0 or more, got `", word, "`"),
                        "--seeds", "--seeds 1,2,3");
    }
    spec.add_seeds(seed);
  }
  return absl::OkStatus();
}

absl::Status AddLimits(const SelectGrid& grid, v1::SelectSpec& spec) {
  v1::Limits& limits = *spec.mutable_limits();
  if (!grid.max_memory.empty()) {
    CLI_ASSIGN_OR_RETURN(const double bytes, ParseBytes(grid.max_memory, "--max-memory"));
    limits.set_memory_bytes(bytes);
  }
  if (!grid.max_joules.empty()) {
    CLI_ASSIGN_OR_RETURN(const double joules, ParseJoules(grid.max_joules, "--max-joules"));
    limits.set_joules(joules);
  }
  if (!grid.min_accuracy.empty()) {
    CLI_ASSIGN_OR_RETURN(const double share, ParseShare(grid.min_accuracy, "--min-accuracy"));
    limits.set_accuracy(share);
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<double> ParseBytes(const std::string& text, const std::string& flag) {
  return WithUnit(text, flag,
                  {{"KiB", 1024},
                   {"MiB", 1024.0 * 1024},
                   {"GiB", 1024.0 * 1024 * 1024},
                   {"kB", 1e3},
                   {"MB", 1e6},
                   {"GB", 1e9},
                   {"B", 1}},
                  "300kB");
}

absl::StatusOr<double> ParseJoules(const std::string& text, const std::string& flag) {
  return WithUnit(text, flag,
                  {{"pJ", 1e-12}, {"nJ", 1e-9}, {"uJ", 1e-6}, {"µJ", 1e-6}, {"mJ", 1e-3}, {"J", 1}},
                  "20uJ");
}

absl::StatusOr<double> ParseShare(const std::string& text, const std::string& flag) {
  absl::string_view number = absl::StripAsciiWhitespace(text);
  const double unit = absl::ConsumeSuffix(&number, "%") ? 100 : 1;
  double share = 0;
  const bool good = absl::SimpleAtod(absl::StripAsciiWhitespace(number), &share);
  share /= unit;
  if (good && share >= 0 && share <= 1) return share;
  return UsageError(absl::StrCat("must be in 0..1 or 0..100%, got `", text, "`"), flag,
                    absl::StrCat(flag, " 0.85"));
}

absl::Status CheckSelectGrid(const SelectGrid& grid) {
  v1::Network network;
  network.mutable_stdp();
  return LaySelectGridOver(v1::SelectSpec(), grid, network).status();
}

absl::StatusOr<v1::SelectSpec> LaySelectGridOver(v1::SelectSpec recipe, const SelectGrid& grid,
                                                 const v1::Network& network) {
  v1::SelectSpec spec = std::move(recipe);
  if (!grid.dataset.empty()) spec.set_dataset(grid.dataset);
  if (spec.dataset().empty()) {
    return UsageError("a dataset is missing", "--dataset", "torpor dataset list");
  }
  spec.set_dataset(FullName("datasets", spec.dataset()));
  CLI_RETURN_IF_ERROR(AddCandidates(grid, network, spec));
  CLI_RETURN_IF_ERROR(AddStorages(grid, spec));
  CLI_RETURN_IF_ERROR(AddSeeds(grid.seeds, spec));
  CLI_RETURN_IF_ERROR(AddLimits(grid, spec));
  for (v1::SelectSpec::Candidate& candidate : *spec.mutable_candidates()) {
    v1::TrainSpec& train = *candidate.mutable_train();
    if (grid.epochs > 0) train.set_epochs(grid.epochs);
    if (grid.train_samples > 0) train.set_train_samples(grid.train_samples);
    if (grid.label_samples > 0) train.set_calibration_samples(grid.label_samples);
  }
  if (grid.validation_samples > 0) spec.set_validation_samples(grid.validation_samples);
  if (!grid.reference.empty()) spec.set_reference(grid.reference);
  if (grid.no_early_stop) spec.set_no_early_stop(true);
  return spec;
}

absl::Status NameSelectFlag(absl::Status status) {
  const auto bad = DetailOf<google::rpc::BadRequest>(status);
  if (status.ok() || !bad || bad->field_violations().empty()) return status;
  const std::string& path = bad->field_violations(0).field();
  static constexpr std::pair<absl::string_view, absl::string_view> kFlags[] = {
      {".storages", "--bits"},
      {".limits.memory_bytes", "--max-memory"},
      {".limits.joules", "--max-joules"},
      {".limits.accuracy", "--min-accuracy"},
      {".neurons", "--neurons"},
      {".rule", "--rule"},
      {".calibration_samples", "--label-samples"},
      {".train_samples", "--train-samples"},
      {".validation_samples", "--validation-samples"},
      {".epochs", "--epochs"},
      {".reference", "--reference"},
      {".seeds", "--seeds"},
      {".dataset", "--dataset"}};
  for (const auto& [part, flag] : kFlags) {
    if (absl::StrContains(path, part)) return WithWhere(std::move(status), flag);
  }
  // What only a file can have said.
  return status;
}

}  // namespace torpor::cli
