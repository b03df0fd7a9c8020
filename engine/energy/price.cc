#include "engine/energy/price.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/base/status.h"
#include "engine/energy/terms.h"

namespace torpor {
namespace {

Footprint FootprintOf(const v1::ActivityReport& activity) {
  Footprint footprint;
  for (const v1::LayerActivityReport& layer : activity.layers()) {
    footprint.layers.push_back(
        {.name = layer.name(),
         .synapses = layer.synapses(),
         .weight_bits = layer.weight_bits(),
         .state_bits = layer.state_bits(),
         .rows = layer.rows(),
         .columns = layer.columns(),
         .places = layer.places(),
         .largest_weight = layer.has_largest_weight() ? layer.largest_weight() : 1,
         .full_scale_input = layer.has_full_scale_input() ? layer.full_scale_input() : 1,
         .off_counted = layer.off_counted()});
  }
  return footprint;
}

const google::protobuf::FieldDescriptor* Field(const char* name) {
  return v1::LayerActivityReport::descriptor()->FindFieldByName(name);
}

Activity ActivityOf(const v1::ActivityReport& report) {
  Activity activity;
  for (const v1::LayerActivityReport& layer : report.layers()) {
    LayerActivity& counts = activity.layers.emplace_back();
    ForEachQuantity([&](const char* name, Quantity LayerActivity::*quantity) {
      const auto* field = Field(name);
      const auto* reflection = layer.GetReflection();
      if (reflection->HasField(layer, field))
        counts.*quantity = reflection->GetDouble(layer, field);
    });
  }
  return activity;
}

std::optional<double> Sum(const std::vector<EnergyTerm>& terms, const Activity& activity) {
  double sum = 0;
  for (const EnergyTerm& term : terms) {
    const Quantity count = CountOf(term, activity);
    if (IsIrrelevant(term, count)) continue;
    if (!term.joules_each.has_value()) return std::nullopt;
    if (*term.joules_each == 0) continue;
    if (!count.counted()) return std::nullopt;
    sum += count.value() * *term.joules_each;
  }
  return sum;
}

// A published point is one layer of so many cores, of which nothing else is known.
std::optional<double> PriceOfPoint(const v1::PublishedPoint& point,
                                   const v1::DeviceProfile& profile) {
  LayerActivity layer;
  layer.core_ticks = static_cast<double>(point.cores()) * point.copies() * point.ticks();
  if (point.has_synaptic_events()) layer.synaptic_events = point.synaptic_events();
  Activity activity;
  activity.layers.push_back(layer);
  return Sum(EnergyTerms(profile, Footprint{.layers = {LayerFootprint{}}, .profile = ""},
                         RangeEnd::kValue),
             activity);
}

// Fills in the entry's joules and returns them, or says in `unknown` what is missing.
Quantity PriceEntry(const EnergyTerm& term, Quantity count, v1::EnergyEntry& entry,
                    v1::EnergyReport& report) {
  const std::string where =
      entry.layer().empty() ? "" : absl::StrCat("layer '", entry.layer(), "': ");
  if (count.counted()) entry.set_count(count.value());
  if (!term.joules_each.has_value()) {
    report.add_unknown(absl::StrCat(where, term.kind, " happened, and the profile has no ",
                                    term.coefficients, "."));
    return Quantity();
  }
  entry.set_joules_each(*term.joules_each);
  if (!count.counted() && *term.joules_each > 0) {
    report.add_unknown(absl::StrCat(where, term.kind, " were not counted."));
    return Quantity();
  }
  entry.set_joules(count.counted() ? count.value() * *term.joules_each : 0);
  return entry.joules();
}

}  // namespace

v1::ActivityReport ReportActivity(const Footprint& footprint, const Activity& mean,
                                  int64_t samples) {
  TORPOR_CHECK(footprint.layers.size() == mean.layers.size());
  v1::ActivityReport report;
  report.set_samples(samples);
  for (size_t l = 0; l < footprint.layers.size(); ++l) {
    const LayerFootprint& exists = footprint.layers[l];
    v1::LayerActivityReport* layer = report.add_layers();
    layer->set_name(exists.name);
    ForEachQuantity([&](const char* name, Quantity LayerActivity::*quantity) {
      const Quantity count = mean.layers[l].*quantity;
      if (count.counted()) layer->GetReflection()->SetDouble(layer, Field(name), count.value());
    });
    layer->set_synapses(exists.synapses);
    layer->set_weight_bits(exists.weight_bits);
    layer->set_state_bits(exists.state_bits);
    layer->set_rows(exists.rows);
    layer->set_columns(exists.columns);
    layer->set_places(exists.places);
    layer->set_largest_weight(exists.largest_weight);
    layer->set_full_scale_input(exists.full_scale_input);
    layer->set_off_counted(exists.off_counted);
  }
  return report;
}

v1::EnergyReport Price(const v1::ActivityReport& activity, const v1::DeviceProfile& profile) {
  v1::EnergyReport report;
  report.set_profile(profile.name());
  report.set_caveat(profile.caveat());
  *report.mutable_activity() = activity;
  const Footprint footprint = FootprintOf(activity);
  const Activity counts = ActivityOf(activity);
  Quantity total = 0;
  Quantity synaptic = 0;
  bool has_synapses = false;
  for (const EnergyTerm& term : EnergyTerms(profile, footprint, RangeEnd::kValue)) {
    const Quantity count = CountOf(term, counts);
    if (IsIrrelevant(term, count)) continue;
    v1::EnergyEntry* entry = report.add_entries();
    if (term.layer >= 0) entry->set_layer(activity.layers(term.layer).name());
    entry->set_kind(term.kind);
    entry->set_synaptic(term.synaptic);
    const Quantity joules = PriceEntry(term, count, *entry, report);
    total = total + joules;
    if (!term.synaptic) continue;
    synaptic = synaptic + joules;
    has_synapses = true;
  }
  if (total.counted()) {
    report.set_joules(total.value());
    if (has_synapses && total.value() > 0) {
      report.set_synaptic_share(synaptic.value() / total.value());
    }
    // A coefficient of 0 whose range is not may price what nobody counted.
    const auto low = Sum(EnergyTerms(profile, footprint, RangeEnd::kLow), counts);
    const auto high = Sum(EnergyTerms(profile, footprint, RangeEnd::kHigh), counts);
    if (low.has_value()) report.set_joules_low(*low);
    if (high.has_value()) report.set_joules_high(*high);
  }
  for (const v1::PublishedPoint& point : profile.points()) {
    v1::PublishedPoint* held = report.add_points();
    *held = point;
    held->clear_model_joules();
    if (const std::optional<double> joules = PriceOfPoint(point, profile)) {
      held->set_model_joules(*joules);
    }
  }
  return report;
}

Pricer::Pricer(const v1::DeviceProfile& profile, const Footprint& footprint)
    : terms_(std::make_shared<const std::vector<EnergyTerm>>(
          EnergyTerms(profile, footprint, RangeEnd::kValue))) {}

std::optional<double> Pricer::Joules(const Activity& activity) const {
  return Sum(*terms_, activity);
}

}  // namespace torpor
