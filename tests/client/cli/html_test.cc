#include "client/cli/html.h"

#include <filesystem>
#include <fstream>
#include <sstream>

#include "client/cli/errors.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace torpor::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(EscapeHtml, ReplacesEveryCharacterWithAMeaning) {
  EXPECT_EQ(EscapeHtml("<a href=\"x\" title='y'>&amp;</a>"),
            "&lt;a href=&quot;x&quot; title=&#39;y&#39;&gt;&amp;amp;&lt;/a&gt;");
}

TEST(HtmlPage, EscapesAllThatUsersName) {
  const std::string evil = "<script>alert(1)</script>";
  HtmlPage page(evil);
  page.Lead(evil);
  page.Heading(evil);
  page.Paragraph(evil);
  page.Figures({{evil, evil}});
  page.List({evil});
  page.Table({evil, "<" + evil}, {{evil, evil}}, evil);
  page.Definitions({{evil, evil}});
  page.Code(evil);
  page.Svg({{"<svg></svg>", evil}});
  const std::string html = page.Finish();
  EXPECT_THAT(html, Not(HasSubstr("<script")));
  EXPECT_THAT(html, HasSubstr("<svg></svg>"));
}

TEST(HtmlPage, NeedsNothingButItself) {
  HtmlPage page("t");
  page.Paragraph("p");
  const std::string html = page.Finish();
  EXPECT_THAT(html, Not(HasSubstr("http:")));
  EXPECT_THAT(html, Not(HasSubstr("https:")));
  EXPECT_THAT(html, Not(HasSubstr("<link")));
  EXPECT_THAT(html, HasSubstr("default-src 'none'"));
  EXPECT_THAT(html, HasSubstr("prefers-color-scheme: dark"));
}

TEST(HtmlPage, AlignsColumnsAsTheirHeadersSay) {
  HtmlPage page("t");
  page.Table({"epsilon", "<bias"}, {{"0.1", "none"}}, "");
  const std::string html = page.Finish();
  EXPECT_THAT(html, HasSubstr("<td>0.1</td><td class=\"l\">none</td>"));
  EXPECT_THAT(html, HasSubstr("class=\"l\">bias</th>"));
}

TEST(WriteWholeFile, ReplacesAFileAndLeavesNothingElse) {
  const std::filesystem::path folder =
      std::filesystem::path(::testing::TempDir()) / "write_whole_file";
  std::filesystem::remove_all(folder);
  std::filesystem::create_directory(folder);
  const std::string path = (folder / "a.html").string();
  ASSERT_TRUE(WriteWholeFile(path, "first, longer").ok());
  ASSERT_TRUE(WriteWholeFile(path, "second").ok());
  std::stringstream text;
  text << std::ifstream(path).rdbuf();
  EXPECT_EQ(text.str(), "second");
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder), {}), 1);
}

TEST(WriteWholeFile, NamesTheFileThatCannotBeWritten) {
  for (const absl::Status& status :
       {WriteWholeFile("/no/such/folder/a.html", "x"), CheckWritable("/no/such/folder/a.html")}) {
    EXPECT_EQ(ExitCodeOfError(status), 2);
    EXPECT_THAT(FormatError(status, false), HasSubstr("/no/such/folder/a.html"));
  }
}

TEST(CheckWritable, ChangesNothing) {
  const std::string path = ::testing::TempDir() + "/check_writable.html";
  std::ofstream(path) << "before";
  EXPECT_TRUE(CheckWritable(path).ok());
  std::stringstream text;
  text << std::ifstream(path).rdbuf();
  EXPECT_EQ(text.str(), "before");
}

}  // namespace
}  // namespace torpor::cli
