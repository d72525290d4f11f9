#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include <gaze/autograd/base/error.h>
#include <gaze/train/options.h>

#include "../catch.h"

using namespace gaze;
using namespace gaze::train;
using Catch::Matchers::Equals;

namespace {

/// Whether an option has an effect with each task, model, optimizer and schedule.
bool is_used_everywhere(const std::string& key) {
  bool used = true;
  for (const char* task : {"copy", "digits", "pairs", "chars"})
    for (const Architecture model : {Architecture::transformer, Architecture::rnn})
      for (const OptimizerKind optimizer : {OptimizerKind::adam, OptimizerKind::sgd}) {
        Config c = default_config(task);
        c.model.architecture = model, c.training.optimizer = optimizer, c.training.schedule = Decay::constant;
        used = used && is_used(c, key);
      }
  return used;
}

}  // namespace

TEST_CASE("options are set by name, with their type checked") {
  Config c;
  set_option(c, "heads=4");
  set_option(c, "lr=3e-4");
  set_option(c, "betas=[0.9, 0.95]");
  set_option(c, "norm=post");
  set_option(c, "tied=true");
  CHECK(c.model.heads == 4);
  CHECK(c.training.lr == 3e-4);
  CHECK(c.training.betas.second == 0.95);
  CHECK(c.model.norm == Norm::post);
  CHECK(c.model.tied);
  for (const char* wrong : {"heads=0", "heads=2.5", "heads=many", "lr=-1", "lr=nan", "norm=middle", "betas=0.9",
                            "betas=[0.9,1]", "tied=1", "dropout=1", "seed=-1", "batch=", "optimizer=7"})
    CHECK_THROWS_WITH(set_option(c, wrong), ContainsSubstring("expects"));
  CHECK_THROWS_WITH(set_option(c, "heads"), ContainsSubstring("key=value"));
  CHECK_THROWS_WITH(set_option(c, "heads"), EndsWith("as in --set heads=4"));
  CHECK_THROWS_WITH(set_option(c, "head=2"), ContainsSubstring("did you mean heads?"));
  CHECK_THROWS_WITH(set_option(c, "norm=pots"), EndsWith("expects pre or post; did you mean post?"));
  CHECK_THROWS_WITH(set_option(c, "optimizer=adams"), EndsWith("expects adam, adamw or sgd; did you mean adam?"));
  CHECK_THROWS_WITH(set_option(c, "score=scaleddot"), EndsWith("did you mean scaled_dot?"));
  CHECK_THROWS_WITH(set_option(c, "D_MODEL=2"), ContainsSubstring("did you mean d_model?"));
  CHECK_THROWS_WITH(set_option(c, "task=r\xff"), EndsWith(": the text is not UTF-8 at byte 2"));
  CHECK(c.model.heads == 4);
  CHECK_THROWS_WITH(set_option(c, "betas=[0.5,1]"), ContainsSubstring("expects"));
  CHECK(c.training.betas == std::pair(0.9, 0.95));  // as they were, both
}

TEST_CASE("text of a new run is normalised, and that of a run from before the option is not") {
  Config c = default_config("chars");
  CHECK(c.data.unicode == Unicode::nfc);
  CHECK(to_json(c)["unicode"] == "nfc");
  nlohmann::json saved = portable(c);
  Config again;
  read_run_config(again, saved, "config.json");
  CHECK(again.data.unicode == Unicode::nfc);
  saved.erase("unicode");
  read_run_config(again, saved, "config.json");
  CHECK(again.data.unicode == Unicode::none);
  CHECK(fixed_differences(again, c) == std::vector<std::string>{"unicode: \"none\", not \"nfc\""});
  CHECK_FALSE(to_json(default_config("copy")).contains("unicode"));
  CHECK_THROWS_WITH(set_option(c, "unicode=nfd"), ContainsSubstring("expects nfc or none"));
}

TEST_CASE("a config goes through JSON and back unchanged") {
  Config c;
  set_option(c, "d_model=96");
  set_option(c, "schedule=cosine");
  Config again;
  read_config(again, to_json(c), "test");
  CHECK(to_json(again) == to_json(c));
  CHECK_THROWS_WITH(read_config(again, nlohmann::json{{"layer", 2}}, "a.json"),
                    ContainsSubstring("a.json") && ContainsSubstring("layers"));
  CHECK_THROWS_WITH(read_config(again, nlohmann::json{{"layers", "two"}}, "a.json"), ContainsSubstring("\"two\""));
}

TEST_CASE("each option takes its default and has a name, a range and a sentence of its own") {
  std::set<std::string> names;
  for (const OptionGuide& o : option_guides()) {
    CAPTURE(o.name);
    Config c;
    CHECK_NOTHROW(read_config(c, {{o.name, option_value(Config(), o.name)}}, "test"));
    CHECK(option_value(c, o.name) == option_value(Config(), o.name));
    CHECK_THROWS_WITH(read_config(c, {{o.name, nullptr}}, "test"), ContainsSubstring(o.expects));
    CHECK(names.insert(o.name).second);
    CHECK(o.what.ends_with("."));
    CHECK_FALSE(o.section.empty());
    CHECK(o.where.empty() == is_used_everywhere(o.name));
  }
  CHECK(names.size() == config_keys().size());
}

TEST_CASE("options with words go through their enums and back") {
  Config c;
  for (const char* s : {"model=rnn", "kind=decoder", "activation=gelu", "positions=none", "score=cosine", "cell=lstm",
                        "units=characters", "optimizer=adamw", "schedule=noam", "record=cross"})
    set_option(c, s);
  CHECK(c.model.architecture == Architecture::rnn);
  CHECK(c.model.kind == ModelKind::decoder);
  CHECK(c.model.activation == Activation::gelu);
  CHECK(c.model.positions == Positions::none);
  CHECK(c.model.score == Score::cosine);
  CHECK(c.model.cell == Cell::lstm);
  CHECK(c.data.units == Units::characters);
  CHECK(c.training.optimizer == OptimizerKind::adamw);
  CHECK(c.training.schedule == Decay::inverse_sqrt);
  CHECK(c.recording.kinds == RecordedKinds::cross);
  for (const char* score : {"auto", "none", "dot", "scaled_dot", "cosine", "bilinear", "additive"}) {
    set_option(c, fmt::format("score={}", score));
    CHECK(option_value(c, "score") == score);
    CHECK(c.model.attends == (std::string(score) != "none"));
  }
}

TEST_CASE("what a run has no use for is not written, and has its default when it is read again") {
  const auto listed = [](std::initializer_list<const char*> settings) {
    Config c;
    for (const char* s : settings) set_option(c, s);
    return to_json(c);
  };
  const auto has = [](const nlohmann::json& object, std::initializer_list<const char*> names) {
    return std::all_of(names.begin(), names.end(), [&](const char* name) { return object.contains(name); });
  };
  const auto has_none = [](const nlohmann::json& object, std::initializer_list<const char*> names) {
    return std::none_of(names.begin(), names.end(), [&](const char* name) { return object.contains(name); });
  };
  const auto copy = listed({"cell=lstm", "momentum=0.5"});
  CHECK(has(copy,
            {"task", "heads", "d_ff", "vocab", "min_length", "validation", "betas", "probes", "guided", "threads"}));
  CHECK(has_none(copy, {"cell", "momentum", "lr_end", "guided_head", "units", "src", "text", "epochs", "width"}));
  const auto rnn = listed({"model=rnn", "schedule=cosine", "optimizer=sgd", "guided=1"});
  CHECK(has(rnn, {"cell", "momentum", "lr_end", "guided_head", "record"}));
  CHECK(has_none(rnn, {"d_ff", "activation", "norm", "positions", "betas", "eps"}));
  CHECK(has_none(listed({"model=rnn", "score=none"}), {"probes", "record", "guided"}));
  CHECK(has_none(listed({"task=digits"}), {"vocab", "min_length", "length"}));
  const auto pairs = listed({"task=pairs"});
  CHECK(
      has(pairs, {"src", "units", "vocab", "length", "min_frequency", "epochs", "tokens", "shared", "beam", "probes"}));
  CHECK(has_none(pairs, {"text", "validation", "min_length", "guided"}));
  CHECK(has_none(listed({"task=pairs", "units=subwords"}), {"min_frequency"}));
  const auto chars = listed({"task=chars", "kind=decoder"});
  CHECK(has(chars, {"text", "valid_text", "units", "lowercase", "length"}));
  CHECK(has_none(chars, {"src", "beam", "length_penalty", "shared", "source_eos", "probes", "validation"}));
  CHECK(has(listed({"kind=chain"}), {"width", "links"}));

  Config c, again;
  set_option(c, "cell=lstm");
  read_config(again, to_json(c), "test");
  CHECK(again.model.cell == Cell::gru);
  CHECK(fixed_differences(c, again).empty());  // it has no effect
  set_option(c, "model=rnn"), set_option(again, "model=rnn");
  CHECK(fixed_differences(c, again) == std::vector<std::string>{"cell: \"lstm\", not \"gru\""});
}

TEST_CASE("an option that has no effect is refused where somebody wrote it") {
  const auto refused = [](const std::string& task, const std::vector<std::string>& settings) {
    Config c = default_config(task);
    for (const std::string& s : settings) set_option(c, s);
    require_settings_used(c, settings);
  };
  CHECK_THROWS_WITH(refused("copy", {"cell=lstm"}),
                    Equals("--set cell=lstm: option cell is of no use to task copy: it is for model rnn"));
  CHECK_THROWS_WITH(refused("copy", {"momentum=0.5"}), EndsWith("it is for optimizer sgd"));
  CHECK_THROWS_WITH(refused("copy", {"optimizer=sgd", "eps=0.5"}), EndsWith("it is for optimizers adam and adamw"));
  CHECK_THROWS_WITH(refused("copy", {"lr_end=0.5"}), EndsWith("it is for schedule cosine"));
  CHECK_THROWS_WITH(refused("copy", {"units=subwords"}), EndsWith("it is for tasks pairs, chars and words"));
  CHECK_THROWS_WITH(refused("copy", {"tokens=100"}), EndsWith("it is for task pairs"));
  CHECK_THROWS_WITH(refused("digits", {"vocab=5"}),
                    EndsWith("it is for tasks copy, shift, reverse, sort, pairs, chars and words"));
  CHECK_THROWS_WITH(refused("copy", {"guided_head=1"}), EndsWith("it is for guided above 0"));
  CHECK_THROWS_WITH(refused("copy", {"links=5"}), EndsWith("it is for workloads of gaze bench"));
  CHECK_THROWS_WITH(refused("pairs", {"validation=5"}), EndsWith("it is for toy tasks"));
  CHECK_THROWS_WITH(refused("pairs", {"min_length=5"}), EndsWith("it is for tasks copy, shift, reverse and sort"));
  CHECK_THROWS_WITH(refused("chars", {"beam=5"}), EndsWith("it is for translation: toy tasks and pairs"));
  CHECK_THROWS_WITH(refused("chars", {"probes=5"}), EndsWith("it is for translation, unless score is none"));
  CHECK_THROWS_WITH(refused("chars", {"record=cross"}),
                    EndsWith("it is for translation with probes above 0, unless score is none"));
  CHECK_THROWS_WITH(refused("copy", {"record=cross", "probes=0"}),
                    EndsWith("with probes above 0, unless score is none"));
  CHECK_THROWS_WITH(refused("reverse", {"model=rnn", "d_ff=9"}), EndsWith("it is for model transformer"));
  CHECK_NOTHROW(refused("copy", {"cell=lstm", "model=rnn"}));                        // in any order
  CHECK_NOTHROW(refused("copy", {"cell=gru", "momentum=0.9", "units=words"}));       // the defaults
  CHECK_NOTHROW(refused("chars", {"probes=0", "schedule=constant", "lr_end=0.1"}));  // those of the preset
}

TEST_CASE("a file by hand is held to what has an effect, and one that lists all is not by hand") {
  Config c;
  nlohmann::json written = {{"task", "copy"}, {"heads", 2}, {"cell", "lstm"}};
  read_config(c, written, "a.json");
  CHECK_THROWS_WITH(require_file_used(c, written, "a.json"),
                    Equals("a.json: option cell is of no use to task copy: it is for model rnn"));
  for (const std::string& key : config_keys())
    if (!written.contains(key)) written[key] = option_value(Config(), key);
  CHECK_NOTHROW(require_file_used(c, written, "a.json"));
  CHECK_NOTHROW(require_file_used(c, to_json(c), "a.json"));
}

TEST_CASE("options that do not go together are refused") {
  Config c;
  c.model.d_model = 10, c.model.heads = 3;
  CHECK_THROWS_WITH(check_config(c), ContainsSubstring("10") && ContainsSubstring("3"));
  CHECK_THROWS_WITH(check_config(c), EndsWith("it does into 2 or 5"));
  c.model.heads = 12;
  CHECK_THROWS_WITH(check_config(c), EndsWith("it does into 10"));
  c.model.d_model = 7, c.model.heads = 2;
  CHECK_THROWS_WITH(check_config(c), EndsWith("it does into 1 or 7"));
  c.model.heads = 1, c.data.min_length = 20;
  CHECK_THROWS_AS(check_config(c), Error);
}

TEST_CASE("presets are configs, and the task of a preset's name begins with it") {
  REQUIRE_FALSE(preset_names().empty());
  for (const std::string& name : preset_names()) {
    CAPTURE(name);
    const Config c = default_config(name);
    CHECK_NOTHROW(check_config(c));
    CHECK(has_text(c) == (is_parallel_text(c) || is_plain_text(c)));
    CHECK(has_text(c) == (name != "grammar"));
  }
  CHECK(default_config("grammar").task == "grammar");
  CHECK(default_config("grammar").training.schedule == Decay::cosine);
  CHECK(default_config("multi30k").task == "pairs");
  CHECK(default_config("chars").model.kind == ModelKind::decoder);
  CHECK(to_json(default_config("copy")) == to_json(Config()));
  CHECK_THROWS_WITH(preset("multi30"), ContainsSubstring("did you mean multi30k?"));
}

TEST_CASE("what may not change in a run that is continued is told from what may") {
  Config trained, wanted;
  trained.task = wanted.task = "pairs";
  for (const char* s : {"lr=1", "steps=7", "threads=3", "src=2016", "beam=9", "dropout=0.5"}) set_option(wanted, s);
  CHECK(fixed_differences(trained, wanted).empty());
  CHECK(wanted.files.src == "2016");
  for (const char* s : {"layers=2", "units=subwords", "batch=3"}) set_option(wanted, s);
  CHECK(fixed_differences(trained, wanted) ==
        std::vector<std::string>{"layers: 1, not 2", "units: \"words\", not \"subwords\"", "batch: 64, not 3"});
  trained.task = wanted.task = "copy";  // which has no use for units
  CHECK(fixed_differences(trained, wanted) == std::vector<std::string>{"layers: 1, not 2", "batch: 64, not 3"});
  CHECK(portable(trained) == portable([&] {
          Config c;
          set_option(c, "threads=3"), set_option(c, "test_src=elsewhere");
          return c;
        }()));
  CHECK_FALSE(portable(trained).contains("threads"));
  CHECK_FALSE(portable(trained).contains("cell"));
  set_option(wanted, "threads=3"), set_option(wanted, "test_src=elsewhere"), set_option(wanted, "beam=7");
  CHECK(local_options(wanted).threads == 3);
  CHECK(local_options(wanted).files.test_src == "elsewhere");
  CHECK(local_options(wanted).decoding.beam == 7);
  CHECK(portable(local_options(wanted)) == portable(Config()));
  CHECK(portable(trained).contains("seed"));
}
