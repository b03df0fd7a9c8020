#include "client/cli/html.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "client/cli/errors.h"
#include "client/cli/part_file.h"

namespace torpor::cli {
namespace {

constexpr absl::string_view kStyle = R"css(
:root { color-scheme: light dark; --ink: #1b1f24; --soft: #57606a; --paper: #ffffff; --card: #f4f6f8; --line: #d0d7de; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6edf3; --soft: #9da7b1; --paper: #14181d; --card: #1d232a; --line: #343b44; }
  /* Plots are drawn on white; turned over, hues stay. */
  figure svg { filter: invert(0.9) hue-rotate(180deg); }
}
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 2rem 1.25rem 4rem; max-width: 74rem; background: var(--paper); color: var(--ink);
       font: 16px/1.55 system-ui, "Segoe UI", "DejaVu Sans", sans-serif; }
h1 { font-size: 1.9rem; line-height: 1.2; margin: 0 0 0.5rem; }
h2 { font-size: 1.25rem; margin: 2.25rem 0 0.5rem; }
p, li { max-width: 46rem; }
.lead { font-size: 1.15rem; color: var(--soft); margin-top: 0; }
.figures { display: flex; flex-wrap: wrap; gap: 0.75rem; margin: 1.25rem 0; }
.figures div { flex: 1 1 11rem; background: var(--card); border-radius: 8px; padding: 0.75rem 1rem; }
.figures strong { display: block; font-size: 1.6rem; line-height: 1.3; font-variant-numeric: tabular-nums; }
.figures span { color: var(--soft); font-size: 0.9rem; }
.plots { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(26rem, 100%), 1fr)); gap: 1rem; }
figure { margin: 0.5rem 0; min-width: 0; }
figure svg { display: block; width: 100%; height: auto; border-radius: 8px; border: 1px solid #d0d7de; }
figcaption, caption { color: var(--soft); font-size: 0.9rem; text-align: left; padding: 0.4rem 0; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: 0.95rem; }
caption { caption-side: bottom; }
th, td { text-align: right; padding: 0.3rem 0.6rem; border-bottom: 1px solid var(--line); white-space: nowrap; }
th { color: var(--soft); font-weight: 600; vertical-align: bottom; white-space: normal; }
th.l, td.l { text-align: left; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 0.2rem 1.25rem; font-size: 0.95rem; }
dt { color: var(--soft); }
dd { margin: 0; overflow-wrap: anywhere; }
pre { background: var(--card); border-radius: 8px; padding: 0.75rem 1rem; overflow-x: auto; font-size: 0.9rem; }
)css";

}  // namespace

std::string EscapeHtml(absl::string_view text) {
  return absl::StrReplaceAll(
      text, {{"&", "&amp;"}, {"<", "&lt;"}, {">", "&gt;"}, {"\"", "&quot;"}, {"'", "&#39;"}});
}

HtmlPage::HtmlPage(absl::string_view title) : title_(EscapeHtml(title)) {
  absl::StrAppend(&body_, "<h1>", title_, "</h1>\n");
}

void HtmlPage::Lead(absl::string_view text) {
  absl::StrAppend(&body_, "<p class=\"lead\">", EscapeHtml(text), "</p>\n");
}

void HtmlPage::Heading(absl::string_view text) {
  absl::StrAppend(&body_, "<h2>", EscapeHtml(text), "</h2>\n");
}

void HtmlPage::Paragraph(absl::string_view text) {
  absl::StrAppend(&body_, "<p>", EscapeHtml(text), "</p>\n");
}

void HtmlPage::Figures(const std::vector<std::pair<std::string, std::string>>& value_and_meaning) {
  absl::StrAppend(&body_, "<div class=\"figures\">\n");
  for (const auto& [value, meaning] : value_and_meaning) {
    absl::StrAppend(&body_, "<div><strong>", EscapeHtml(value), "</strong><span>",
                    EscapeHtml(meaning), "</span></div>\n");
  }
  absl::StrAppend(&body_, "</div>\n");
}

void HtmlPage::List(const std::vector<std::string>& items) {
  absl::StrAppend(&body_, "<ul>\n");
  for (const std::string& item : items) {
    absl::StrAppend(&body_, "<li>", EscapeHtml(item), "</li>\n");
  }
  absl::StrAppend(&body_, "</ul>\n");
}

void HtmlPage::Table(const std::vector<std::string>& headers,
                     const std::vector<std::vector<std::string>>& rows, absl::string_view caption) {
  auto is_left = [&](size_t column) {
    return column < headers.size() && !headers[column].empty() && headers[column][0] == '<';
  };
  absl::StrAppend(&body_, "<div class=\"scroll\"><table>\n");
  if (!caption.empty()) absl::StrAppend(&body_, "<caption>", EscapeHtml(caption), "</caption>\n");
  absl::StrAppend(&body_, "<thead><tr>");
  for (size_t c = 0; c < headers.size(); ++c) {
    const absl::string_view text = absl::string_view(headers[c]).substr(is_left(c) ? 1 : 0);
    absl::StrAppend(&body_, is_left(c) ? "<th scope=\"col\" class=\"l\">" : "<th scope=\"col\">",
                    EscapeHtml(text), "</th>");
  }
  absl::StrAppend(&body_, "</tr></thead>\n<tbody>\n");
  for (const std::vector<std::string>& row : rows) {
    absl::StrAppend(&body_, "<tr>");
    for (size_t c = 0; c < row.size(); ++c) {
      absl::StrAppend(&body_, is_left(c) ? "<td class=\"l\">" : "<td>", EscapeHtml(row[c]),
                      "</td>");
    }
    absl::StrAppend(&body_, "</tr>\n");
  }
  absl::StrAppend(&body_, "</tbody></table></div>\n");
}

void HtmlPage::Definitions(const std::vector<std::pair<std::string, std::string>>& entries) {
  absl::StrAppend(&body_, "<dl>\n");
  for (const auto& [name, value] : entries) {
    absl::StrAppend(&body_, "<dt>", EscapeHtml(name), "</dt><dd>", EscapeHtml(value), "</dd>\n");
  }
  absl::StrAppend(&body_, "</dl>\n");
}

void HtmlPage::Code(absl::string_view text) {
  absl::StrAppend(&body_, "<pre><code>", EscapeHtml(text), "</code></pre>\n");
}

void HtmlPage::Svg(const std::vector<std::pair<std::string, std::string>>& svg_and_caption) {
  absl::StrAppend(&body_, "<div class=\"plots\">\n");
  for (const auto& [svg, caption] : svg_and_caption) {
    absl::StrAppend(&body_, "<figure>", svg, "<figcaption>", EscapeHtml(caption),
                    "</figcaption></figure>\n");
  }
  absl::StrAppend(&body_, "</div>\n");
}

std::string HtmlPage::Finish() const {
  return absl::StrCat(
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
      // The page needs nothing but itself, and says so to the browser.
      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
      "style-src 'unsafe-inline'\">\n<title>",
      title_, "</title>\n<style>", kStyle, "</style>\n</head>\n<body>\n", body_,
      "</body>\n</html>\n");
}

absl::Status CheckWritable(const std::string& path) { return PartFile(path).Open(); }

absl::Status WriteWholeFile(const std::string& path, absl::string_view content) {
  PartFile file(path);
  CLI_RETURN_IF_ERROR(file.Open());
  CLI_RETURN_IF_ERROR(file.Append(content));
  return file.Finish();
}

}  // namespace torpor::cli
