#include <gaze/train/program/commands/view_arguments.h>

#include <gaze/train/program/commands/commands.h>
#include <gaze/train/program/terminal/typed_numbers.h>

namespace gaze::train {
namespace {

/// A whole number below `count`, as an option was given it.
std::int64_t number_below(std::int64_t count, const std::string& text, const char* what) {
  const bool digits = !text.empty() && text.size() < 10 && text.find_first_not_of("0123456789") == text.npos;
  if (!digits || std::stoll(text) >= count)
    throw UsageError(fmt::format("--{} {}: expects a number from 0 to {}; the model has {}{}", what, text, count - 1,
                                 count, std::string_view(what) == "head" ? ", and there is their mean" : ""));
  return std::stoll(text);
}

}  // namespace

void ViewArguments::add_to(CLI::App& command) {
  command.add_option("--layer", layer, "A layer, from 0 (default: the guided one, else the last)");
  command.add_option("--head", head, "A head, from 0, or mean (default: the guided one, else mean)");
  command
      .add_option("--shift", shift,
                  "Read attention when a word is produced (default) or when it is consumed: at the query after it")
      ->check(CLI::IsMember({"produced", "consumed"}));
  command.add_option("--null", null_threshold, "A word whose strongest weight is below this gets no link")
      ->check(real_range(0.0, 1.0));
  command.add_flag("--end", end_competes,
                   "A word that looks most at the source's end mark gets no link (default: end marks are left out)");
  command.add_flag("--pieces", pieces,
                   "Of the model's own tokens instead of words, where these are subwords or characters of text");
}

Extraction ViewArguments::extraction(const Translator& model) const {
  Extraction how = usual_extraction(model);
  how.null_threshold = null_threshold, how.end_competes = end_competes;
  const AttentionSites cross = sites_of(model.attentions(), AttentionKind::cross);
  if (!layer.empty()) how.layer = number_below(std::ssize(cross), layer, "layer"), how.choice.head = -1;
  if (!head.empty()) {
    const std::int64_t heads = site_of(cross, AttentionKind::cross, how.layer).heads;
    how.choice.head = head == "mean" ? -1 : static_cast<int>(number_below(heads, head, "head"));
  }
  if (shift == "consumed") how.choice.shift = Shift::consumed;
  return how;
}

}  // namespace gaze::train
