// Drawings of what trained networks do against what their weights cost. Pure functions.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "client/cli/reproduce/recipe.pb.h"
#include "client/cli/reproduce/rows.h"
#include "client/cli/reproduce/study.h"

namespace torpor::cli::reproduce {

// A figure of the recipe's networks against the energy of forward pass, backward pass and update, a
// curve a memory organisation, a point a network, in the recipe's order; a network's id stands
// beside the dearest of its points. Nothing where no network has both on the dataset.
std::optional<Drawing> FrontierOf(const recipe::Recipe& recipe, const recipe::Frontier& frontier,
                                  const std::string& dataset, const std::vector<Row>& rows);

}  // namespace torpor::cli::reproduce
