// One self-contained HTML page: inline style and SVG, no script, nothing fetched from anywhere,
// light and dark. Not thread-safe.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace torpor::cli {

// Replaces & < > " ' so that the text can stand in an element or an attribute.
std::string EscapeHtml(absl::string_view text);

// Builds a page from top to bottom. Every text is escaped; only Svg takes markup, which must be our
// own.
class HtmlPage {
 public:
  explicit HtmlPage(absl::string_view title);

  // A large line under the title.
  void Lead(absl::string_view text);
  void Heading(absl::string_view text);
  void Paragraph(absl::string_view text);
  // Big figures in a row: value over its meaning.
  void Figures(const std::vector<std::pair<std::string, std::string>>& value_and_meaning);
  void List(const std::vector<std::string>& items);
  // Columns whose header starts with '<' are aligned left (and lose that sign), the others right,
  // as numbers are.
  void Table(const std::vector<std::string>& headers,
             const std::vector<std::vector<std::string>>& rows, absl::string_view caption);
  // Name and value, one a line.
  void Definitions(const std::vector<std::pair<std::string, std::string>>& entries);
  void Code(absl::string_view text);
  // Plots that share a row where the window is wide enough; each an <svg> element with its caption.
  void Svg(const std::vector<std::pair<std::string, std::string>>& svg_and_caption);

  // The whole page.
  std::string Finish() const;

 private:
  std::string title_;
  std::string body_;
};

// Writes a whole file or nothing: to a temporary neighbour, then renamed. A usage error names a
// file that cannot be written.
absl::Status WriteWholeFile(const std::string& path, absl::string_view content);
// Whether it could; changes nothing.
absl::Status CheckWritable(const std::string& path);

}  // namespace torpor::cli
