#include "client/cli/train_flags.h"

#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "client/cli/definition.h"
#include "client/cli/errors.h"
#include "client/cli/job_run.h"
#include "client/cli/power_mode.h"
#include "client/cli/rpc.h"

namespace torpor::cli {
namespace {

// The two strengths of A. Jimeno Yepes and J. Tang, "Improving energy efficiency and classification
// accuracy of neuromorphic chips by learning binary synaptic crossbars", and their names there.
// What the recipe says of plain epochs stays.
absl::Status Augment(const std::string& word, v1::TrainSpec& train) {
  const std::string name = absl::AsciiStrToLower(word);
  if (name == "none") {
    train.clear_augmentation();
    return absl::OkStatus();
  }
  if (name != "aug1" && name != "aug2") {
    return UsageError(absl::StrCat("must be one of none, aug1, aug2, got `", word, "`"),
                      "--augment", "--augment aug1");
  }
  const double strength = name == "aug1" ? 1 : 2;
  train.mutable_augmentation()->set_rotation(strength * 7.5);
  train.mutable_augmentation()->set_shift(strength * 2.5);
  train.mutable_augmentation()->set_rescale(strength * 0.075);
  return absl::OkStatus();
}

absl::Status BuildCourse(const CLI::App& command, const TrainFlags& flags, v1::TrainSpec& train) {
  const auto given = [&command](const char* flag) { return command.count(flag) > 0; };
  if (given("--schedule")) {
    CLI_ASSIGN_OR_RETURN(const v1::Schedule::Kind schedule,
                         ParseKind(flags.schedule, v1::Schedule::Kind_Parse, "--schedule",
                                   "constant, cosine, steps"));
    train.set_schedule(schedule);
  }
  if (given("--step-at")) {
    CLI_ASSIGN_OR_RETURN(const std::vector<double> bounds, ParseGrid(flags.step_at, "--step-at"));
    train.mutable_step_at()->Assign(bounds.begin(), bounds.end());
  }
  if (given("--step-factor")) train.set_step_factor(flags.step_factor);
  if (given("--warmup")) train.set_warmup_epochs(flags.warmup);
  if (given("--augment")) CLI_RETURN_IF_ERROR(Augment(flags.augment, train));
  if (given("--rotation")) train.mutable_augmentation()->set_rotation(flags.rotation);
  if (given("--shift")) train.mutable_augmentation()->set_shift(flags.shift);
  if (given("--rescale")) train.mutable_augmentation()->set_rescale(flags.rescale);
  if (given("--plain-epochs")) train.mutable_augmentation()->set_plain_epochs(flags.plain_epochs);
  return absl::OkStatus();
}

absl::Status BuildCores(const CLI::App& command, const TrainFlags& flags, v1::TrainSpec& train) {
  const auto given = [&command](const char* flag) { return command.count(flag) > 0; };
  if (given("--method")) {
    CLI_ASSIGN_OR_RETURN(const v1::TrueNorthTraining::Method::Kind method,
                         ParseKind(flags.method, v1::TrueNorthTraining::Method::Kind_Parse,
                                   "--method", "binary, probability"));
    train.mutable_truenorth()->set_method(method);
  }
  if (given("--bias-rate")) train.mutable_truenorth()->set_bias_rate(flags.bias_rate);
  if (given("--variance-floor"))
    train.mutable_truenorth()->set_variance_floor(flags.variance_floor);
  if (given("--loss-scale")) train.mutable_truenorth()->set_loss_scale(flags.loss_scale);
  if (given("--averaging")) train.mutable_truenorth()->set_averaging(flags.averaging);
  return absl::OkStatus();
}

absl::Status BuildCompeting(const CLI::App& command, const TrainFlags& flags,
                            v1::TrainSpec& train) {
  const auto given = [&command](const char* flag) { return command.count(flag) > 0; };
  if (given("--rule")) {
    CLI_ASSIGN_OR_RETURN(const v1::StdpTraining::Rule::Kind rule,
                         ParseKind(flags.rule, v1::StdpTraining::Rule::Kind_Parse, "--rule",
                                   "pairwise, windowed, gated"));
    train.mutable_stdp()->set_rule(rule);
  }
  if (given("--rate-decay")) train.mutable_stdp()->set_rate_decay(flags.rate_decay);
  if (given("--depression-rate")) train.mutable_stdp()->set_depression_rate(flags.depression_rate);
  if (given("--depression-target"))
    train.mutable_stdp()->set_depression_target(flags.depression_target);
  if (given("--weight-sum")) train.mutable_stdp()->set_weight_sum(flags.weight_sum);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<v1::TrainSpec> BuildTrainSpec(Context& context, const CLI::App& command,
                                             const TrainFlags& flags) {
  v1::TrainSpec train;
  if (!flags.file.empty()) {
    CLI_ASSIGN_OR_RETURN(Definition definition, Definition::Load(context, flags.file));
    if (!definition.Has("train")) {
      return UsageError("the file has no key `train`", flags.file, "a recipe of client/recipes");
    }
    CLI_RETURN_IF_ERROR(definition.Read("train", train));
  }
  const auto given = [&command](const char* flag) { return command.count(flag) > 0; };
  if (given("--dataset")) train.set_dataset(FullName("datasets", flags.dataset));
  if (train.dataset().empty()) {
    return UsageError("a dataset is missing", "--dataset", "torpor dataset list");
  }
  train.set_dataset(FullName("datasets", train.dataset()));
  if (given("--epochs")) train.set_epochs(flags.epochs);
  if (given("--batch")) train.set_batch_size(flags.batch);
  if (given("--learning-rate")) train.set_learning_rate(flags.learning_rate);
  if (given("--momentum")) train.set_momentum(flags.momentum);
  if (given("--seed")) train.set_seed(flags.seed);
  if (given("--validation-samples")) train.set_validation_samples(flags.validation_samples);
  if (given("--train-samples")) train.set_train_samples(flags.train_samples);
  if (given("--calibration-samples")) train.set_calibration_samples(flags.calibration_samples);
  if (given("--publish-every")) train.set_publish_every(flags.publish_every);
  if (flags.no_deploy) train.set_no_deploy(true);
  if (flags.from_session) train.set_from_session(true);
  if (given("--loss")) {
    CLI_ASSIGN_OR_RETURN(const v1::Loss::Kind loss, ParseLoss(flags.loss));
    train.set_loss(loss);
  }
  if (given("--optimizer")) {
    CLI_ASSIGN_OR_RETURN(
        const v1::Optimizer::Kind optimizer,
        ParseKind(flags.optimizer, v1::Optimizer::Kind_Parse, "--optimizer", "adam, sgd, adamax"));
    train.set_optimizer(optimizer);
  }
  CLI_RETURN_IF_ERROR(BuildCourse(command, flags, train));
  CLI_RETURN_IF_ERROR(BuildCores(command, flags, train));
  CLI_RETURN_IF_ERROR(BuildCompeting(command, flags, train));
  CLI_RETURN_IF_ERROR(CheckCount(command, "--epochs", flags.epochs, 100000));
  CLI_RETURN_IF_ERROR(CheckCount(command, "--batch", flags.batch, 65536));
  return train;
}

void AddTrainFlags(CLI::App& command, TrainFlags& flags) {
  command.add_option("--dataset", flags.dataset, "name of a dataset (torpor dataset list)");
  command.add_option("-f,--file", flags.file, "a recipe whose key `train` holds the settings");
  command.add_option("--epochs", flags.epochs, "passes over the training samples; default 5");
  command.add_option(
      "--loss", flags.loss,
      "bce, mse or ce; default bce, for networks of cores ce (the only one); for spiking "
      "networks with traces ce (their default), spike-count or van-rossum");
  command.add_option("--optimizer", flags.optimizer, "adam, sgd or adamax; default adam");
  command.add_option("--learning-rate", flags.learning_rate,
                     "default 1e-3, for networks of cores and competing neurons 1e-2");
  command.add_option("--batch", flags.batch,
                     "samples a step; default 128, for networks of cores 100");
  command.add_option("--momentum", flags.momentum, "of sgd; default 0.9");
  command.add_option("--seed", flags.seed,
                     "root of initialisation, shuffling and changed images; default 0");
  command.add_option("--validation-samples", flags.validation_samples,
                     "held out from the end of the training set; default 0");
  command.add_option("--train-samples", flags.train_samples,
                     "first samples of the training set only; default all");
  command.add_option(
      "--calibration-samples", flags.calibration_samples,
      "first training samples that calibration runs over; default all, for competing "
      "neurons 10000, after whose labels they are named");
  command.add_option("--publish-every", flags.publish_every,
                     "epochs after which the session goes on with the model as it then is; default "
                     "at the end alone");
  command.add_flag("--no-deploy", flags.no_deploy, "keep the trained model out of the session");
  command.add_flag("--from-session", flags.from_session,
                   "go on from the session's present parameters");
  command.add_option(
      "--schedule", flags.schedule,
      "of the learning rate: constant, cosine down to a hundredth, or steps; default "
      "constant, for networks of cores and spiking networks with traces cosine");
  command.add_option(
      "--step-at", flags.step_at,
      "schedule steps: shares of the run at which the learning rate is multiplied by "
      "the factor; default 0.5,0.75");
  command.add_option("--step-factor", flags.step_factor,
                     "schedule steps: the factor, in (0, 1]; default 0.5");
  command.add_option("--warmup", flags.warmup,
                     "epochs over which the learning rate rises from 0; default 0");
  command.add_option("--augment", flags.augment,
                     "changes training images anew in every epoch: none, aug1 (up to 7.5 degrees, "
                     "2.5 pixels, 7.5 %) or aug2 (twice that); default none");
  command.add_option("--rotation", flags.rotation, "of images, up to so many degrees; default 0");
  command.add_option("--shift", flags.shift, "of images, up to so many pixels; default 0");
  command.add_option("--rescale", flags.rescale,
                     "of images, scale up to 1 +- this share; default 0");
  command.add_option("--plain-epochs", flags.plain_epochs,
                     "last epochs without changed images; default 0");
  command.add_option("--method", flags.method,
                     "networks of cores: binary connections, or their probability for sampled "
                     "hardware; default binary");
  command.add_option("--bias-rate", flags.bias_rate,
                     "networks of cores: learning rate of leaks over that of connections; "
                     "default 10");
  command.add_option("--variance-floor", flags.variance_floor,
                     "networks of cores: added to the membrane's variance; default 0.25");
  command.add_option("--loss-scale", flags.loss_scale,
                     "networks of cores: from a class's mean output to its logit; default 15");
  command.add_option("--averaging", flags.averaging,
                     "networks of cores: deploy averages over the training with this decay a step, "
                     "e.g. 0.9995; default 0, the last values");
  command.add_option("--rule", flags.rule,
                     "competing neurons: pairwise, windowed (tinySNN) or gated STDP; default "
                     "windowed");
  command.add_option("--rate-decay", flags.rate_decay,
                     "competing neurons: the learning rate's factor over 60000 samples; default "
                     "0.2");
  command.add_option("--depression-rate", flags.depression_rate,
                     "competing neurons, rules pairwise and gated: depression at input spikes; "
                     "default 1e-4 with an inhibitory layer, 0 without");
  command.add_option("--depression-target", flags.depression_target,
                     "competing neurons, rule windowed: trace below which weights fall; default 0, "
                     "none");
  command.add_option("--weight-sum", flags.weight_sum,
                     "competing neurons: a neuron's weights add up to this after each sample; "
                     "default a tenth of the inputs");
}

}  // namespace torpor::cli
