#include <gaze/datasets/characters.h>

#include <utf8proc.h>

#include <array>
#include <cstdlib>
#include <memory>

#include <gaze/autograd/base/error.h>

namespace gaze::train {
namespace {

utf8proc_int32_t signed_code(char32_t code) { return static_cast<utf8proc_int32_t>(code); }

const utf8proc_property_t& properties_of(char32_t code) { return *utf8proc_get_property(signed_code(code)); }

bool is_ascii_space(char32_t code) { return code == ' ' || (code >= '\t' && code <= '\r'); }

/// From here on code points combine with those before them, or are written otherwise when composed.
constexpr char32_t first_to_compose = 0x300;

/// Appends a text in normalization form C.
void append_composed(std::string& to, std::string_view text) {
  utf8proc_uint8_t* composed = nullptr;
  const auto length =
      utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(text.data()), static_cast<utf8proc_ssize_t>(text.size()),
                   &composed, static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_COMPOSE));
  require(length >= 0, "normalization: {}", utf8proc_errmsg(length));
  const std::unique_ptr<utf8proc_uint8_t, void (*)(void*)> owned(composed, std::free);
  to.append(reinterpret_cast<const char*>(composed), static_cast<std::size_t>(length));
}

// Final sigma (the Unicode Standard, table 3-17): a letter before, none behind, whatever marks and apostrophes between.

bool is_cased(char32_t code) {
  return utf8proc_isupper(signed_code(code)) || utf8proc_islower(signed_code(code)) ||
         properties_of(code).category == UTF8PROC_CATEGORY_LT;
}

/// What neither ends a word nor belongs to its letters.
bool is_ignored_by_case(char32_t code) {
  switch (properties_of(code).category) {
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_ME:
    case UTF8PROC_CATEGORY_CF:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_SK: return true;
    default:
      return std::u32string_view(
                 U"'.:\u00b7\u0387\u055f\u05f4\u2018\u2019\u2024\u2027\ufe13\ufe52\ufe55\uff07\uff0e\uff1a")
                 .find(code) != std::u32string_view::npos;
  }
}

bool begins_with_letter(std::string_view text) {
  while (!text.empty()) {
    const Character c = first_character(text);
    if (c.code == Character::invalid) return false;
    if (!is_ignored_by_case(c.code)) return is_cased(c.code);
    text.remove_prefix(c.bytes);
  }
  return false;
}

void append(std::string& text, char32_t code) {
  if (code < 0x80) {
    text += static_cast<char>(code);
    return;
  }
  std::array<utf8proc_uint8_t, 4> bytes;
  const auto count = utf8proc_encode_char(signed_code(code), bytes.data());
  text.append(reinterpret_cast<const char*>(bytes.data()), static_cast<std::size_t>(count));
}

}  // namespace

Character first_character(std::string_view text) {
  if (const auto lead = static_cast<unsigned char>(text[0]); lead < 0x80) return {lead, 1};
  utf8proc_int32_t code = 0;
  const auto bytes = utf8proc_iterate(reinterpret_cast<const utf8proc_uint8_t*>(text.data()),
                                      static_cast<utf8proc_ssize_t>(text.size()), &code);
  if (bytes <= 0) return {};
  return {static_cast<char32_t>(code), static_cast<std::size_t>(bytes)};
}

Character character_at(std::string_view text, std::size_t at) {
  const Character c = first_character(text.substr(at));
  require(c.code != Character::invalid, "the text is not UTF-8 at byte {}", at + 1);
  return c;
}

std::string character(char32_t code) {
  std::string text;
  append(text, code);
  return text;
}

void check_utf8(std::string_view text) {
  for (std::size_t i = 0; i < text.size();) i += character_at(text, i).bytes;
}

std::vector<std::string> characters_of(std::string_view text) {
  std::vector<std::string> characters;
  for (std::size_t i = 0; i < text.size(); i += characters.back().size())
    characters.emplace_back(text.substr(i, character_at(text, i).bytes));
  return characters;
}

bool is_space(char32_t code, Unicode unicode) {
  if (is_ascii_space(code)) return true;
  if (unicode == Unicode::none || code == Character::invalid) return false;
  const utf8proc_property_t& properties = properties_of(code);
  return properties.category == UTF8PROC_CATEGORY_ZS || properties.bidi_class == UTF8PROC_BIDI_CLASS_WS ||
         properties.bidi_class == UTF8PROC_BIDI_CLASS_S || properties.bidi_class == UTF8PROC_BIDI_CLASS_B;
}

std::vector<std::string_view> words_in(std::string_view text, Unicode unicode) {
  std::vector<std::string_view> words;
  std::size_t first = 0;
  for (std::size_t i = 0; i < text.size();) {
    const Character c = first_character(text.substr(i));
    if (is_space(c.code, unicode)) {
      if (i > first) words.push_back(text.substr(first, i - first));
      first = i + c.bytes;
    }
    i += c.bytes;
  }
  if (text.size() > first) words.push_back(text.substr(first));
  return words;
}

std::vector<std::string> words_of(std::string_view text, Unicode unicode) {
  const auto words = words_in(text, unicode);
  return {words.begin(), words.end()};
}

std::string lower_case(std::string_view text, Unicode unicode) {
  constexpr char32_t capital_sigma = 0x3a3, sigma = 0x3c3, final_sigma = 0x3c2, dotted_capital_i = 0x130;
  std::string lower;
  lower.reserve(text.size());
  bool letter_before = false;
  for (std::size_t i = 0; i < text.size();) {
    const Character c = character_at(text, i);
    i += c.bytes;
    if (unicode == Unicode::nfc && c.code == capital_sigma)
      append(lower, letter_before && !begins_with_letter(text.substr(i)) ? final_sigma : sigma);
    else if (unicode == Unicode::nfc && c.code == dotted_capital_i)
      lower += "i\u0307";
    else
      append(lower, static_cast<char32_t>(utf8proc_tolower(signed_code(c.code))));
    if (unicode == Unicode::nfc && !is_ignored_by_case(c.code)) letter_before = is_cased(c.code);
  }
  return lower;
}

std::string nfc(std::string_view text) {
  constexpr std::size_t max_marks = 1000;  // the library's time grows with their square
  std::string composed;
  composed.reserve(text.size());
  std::size_t copied = 0, last = 0;  // a mark may join the character that begins at byte `last`
  for (std::size_t i = 0; i < text.size();) {
    const Character c = character_at(text, i);
    if (c.code < first_to_compose) {
      last = i;
      i += c.bytes;
      continue;
    }
    composed.append(text.substr(copied, last - copied));
    std::size_t marks = 0;
    while (i < text.size()) {
      const Character next = character_at(text, i);
      if (next.code < first_to_compose) break;
      marks = properties_of(next.code).combining_class == 0 ? 0 : marks + 1;
      require(marks <= max_marks,
              "more than {} marks stand on one letter at byte {} (unicode=none takes text as it is)", max_marks, i + 1);
      i += next.bytes;
    }
    append_composed(composed, text.substr(last, i - last));
    copied = last = i;
  }
  composed.append(text.substr(copied));
  return composed;
}

int width_of(char32_t code) {
  if (code == Character::invalid) return 1;
  if (is_control(code)) return 0;
  const auto part = properties_of(code).boundclass;  // of a Hangul syllable whose first letter is wide
  if (part == UTF8PROC_BOUNDCLASS_V || part == UTF8PROC_BOUNDCLASS_T) return 0;
  return utf8proc_charwidth(signed_code(code));
}

bool is_control(char32_t code) {
  if (code == Character::invalid) return false;
  const utf8proc_property_t& properties = properties_of(code);
  switch (properties.category) {
    case UTF8PROC_CATEGORY_CC:
    case UTF8PROC_CATEGORY_ZL:
    case UTF8PROC_CATEGORY_ZP: return true;
    default: break;
  }
  switch (properties.bidi_class) {
    case UTF8PROC_BIDI_CLASS_LRE:
    case UTF8PROC_BIDI_CLASS_LRO:
    case UTF8PROC_BIDI_CLASS_RLE:
    case UTF8PROC_BIDI_CLASS_RLO:
    case UTF8PROC_BIDI_CLASS_PDF:
    case UTF8PROC_BIDI_CLASS_LRI:
    case UTF8PROC_BIDI_CLASS_RLI:
    case UTF8PROC_BIDI_CLASS_FSI:
    case UTF8PROC_BIDI_CLASS_PDI: return true;
    default: return false;
  }
}

Cluster first_cluster(std::string_view text) {
  Character last = first_character(text);
  Cluster cluster{last.bytes, width_of(last.code)};
  utf8proc_int32_t state = 0;
  while (cluster.bytes < text.size()) {
    const Character next = first_character(text.substr(cluster.bytes));
    if (last.code == Character::invalid || next.code == Character::invalid ||
        utf8proc_grapheme_break_stateful(signed_code(last.code), signed_code(next.code), &state))
      break;
    cluster.bytes += next.bytes;
    cluster.width += width_of(next.code);
    last = next;
  }
  return cluster;
}

}  // namespace gaze::train
