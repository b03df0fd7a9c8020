#include "client/cli/memory_flags.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "client/cli/device_profile.h"
#include "client/cli/errors.h"
#include "client/cli/rpc.h"
#include "google/rpc/error_details.pb.h"

namespace torpor::cli {
namespace {

constexpr v1::MemoryScheme::Kind kSchemes[] = {
    v1::MemoryScheme::CROSSBAR, v1::MemoryScheme::COORDINATE_LIST, v1::MemoryScheme::POINTER_INDEX,
    v1::MemoryScheme::POINTER_BITMAP, v1::MemoryScheme::FUNCTIONAL};
constexpr int kDefaultBits = 8;

// Numbers between 'x'; a usage error unless there are so many.
template <typename Number>
absl::StatusOr<std::vector<Number>> ParseShape(const std::string& text, size_t count,
                                               absl::string_view flag, absl::string_view example) {
  std::vector<Number> sizes;
  for (const absl::string_view word : absl::StrSplit(text, 'x')) {
    Number size;
    // Digits alone: SimpleAtoi would take blanks and signs too.
    if (!std::all_of(word.begin(), word.end(), absl::ascii_isdigit)) break;
    if (!absl::SimpleAtoi(word, &size)) break;
    sizes.push_back(size);
  }
  if (sizes.size() == count &&
      std::count(text.begin(), text.end(), 'x') + 1 == static_cast<std::ptrdiff_t>(count)) {
    return sizes;
  }
  return UsageError(absl::StrCat("not ", count, " sizes between x: `", text, "`"), flag,
                    absl::StrCat(flag, " ", example));
}

template <typename Number>
absl::StatusOr<Number> ParseNumber(const std::string& text,
                                   bool (*parse)(absl::string_view, Number*),
                                   absl::string_view flag) {
  Number number;
  if (parse(text, &number)) return number;
  return UsageError(absl::StrCat("not a number: `", text, "`"), flag);
}

absl::StatusOr<int> ParseBits(const std::string& text) {
  return ParseNumber<int>(
      text, [](absl::string_view t, int* n) { return absl::SimpleAtoi(t, n); }, "--bits");
}

// Bits, density and input activity.
absl::Status FillStorage(const MemoryFlags& flags, v1::WeightArray& array) {
  array.set_bits(kDefaultBits);
  if (!flags.bits.empty()) {
    CLI_ASSIGN_OR_RETURN(const int bits, ParseBits(flags.bits));
    array.set_bits(bits);
  }
  const auto parse = [](absl::string_view t, double* d) { return absl::SimpleAtod(t, d); };
  if (!flags.density.empty()) {
    CLI_ASSIGN_OR_RETURN(const double density,
                         ParseNumber<double>(flags.density, parse, "--density"));
    array.set_density(density);
  }
  if (!flags.input_activity.empty()) {
    CLI_ASSIGN_OR_RETURN(const double activity,
                         ParseNumber<double>(flags.input_activity, parse, "--input-activity"));
    array.set_input_activity(activity);
  }
  return absl::OkStatus();
}

absl::Status AddArrays(const MemoryFlags& flags, v1::MemorySubject& subject) {
  for (const std::string& text : flags.dense) {
    CLI_ASSIGN_OR_RETURN(const std::vector<int64_t> sizes,
                         ParseShape<int64_t>(text, 2, "--dense", "784x128"));
    v1::WeightArray& array = *subject.add_arrays();
    array.set_name(text);
    array.mutable_dense()->set_inputs(sizes[0]);
    array.mutable_dense()->set_outputs(sizes[1]);
    CLI_RETURN_IF_ERROR(FillStorage(flags, array));
  }
  for (const std::string& text : flags.conv) {
    CLI_ASSIGN_OR_RETURN(const std::vector<int32_t> sizes,
                         ParseShape<int32_t>(text, 6, "--conv", "28x28x3x3x32x32"));
    v1::WeightArray& array = *subject.add_arrays();
    array.set_name(text);
    v1::WeightArray::Conv2dShape& conv = *array.mutable_conv2d();
    conv.set_height(sizes[0]);
    conv.set_width(sizes[1]);
    conv.set_kernel_height(sizes[2]);
    conv.set_kernel_width(sizes[3]);
    conv.set_input_channels(sizes[4]);
    conv.set_output_channels(sizes[5]);
    CLI_RETURN_IF_ERROR(FillStorage(flags, array));
  }
  return absl::OkStatus();
}

absl::StatusOr<v1::MemorySubject> ParseSubject(Context& context, const MemoryFlags& flags) {
  const int ways = (flags.dense.empty() && flags.conv.empty() ? 0 : 1) +
                   (flags.session.empty() ? 0 : 1) + (flags.model.empty() ? 0 : 1);
  if (ways != 1) {
    return UsageError(ways == 0 ? "no array is given" : "arrays are given in several ways",
                      "--dense, --conv, --session, --model",
                      "--dense 784x128, --conv 28x28x3x3x32x32 or --session s1");
  }
  v1::MemorySubject subject;
  if (flags.session.empty() && flags.model.empty()) {
    CLI_RETURN_IF_ERROR(AddArrays(flags, subject));
    return subject;
  }
  if (!flags.density.empty() || !flags.input_activity.empty()) {
    return UsageError("a network's weights are as dense as they are", "--density, --input-activity",
                      "--dense or --conv for other densities");
  }
  if (!flags.bits.empty()) {
    CLI_ASSIGN_OR_RETURN(const int bits, ParseBits(flags.bits));
    subject.set_bits(bits);
  }
  CLI_ASSIGN_OR_RETURN(*subject.mutable_name(), flags.session.empty()
                                                    ? ResolveModel(context, flags.model)
                                                    : ResolveSession(context, flags.session));
  return subject;
}

// The flag that an array's field was given by.
std::string ArrayFlag(absl::string_view field, const MemoryFlags& flags, size_t index) {
  if (absl::StartsWith(field, "density")) return "--density";
  if (absl::StartsWith(field, "bits")) return "--bits";
  if (absl::StartsWith(field, "input_activity")) return "--input-activity";
  if (index < flags.dense.size()) return absl::StrCat("--dense ", flags.dense[index]);
  index -= flags.dense.size();
  return index < flags.conv.size() ? absl::StrCat("--conv ", flags.conv[index]) : "";
}

}  // namespace

void AddMemoryFlags(CLI::App& command, MemoryFlags& flags) {
  command.add_option("--dense", flags.dense, "INPUTSxOUTPUTS of a dense array; may be repeated");
  command.add_option("--conv", flags.conv,
                     "HEIGHTxWIDTHxKERNEL HEIGHTxKERNEL WIDTHxINPUT CHANNELSxOUTPUT CHANNELS of a "
                     "convolution, e.g. 28x28x3x3x32x32; may be repeated");
  command.add_option("--session", flags.session, "a session's arrays, as dense as they are");
  command.add_option("--model", flags.model, "those of a stored model");
  command.add_option("--bits", flags.bits,
                     "bits of a weight, 1..32; default 8, or as the network stores them");
  command.add_option("--density", flags.density,
                     "share of weights that are not zero, 0..1; default 1");
  command.add_option("--input-activity", flags.input_activity,
                     "share of inputs that are active in a pass, 0..1; default 1");
  command.add_option("--scheme", flags.schemes,
                     "crossbar, coordinate-list, pointer-index, pointer-bitmap, functional; a list "
                     "by comma, default all");
  command.add_option("--profile", flags.profile,
                     "costs of memories: name of a device profile, or a YAML or JSON file; default "
                     "memory-synthesis");
}

std::string SchemeName(v1::MemoryScheme::Kind scheme) {
  return absl::StrReplaceAll(absl::AsciiStrToLower(v1::MemoryScheme::Kind_Name(scheme)),
                             {{"_", "-"}});
}

absl::StatusOr<v1::MemoryScheme::Kind> ParseScheme(const std::string& word,
                                                   absl::string_view where) {
  const std::string name = absl::StrReplaceAll(absl::AsciiStrToLower(word), {{"_", "-"}});
  std::vector<std::string> choices;
  for (const v1::MemoryScheme::Kind scheme : kSchemes) {
    choices.push_back(SchemeName(scheme));
    if (name == choices.back()) return scheme;
  }
  const std::string close = ClosestTo(name, choices);
  return UsageError(absl::StrCat("no such memory organisation: `", word, "`"), where,
                    absl::StrCat(where, " ", close.empty() ? absl::StrJoin(choices, ",") : close));
}

absl::StatusOr<MemoryQuestion> ParseMemoryFlags(Context& context, const MemoryFlags& flags) {
  MemoryQuestion question;
  for (const std::string& list : flags.schemes) {
    for (const absl::string_view word : absl::StrSplit(list, ',')) {
      CLI_ASSIGN_OR_RETURN(const v1::MemoryScheme::Kind scheme,
                           ParseScheme(std::string(word), "--scheme"));
      question.schemes.push_back(scheme);
    }
  }
  CLI_ASSIGN_OR_RETURN(question.subject, ParseSubject(context, flags));
  if (!flags.profile.empty()) {
    CLI_ASSIGN_OR_RETURN(ChosenProfile chosen, ChooseProfile(context, flags.profile));
    if (chosen.file == nullptr) {
      question.costs.set_profile_name(chosen.profile.name());
    } else {
      *question.costs.mutable_device_profile() = std::move(chosen.profile);
      question.file = std::move(chosen.file);
    }
  }
  return question;
}

absl::Status NameMemoryFlag(absl::Status status, const MemoryFlags& flags,
                            const MemoryQuestion& question) {
  const auto bad = DetailOf<google::rpc::BadRequest>(status);
  if (status.ok() || !bad || bad->field_violations().empty()) return status;
  const std::string& path = bad->field_violations(0).field();
  std::string flag;
  size_t index = 0;
  const size_t end = path.find("].");
  if (absl::StartsWith(path, "subject.arrays[") && end != std::string::npos &&
      absl::SimpleAtoi(path.substr(15, end - 15), &index)) {
    flag = ArrayFlag(path.substr(end + 2), flags, index);
  } else if (absl::StartsWith(path, "schemes")) {
    flag = "--scheme";
  } else if (absl::StartsWith(path, "costs")) {
    if (question.file != nullptr) {
      return question.file->Locate(std::move(status), "costs.device_profile.");
    }
    flag = "--profile";
  } else if (path == "draws") {
    flag = "--draws";
  } else if (path == "subject.bits") {
    flag = "--bits";
  }
  return flag.empty() ? status : WithWhere(std::move(status), flag);
}

}  // namespace torpor::cli
