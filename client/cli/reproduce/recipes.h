// The recipes that `torpor reproduce` knows: built into the program, or a file of the user's.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "client/cli/context.h"
#include "client/cli/reproduce/recipe.pb.h"

namespace torpor::cli::reproduce {

// (name such as "merkel/fig4", YAML), in the order of names. Made from client/recipes/merkel when
// the program is built.
const std::vector<std::pair<std::string, std::string>>& EmbeddedRecipes();

// The recipe of this name; a usage error that names those there are.
absl::StatusOr<recipe::Recipe> LoadEmbedded(const std::string& name);
// A recipe in YAML or JSON; "-" reads standard input.
absl::StatusOr<recipe::Recipe> LoadRecipeFile(Context& context, const std::string& path);

// What running a recipe takes for granted; the first violation as a usage error at `where`.
absl::Status CheckRecipe(const recipe::Recipe& recipe, const std::string& where);

// What --quick, --dataset and --seeds make of it; "" and 0 leave as it is.
void ApplyQuick(recipe::Recipe& recipe);
void ApplyDataset(const std::string& dataset, recipe::Recipe& recipe);
void ApplySeeds(int seeds, recipe::Recipe& recipe);

}  // namespace torpor::cli::reproduce
