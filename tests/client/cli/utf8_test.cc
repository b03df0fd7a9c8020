#include "client/cli/utf8.h"

#include <string>

#include "gtest/gtest.h"

namespace torpor::cli {
namespace {

TEST(Utf8, WellFormedTextIsValidToItsEnd) {
  for (const std::string text : {"", "plain", "Zürich", "\xE2\x82\xAC", "\xF0\x9F\x90\xBB",
                                 "\xED\x9F\xBF", "\xF4\x8F\xBF\xBF", "\xC2\x80"}) {
    EXPECT_EQ(ValidUtf8Prefix(text), text.size()) << text;
  }
}

TEST(Utf8, ThePrefixEndsBeforeTheFirstWrongSequence) {
  for (const std::string wrong :
       {"\x80", "\xC0\x80", "\xC1\xBF", "\xE0\x9F\xBF", "\xED\xA0\x80", "\xF0\x8F\xBF\xBF",
        "\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "\xFF", "\xE2\x82", "\xE2\x82g", "\xC3"}) {
    EXPECT_EQ(ValidUtf8Prefix("ab" + wrong), 2u);
    EXPECT_EQ(ValidUtf8Prefix("\xC3\xBC" + wrong + "c"), 2u);
  }
}

}  // namespace
}  // namespace torpor::cli
